"""How large a drop may still be, and how high a rate: bounds that never collapse to a point.

Two runs in which nothing moved do not prove that nothing can move. Both methods here stay honest
at 0 of n, where the textbook (Wald) interval has zero width. They need sums only, no array
library, so that a message at collection can use them for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

Z_ONE_SIDED = 1.6448536269514722
"""The normal quantile of 0.95."""

Z_TWO_SIDED = 1.959963984540054
"""The normal quantile of 0.975."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a mean difference after - before in [-1, 1]: `low`..`high` is the two-sided 95 % interval,
    `upper_drop` the one-sided 95 % upper bound of the drop (of -difference)."""

    low: float
    high: float
    upper_drop: float


def paired_bounds(sums: Iterable[float], sizes: Iterable[float], z: float = Z_ONE_SIDED) -> Bounds:
    """Bounds of the mean of paired differences in [-1, 1], of which there must be at least one.

    `sums` and `sizes` hold one number per cluster: the sum of its differences and its number of
    cases (differences and ones where cases are on their own). Two pseudo-clusters of mean size, one
    all +1 and one all -1, are added, and the variance is that of cluster residuals; with single
    cases this is the adjusted Wald interval of D. Bonett and R. Price, Journal of Educational and
    Behavioral Statistics 37 (2012), which also covers values between -1 and 1.
    """
    sums, sizes = list(sums), list(sizes)
    return bounds_of(
        len(sizes),
        (math.fsum(sums), math.fsum(sizes)),
        (
            math.fsum(each * each for each in sums),
            math.fsum(each * size for each, size in zip(sums, sizes, strict=True)),
            math.fsum(size * size for size in sizes),
        ),
        z,
    )


def bounds_of(
    clusters: int,
    totals: tuple[float, float],
    products: tuple[float, float, float],
    z: float = Z_ONE_SIDED,
) -> Bounds:
    """The same from what it is made of: the number of clusters, the totals of sums and of sizes,
    and the totals of sum * sum, sum * size and size * size. `z` chooses the level of the one-sided
    bound."""
    total, n = totals
    if not clusters:
        raise ValueError("bounds of no difference are undefined")
    pseudo = n / clusters
    mean = total / (n + 2 * pseudo)
    squares, cross, sizes = products
    residuals = max(0.0, squares - 2 * mean * cross + mean * mean * sizes)
    residuals += pseudo**2 * ((1 - mean) ** 2 + (1 + mean) ** 2)
    error = math.sqrt(residuals) / (n + 2 * pseudo)
    return Bounds(
        low=max(-1.0, mean - Z_TWO_SIDED * error),
        high=min(1.0, mean + Z_TWO_SIDED * error),
        upper_drop=min(1.0, -mean + z * error),
    )


def needed_cases(exclude: float) -> int:
    """The fewest cases with which a drop of `exclude` (0, 1] is ruled out if nothing moves.

    >>> needed_cases(0.05), needed_cases(0.25)
    (45, 8)
    """
    return max(1, math.floor(Z_ONE_SIDED * math.sqrt(2) / exclude - 2) + 1)


def rate_bounds(mean: float, n: float, z: float = Z_TWO_SIDED) -> tuple[float, float] | None:
    """Wilson's score interval of a rate; None for n <= 0.

    For values between 0 and 1 it is conservative: none has a larger variance than mean (1 - mean).
    `z` chooses the level: 1.96 two-sided 95 %, 1.645 for one-sided bounds. E. Wilson, Journal of
    the American Statistical Association 22 (1927).
    """
    if n <= 0:
        return None
    centre = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
