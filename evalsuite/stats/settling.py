"""What would settle a gate that was left open: how many cases, or trials of each, if they are like
those that were seen. Sums alone, as `stats.bounds` has them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalsuite.stats.bounds import bounds_of

MOST_CASES = 1_000_000
MOST_TRIALS = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """Paired differences in [-1, 1] by cluster, from one on: the number of clusters, the totals of
    sums and of sizes, and of sum * sum, sum * size and size * size. Of the total of sum * sum
    `noise` is what trials of one case differ by chance; None where nothing was repeated."""

    clusters: int
    totals: tuple[float, float]
    products: tuple[float, float, float]
    trials: int = 1
    noise: float | None = None

    @property
    def drop(self) -> float:
        """Of the mean, positive if it fell."""
        return -self.totals[0] / self.totals[1]


def settling_cases(seen: Seen, exclude: float) -> int | None:
    """The fewest cases, of equal mean and variance, with which a drop of `exclude` is ruled out.

    None: no number of them does, since the observed drop is as large, or more than MOST_CASES.

    >>> settling_cases(Seen(20, (0.0, 20.0), (0.0, 0.0, 20.0)), 0.05)
    45
    """
    least, most = 0, max(1, math.ceil(MOST_CASES * seen.clusters / seen.totals[1]))
    if seen.drop >= exclude or _upper(seen, most) >= exclude:
        return None
    while most - least > 1:
        middle = (least + most) // 2
        if _upper(seen, middle) < exclude:
            most = middle
        else:
            least = middle
    return math.ceil(most * seen.totals[1] / seen.clusters)


def settling_trials(seen: Seen, exclude: float) -> int | None:
    """The fewest trials of each case, more than there are, with which it is; None: no number up to
    MOST_TRIALS does, or it is not known what trials differ by."""
    if seen.noise is None or seen.drop >= exclude:
        return None
    squares, *others = seen.products
    for trials in range(seen.trials + 1, MOST_TRIALS + 1):
        fewer = max(0.0, squares - seen.noise * (1 - seen.trials / trials))
        made = bounds_of(seen.clusters, seen.totals, (fewer, others[0], others[1]))
        if made.upper_drop < exclude:
            return trials
    return None


def _upper(seen: Seen, clusters: int) -> float:
    """The upper bound of the drop with another number of clusters."""
    share = clusters / seen.clusters
    total, n = seen.totals
    squares, cross, sizes = (share * each for each in seen.products)
    return bounds_of(clusters, (share * total, share * n), (squares, cross, sizes)).upper_drop
