"""How much larger a figure became, case by case: quantiles, and ratios of sums.

If the new values of a case are distributed as the old ones times a factor, then, with the old ones
multiplied by it, the two arms of a case can be swapped. What a swap leaves alone is the pooled
figure of both arms; how much the new arm exceeds it, less how much the old one does, adds up over
cases, and its sign is a coin per case (per cluster where cases share one). A factor is refuted if
too few patterns of signs have a sum at least as large, and the factors that are not refuted are the
interval. For the median this is the paired form of the median test (A. Mood, "Introduction to the
Theory of Statistics", 1950), for means E. Pitman's (1937); intervals of a factor by inverting a
test: P. Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses" (2005), 3.

Exact for any number of cases and any distribution under that assumption; else (a new tail, say, or
another rate of success) the test is of the sums alone, by the size of cases' differences.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evalsuite.stats.flips import Floats, Ints, blocks

PATTERNS = 2_048
"""Sign patterns; all of them with up to 11 units."""

STEPS = 17
"""Bisections of an end of an interval: its factor is known to 0.01 %."""

FARTHEST = 1e4
"""A factor beyond which nothing is looked for."""

Contributions = Callable[[float], Floats]
"""(units,) what each unit adds to the sum at a factor."""


@dataclass(frozen=True, slots=True)
class Factor:
    """How many times as large a figure is, with the ends of its interval; None where the cases do
    not bound it."""

    value: float
    low: float | None
    high: float | None


def quantile(values: Floats, share: float) -> float:
    """The nearest-rank quantile of at least one value."""
    rank = min(len(values), math.floor(share * len(values)) + 1)
    return float(np.partition(values, rank - 1)[rank - 1])


def quantile_factor(
    before: Floats, after: Floats, units: Ints, share: float, alpha: float
) -> Factor:
    """Of positive values (n,), paired trial by trial; `units` (n,) numbers the unit of each.

    `low` and `high` are one-sided bounds at 1 - `alpha` each.
    """

    def sums(factor: float) -> Floats:
        scaled = before * factor
        middle = quantile(np.concatenate([scaled, after]), share)
        beyond = (after > middle).astype(np.float64) - (scaled > middle)
        return np.asarray(np.bincount(units, weights=beyond), dtype=np.float64)

    value = quantile(after, share) / quantile(before, share)
    return _factor(value, sums, alpha)


def ratio_factor(
    before: tuple[Floats, Floats], after: tuple[Floats, Floats], units: Ints, alpha: float
) -> Factor:
    """Of sum(amounts) / sum(counts), each arm as (amounts, counts) of shape (n,), totals above 0;
    otherwise as `quantile_factor`."""

    def sums(factor: float) -> Floats:
        scaled = before[0] * factor
        pooled = (scaled.sum() + after[0].sum()) / (before[1].sum() + after[1].sum())
        more = (after[0] - pooled * after[1]) - (scaled - pooled * before[1])
        return np.asarray(np.bincount(units, weights=more), dtype=np.float64)

    value = float((after[0].sum() / after[1].sum()) / (before[0].sum() / before[1].sum()))
    return _factor(value, sums, alpha)


def _factor(value: float, sums: Contributions, alpha: float) -> Factor:
    count = len(sums(value))
    block = blocks(count)
    signs = _signs(int(block.max()) + 1)

    def refuted(factor: float, side: int) -> bool:
        moved = np.bincount(block, weights=sums(factor)) * side
        most = float(np.abs(moved).sum()) or 1.0
        spread = signs @ (moved / most).astype(np.float32)
        slack = 1e-5  # of sums that add up to at most 1, in single precision
        return bool(np.count_nonzero(spread >= spread[0] - slack) <= alpha * len(signs))

    low = _end(value, lambda factor: refuted(factor, 1), 1 / FARTHEST)
    high = _end(value, lambda factor: refuted(factor, -1), FARTHEST)
    return Factor(value, low, high)


def _end(value: float, refuted: Callable[[float], bool], far: float) -> float | None:
    """The last factor that is not refuted on the way from the estimate to one that is."""
    inside, outside = math.log(value), math.log(value * far)
    if not refuted(value * far):
        return None
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        if refuted(math.exp(middle)):
            outside = middle
        else:
            inside = middle
    return math.exp(outside)


@lru_cache(4)
def _signs(units: int) -> Floats:
    """(patterns, units) of 1 and -1, what was observed first: the same for equal numbers."""
    if 2**units <= PATTERNS if units < 63 else False:
        flips = np.arange(2**units)[:, None] >> np.arange(units) & 1
    else:
        flips = np.random.default_rng(units).integers(0, 2, (PATTERNS, units))
        flips[0] = 0
    return np.asarray(1 - 2 * flips, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Span:
    """A figure of one run with the ends of its interval."""

    value: float
    low: float
    high: float


def ratio_span(amounts: Floats, counts: Floats, units: Ints, t: float) -> Span:
    """sum(amounts) / sum(counts) give or take `t` standard errors: the linearised ratio estimator,
    its residuals by unit (W. Cochran, "Sampling Techniques", 1977, 6.3). At least 2 units."""
    total = float(counts.sum())
    value = float(amounts.sum()) / total
    residuals = np.bincount(units, weights=amounts - value * counts)
    n = len(residuals)
    error = math.sqrt(float((residuals**2).sum()) * n / (n - 1)) / total
    return Span(value, max(0.0, value - t * error), value + t * error)
