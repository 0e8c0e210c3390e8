"""From which value a judge that gives numbers says yes: chosen on the development split alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from evalsuite.calibration.measured import Judged
from evalsuite.calibration.panel import panel
from evalsuite.calibration.records import Item, Label
from evalsuite.calibration.splits import in_split
from evalsuite.errors import DataError
from evalsuite.judging.records import Card

LEAST = 10
"""Items of either kind in the dev split below which no threshold is chosen."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """`value` and up is yes. `tpr`, `tnr` and `n` are of the dev split, where it was chosen: the
    test split says what it is worth."""

    value: float
    tpr: float
    tnr: float
    n: int

    @property
    def youden(self) -> float:
        return self.tpr + self.tnr - 1


def choose_threshold(
    card: Card, criterion: str, items: Mapping[str, Item], labels: Sequence[Label], judged: Judged
) -> Threshold:
    """The value with the largest TPR + TNR (Youden's J) against people on the dev split; of equal
    ones the middle one. DataError with fewer than LEAST items of either kind.

    W. Youden, Cancer 3 (1950). Items weigh by their inverse chance of selection.
    """
    asked = card.criterion(criterion)
    rated = panel(card, asked, in_split(items, "dev"), labels)
    rows = [
        (judged[item.id][criterion].value, level == asked.scale[-1].label, item.weight)
        for item, level in zip(rated.items, rated.levels, strict=True)
        if item.id in judged and judged[item.id][criterion].value is not None
    ]
    known = [(value, good, weight) for value, good, weight in rows if value is not None]
    for good, word in ((True, "good"), (False, "bad")):
        count = sum(each is good for _, each, _ in known)
        if count < LEAST:
            raise DataError(
                f"{criterion}: the development split has {count} items that people call {word}, "
                f"and a threshold needs {LEAST} (rate more: evalsuite rate {card.name})"
            )
    found = [_at(cut, known) for cut in _cuts([value for value, _, _ in known])]
    best = max(each.youden for each in found)
    equal = [each for each in found if each.youden > best - 1e-9]
    return equal[len(equal) // 2]


def _cuts(values: Sequence[float]) -> list[float]:
    """Halfway between neighbours, rounded as a setting is written, and the lowest value."""
    steps = sorted(set(values))
    return [steps[0], *(_between(low, high) for low, high in pairwise(steps))]


def _between(low: float, high: float) -> float:
    middle = (low + high) / 2
    short = round(middle, 4)
    return short if low < short <= high else middle


def _at(cut: float, rows: Sequence[tuple[float, bool, float]]) -> Threshold:
    good = sum(weight for _, is_good, weight in rows if is_good)
    bad = sum(weight for _, is_good, weight in rows if not is_good)
    hit = sum(weight for value, is_good, weight in rows if is_good and value >= cut)
    left = sum(weight for value, is_good, weight in rows if not is_good and value < cut)
    return Threshold(cut, hit / good, left / bad, len(rows))
