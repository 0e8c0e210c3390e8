"""How many more ratings until a certificate can be given: the lead's page says it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import median

from evalsuite.judging.bar import Bar, State
from evalsuite.judging.records import UNSURE, Card, Label
from evalsuite.judging.splits import DEV, split_of
from evalsuite.rating.pages import minutes
from evalsuite.rating.session import ADJUDICATED, Session

TYPICAL = 33.0
"""Seconds that an item takes, as long as nobody here rated one."""

SPARE = 1.2
"""Items per label that is needed: some will be unsure."""

STATES: tuple[State, ...] = ("provisional", "trusted")


def outlook(session: Session, bar: Bar) -> list[str]:
    """Sentences: what each state still needs of labels and raters."""
    labels = session.labels()
    test = {name for name, item in session.items.items() if split_of(item) == "test"}
    rated = _rated(session.card, labels)
    count = len(rated.keys() & test)
    voices = {rater for name in rated.keys() & test for rater in rated[name]}
    typical = _typical(labels)
    lines = [_state(state, bar, count, len(voices), typical, session) for state in STATES]
    if len(test) < bar.wanted("trusted", "labels"):
        lines.append(
            f"{len(test)} items of the session are in the test split, which alone counts here: "
            f"evalsuite rate {session.card.name} --from-run REF -n N adds some."
        )
    return lines


def _state(
    state: State, bar: Bar, count: int, voices: int, typical: float, session: Session
) -> str:
    labels, raters = (int(bar.wanted(state, name)) for name in ("labels", "raters"))
    missing = []
    if count < labels:
        # A quarter of what is rated is for trying, and counts for no certificate.
        time = minutes((labels - count) / (1 - DEV) * typical)
        missing.append(f"{labels - count} more labelled items, about {time}")
    others = raters - max(voices, 1)  # whoever reads this can be the first
    if others > 0:
        missing.append(f"{others} more rater{'s' * (others > 1)}")
    if missing:
        more = " and ".join(missing)
        return f"{state}: {count} of {labels} labelled items of the test split; {more}."
    command = f"evalsuite judge calibrate {session.card.name} --certify"
    return f"{state}: enough labels ({count} of {labels}); the figures decide: {command}"


def _rated(card: Card, labels: Sequence[Label]) -> dict[str, set[str]]:
    """Who gave an item a level of every criterion."""
    given: dict[tuple[str, str], set[str]] = defaultdict(set)
    for label in labels:
        if label.occasion == 0 and label.value != UNSURE and label.rater != ADJUDICATED:
            given[label.item, label.rater].add(label.criterion)
    names = {each.name for each in card.criteria}
    rated: dict[str, set[str]] = defaultdict(set)
    for (item, rater), criteria in given.items():
        if names <= criteria:
            rated[item].add(rater)
    return rated


def _typical(labels: Sequence[Label]) -> float:
    """Seconds for an item: its labels' times add up to it."""
    times: dict[tuple[str, str, int], float] = defaultdict(float)
    for label in labels:
        if label.seconds is not None:
            times[label.item, label.rater, label.occasion] += label.seconds
    return median(times.values()) if len(times) >= 5 else TYPICAL


def wanted(card: Card, labels: Sequence[Label], items: Sequence[str], bar: Bar) -> int:
    """How many items a session needs for the next state, if nobody says: with a quarter for trying
    and some to spare. `items` are the ids of the test split."""
    count = len(_rated(card, labels).keys() & set(items))
    state: State = "provisional" if count < bar.wanted("provisional", "labels") else "trusted"
    return math.ceil(bar.wanted(state, "labels") / (1 - DEV) * SPARE)
