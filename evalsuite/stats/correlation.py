"""Whether a judge orders as people do: pooled, within clusters, and over systems.

The level is a decision that moves results (the same judge may have .56 pooled, .61 per document
and .85 per system), so each has its own function and nothing chooses between them. scipy gives the
coefficients: Spearman with average ranks, Kendall as tau-b.
"""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from evalsuite.errors import MissingExtra
from evalsuite.stats.agreement import some
from evalsuite.stats.flips import Floats

LEAST_GROUPS = 3
"""Two points lie on a line whatever they say: a coefficient between two groups is 1 or -1."""


@dataclass(frozen=True, slots=True)
class Correlations:
    """Three coefficients in [-1, 1] of `n` pairs; None where a side is constant or n < 2."""

    n: int
    pearson: float | None
    spearman: float | None
    kendall_b: float | None


@dataclass(frozen=True, slots=True)
class WithinClusters:
    """Means of within-cluster coefficients over the `n_used` of `n_clusters` clusters in which
    neither side is constant; None where there is no such cluster."""

    n_clusters: int
    n_used: int
    pearson: float | None
    spearman: float | None
    kendall_b: float | None


def both(
    first: Sequence[float | None], second: Sequence[float | None]
) -> tuple[Floats, Floats, list[int]]:
    """The pairs that have both sides, as arrays, and their places; ValueError for values that are
    not finite or sides of different length."""
    places = [
        place
        for place, (one, two) in enumerate(zip(first, second, strict=True))
        if one is not None and two is not None
    ]
    left = np.array([first[place] for place in places], dtype=np.float64)
    right = np.array([second[place] for place in places], dtype=np.float64)
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        raise ValueError("a correlation needs finite numbers")
    return left, right, places


def correlations(first: Sequence[float | None], second: Sequence[float | None]) -> Correlations:
    """Pooled: over all pairs that have both sides, whatever they belong to."""
    left, right, _ = both(first, second)
    n = len(left)
    if n < 2 or np.ptp(left) == 0 or np.ptp(right) == 0:
        return Correlations(n, None, None, None)
    try:
        from scipy import stats  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("correlation", "calibration") from None
    return Correlations(
        n,
        some(np.corrcoef(_near_one(left), _near_one(right))[0, 1]),
        some(stats.spearmanr(left, right).statistic),
        some(stats.kendalltau(left, right, variant="b").statistic),
    )


def _near_one(values: Floats) -> Floats:
    """Multiplied by a power of two, which changes no correlation: squares of very small or very
    large values are no numbers."""
    _, power = np.frexp(np.abs(values).max())
    return np.asarray(np.ldexp(values, -int(power)), dtype=np.float64)


def within_clusters(
    first: Sequence[float | None],
    second: Sequence[float | None],
    clusters: Sequence[Hashable],
) -> WithinClusters:
    """The mean over clusters (dialogues, documents, questions) of the coefficients inside them.

    A cluster in which a side is constant has no coefficient and is left out; `n_used` says so.
    """
    left, right, places = both(first, second)
    members: dict[Hashable, list[int]] = {}
    for row, place in enumerate(places):
        members.setdefault(clusters[place], []).append(row)
    found = [correlations(left[rows].tolist(), right[rows].tolist()) for rows in members.values()]
    used = [each for each in found if each.pearson is not None]
    return WithinClusters(
        len(set(clusters)),
        len(used),
        _mean([each.pearson for each in used]),
        _mean([each.spearman for each in used]),
        _mean([each.kendall_b for each in used]),
    )


def per_group(
    first: Sequence[float | None], second: Sequence[float | None], groups: Sequence[Hashable]
) -> Correlations:
    """Between groups (systems, prompts): of each group's means over the pairs that have both
    sides. `n` is the number of groups; below `LEAST_GROUPS` there is no coefficient."""
    left, right, places = both(first, second)
    members: dict[Hashable, list[int]] = {}
    for row, place in enumerate(places):
        members.setdefault(groups[place], []).append(row)
    if len(members) < LEAST_GROUPS:
        return Correlations(len(members), None, None, None)
    return correlations(
        [float(left[rows].mean()) for rows in members.values()],
        [float(right[rows].mean()) for rows in members.values()],
    )


def _mean(values: Sequence[float | None]) -> float | None:
    given = [value for value in values if value is not None]
    return statistics.fmean(given) if given else None
