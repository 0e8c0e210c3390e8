"""What people say together of each item: many raters, some missing, become one answer.

How that is done moves figures, so each way has words that a report prints.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalsuite.calibration.records import ADJUDICATED, Item, Label
from evalsuite.calibration.splits import unit_of
from evalsuite.judging.records import TIE, UNSURE, Card, Criterion

Scale = Literal["binary", "ordinal", "pairwise"]

AGGREGATION: Mapping[Scale, str] = {
    "binary": "the majority of raters; a split counts as the worse level",
    "ordinal": "the lower median of raters for levels, their mean for values",
    "pairwise": "the majority of raters; without one it is a tie",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The rated items of a criterion, one entry per item in all sequences.

    `ratings` are (items, raters), None where a rater gave no level. `levels` is the people's
    answer, `values` the mean of their levels' values. `unsure` counts ratings that say so,
    `undecided` items on which nobody gave a level: they are not in here.
    """

    criterion: Criterion
    scale: Scale
    items: Sequence[Item]
    raters: Sequence[str]
    ratings: Sequence[Sequence[str | None]]
    levels: Sequence[str]
    values: Sequence[float]
    unsure: int
    undecided: int
    given: int

    @property
    def clusters(self) -> list[str]:
        return [unit_of(item) for item in self.items]

    @property
    def weights(self) -> list[float] | None:
        """Inverse chances of selection; None where all are equal."""
        found = [item.weight for item in self.items]
        return None if len(set(found)) < 2 else found


def some(whole: Panel, at: Sequence[int]) -> Panel:
    """The panel of the items at these places."""
    return replace(
        whole,
        items=[whole.items[each] for each in at],
        ratings=[whole.ratings[each] for each in at],
        levels=[whole.levels[each] for each in at],
        values=[whole.values[each] for each in at],
    )


def scale_of(card: Card, criterion: Criterion) -> Scale:
    if card.kind == "pairwise":
        return "pairwise"
    return "binary" if criterion.binary else "ordinal"


def panel(
    card: Card, criterion: Criterion, items: Mapping[str, Item], labels: Iterable[Label]
) -> Panel:
    """What people said of a criterion. `labels` are the ones that hold; hidden repeats are left
    out, since they would count one person twice. What was adjudicated is the people's answer, and
    no rater's."""
    said: dict[str, dict[str, str]] = defaultdict(dict)
    unsure: dict[str, int] = defaultdict(int)
    for label in labels:
        if label.criterion != criterion.name or label.occasion or label.item not in items:
            continue
        if label.value == UNSURE:
            unsure[label.item] += 1
        elif label.value is not None:
            said[label.item][label.rater] = label.value
    settled = {name: each[ADJUDICATED] for name, each in said.items() if ADJUDICATED in each}
    raters = sorted({rater for each in said.values() for rater in each} - {ADJUDICATED})
    rated = [item for name, item in items.items() if name in said]
    ratings = [[said[item.id].get(rater) for rater in raters] for item in rated]
    scale = scale_of(card, criterion)
    decisive = [
        [settled[item.id]] if item.id in settled else row
        for item, row in zip(rated, ratings, strict=True)
    ]
    values = [
        rounded(statistics.fmean(criterion.value(each) or 0.0 for each in row if each is not None))
        for row in decisive
    ]
    return Panel(
        criterion=criterion,
        scale=scale,
        items=rated,
        raters=raters,
        ratings=ratings,
        levels=[_answer(criterion, scale, row) for row in decisive],
        values=values,
        unsure=sum(unsure.values()),
        undecided=sum(name not in said for name in unsure),
        given=sum(map(len, said.values())) - len(settled),
    )


def rounded(value: float) -> float:
    """Means of equal levels are equal: ranks must not tell 2 of 2 from 3 of 3 by a last digit."""
    return round(value, 9)


def _answer(criterion: Criterion, scale: Scale, row: Sequence[str | None]) -> str:
    levels = [level.label for level in criterion.scale]
    given = [each for each in row if each is not None]
    if scale == "ordinal":
        return sorted(given, key=levels.index)[(len(given) - 1) // 2]
    most = statistics.multimode(given)
    if len(most) == 1:
        return most[0]
    return TIE if scale == "pairwise" else min(most, key=levels.index)


def repeated(criterion: str, labels: Iterable[Label]) -> list[tuple[str, str, str]]:
    """(item, first, again) of each rating that its rater gave twice without knowing."""
    first: dict[tuple[str, str], str] = {}
    again: list[tuple[tuple[str, str], str]] = []
    for label in labels:
        if label.criterion != criterion or label.value in (None, UNSURE):
            continue
        place = (label.item, label.rater)
        if label.occasion:
            again.append((place, str(label.value)))
        else:
            first[place] = str(label.value)
    return [(place[0], first[place], value) for place, value in again if place in first]


def seconds_per_label(labels: Iterable[Label], usual: float = 33.0) -> float:
    """The median time of a rating so far, or what one usually takes."""
    known = [label.seconds for label in labels if label.seconds is not None and label.seconds > 0]
    return statistics.median(known) if known else usual
