"""What people said: items.jsonl holds what is rated, labels.jsonl one line per rating.

Both only grow. A rating that is changed or taken back is a further line, so that who said what,
and when, is never lost; `effective` is what holds in the end.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from evalsuite.calibration.journal import append_lines, mend, read_lines, refuse
from evalsuite.calibration.records import Item, Label
from evalsuite.canonical import key
from evalsuite.errors import Problem, did_you_mean
from evalsuite.judging.records import UNSURE, Card, Subject
from evalsuite.records import Json
from evalsuite.snapshot.codec import decoder, dump, to_json
from evalsuite.strictjson import Malformed
from evalsuite.wording import shown, shown_path

ITEMS, LABELS = "items.jsonl", "labels.jsonl"

MAX_NAME = 100
"""Characters of a rater's name."""

LIGHTEST, HEAVIEST = 1e-6, 1e6
"""What a row may weigh: no chance to be chosen is one in more than a million."""

_ID = re.compile(r"[0-9a-f]{16}")


def item_id(subject: Subject) -> str:
    """The identity of what is rated: the same texts are the same item, whichever run they are of.

    Scores and metadata of contexts are no part of it: nobody sees them.
    """
    contexts = [{"id": each.id, "text": each.text, "score": None} for each in subject.contexts]
    seen = {**to_json(replace(subject, contexts=())), "contexts": contexts}
    try:
        return key("item", seen)[:16]
    except UnicodeEncodeError:  # half a surrogate pair is kept as "?"
        return key("item", json.loads(dump(seen)))[:16]


def read_items(folder: Path, name: str = ITEMS) -> dict[str, Item]:
    """The items of a judge's folder by id; none where there is no file. ProblemsError.

    Of an item that is there again with another weight the last one holds: a further choice out of
    the same outputs gave it another chance.
    """
    file = folder / name
    found: dict[str, Item] = {}
    lines: dict[str, int] = {}
    problems = []
    for line, item in read_lines(file, _item):
        before = found.get(item.id)
        if before is not None and replace(before, weight=item.weight) != item:
            message = f"is there already, at line {lines[item.id]}, and says something else"
            problems.append(Problem(shown_path(file), line, "id", message, "keep one of them"))
            continue
        lines.setdefault(item.id, line)
        found[item.id] = item
    refuse(problems)
    return found


def append_items(folder: Path, items: Iterable[Item]) -> list[Item]:
    """Add the items that are not there yet, and return them; of those that are only the weight may
    be new."""
    known = read_items(folder)
    added: dict[str, Item] = {}
    weighed: dict[str, Item] = {}
    for item in items:
        before = known.get(item.id)
        if before is None:
            _check_item(item)
            added.setdefault(item.id, item)
        elif before.weight != item.weight:
            weighed[item.id] = replace(before, weight=item.weight)
            _check_item(weighed[item.id])
    lines = [*added.values(), *weighed.values()]
    append_lines(folder / ITEMS, [to_json(item, sparse=True) for item in lines])
    return list(added.values())


def read_labels(
    folder: Path, card: Card | None = None, items: Mapping[str, Item] | None = None
) -> list[Label]:
    """Every rating of a judge's folder, in the order in which they were given; ProblemsError.

    With a card also criteria and levels must be the card's. Of equal lines one counts (`once`).
    `items` are the folder's, if they are read already.
    """
    file = folder / LABELS
    lines = read_lines(file, _label)
    if items is None:
        items = read_items(folder) if lines else {}
    scales = _scales(card)
    problems = []
    for line, label in lines:
        if label.item not in items:
            message = f"{label.item} is no item of {ITEMS}"
            remedy = f"restore {ITEMS} from git, or delete the line"
            problems.append(Problem(shown_path(file), line, "item", message, remedy))
        elif scales and (wrong := _foreign(label, scales)):
            problems.append(Problem(shown_path(file), line, *wrong))
    refuse(problems)
    return once(label for _, label in lines)


