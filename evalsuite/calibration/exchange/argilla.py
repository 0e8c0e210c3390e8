"""Records of Argilla 2: as `records.to_json` and `to_list` write them, flat and nested, by name and
by index; writing gives what `Record.from_dict` and `records.from_json` read.

Argilla keeps one response of a rater per question: what somebody said of an item on a later
occasion is in the metadata.

A question is a criterion by its name; the text question NAME_critique holds the reasons. Argilla
knows raters by UUID: other names are turned into one, and kept beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import NAMESPACE_URL, UUID, uuid5

from evalsuite.calibration.exchange.arrays import names_in, records, texts_of
from evalsuite.calibration.exchange.rows import (
    CRITIQUE,
    TEXTS,
    Entry,
    Rating,
    contexts_of,
    grouped,
    shown_first,
    text_of,
    unmapped,
)
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import Problem
from evalsuite.judging.records import OTHER, PREFERRED, Card, Order
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import shown

_NESTED = ("fields", "responses")
_FLAT = ".responses"
_RATERS = "raters"
_REPEATS = "repeats"
_REPEATED = ("criterion", "value", "rater", "critique", "occasion")
_SUBMITTED = (None, "submitted")

Responses = Mapping[str, Sequence[tuple[Json, str]]]
"""By question: (value, user id)."""


def write(card: Card, items: Mapping[str, Item], labels: Sequence[Label]) -> bytes:
    """A list of records, nested, as `records.to_json` writes it."""
    rated = grouped(labels)
    found = [_record(card, item, rated.get(item.id, ())) for item in items.values()]
    return json.dumps(found, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"


def _record(card: Card, item: Item, labels: Sequence[Label]) -> Json:
    order = shown_first(item)
    subject = item.subject
    fields = {
        "input": text_of(subject.input),
        **_answers(subject.output, subject.other, order),
        "expected": text_of(subject.expected),
        "contexts": json.dumps(contexts_of(item), ensure_ascii=False) if subject.contexts else "",
    }
    responses: dict[str, list[Json]] = {}
    for label in labels:
        if label.occasion:
            continue
        user = {"user_id": _uuid(label.rater)}
        responses.setdefault(label.criterion, []).append({"value": label.value, **user})
        if label.critique:
            name = label.criterion + CRITIQUE
            responses.setdefault(name, []).append({"value": label.critique, **user})
    names = {_uuid(x.rater): x.rater for x in labels if _uuid(x.rater) != x.rater}
    about = {"case": item.case, "cluster": item.cluster, "order": order}
    return {
        "id": item.id,
        "fields": {name: text for name, text in fields.items() if text},
        "metadata": {
            **{name: text for name, text in about.items() if text},
            **{f"slices.{name}": value for name, value in item.slices.items()},
            **({_REPEATS: repeats} if (repeats := _repeats(labels)) else {}),
            **({_RATERS: json.dumps(names, ensure_ascii=False)} if names else {}),
        },
        "suggestions": {},
        "responses": responses,
        "vectors": {},
        "_server_id": None,
    }


def _repeats(labels: Sequence[Label]) -> str:
    """What was said on later occasions, as JSON; "" for nothing."""
    found = [
        {name: getattr(label, name) for name in _REPEATED} for label in labels if label.occasion
    ]
    return json.dumps(found, ensure_ascii=False) if found else ""


def _again(value: Json, order: Order) -> list[Rating]:
    """The ratings in them."""
    if value in (None, ""):
        return []
    try:
        found = [{name: each[name] for name in _REPEATED} for each in json.loads(value)]
    except (ValueError, TypeError, KeyError, RecursionError):
        found = []
    texts = [each[name] for each in found for name in ("criterion", "rater", "critique")]
    numbers = [each["occasion"] for each in found]
    if not found or {*map(type, texts)} != {str} or {*map(type, numbers)} != {int}:
        raise Malformed(f"holds {shown(value)}", "export it again", _REPEATS)
    return [Rating(**each, order=order) for each in found]


def _answers(output: str, other: str | None, order: Order) -> dict[str, str]:
    if other is None:
        return {"output": output}
    first, second = (output, other) if order == "ab" else (other, output)
    return {"first": first, "second": second}


def _uuid(rater: str) -> str:
    try:
        return rater if str(UUID(rater)) == rater else str(uuid5(NAMESPACE_URL, rater))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, rater))


def read(
    data: bytes, path: str, card: Card, names: Mapping[str, str]
) -> tuple[list[Entry], list[Problem]]:
    """Entries by record; `names` maps their fields and questions to ours."""
    found, problems = records(data, path)
    if names and not problems:
        problems = unmapped(dict.fromkeys(names_in([each for _, each in found])), names, path)
    entries = []
    for line, record in _spread(found):
        try:
            entries.append(_entry(line, record, card, names))
        except Malformed as bad:
            problems.append(Problem(path, line, bad.field, bad.message, bad.remedy))
    if not problems and entries and not any(each.ratings for each in entries):
        problems += _unanswered(found, path, card)
    return entries, problems


def _spread(found: Sequence[tuple[int, Json]]) -> Iterable[tuple[int, Json]]:
    """The records of to_dict: columns of equal length (names), or objects by id (index)."""
    if len(found) != 1 or not isinstance(found[0][1], dict) or not found[0][1]:
        return found
    line, whole = found[0]
    columns = list(whole.values())
    if all(isinstance(each, list) for each in columns):
        size = max(map(len, columns))
        if all(len(each) == size for each in columns):
            return [(line, {name: whole[name][at] for name in whole}) for at in range(size)]
    if all(isinstance(each, dict) for each in columns) and not set(_NESTED) & set(whole):
        return [(line, {"id": name, **each}) for name, each in whole.items()]
    return found


def _entry(line: int, record: Json, card: Card, names: Mapping[str, str]) -> Entry:
    if not isinstance(record, dict):
        raise Malformed(f"is no record, but {shown(record)}", "export it with records.to_json")
    nested = all(isinstance(record.get(name), dict) for name in _NESTED)
    flat = {**record, **_part(record, "fields"), **_part(record, "metadata")} if nested else record
    responses = _nested(record["responses"]) if nested else _flat(record)
    ours = {names.get(name, name): value for name, value in flat.items()}
    answers = {names.get(name, name): values for name, values in responses.items()}
    order: Order = "ba" if ours.get("order") == "ba" else "ab" if "first" in ours else ""
    if "first" in ours and "second" in ours:
        pair = (ours["first"], ours["second"])
        ours["output"], ours["other"] = pair if order == "ab" else pair[::-1]
    named = _names(ours.get(_RATERS))
    known = str(ours.get("id") or "")
    return Entry(
        line=line,
        item=known if len(known) == 16 and "output" in ours else "",
        texts={name: ours[name] for name in TEXTS if name in ours},
        case=str(ours.get("case") or ""),
        cluster=str(ours.get("cluster") or ""),
        slices={k[7:]: str(v) for k, v in ours.items() if k.startswith("slices.") and v},
        ratings=[
            Rating(
                criterion=each.name,
                value=preferred(value),
                rater=named.get(user, user),
                critique=_critique(answers, each.name, user),
                order=order,
            )
            for each in card.criteria
            for value, user in answers.get(each.name, ())
        ]
        + _again(ours.get(_REPEATS), order),
    )


def _part(record: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}


def _nested(responses: Mapping[str, Json]) -> Responses:
    found: dict[str, list[tuple[Json, str]]] = {}
    for name, given in responses.items():
        for each in given if isinstance(given, list) else ():
            if not isinstance(each, dict) or "value" not in each:
                raise Malformed(f"holds {shown(each)}", "export it with records.to_json", name)
            if each.get("status") in _SUBMITTED:
                found.setdefault(name, []).append((each["value"], str(each.get("user_id") or "")))
    return found


def _flat(record: Mapping[str, Json]) -> Responses:
    found: dict[str, list[tuple[Json, str]]] = {}
    for name in [each for each in record if each.endswith(_FLAT)]:
        values = record[name] or ()
        users = record.get(f"{name}.users") or [None] * len(values)
        states = record.get(f"{name}.status") or [None] * len(values)
        if not all(isinstance(x, list | tuple) and len(x) == len(values) for x in (users, states)):
            raise Malformed("has another number of users or states", "export it again", name)
        question = name.removesuffix(_FLAT)
        found[question] = [
            (value, str(user or ""))
            for value, user, state in zip(values, users, states, strict=True)
            if state in _SUBMITTED
        ]
    return found


def _names(value: Json) -> Mapping[str, str]:
    try:
        found = parse(value) if isinstance(value, str) else {}
    except Malformed:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _critique(answers: Responses, criterion: str, user: str) -> str:
    for name in (criterion + CRITIQUE, "critique"):
        for value, who in answers.get(name, ()):
            if who == user:
                return texts_of(value)
    return ""


def preferred(value: Json) -> Json:
    """A ranking of two as the one that is preferred; anything else as it is."""
    if not isinstance(value, list) or len(value) != 2:
        return value
    try:
        ranks = {str(each["value"]).casefold(): each.get("rank") for each in value}
        ours = [ranks[name.casefold()] for name in (PREFERRED, OTHER)]
    except (TypeError, KeyError, AttributeError):
        return value
    if None in ours:
        return value
    return "tie" if ours[0] == ours[1] else PREFERRED if ours[0] < ours[1] else OTHER


def _unanswered(found: Sequence[tuple[int, Json]], path: str, card: Card) -> list[Problem]:
    """Where nothing was taken over, why: the questions that are there have other names."""
    there: set[str] = set()
    for _, record in _spread(found):
        nested = _part(record, "responses")
        there |= {*nested, *(name.removesuffix(_FLAT) for name in record if name.endswith(_FLAT))}
    if not there:
        return []
    asked, ours = (
        ", ".join(map(shown, names)) for names in (sorted(there), [c.name for c in card.criteria])
    )
    message = f"no question is a criterion: they are {asked}, the card's are {ours}"
    return [
        Problem(path, 0, "responses", message, "say which is which with --map QUESTION=CRITERION")
    ]
