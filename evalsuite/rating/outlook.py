"""How many more ratings until a certificate can be given: the lead's page says it.

Counted as a report's standing counts it, so that both say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from evalsuite.calibration.bar import Bar, State
from evalsuite.calibration.panel import seconds_per_label
from evalsuite.calibration.records import ADJUDICATED, Item, Label
from evalsuite.calibration.splits import DEV, in_split
from evalsuite.calibration.standing import AtHand
from evalsuite.judging.records import Card
from evalsuite.rating.pages import minutes
from evalsuite.rating.session import Session

SPARE = 1.2
"""Items per label that is needed: some will be unsure."""

BATCH = 40
"""Items that are added where there are enough for every state, and only the figures decide."""

STATES: tuple[State, ...] = ("provisional", "trusted")


def outlook(session: Session, bar: Bar) -> list[str]:
    """Sentences: what each state still needs of labels and raters."""
    card = session.card
    labels = session.labels()
    have = _at_hand(card, session.items, labels)
    seconds = seconds_per_label(labels) * len(card.criteria)
    lines = [_state(card, state, bar, *have, seconds) for state in STATES]
    test = len(in_split(session.items, "test"))
    missing = bar.wanted("trusted", "labels") - test
    if missing > 0:
        count = len(session.items) + math.ceil(missing * SPARE / (1 - DEV))
        lines.append(
            f"In the test split, which alone counts here: {test} of {len(session.items)} items; "
            f"`evalsuite rate {card.name} --from-run last -n {count}` adds more."
        )
    return lines


def _at_hand(card: Card, items: Mapping[str, Item], labels: Sequence[Label]) -> tuple[int, int]:
    """Labelled items of the test split and their raters, by the criterion that has fewest."""
    given = [each for each in labels if each.rater != ADJUDICATED and each.item in items]
    found = [AtHand.of(each.name, items, given, fresh=True) for each in card.criteria]
    return min(each.n for each in found), min(each.raters for each in found)


def _state(card: Card, state: State, bar: Bar, count: int, raters: int, seconds: float) -> str:
    labels, people = (int(bar.wanted(state, name)) for name in ("labels", "raters"))
    missing = []
    if count < labels:
        # A quarter of what is rated is for trying, and counts for no certificate.
        time = minutes((labels - count) / (1 - DEV) * seconds)
        missing.append(f"{labels - count} more labelled items, about {time}")
    others = people - max(raters, 1)  # whoever reads this can be the first
    if others > 0:
        missing.append(f"{others} more rater{'s' * (others > 1)}")
    if missing:
        more = " and ".join(missing)
        return f"{state}: {count} of {labels} labelled items of the test split; {more}."
    command = f"`evalsuite judge calibrate {card.name} --certify`"
    return f"{state}: enough labels ({count} of {labels}); the figures decide: {command}"


def wanted(card: Card, labels: Sequence[Label], items: Mapping[str, Item], bar: Bar) -> int:
    """How many items are to be added for the next state, if nobody says: with a quarter for trying
    and some to spare, less those of the test split that nobody rated yet."""
    count, _ = _at_hand(card, items, labels)
    state = next((each for each in STATES if count < bar.wanted(each, "labels")), None)
    if state is None:
        return BATCH
    seen = {label.item for label in labels}
    waiting = sum(name not in seen for name in in_split(items, "test"))
    missing = bar.wanted(state, "labels") - count
    return max(0, math.ceil((missing * SPARE - waiting) / (1 - DEV)))
