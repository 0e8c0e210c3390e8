"""What every foreign layout is read into, and what becomes of it: items and ratings, or problems.

A layout only says where its parts are. Which item is meant, which level, and whether two lines
contradict each other is decided here, once for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evalsuite.calibration.journal import refuse
from evalsuite.calibration.labels import check_label, item_id
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import Problem, did_you_mean
from evalsuite.judging.records import UNSURE, Card, Criterion, Order, Subject
from evalsuite.records import Document, Json
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import shown

TEXTS = ("input", "output", "other", "expected", "contexts")
"""The parts of a subject."""

CRITIQUE = "_critique"
"""After a criterion's name: the question for the reasons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One rating as it was read: `value` may be of any kind that a layout knows."""

    criterion: str
    value: Json
    rater: str
    critique: str = ""
    seconds: float | None = None
    order: Order = ""
    seed: int = 0
    time: str = ""
    occasion: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one row or task holds. `texts` are by TEXTS; `item` is our id where it was kept."""

    line: int
    item: str = ""
    texts: Mapping[str, Json] = field(default_factory=dict)
    case: str = ""
    cluster: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)
    ratings: Sequence[Rating] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """The items that are not known yet, every rating, and how many rows had none."""

    items: Sequence[Item]
    labels: Sequence[Label]
    unrated: int = 0


def unmapped(there: Iterable[str], names: Mapping[str, str], path: str) -> list[Problem]:
    """What is mapped and not there."""
    known = list(there)
    message = "the file has no column or field of this name, and --map has"
    return [
        Problem(path, 0, shown(each), message, did_you_mean(each, known))
        for each in names
        if each not in known
    ]


def collect(
    entries: Iterable[Entry],
    problems: Iterable[Problem],
    card: Card,
    known: Mapping[str, Item],
    path: str,
) -> Imported:
    """All items and ratings, or a ProblemsError with one line per row that can't be used."""
    found = list(problems)
    items: dict[str, Item] = {}
    labels: dict[tuple[str, str, str, int], Label] = {}
    unrated = 0
    for entry in entries:
        unrated += not entry.ratings
        try:
            item = _item(entry, known)
            for rating in entry.ratings:
                label = _label(item.id, rating, card)
                place = (label.item, label.rater, label.criterion, label.occasion)
                if labels.setdefault(place, label).value != label.value:
                    message = (
                        f"{label.rater} rated {label.criterion} of this item before, otherwise"
                    )
                    raise Malformed(message, "keep one of the two", "value")
        except Malformed as bad:
            found.append(Problem(path, entry.line, bad.field, bad.message, bad.remedy))
            continue
        if item.id not in known:
            items.setdefault(item.id, item)
    refuse(sorted(found, key=lambda each: each.line))
    return Imported(list(items.values()), list(labels.values()), unrated)


def _item(entry: Entry, known: Mapping[str, Item]) -> Item:
    if entry.item in known:
        return known[entry.item]
    texts = {name: value for name, value in entry.texts.items() if value not in (None, "")}
    subjects = [_subject(texts, parsed) for parsed in (False, True)] if "output" in texts else []
    if entry.item:
        subjects = [each for each in subjects if item_id(each) == entry.item]
    elif not subjects:
        remedy = 'name the text with --map THEIRS=output, or keep the column "item"'
        raise Malformed("there is no output, and no id of an item", remedy, "output")
    if not subjects:
        remedy = "import into the project that exported it, or leave the id out"
        message = f"{shown(entry.item)} is no item here, and not of these texts"
        raise Malformed(message, remedy, "item")
    chosen = subjects[0 if entry.item else -1]
    return Item(
        id=item_id(chosen),
        subject=chosen,
        case=entry.case,
        cluster=entry.cluster or None,
        slices=dict(entry.slices),
    )


def _subject(texts: Mapping[str, Json], parsed: bool) -> Subject:
    """What the texts say; `parsed` reads input and expected as JSON where they are objects."""
    output, other = texts["output"], texts.get("other")
    for name, value in (("output", output), ("other", other)):
        if value is not None and not isinstance(value, str):
            raise Malformed(f"must be text, not {shown(value)}", "", name)
    given, expected = (
        _value(texts.get(name), parsed, missing)
        for name, missing in (("input", ""), ("expected", None))
    )
    return Subject(
        input=given,
        output=output,
        other=other,
        expected=expected,
        contexts=tuple(_documents(texts.get("contexts"))),
    )


def _value(value: Json, parsed: bool, missing: Json) -> Json:
    if value is None:
        return missing
    if parsed and isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return parse(value)
        except Malformed:
            return value
    return value


def _documents(value: Json) -> Iterable[Document]:
    """Contexts as a list of texts or of {"id", "text"}, as JSON of that, or as one text."""
    if isinstance(value, str):
        parsed = _value(value, True, None)
        value = parsed if isinstance(parsed, list) else [value]
    for place, each in enumerate(value or (), 1):
        if isinstance(each, str):
            yield Document(str(place), each)
        elif isinstance(each, dict) and isinstance(each.get("text"), str):
            yield Document(str(each.get("id", place)), each["text"])
        else:
            message = f"holds {shown(each)}"
            raise Malformed(message, 'write texts, or {"id": …, "text": …}', "contexts")


def _label(item: str, rating: Rating, card: Card) -> Label:
    names = [each.name for each in card.criteria]
    if rating.criterion not in names:
        message = f"the card has no criterion {shown(rating.criterion)}"
        raise Malformed(message, did_you_mean(rating.criterion, names), "criterion")
    label = Label(
        item=item,
        rater=rating.rater,
        criterion=rating.criterion,
        value=level(card.criterion(rating.criterion), rating.value),
        critique=rating.critique,
        seconds=rating.seconds,
        order=rating.order,
        seed=rating.seed,
        time=rating.time,
        occasion=rating.occasion,
    )
    check_label(label, card)
    return label


def level(criterion: Criterion, value: Json) -> str:
    """The level that a value names, whatever its case, and 4.0 as "4"; Malformed if there is none.

    Nothing is guessed beyond that: whether 1 is good or bad, no file says.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    known = [*(each.label for each in criterion.scale), UNSURE]
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value).strip()
        for same in (str, str.casefold, _number):
            wanted = same(text)
            close = [each for each in known if wanted is not None and same(each) == wanted]
            if len(close) == 1:
                return close[0]
    message = f"{criterion.name} has no level {shown(value)}"
    raise Malformed(message, did_you_mean(str(value)[:80], known), "value")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def shown_first(item: Item) -> Order:
    """Which of a pair other tools show first: half of the items each way, the same ever again."""
    if item.subject.other is None:
        return ""
    return "ab" if int(item.id[-1], 16) % 2 == 0 else "ba"


def text_of(value: Json) -> str:
    """A value as one text: itself, or its JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def grouped(labels: Iterable[Label]) -> dict[str, list[Label]]:
    """Ratings by item."""
    found: dict[str, list[Label]] = {}
    for label in labels:
        found.setdefault(label.item, []).append(label)
    return found


def contexts_of(item: Item) -> list[dict[str, str]]:
    return [{"id": each.id, "text": each.text} for each in item.subject.contexts]
