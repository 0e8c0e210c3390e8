"""What a rater sends, read strictly: every criterion answered, a critique where one is asked for.

The fields of a form are numbered, and its ticket is signed, so nothing that a browser sends decides
what is rated, by whom, or which of a pair was on the left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from evalsuite.judging.records import OTHER, PREFERRED, TIE, UNSURE, Card, Criterion, Order
from evalsuite.rating.session import is_fail

MAX_CRITIQUE = 4_000
MAX_SECONDS = 3_600.0
"""A longer look at one item is a pause."""

LEFT, RIGHT = "left", "right"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that a rater can give: what the form sends, what is read, its key."""

    sent: str
    label: str
    key: str
    anchor: str = ""
    fail: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it came: by criterion the level ("" for none) and the critique; what is wrong with
    it, by criterion; `seconds` None where the browser told none."""

    values: Mapping[str, str] = field(default_factory=dict)
    critiques: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None


def choices(card: Card, criterion: Criterion) -> list[Choice]:
    """In the order in which they are shown; UNSURE is the last."""
    unsure = Choice(UNSURE, "Unsure", "u", "I can't tell")
    if card.kind == "pairwise":
        anchors = {level.label: level.anchor for level in criterion.scale}
        pair = [
            Choice(LEFT, "A is better", "a"),
            Choice(TIE, "Tie", "t", anchors.get(TIE, "")),
            Choice(RIGHT, "B is better", "b"),
        ]
        return [*pair, unsure]
    levels = [
        Choice(
            level.label,
            level.label,
            str(place) if place < 10 else "",
            level.anchor,
            is_fail(card, criterion.name, level.label),
        )
        for place, level in enumerate(criterion.scale, 1)
    ]
    return [*levels, unsure]


def level_of(sent: str, order: Order) -> str:
    """A side of the screen as a side of the pair; any other answer is itself, also a level that
    happens to be called "right"."""
    if not order:
        return sent
    if sent == LEFT:
        return PREFERRED if order == "ab" else OTHER
    if sent == RIGHT:
        return OTHER if order == "ab" else PREFERRED
    return sent


def sent_for(level: str, order: Order) -> str:
    """The other way round, to fill a form again."""
    if level in (PREFERRED, OTHER) and order:
        return LEFT if (level == PREFERRED) == (order == "ab") else RIGHT
    return level


def read(card: Card, fields: Mapping[str, str], order: Order, at_most: float) -> Filled:
    """A submitted form. `at_most`: the seconds since the item was shown."""
    values, critiques, problems = {}, {}, {}
    for place, criterion in enumerate(card.criteria):
        sent = fields.get(f"v{place}", "")
        critique = _critique(fields.get(f"c{place}", ""))
        known = [choice.sent for choice in choices(card, criterion)]
        value = level_of(sent, order) if sent in known else ""
        values[criterion.name] = value
        critiques[criterion.name] = critique
        if not value:
            problems[criterion.name] = "Choose an answer"
        elif len(critique) > MAX_CRITIQUE:
            problems[criterion.name] = f"Shorten the critique to {MAX_CRITIQUE} characters"
        elif is_fail(card, criterion.name, value) and not critique:
            problems[criterion.name] = "Say what is wrong: a critique is needed here"
    return Filled(values, critiques, problems, _seconds(fields.get("seconds", ""), at_most))


def _critique(text: str) -> str:
    """Half a surrogate pair can't be stored; a null byte is no text."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return clean.replace("\r\n", "\n").strip()


def _seconds(text: str, at_most: float) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    if not math.isfinite(found) or found < 0:
        return None
    return round(min(found, max(at_most, 0.0), MAX_SECONDS), 1)


def elapsed(since: str, now: datetime) -> float:
    """Seconds since an ISO time."""
    return (now - datetime.fromisoformat(since)).total_seconds()


def first_problem(filled: Filled, names: Sequence[str]) -> int | None:
    """The place of the first criterion with a problem."""
    return next((at for at, name in enumerate(names) if name in filled.problems), None)
