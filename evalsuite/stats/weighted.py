"""Correlations of weighted rows, for many weightings at once: what the intervals need.

With equal weights each gives scipy's figure. `weights` are (r, n), `first` and `second` (n,); the
results are (r,), NaN where a side is constant.
"""

from __future__ import annotations

import numpy as np

from evalsuite.stats.flips import Floats


def pearsons(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Pearson's r."""
    shape = weights.shape
    return _product_moment(np.broadcast_to(first, shape), np.broadcast_to(second, shape), weights)


def spearmans(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Spearman's rho with average ranks; a row's rank is the weight below it and half of its
    equals'."""
    return _product_moment(_ranks(first, weights), _ranks(second, weights), weights)


def kendalls(first: Floats, second: Floats, weights: Floats) -> Floats:
    """Kendall's tau-b."""
    one = np.sign(first[:, None] - first[None, :])
    two = np.sign(second[:, None] - second[None, :])
    agree = _form(one * two, weights)
    return _over(agree, np.sqrt(_form(one * one, weights) * _form(two * two, weights)))


def _form(matrix: Floats, weights: Floats) -> Floats:
    return np.asarray(((weights @ matrix) * weights).sum(axis=1), dtype=np.float64)


def _ranks(values: Floats, weights: Floats) -> Floats:
    """(r, n) weighted average ranks."""
    _, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    held = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(held, axis=1) - held / 2
    return np.asarray(middle[:, place], dtype=np.float64)


def _product_moment(first: Floats, second: Floats, weights: Floats) -> Floats:
    total = weights.sum(axis=1, keepdims=True)
    share = weights / np.where(total > 0, total, 1.0)
    one = first - (share * first).sum(axis=1, keepdims=True)
    two = second - (share * second).sum(axis=1, keepdims=True)
    together = (share * one * two).sum(axis=1)
    return _over(together, np.sqrt((share * one**2).sum(axis=1) * (share * two**2).sum(axis=1)))


def _over(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > 1e-12, above / below, np.nan), dtype=np.float64)
