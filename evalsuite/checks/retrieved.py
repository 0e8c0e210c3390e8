"""What a target retrieved, whatever it then said: how old it is, whether it is there twice, and
whether it may be seen at all.

What isn't known of a document counts against it: a leak must not pass because its label was lost.
Where nothing was retrieved, there is nothing wrong with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from evalsuite.checks.define import Test, bad, define, quoted
from evalsuite.records import Case, Document, Json, Output
from evalsuite.scoring import Outcome, clip

NEAREST = 0.7
"""The least similarity at which near-duplicates are found."""

MOST = 1_000
"""Documents that are compared with each other."""

NAMED = 3
"""Documents that a reason names; evidence names ten."""

Wrong = Callable[[Document], str]
"""What is wrong with a document, "" for nothing."""


@define(version=1)
def documents_fresh(
    days: int | None = None,
    *,
    as_of: str,
    updated: str = "updated",
    expires: str = "expires",
) -> Test:
    """On the day `as_of`, no document is older than `days` or past the day on which it expires.

    `updated` and `expires` name the metadata that hold these dates, in ISO 8601. With `days`, a
    document without `updated` fails; without `days`, one without `expires` does, where null says
    "never". A date that can't be read fails.
    """
    today = _date(as_of)
    if today is None:
        message = f"{quoted(as_of)} is no date"
        raise bad("documents_fresh.as_of", message, 'write it as "2026-01-31"')
    if days is not None and days < 0:
        raise bad("documents_fresh.days", "must not be negative", "use 0 or more")

    def wrong(document: Document) -> str:
        old = _old(document, today, updated, days) if days is not None else ""
        return old or _expired(document, today, expires, needed=days is None)

    def test(case: Case, output: Output) -> Outcome:
        return _judged(output.contexts, wrong, f"fresh on {today}")

    return test


@define(version=2)
def documents_unique(near: float = 0.9, *, ids: bool = True) -> Test:
    """No two documents have the same text, or nearly: the Jaccard index of their character trigrams
    is at least `near`, and their numbers are the same. Nor do two have the same id, unless `ids` is
    false: pieces of one document may share it. Documents without text say nothing twice.
    """
    if not NEAREST <= near <= 1:
        raise bad("documents_unique.near", f"must be from {NEAREST} to 1", "1: the same words")

    def test(case: Case, output: Output) -> Outcome:
        documents = output.contexts
        if len(documents) > MOST:
            return Outcome(None, f"{len(documents)} documents; up to {MOST} are compared")
        found = [*(_same_ids(documents) if ids else ()), *_same_texts(documents, near)]
        if found:
            return Outcome(False, "; ".join(found[:NAMED]), {"twice": found[:10]})
        return Outcome(True, f"{_count(documents)} retrieved, none of them twice")

    return test


@define(version=1)
def documents_allowed(
    ids: Sequence[str] | None = None, *, metadata: Mapping[str, Json] | None = None
) -> Test:
    """Every document is one that may be seen: its id is one of `ids`, where "*" stands for any
    text, and under each name in `metadata` it has one of the values given there.

    Where a document has a list of values (its groups, say), one of them is enough. A document that
    lacks the name, or has an empty list, fails.
    """
    if ids is None and not metadata:
        remedy = 'write {"ids": ["leave#*"]} or {"metadata": {"tenant": ["acme"]}}'
        raise bad("documents_allowed", "nothing says what is allowed", remedy)
    allowed = {name: _values(name, given) for name, given in (metadata or {}).items()}
    patterns = None if ids is None else [each.split("*") for each in ids]

    def wrong(document: Document) -> str:
        if patterns is not None and not any(_matches(document.id, each) for each in patterns):
            return "its id is not allowed"
        said = (_barred(document, name, values) for name, values in allowed.items())
        return next(filter(None, said), "")

    def test(case: Case, output: Output) -> Outcome:
        return _judged(output.contexts, wrong, "allowed")

    return test


def _judged(documents: Sequence[Document], wrong: Wrong, good: str) -> Outcome:
    found = [f"{quoted(each.id)}: {said}" for each in documents if (said := wrong(each))]
    if not found:
        return Outcome(True, f"{_count(documents)} retrieved, all of them {good}")
    rest = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return Outcome(False, "; ".join(found[:NAMED]) + rest, {"documents": found[:10]})


def _old(document: Document, today: date, name: str, days: int) -> str:
    if document.metadata.get(name) is None:
        return f"has no date {quoted(name)}, and may be of any age"
    since = _date(document.metadata[name])
    if since is None:
        return f"{quoted(name)} is {_spelled(document.metadata[name])}, which is no date"
    age = (today - since).days
    return f"{age} days old ({quoted(name)} is {since}), at most {days}" if age > days else ""


def _expired(document: Document, today: date, name: str, *, needed: bool) -> str:
    if name not in document.metadata:
        return f"has no date {quoted(name)} (null says never)" if needed else ""
    given = document.metadata[name]
    if given is None:
        return ""
    last = _date(given)
    if last is None:
        return f"{quoted(name)} is {_spelled(given)}, which is no date"
    return f"expired on {last}" if last < today else ""


def _date(value: Json) -> date | None:
    """The day of an ISO 8601 date or time, as it is written."""
    try:
        return datetime.fromisoformat(value).date()
    except (TypeError, ValueError):
        return None


def _same_ids(documents: Sequence[Document]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for place, each in enumerate(documents, 1):
        if each.id and seen.setdefault(each.id, place) != place:
            found.append(f"{quoted(each.id)} is at ranks {seen[each.id]} and {place}")
    return found


def _same_texts(documents: Sequence[Document], near: float) -> list[str]:
    from evalsuite.golden.near import near_duplicates  # noqa: PLC0415 (needs numpy)

    texts = [each.text for each in documents]
    found = {each.later: (each.first, each.similarity) for each in near_duplicates(texts, near)}
    seen: dict[str, int] = {}
    for place, text in enumerate(texts):  # without a letter there is nothing for trigrams
        spaced = " ".join(text.split())
        if spaced and seen.setdefault(spaced, place) != place:
            found.setdefault(place, (seen[spaced], 1.0))
    return [
        f"{quoted(documents[later].id)} at rank {later + 1} says what "
        f"{quoted(documents[first].id)} at rank {first + 1} says ({similarity:.0%} alike)"
        for later, (first, similarity) in sorted(found.items())
    ]


def _values(name: str, given: Json) -> Sequence[Json]:
    values = given if isinstance(given, list | tuple) else [given]
    plain = all(isinstance(each, str | int | float) for each in values)
    if values and plain:
        return values
    message = f"must be a list of values, not {_spelled(given)}"
    raise bad(f"documents_allowed.metadata.{clip(name, 60)}", message, 'write ["acme"]')


def _barred(document: Document, name: str, allowed: Sequence[Json]) -> str:
    if name not in document.metadata:
        return f"has no {quoted(name)}, and may be anybody's"
    given = document.metadata[name]
    values = given if isinstance(given, list | tuple) else [given]
    if any(_equal(value, each) for value in values for each in allowed):
        return ""
    wanted = ", ".join(map(_spelled, allowed[:5]))
    return f"{quoted(name)} is {_spelled(given)}, allowed is {wanted}"


def _equal(left: Json, right: Json) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _matches(text: str, parts: Sequence[str]) -> bool:
    """Whether text is these parts with anything between them; in time linear in the text."""
    first, *rest = parts
    if not rest:
        return text == first
    if not text.startswith(first):
        return False
    place = len(first)
    for part in rest[:-1]:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return len(text) - place >= len(rest[-1]) and text.endswith(rest[-1])


def _spelled(value: Json) -> str:
    return clip(json.dumps(value, ensure_ascii=False), 80)


def _count(documents: Sequence[Document]) -> str:
    return f"{len(documents)} document{'' if len(documents) == 1 else 's'}"
