"""What the rules of a guardrail get wrong, at their own thresholds and at others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.guardrails import TRUE_NEGATIVE, TRUE_POSITIVE
from evalsuite.records import Metric, Row
from evalsuite.stats.bounds import rate_bounds

STEPS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Thresholds beside a rule's own."""


@dataclass(frozen=True, slots=True)
class Errors:
    """How many of how many cases; `rate` and its 95 % interval are None without any."""

    errors: int
    n: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """One rule at one threshold; `gated`: the one that the suite's metrics and gates are of."""

    rule: str
    threshold: float
    gated: bool
    false_positives: Errors
    false_negatives: Errors
    unscored: int


def points(metrics: Sequence[Metric], rows: Mapping[str, Row]) -> tuple[Point, ...]:
    """Every rule at its own threshold and at STEPS; a rule that only says yes or no has one."""
    return tuple(
        point
        for metric in metrics
        if metric.threshold is not None
        for point in _of_rule(metric.name, metric.threshold, rows)
    )


def _of_rule(rule: str, own: float, rows: Mapping[str, Row]) -> list[Point]:
    sides: dict[str, list[float]] = {TRUE_NEGATIVE: [], TRUE_POSITIVE: []}
    unscored = 0
    for row in rows.values():
        score = next(iter(row.scores.get(rule, ())), None)
        # Only one of the two is scored in a case: which one says what should have happened.
        side = next((each for each in sides if _scored(row, f"{rule}.{each}")), None)
        if score is None or side is None:
            unscored += 1
        else:
            sides[side].append(score)
    negative, positive = sides[TRUE_NEGATIVE], sides[TRUE_POSITIVE]
    graded = any(0 < score < 1 for score in (*negative, *positive))
    return [
        Point(
            rule,
            threshold,
            threshold == own,
            _errors(sum(score >= threshold for score in negative), len(negative)),
            _errors(sum(score < threshold for score in positive), len(positive)),
            unscored,
        )
        for threshold in sorted({own, *(STEPS if graded else ())})
    ]


def _scored(row: Row, metric: str) -> bool:
    return any(value is not None for value in row.scores.get(metric, ()))


def _errors(errors: int, n: int) -> Errors:
    if not n:
        return Errors(0, 0, None, None, None)
    low, high = rate_bounds(errors / n, n) or (0.0, 1.0)
    return Errors(errors, n, errors / n, low, high)
