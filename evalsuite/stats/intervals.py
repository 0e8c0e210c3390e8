"""How sure a figure of agreement is when its rows are not independent.

Rows of one dialogue, document or question fail together; an interval that ignores it is half as
long as it should be. Here a cluster is the unit: each is left out in turn (the delete-one-cluster
jackknife), the bounds are taken on the scale on which the figure's error is nearly normal (Fisher's
z for coefficients, Wilson's score with an effective n for rates), with Student's t for as many
degrees of freedom as there are clusters less one. docs/statistics.md has the measured coverage, and
that of the methods that were not chosen.

B. Efron, C. Stein, Annals of Statistics 9 (1981); R. Fisher, Metron 1 (1921); E. Korn, B. Graubard,
Survey Methodology 24 (1998).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from evalsuite.errors import MissingExtra
from evalsuite.stats.agreement import some
from evalsuite.stats.bounds import Z_ONE_SIDED, Z_TWO_SIDED, rate_bounds
from evalsuite.stats.flips import Floats, Ints

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
    baseline: float | None = None,
) -> Estimate:
    """The interval of a coefficient of agreement or correlation: at most 1, 0 for chance.

    Bounds are None with fewer than two clusters, and where all replicates are equal short of
    perfect agreement. With perfect agreement the lower bound is Wilson's, of clusters that agree
    wholly against clusters that agree by chance.
    """
    codes = cluster_codes(clusters, n)
    base = row_weights(weights, n)
    value = some(figure(base[None])[0]) if n else None
    count = int(codes.max(initial=-1)) + 1
    empty = Estimate(
        value=value,
        low=None,
        high=None,
        lower=None,
        n=n,
        clusters=count,
        method="undefined",
        baseline=baseline,
    )
    if value is None or count < 2:
        return empty
    if value > 1 - 1e-9:
        return _perfect(empty, count)
    replicates, groups = jackknife(figure, base, codes)
    error = math.sqrt((groups - 1) / groups * float(((replicates - replicates.mean()) ** 2).sum()))
    if error < 1e-9:
        return empty
    two, one = student(groups - 1)
    centre = math.atanh(max(value, -0.999))
    width = error / max(1 - value**2, 1e-3)
    return Estimate(
        value=value,
        low=math.tanh(centre - two * width),
        high=math.tanh(centre + two * width),
        lower=math.tanh(centre - one * width),
        n=n,
        clusters=count,
        method="jackknife over clusters, Fisher's z, Student's t",
        baseline=baseline,
    )


def _perfect(empty: Estimate, count: int) -> Estimate:
    two, one = rate_bounds(1.0, count), rate_bounds(1.0, count, Z_ONE_SIDED)
    return Estimate(
        value=empty.value,
        low=two[0] if two else None,
        high=1.0,
        lower=one[0] if one else None,
        n=empty.n,
        clusters=count,
        method="Wilson's score over clusters",
        baseline=empty.baseline,
    )


def student(freedom: int) -> tuple[float, float]:
    """Student's t quantiles of 0.975 and 0.95; the normal ones in the limit."""
    if freedom > 10_000:
        return Z_TWO_SIDED, Z_ONE_SIDED
    try:
        from scipy import special  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("an interval", "calibration") from None
    return float(special.stdtrit(freedom, 0.975)), float(special.stdtrit(freedom, 0.95))
