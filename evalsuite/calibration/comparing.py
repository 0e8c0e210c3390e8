"""Two judges, or one before and after a change, on the same stored outputs.

A score of one is never compared with a score of the other: here both judge the same outputs, and
the difference is the judges'. P. Westfall, S. Young, "Resampling-Based Multiple Testing" (1993).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evalsuite.calibration.measured import Judged
from evalsuite.calibration.panel import panel
from evalsuite.calibration.records import Item, Label
from evalsuite.calibration.splits import unit_of
from evalsuite.judging.records import Card, Criterion
from evalsuite.judging.scorer import weighted
from evalsuite.judging.verdict import Verdict
from evalsuite.stats.agreement import Confusion, confusion
from evalsuite.stats.bounds import paired_bounds
from evalsuite.stats.estimates import agreement, kappa
from evalsuite.stats.flips import Floats, SignFlips
from evalsuite.stats.intervals import Estimate, cluster_codes
from evalsuite.stats.rates import McNemar, mcnemar
from evalsuite.stats.stages import step_down

OVERALL = "overall"

SEED = 70_230
"""Fixed, so that equal verdicts always have equal p."""

LEAST = 10
"""Items that a slice must have."""

WORST = 20

PEOPLE = 100
"""Labelled items from which a change of judge is tried against people."""

LOSS = 0.05
"""The loss of accuracy that must be ruled out."""


@dataclass(frozen=True, slots=True)
class Shift:
    """The mean of both judges on a slice, the difference with its 95 % interval, and the two-sided
    p, adjusted over all slices."""

    slice: str
    n: int
    before: float
    after: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Flips:
    """How the levels of one criterion moved: old in rows, new in columns. None of `kappa` and
    `agreement` without a pair of levels."""

    criterion: str
    table: Confusion
    agreement: Estimate
    kappa: Estimate


@dataclass(frozen=True, slots=True)
class Moved:
    item: Item
    before: float
    after: float
    critique: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """Old and new against people on `n` items: their mean likeness to people (1 less the absolute
    difference), and the one-sided 95 % upper bound of what the new one loses. `mcnemar` where
    people and judges say yes or no."""

    n: int
    before: float
    after: float
    loss: float
    mcnemar: McNemar | None

    @property
    def passes(self) -> bool:
        return self.loss < LOSS


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`lost` and `gained`: items on which only the old, or only the new judge has a verdict.
    `promotion` None: too few items are rated by people."""

    n: int
    lost: int
    gained: int
    shifts: Sequence[Shift]
    flips: Sequence[Flips]
    moved: Sequence[Moved]
    promotion: Promotion | None
    rated: int


def compare_judges(
    cards: tuple[Card, Card],
    items: Mapping[str, Item],
    verdicts: tuple[Judged, Judged],
    labels: Sequence[Label],
    rated: tuple[Mapping[str, Item], Judged, Judged],
) -> Comparison:
    """The old and the new judge, in this order in every pair. `labels` and `rated` (the items that
    people rated, with both judges' verdicts) are for the promotion."""
    old, new = (_values(card, said) for card, said in zip(cards, verdicts, strict=True))
    shared = [name for name in items if name in old and name in new]
    return Comparison(
        n=len(shared),
        lost=sum(name in old and name not in new for name in items),
        gained=sum(name in new and name not in old for name in items),
        shifts=_shifts([items[name] for name in shared], old, new),
        flips=[
            _flips(each, items, *verdicts) for each in cards[0].criteria if _common(each, cards[1])
        ],
        moved=_moved(items, shared, old, new, verdicts[1]),
        promotion=_promotion(cards, labels, *rated),
        rated=len(rated[0]),
    )


def _values(card: Card, judged: Judged) -> dict[str, float]:
    """By item the card's own value, where it has one."""
    found = {}
    for name, each in judged.items():
        verdicts = [each[criterion.name] for criterion in card.criteria if criterion.name in each]
        value, _ = weighted(card, verdicts) if len(verdicts) == len(card.criteria) else (None, "")
        if value is not None:
            found[name] = value
    return found


