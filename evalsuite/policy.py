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


OBJECTIVES = {
    "latency_p50": "s",
    "latency_p95": "s",
    "first_token_p50": "s",
    "first_token_p95": "s",
    "tokens": "tokens",
    "cost": "USD",
    "cost_per_success": "USD",
    "error_rate": "share",
    "failed_attempts": "attempts",
    "swap_flip_rate": "share",
    "unparsable_rate": "share",
}
"""What an operational gate can be put on, with its unit; lower is better. Seconds to an answer and
to its first token; tokens, US dollars and failed attempts per answer; US dollars per answer whose
checks hold; shares of answers lost to provider or harness, of judged pairs whose orders disagree,
of judgements without a readable verdict."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What is asked of one operational figure.

    `max` is its highest value, in the figure's own unit. `rise` is how far it may rise over the
    baseline: 0.25 is a quarter more, of a share 0.02 is 2 points more. At least one is given;
    `mode` None is the gate's.
    """

    max: float | None = None
    rise: float | None = None
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
    what it would have blocked. `operations` maps figures such as "latency_p95" to what is asked of
    them (OBJECTIVES).
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
    operations: Mapping[str, Objective] = field(default_factory=dict)
