"""Means over pairs of raters, with intervals: what two people reach, and the judge with one.

Each pair is as heavy as another, however many units it shares; a pair without a figure (nothing
shared, or one label throughout) is left out of that figure's mean.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import Literal

import numpy as np

from evalsuite.stats.agreement import accuracies, kappas
from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.intervals import Estimate, coefficient
from evalsuite.stats.labels import Label, Pairs, Weights, distances, tables
from evalsuite.stats.weighted import spearmans

Of = Literal["agreement", "kappa", "spearman"]

NAMES: tuple[Of, ...] = ("agreement", "kappa", "spearman")

MANY_PAIRS = 100
"""Pairs of raters beyond which no interval is given: a crowd's alpha has one."""

_Each = Callable[[Floats], Floats]


def pairings(
    codes: Sequence[Ints], judge: Ints, levels: Sequence[Label], weights: Weights
) -> tuple[dict[Of, list[_Each]], dict[Of, list[_Each]]]:
    """The figures of each two people who share a unit, and of the judge with each of them, as
    functions of weights (r, units). `codes` are the people's, (units,) each, -1 for no rating."""
    people: dict[Of, list[_Each]] = {name: [] for name in NAMES}
    ours: dict[Of, list[_Each]] = {name: [] for name in NAMES}
    pairs = [(one, two, people) for one, two in combinations(codes, 2)]
    pairs += [(one, judge, ours) for one in codes]
    for one, two, where in pairs:
        rows = np.flatnonzero((one >= 0) & (two >= 0))
        if len(rows):
            for name in NAMES:
                where[name].append(_figure(name, one, two, rows, len(levels), weights))
    return people, ours


def _figure(name: Of, one: Ints, two: Ints, rows: Ints, size: int, weights: Weights) -> _Each:
    first, second = one[rows], two[rows]
    pair = Pairs(first, second, size, np.ones(len(rows), dtype=np.bool_))
    if name == "agreement":
        return lambda w: accuracies(tables(pair, w[:, rows]))
    if name == "kappa":
        apart = distances(size, size, weights)
        return lambda w: kappas(tables(pair, w[:, rows]), apart)
    ranks = first.astype(np.float64), second.astype(np.float64)
    return lambda w: spearmans(*ranks, w[:, rows])


def mean_of(figures: Sequence[_Each], units: int, clusters: Sequence[Hashable] | None) -> Estimate:
    """The mean over pairs, with the jackknife over clusters of units."""
    return _estimate(lambda w: _mean(figures, w), len(figures), units, clusters)


def difference(
    ours: Sequence[_Each],
    people: Sequence[_Each],
    units: int,
    clusters: Sequence[Hashable] | None,
) -> Estimate:
    """The judge's mean less the people's, in [-2, 2]: 0 where the judge is like one more rater."""
    pairs = len(ours) + len(people)
    return _estimate(lambda w: _mean(ours, w) - _mean(people, w), pairs, units, clusters)


def _estimate(
    figure: _Each, pairs: int, units: int, clusters: Sequence[Hashable] | None
) -> Estimate:
    if pairs > MANY_PAIRS or not units:
        return coefficient(figure, units, clusters=["all"] * units)
    return coefficient(figure, units, clusters=clusters)


def _mean(figures: Sequence[_Each], weights: Floats) -> Floats:
    """(r,) means over the pairs that have the figure, NaN where none has."""
    found = np.array([figure(weights) for figure in figures]).reshape(len(figures), len(weights))
    held = np.isfinite(found)
    count = held.sum(axis=0)
    total = np.where(held, found, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
