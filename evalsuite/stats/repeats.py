"""What the trials of one case say together."""

from __future__ import annotations

import numpy as np

from evalsuite.stats.flips import Bools, Floats


def combined(values: Floats, seen: Bools, *, vote: bool) -> Floats:
    """One value per case out of its seen trials, 0 where there is none.

    Both arguments are (n, k). A vote takes the majority of values that are 0 or 1, 0.5 for a tie;
    else it is the mean.

    >>> combined(np.array([[1.0, 0.0, 1.0]]), np.array([[True] * 3]), vote=True)
    array([1.])
    """
    mean = np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.asarray(majority(mean) if vote else mean, dtype=np.float64)


def majority(share: Floats) -> Floats:
    """1 where more than half of the trials hold, 0 where fewer do, 0.5 where it is a tie."""
    return np.asarray((np.sign(share - 0.5) + 1) / 2, dtype=np.float64)