def _shifts(
    shared: Sequence[Item], old: Mapping[str, float], new: Mapping[str, float]
) -> list[Shift]:
    """Overall first, then slices by name; two-sided by both directions in one family."""
    if not shared:
        return []
    names = sorted({(k, v) for item in shared for k, v in item.slices.items()})
    members = {OVERALL: np.ones(len(shared), dtype=bool)}
    for dimension, value in names:
        inside = np.array([item.slices.get(dimension) == value for item in shared])
        if inside.sum() >= LEAST:
            members[f"{dimension}={value}"] = inside
    before = np.array([old[item.id] for item in shared])
    after = np.array([new[item.id] for item in shared])
    moved = np.round(after - before, 8)
    codes = cluster_codes([unit_of(item) for item in shared], len(shared))
    units = np.zeros((int(codes.max()) + 1, len(members)))
    for at, inside in enumerate(members.values()):
        units[:, at] = np.bincount(codes, weights=moved * inside, minlength=len(units))
    both = np.concatenate([units, -units], axis=1)
    p = step_down(SignFlips(both, rng=np.random.default_rng(SEED))) if moved.any() else None
    found = []
    for at, (name, inside) in enumerate(members.items()):
        sums, sizes = np.bincount(codes, weights=moved * inside), np.bincount(codes, weights=inside)
        there = sizes > 0
        bounds = paired_bounds(sums[there].tolist(), sizes[there].tolist())
        chance = 1.0 if p is None else float(min(p[at], p[at + len(members)]))
        found.append(
            Shift(
                name,
                int(inside.sum()),
                float(before[inside].mean()),
                float(after[inside].mean()),
                bounds.low,
                bounds.high,
                chance,
            )
        )
    return found


def _common(criterion: Criterion, other: Card) -> bool:
    """Whether both cards have it, with the same levels."""
    levels = [level.label for level in criterion.scale]
    return any(
        each.name == criterion.name and [level.label for level in each.scale] == levels
        for each in other.criteria
    )


def _flips(criterion: Criterion, items: Mapping[str, Item], old: Judged, new: Judged) -> Flips:
    rows = [
        (first, _label(new.get(name, {}).get(criterion.name), criterion), item)
        for name, item in items.items()
        if (first := _label(old.get(name, {}).get(criterion.name), criterion)) is not None
    ]
    levels = [level.label for level in criterion.scale]
    before, after = [each for each, _, _ in rows], [each for _, each, _ in rows]
    clusters = [unit_of(item) for _, _, item in rows]
    return Flips(
        criterion.name,
        confusion(before, after, levels),
        agreement(before, after, levels, clusters=clusters),
        kappa(before, after, levels, clusters=clusters),
    )


def _label(verdict: Verdict | None, criterion: Criterion) -> str | None:
    known = verdict is not None and criterion.value(verdict.label) is not None
    return verdict.label if known and verdict is not None else None


def _moved(
    items: Mapping[str, Item],
    shared: Sequence[str],
    old: Mapping[str, float],
    new: Mapping[str, float],
    said: Judged,
) -> list[Moved]:
    found = [
        Moved(
            items[name],
            old[name],
            new[name],
            "; ".join(each.critique for each in said[name].values() if each.critique),
        )
        for name in shared
        if old[name] != new[name]
    ]
    return sorted(found, key=lambda x: (-abs(x.after - x.before), x.item.case, x.item.id))[:WORST]


def _promotion(
    cards: tuple[Card, Card],
    labels: Sequence[Label],
    items: Mapping[str, Item],
    old: Judged,
    new: Judged,
) -> Promotion | None:
    """On the rated items that both judges have a verdict on."""
    people = _people(cards[1], items, labels)
    first, second = _values(cards[0], old), _values(cards[1], new)
    names = [name for name in people if name in first and name in second]
    if len(names) < PEOPLE:
        return None
    truth, before, after = (
        np.array([side[name] for name in names]) for side in (people, first, second)
    )
    was, now = 1 - np.abs(before - truth), 1 - np.abs(after - truth)
    codes = cluster_codes([unit_of(items[name]) for name in names], len(names))
    sums, sizes = np.bincount(codes, weights=now - was), np.bincount(codes)
    bounds = paired_bounds(sums.tolist(), sizes.astype(float).tolist())
    binary = all(_two(side) for side in (truth, before, after))
    return Promotion(
        n=len(names),
        before=float(was.mean()),
        after=float(now.mean()),
        loss=bounds.upper_drop,
        mcnemar=mcnemar((was == 1).tolist(), (now == 1).tolist()) if binary else None,
    )


def _two(values: Floats) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _people(card: Card, items: Mapping[str, Item], labels: Sequence[Label]) -> dict[str, float]:
    """By item people's value: the criteria's weighted mean, where all are rated."""
    panels = [panel(card, each, items, labels) for each in card.criteria]
    values = [
        {item.id: value for item, value in zip(each.items, each.values, strict=True)}
        for each in panels
    ]
    weights = [each.weight for each in card.criteria]
    shared = [name for name in values[0] if all(name in each for each in values)]
    return {
        name: sum(each[name] * w for each, w in zip(values, weights, strict=True)) / sum(weights)
        for name in shared
    }
