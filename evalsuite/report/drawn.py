"""What of a report is drawn: blocks that are looked at rather than read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evalsuite.report.blocks import Name, Tone


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many cases have which value. `edges` are the lower ends of equal bins over [0, 1]."""

    metric: str
    edges: Sequence[float]
    before: Sequence[int]
    after: Sequence[int]


@dataclass(frozen=True, slots=True)
class Spread:
    """What answers took, each of them asked afresh: `unit` is "s" or "USD"."""

    title: str
    unit: Literal["s", "USD"]
    before: Sequence[float]
    after: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """One row of a chart: a value with its interval, and what it is compared with (`reference`)."""

    label: str | Name
    value: float | None
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    note: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Intervals:
    """Values with their intervals, one below the other, on an axis from `low` to `high`.
    `reference` says what the tick beside each of them is."""

    title: str
    marks: Sequence[Mark]
    note: str = ""
    reference: str = ""
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Plots:
    """What is looked at rather than read: left out where there are no pictures."""

    title: str
    items: Sequence[Distribution | Spread | Intervals]
