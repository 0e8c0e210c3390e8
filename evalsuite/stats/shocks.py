"""How far whole runs of unchanged code are apart, beyond what their single cases explain.

A provider that answers worse for a day shifts all cases together. No paired test of two runs can
tell that from a change of the code; several runs of the same code can.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.student import student


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """The standard deviation `sd` of what shifts a run's mean as a whole, in shares of 1, with its
    two-sided 95 % interval `low`..`high`; of `runs` runs of `cases` cases.

    `noise` is the standard deviation of a run's mean that the noise within cases explains.
    `upper` is what one run loses to another by shocks in at most 1 of 20 pairs; 0 where the runs
    are no further apart than noise within cases explains (one-sided, 5 %).
    """

    runs: int
    cases: int
    sd: float
    low: float
    high: float
    noise: float
    upper: float


def shock(values: Floats, units: Ints) -> Shock:
    """The shock between runs by the method of moments; ValueError for fewer than 3 runs or 2 units.

    `values` (runs, cases) are what cases scored, on the scale from 0 to 1, `units` (cases,) numbers
    those that belong together. The variance between the means of runs, less what the residuals of
    units leave of it (each unit has a variance of its own), is that of the shock: the component of
    a two-way layout (S. Searle, G. Casella, C. McCulloch, "Variance Components", 1992, 4.4). The
    interval is that of chi square for the variance of means (J. Williams, Biometrika 49 (1962)),
    less the same noise. `upper` = t * sqrt(2) * sd, with Student's t of 0.95 for runs - 1.
    """
    runs, cases = values.shape
    _, codes = np.unique(units, return_inverse=True)
    count = int(codes.max(initial=-1)) + 1
    if runs < 3 or count < 2:
        raise ValueError("a shock is estimated from 3 runs and 2 independent cases up")
    sizes = np.bincount(codes).astype(np.float64)
    sums = np.stack([np.bincount(codes, row) for row in values])
    means = values.mean(axis=1)
    rest = sums - sums.mean(axis=0) - np.outer(means - means.mean(), sizes)
    free = runs - 1
    noise = float((rest**2).sum()) / free / cases**2 * count / (count - 1)
    total = float(means.var(ddof=1))
    variance = _beyond(total, noise)
    shown = _beyond(free * total / chi_square(0.95, free), noise) > 0
    sd = math.sqrt(variance)
    return Shock(
        runs=runs,
        cases=cases,
        sd=sd,
        low=math.sqrt(_beyond(free * total / chi_square(0.975, free), noise)),
        high=math.sqrt(_beyond(free * total / chi_square(0.025, free), noise)),
        noise=math.sqrt(noise),
        upper=min(1.0, student(free)[1] * math.sqrt(2) * sd) if shown else 0.0,
    )


_TINY = 1e-12
"""Variances are told apart up to this: runs that say the same differ by rounding alone."""


def _beyond(variance: float, noise: float) -> float:
    return max(0.0, variance - noise) if variance > noise + _TINY else 0.0


def chi_square(share: float, freedom: int) -> float:
    """The quantile of chi square for a share in (0, 1) and `freedom` from 1 up, by bisection of
    finite sums (M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 26.4.4, 26.4.5).

    >>> [round(chi_square(share, 4), 4) for share in (0.025, 0.95)]
    [0.4844, 9.4877]
    """
    low, high = 0.0, freedom + 20 * math.sqrt(2 * freedom) + 100.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if 1 - _above(middle, freedom) < share else (low, middle)
    return high


def _above(x: float, freedom: int) -> float:
    """P(chi square > x)."""
    if x <= 0:
        return 1.0
    half = x / 2
    odd = freedom % 2
    term = math.sqrt(2 * x / math.pi) * math.exp(-half) if odd else math.exp(-half)
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    for step in range((freedom - odd) // 2):
        if step:
            term *= x / (2 * step + odd)
        total += term
    return total


def pairs_bounds(rate: float, runs: int) -> tuple[float, float]:
    """The 95 % interval of a rate that was counted over all pairs of `runs` independent runs.

    A run is in runs - 1 pairs, so that pairs are no independent trials. Such a mean is one of means
    over runs // 2 pairs without a run in common, and the bound of Chernoff for so many trials holds
    for it (W. Hoeffding, Journal of the American Statistical Association 58 (1963), section 5). It
    is wide, and needs no assumption but that runs are independent.

    >>> [round(each, 3) for each in pairs_bounds(0.0, 20)]
    [0.0, 0.308]
    """
    if runs < 2:
        raise ValueError("a pair takes two runs")
    most = math.log(1 / 0.025) / (runs // 2)
    return _edge(rate, 0.0, most), _edge(rate, 1.0, most)


def _edge(rate: float, end: float, most: float) -> float:
    """The rate furthest towards `end` from which the observed one is no further than `most`."""
    if _divergence(rate, end) <= most:
        return end
    near, far = rate, end
    for _ in range(100):
        middle = (near + far) / 2
        near, far = (middle, far) if _divergence(rate, middle) <= most else (near, middle)
    return near


def _divergence(rate: float, other: float) -> float:
    """Kullback and Leibler's, of two rates."""
    total = 0.0
    for one, two in ((rate, other), (1 - rate, 1 - other)):
        if one > 0:
            total += math.inf if two <= 0 else one * math.log(one / two)
    return total
