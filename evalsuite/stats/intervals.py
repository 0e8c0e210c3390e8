"""How sure a figure of agreement is when its rows are not independent.

Rows of one dialogue, document or question fail together; an interval that ignores it is half as
long as it should be. Here a cluster is the unit: each is left out in turn (the delete-one-cluster
jackknife), and the bounds are taken on the scale of Fisher's z, on which the error of such a
coefficient is nearly normal, with Student's t for as many degrees of freedom as there are clusters
less one. docs/statistics.md has the measured coverage, and that of the methods that were not
chosen.

B. Efron, C. Stein, Annals of Statistics 9 (1981); R. Fisher, Metron 1 (1921).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from evalsuite.stats.agreement import some
from evalsuite.stats.bounds import Z_ONE_SIDED, rate_bounds
from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.student import student

Figure = Callable[[Floats], Floats]
"""Weights (r, n) of n rows to r values, NaN where undefined. It must not change if all weights are
multiplied by one number."""

MOST = 500
"""Clusters beyond this number are joined, in turn, into so many: the time stays bounded, and the
error of the estimated standard error is under 4 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with the two-sided 95 % interval `low`..`high` and the one-sided 95 % lower bound
    `lower`; None where undefined (a value can be known and its bounds not).

    `n` is the number of rows that it is of, `clusters` that of the independent groups among them.
    `baseline` is what a judge reaches that always gives the most common answer; None where such a
    judge has no value.
    """

    value: float | None
    low: float | None
    high: float | None
    lower: float | None
    n: int
    clusters: int
    method: str
    baseline: float | None = None


def cluster_codes(clusters: Sequence[Hashable] | None, n: int) -> Ints:
    """(n,) numbers from 0 by first appearance; without clusters each row is its own."""
    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise ValueError(f"{len(clusters)} clusters for {n} rows")
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(each, len(seen)) for each in clusters], dtype=np.int64)


def row_weights(weights: Sequence[float] | None, n: int) -> Floats:
    """(n,) weights with mean 1; ValueError unless all are finite and above 0."""
    if weights is None:
        return np.ones(n)
    found = np.array(weights, dtype=np.float64)
    if found.shape != (n,) or not np.isfinite(found).all() or (found <= 0).any():
        raise ValueError(f"weights must be {n} numbers above 0")
    return found / found.mean() if n else found


def jackknife(figure: Figure, weights: Floats, codes: Ints) -> tuple[Floats, int]:
    """The figure without each cluster in turn, and the number of clusters (joined beyond MOST).

    A replicate that is undefined counts as 0, no agreement beyond chance: a figure that hangs on
    one cluster is not sure.
    """
    groups = codes % MOST
    count = int(groups.max(initial=-1)) + 1
    left = np.broadcast_to(weights, (count, len(weights))).copy()
    left[groups, np.arange(len(weights))] = 0.0
    return np.nan_to_num(figure(left), nan=0.0), count


def coefficient(
    figure: Figure,
    n: int,
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
    chance: float | None = 1.0,
    baseline: float | None = None,
) -> Estimate:
    """The interval of a coefficient of agreement or correlation: at most 1, 0 for chance.

    `chance` is the disagreement in [0, 1] that chance gives, of which 1 - value is the share that
    was seen. Bounds are None with fewer than two clusters, and where all replicates are equal short
    of perfect agreement. With perfect agreement the lower bound is that of the disagreement which
    Wilson's score, of as many trials as there are clusters (or rows as heavy as the heaviest), does
    not rule out.
    """
    codes = cluster_codes(clusters, n)
    base = row_weights(weights, n)
    value = some(figure(base[None])[0]) if n else None
    count = int(codes.max(initial=-1)) + 1
    bounds: tuple[float | None, float | None, float | None] = (None, None, None)
    method = "undefined"
    if value is not None and count > 1 and value > 1 - 1e-9:
        trials = min(float(count), float(base.sum() / base.max()))
        bounds, method = _perfect(trials, chance or 1.0), "Wilson's score over clusters"
    elif value is not None and count > 1:
        replicates, groups = jackknife(figure, base, codes)
        error = math.sqrt(float(((replicates - replicates.mean()) ** 2).sum()) * (1 - 1 / groups))
        if error > 1e-9:
            bounds = _by_z(value, error, freedom(base, codes))
            method = "jackknife over clusters, Fisher's z, Student's t"
    return Estimate(
        value=value,
        low=bounds[0],
        high=bounds[1],
        lower=bounds[2],
        n=n,
        clusters=count,
        method=method,
        baseline=baseline,
    )


def freedom(weights: Floats, codes: Ints) -> int:
    """Degrees of freedom: clusters less one, where one cluster that holds more than the others
    counts for less ((sum w)^2 / sum w^2 of the clusters' weights). At least 1."""
    held = np.bincount(codes, weights=weights)
    return max(1, math.floor(float(held.sum() ** 2 / (held**2).sum()) + 1e-9) - 1)


def _by_z(value: float, error: float, degrees: int) -> tuple[float, float, float]:
    """Low, high and one-sided low of a value below 1, by the delta method."""
    two, one = student(degrees)
    centre = math.atanh(max(value, -0.999))
    width = error / max(1 - value**2, 1e-3)
    low, high, lower = (math.tanh(centre + q * width) for q in (-two, two, -one))
    return low, high, lower


def _perfect(trials: float, chance: float) -> tuple[float, float, float]:
    two, one = rate_bounds(1.0, trials), rate_bounds(1.0, trials, Z_ONE_SIDED)
    assert two is not None
    assert one is not None
    low, lower = (max(-1.0, 1 - (1 - each[0]) / chance) for each in (two, one))
    return low, 1.0, lower
