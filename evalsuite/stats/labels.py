"""Labels as numbers, under a named convention for verdicts that are none.

What becomes of an unparsable verdict moves a published accuracy by more than a point, so no figure
chooses silently. `Invalid` names the convention, and every result that depends on it carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalsuite.stats.flips import Floats, Ints

Label = str | int | float | bool
"""A level of a scale, as people and judges say it."""

Invalid = Literal["own", "drop"] | tuple[Literal["as"], Label]
"""What a missing verdict (None) counts as.

"own": a category of its own, equal to itself alone; against any level it is wrong, and with weights
it is as far from every level as two levels can be. "drop": the pair is left out and counted.
("as", LEVEL): that level, such as ("as", "tie").
"""

Weights = Literal["none", "linear", "quadratic"]
"""How much a disagreement counts by its distance in levels: all alike, by it, by its square."""

OWN = "invalid"
"""The name of the own category in a table."""


def named(invalid: Invalid) -> str:
    """The convention in words, for an output.

    >>> named("own"), named(("as", "tie"))
    ('invalid is a category of its own', 'invalid counts as tie')
    """
    if isinstance(invalid, tuple):
        return f"invalid counts as {invalid[1]}"
    return "invalid is a category of its own" if invalid == "own" else "invalid is left out"


def coded(labels: Sequence[Label | None], levels: Sequence[Label]) -> Ints:
    """(n,) places in `levels`, -1 for None; ValueError for a label that is no level."""
    places = {level: place for place, level in enumerate(levels)}
    if len(places) < 2 or len(places) != len(levels):
        raise ValueError(f"a scale needs two levels that differ, not {list(levels)!r}")
    unknown = {label for label in labels if label is not None and label not in places}
    if unknown:
        raise ValueError(f"no level of {list(levels)!r}: {sorted(map(repr, unknown))}")
    return np.array([-1 if each is None else places[each] for each in labels], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two raters' labels as codes under a convention.

    `first` and `second` are (n,) codes below `size`, the number of categories (the levels, and the
    own category where the convention has one); `kept` (n before,) says which pairs are in.
    """

    first: Ints
    second: Ints
    size: int
    kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def paired(
    first: Sequence[Label | None],
    second: Sequence[Label | None],
    levels: Sequence[Label],
    invalid: Invalid,
) -> Pairs:
    """Codes of both sides; ValueError if their lengths differ."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} labels can't be paired with {len(second)}")
    left, right = coded(first, levels), coded(second, levels)
    kept = np.ones(len(left), dtype=np.bool_)
    size = len(levels)
    if invalid == "drop":
        kept = (left >= 0) & (right >= 0)
    elif invalid == "own":
        left, right = np.where(left < 0, size, left), np.where(right < 0, size, right)
        size += 1
    else:
        place = int(coded([invalid[1]], levels)[0])
        left, right = np.where(left < 0, place, left), np.where(right < 0, place, right)
    return Pairs(left[kept], right[kept], size, kept)


def distances(levels: int, size: int, weights: Weights) -> Floats:
    """(size, size) disagreement in [0, 1]: 0 for equal categories, 1 for the farthest.

    Categories past the `levels` (the own one) are at distance 1 from every other.
    """
    places = np.arange(size)
    gap = np.abs(places[:, None] - places[None, :]).astype(np.float64)
    if weights == "none":
        return np.where(gap > 0, 1.0, 0.0)
    scaled = gap / max(1, levels - 1)
    scaled = scaled if weights == "linear" else scaled**2
    own = np.maximum(places[:, None], places[None, :]) >= levels
    return np.where(own, np.where(gap > 0, 1.0, 0.0), scaled)


def tables(pairs: Pairs, weights: Floats | None = None) -> Floats:
    """(r, size, size) tables of counts, first in rows, one per row of weights (r, n)."""
    n, size = len(pairs.first), pairs.size
    cells = np.zeros((n, size * size))
    cells[np.arange(n), pairs.first * size + pairs.second] = 1.0
    counted = cells.sum(axis=0, keepdims=True) if weights is None else weights @ cells
    return np.asarray(counted.reshape(-1, size, size), dtype=np.float64)
