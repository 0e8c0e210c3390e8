"""A number between a minimum and a maximum: what counting checks and operational ones share."""

from __future__ import annotations

import math

from evalsuite.checks.define import bad
from evalsuite.scoring import Outcome


def require_bounds(kind: str, low: float | None, high: float | None) -> None:
    """ProblemsError unless there is a bound, none is negative, and min is not over max."""
    if low is None and high is None:
        raise bad(kind, "needs a minimum or a maximum", f'write {{"{kind}": {{"max": 10}}}}')
    for name, value in (("min", low), ("max", high)):
        if value is not None and value < 0:
            raise bad(f"{kind}.{name}", "must not be negative", "every count is 0 or more")
    if low is not None and high is not None and low > high:
        raise bad(f"{kind}.min", f"{low:g} is over the maximum of {high:g}", "swap them")


def between(value: float | None, low: float | None, high: float | None, *, what: str) -> Outcome:
    """Whether low <= value <= high; undecided where the value is unknown.

    `what` is a phrase with {} for the value, e.g. "the answer has {} words".
    """
    if value is None or not math.isfinite(value) or value < 0:
        return Outcome(None, f"unknown: {what.format('?')}")
    said = what.format(f"{value:g}" if isinstance(value, float) else str(value))
    if low is not None and value < low:
        return Outcome(False, f"{said}, the minimum is {low:g}", {"value": value, "min": low})
    if high is not None and value > high:
        return Outcome(False, f"{said}, the maximum is {high:g}", {"value": value, "max": high})
    return Outcome(True, said, {"value": value})
