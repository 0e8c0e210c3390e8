"""The policy of a gate: plain data, light enough to be imported by every test module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

OVERALL = "overall"

DERIVED = (
    *("input_length", "context_tokens", "language", "documents", "relevant_retrieved"),
    "model",
)
"""The dimensions that a runner's facts give rise to; a gate may declare slices of them."""

Mode = Literal["block", "observe"]


@dataclass(frozen=True, slots=True)
class Slice:
    """What is asked of one slice, or of one metric over all cases; None: the gate's own value."""

    margin: float | None = None
    exclude: float | None = None
    min: float | None = None
    mode: Mode | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """When a merge is blocked.

    `min` maps a metric to its floor in [0, 1]. A regression needs adjusted p <= `level` and an
    observed drop of at least `margin` (overall) or `slice_margin`; a pass needs a drop of
    `exclude` or `slice_exclude` ruled out by the one-sided 95 % bound. `slices` declares slices
    ("topic=legal") that get a gate of their own; others with at least `min_cases` cases are in the
    family and can block too. `metrics` maps a metric to what is asked of it over all cases, where
    that is something else: of one that few cases have, say. `mode="observe"` never fails and counts
    what it would have blocked.
    """

    min: Mapping[str, float] = field(default_factory=dict)
    margin: float = 0.02
    exclude: float = 0.05
    slice_margin: float = 0.05
    slice_exclude: float = 0.25
    slices: Mapping[str, Slice] = field(default_factory=dict)
    metrics: Mapping[str, Slice] = field(default_factory=dict)
    level: float = 0.05
    min_cases: int = 10
    mode: Mode = "block"
