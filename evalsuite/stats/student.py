"""Student's t, in whole degrees of freedom and without an array library: a gate that rests on few
people's ratings needs its quantiles, and scipy is no dependency of a gate."""

from __future__ import annotations

import math
from functools import lru_cache

from evalsuite.stats.bounds import Z_ONE_SIDED, Z_TWO_SIDED

_NORMAL = 10_000
"""Degrees of freedom from which the normal quantiles are taken: they differ by under 0.0003."""


@lru_cache(1024)
def student(freedom: int) -> tuple[float, float]:
    """The quantiles of 0.975 and 0.95 for `freedom` from 1 up.

    >>> [round(each, 4) for each in student(10)]
    [2.2281, 1.8125]
    """
    if freedom < 1:
        raise ValueError("Student's t needs a degree of freedom")
    if freedom > _NORMAL:
        return Z_TWO_SIDED, Z_ONE_SIDED
    return _quantile(0.95, freedom), _quantile(0.90, freedom)


def upper(alpha: float, freedom: int) -> float:
    """The t that is exceeded with chance `alpha` in (0, 0.5).

    >>> round(upper(0.05, 10), 4)
    1.8125
    """
    return _quantile(1 - 2 * alpha, min(freedom, _NORMAL))


def _quantile(inside: float, freedom: int) -> float:
    """The t with P(|T| <= t) = `inside`, by bisection of the angle atan(t / sqrt(freedom))."""
    low, high = 0.0, math.pi / 2
    while high - low > 1e-15:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _inside(middle, freedom) < inside else (low, middle)
    return math.sqrt(freedom) * math.tan(high)


def _inside(angle: float, freedom: int) -> float:
    """P(|T| <= t), a finite sum (M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions",
    26.7.3 and 26.7.4)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for power in range(2 + odd, freedom - 1, 2):
        term *= cosine * cosine * (power - 1) / power
        total += term
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