def append_labels(folder: Path, labels: Iterable[Label]) -> None:
    """Add ratings; they are on disk when it returns. Malformed for one that can't be read back."""
    labels = list(labels)
    for label in labels:
        _check_label(label)
    append_lines(folder / LABELS, [to_json(label, sparse=True) for label in labels])


def mend_labels(folder: Path) -> bool:
    """Take away what a crash left unfinished in the folder; whether there was anything."""
    return any([mend(folder / ITEMS), mend(folder / LABELS)])


def once(labels: Iterable[Label]) -> list[Label]:
    """Each rating once: of equal lines with a time the first, since a merge doubled it; of those
    without one the last, since somebody said so again."""
    kept: dict[Label, None] = {}
    for label in labels:
        if not label.time:
            kept.pop(label, None)
        kept[label] = None
    return list(kept)


def effective(labels: Iterable[Label]) -> list[Label]:
    """The ratings that hold: the last of each item, rater, criterion and occasion, unless it was
    taken back; in the order in which they were first given. UNSURE is a rating."""
    last: dict[tuple[str, str, str, int], Label] = {}
    for label in once(labels):
        last[label.item, label.rater, label.criterion, label.occasion] = label
    return [label for label in last.values() if label.value is not None]


def check_label(label: Label, card: Card) -> None:
    """Malformed, with the field and a remedy, if it can't be a rating by this card."""
    _check_label(label)
    if wrong := _foreign(label, _scales(card)):
        field, message, remedy = wrong
        raise Malformed(message, remedy, field)


def _item(value: Json) -> Item:
    item: Item = decoder(Item)(value)
    _check_item(item)
    return item


def _check_item(item: Item) -> None:
    if not LIGHTEST <= item.weight <= HEAVIEST:
        message = f"must be a number from {LIGHTEST:g} to {HEAVIEST:g}"
        remedy = "it is the inverse of the chance to be chosen; 1 where all are rated"
        raise Malformed(message, remedy, "weight")
    if item.id != item_id(item.subject):
        remedy = "items are never edited: restore the line from git, or add another item"
        raise Malformed("is not the hash of the subject", remedy, "id")


def _label(value: Json) -> Label:
    label: Label = decoder(Label)(value)
    _check_label(label)
    return label


def _check_label(label: Label) -> None:
    if not _ID.fullmatch(label.item):
        raise Malformed(
            f"must be an item's id of 16 hex digits, not {shown(label.item)}", "", "item"
        )
    for field in ("rater", "criterion"):
        name = getattr(label, field)
        if not name or len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
            raise Malformed(f"must be 1 to {MAX_NAME} printable characters", "", field)
    if label.value == "":
        raise Malformed(f'must be a level, "{UNSURE}" or null', "", "value")
    if label.seconds is not None and not 0 <= label.seconds < math.inf:
        raise Malformed("must be a number from 0 up", "", "seconds")
    if label.occasion < 0:
        raise Malformed("must be 0, or from 1 up for a repeat", "", "occasion")
    if label.time and not _is_time(label.time):
        raise Malformed(
            f"must be a time such as 2026-03-01T12:00:00Z, not {shown(label.time)}", "", "time"
        )


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _scales(card: Card | None) -> Mapping[str, Sequence[str]]:
    if card is None:
        return {}
    return {each.name: [level.label for level in each.scale] for each in card.criteria}


def _foreign(label: Label, scales: Mapping[str, Sequence[str]]) -> tuple[str, str, str] | None:
    """Field, message and remedy of what the card does not know; None if it knows all."""
    if label.criterion not in scales:
        message = f"the card has no criterion {shown(label.criterion)}"
        return "criterion", message, did_you_mean(label.criterion, scales)
    levels = [*scales[label.criterion], UNSURE]
    if label.value is None or label.value in levels:
        return None
    message = f"{label.criterion} has no level {shown(label.value)}"
    return "value", message, did_you_mean(label.value, levels)
