"""What calibration says of a judge, as records: counts, figures, and what to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.calibration.panel import Scale
from evalsuite.calibration.records import Item, Split
from evalsuite.judging.verdict import Verdict
from evalsuite.stats.agreement import Confusion
from evalsuite.stats.annotators import AltTest, Ceiling, LeftOut
from evalsuite.stats.biases import LengthBias
from evalsuite.stats.intervals import Estimate
from evalsuite.stats.stability import Stability
from evalsuite.stats.swaps import Swaps

Judged = Mapping[str, Mapping[str, Verdict]]
"""By item and criterion: what the judge says."""

WHOLE = ""
"""Beside the names of criteria: their weighted mean."""

ACTIVE = 10
"""Items from which somebody counts as a rater: one label is no second opinion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """`n` items with people's answer and a verdict asked for; of these `invalid` have no verdict
    and `unable` one that says it is unable to tell. `raters` gave a level to `ACTIVE` items or more
    (or to all). `unsure` and `undecided` as in `Panel`, `unjudged` rated items without a verdict
    asked for."""

    n: int
    raters: int
    ratings: int
    clusters: int
    unsure: int
    undecided: int
    invalid: int
    unable: int
    unjudged: int


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice's items and figures, none below the support."""

    name: str
    n: int
    figures: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Bin:
    """Items with the same verdict (or values close by): what people say of them on average, with
    its 95 % interval."""

    label: str
    judge: float
    people: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What people reach among themselves. `names` are the raters in the order of `left_out`;
    `repeats` the share of hidden repeats that got the same level."""

    names: Sequence[str]
    alpha: Estimate
    ceiling: Ceiling
    left_out: Sequence[LeftOut]
    alt: AltTest
    repeats: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Biases:
    """What moves the judge beside quality; None where it can't be told."""

    swaps: Swaps | None
    length_pairs: LengthBias | None
    length: Estimate | None
    noise: Stability | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An item to read: what people and the judge say of it, and by how much they differ."""

    item: Item
    people: Sequence[str]
    critiques: Sequence[str]
    judge: str
    critique: str
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All that calibration says of one criterion.

    `gap` is percent agreement less kappa: how much of the agreement chance would give.
    `values` are (people, judge) of every item with a value. `hidden` disagreements are in the test
    split: nobody should tune on them. `conventions` are (what, how).
    """

    criterion: str
    scale: Scale
    numeric: bool
    threshold: float | None
    counts: Counts
    figures: Mapping[str, Estimate]
    gap: float | None
    baseline: tuple[str | None, float | None]
    confusion: Confusion
    slices: Sequence[Slice]
    people: People
    biases: Biases
    reliability: Sequence[Bin]
    disagreements: Sequence[Disagreement]
    hidden: int
    values: Mapping[str, tuple[float, float]]
    conventions: Sequence[tuple[str, str]]


Pair = tuple[float, float, float]
"""(people, judge, weight) of an item, values in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A judge's figures on a split (None: all items), by criterion.

    `pairs` and `error` are by criterion, and by WHOLE of the weighted mean of the criteria, which
    is the judge's own metric; items that lack a criterion are not in that. An error is the
    one-sided 95 % upper bound of the mean absolute difference between judge and people, in [0, 1].
    """

    judge: str
    split: Split | None
    criteria: Sequence[Measured]
    pairs: Mapping[str, Sequence[Pair]]
    error: Mapping[str, float | None]
    items: int
    labels: int
