"""The gate: a diff and a policy in, a verdict out; no clock, no file, no chance.

    Diff --family--> Hypotheses, tested together --decision--> Findings --> Verdict

Red means worse, green means that a drop of a stated size would have been seen, and where the
evidence is not enough the verdict says so.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evalsuite.gate.rules import policy_from, policy_json, validate
from evalsuite.gate.verdict import Finding, Result, Verdict
from evalsuite.policy import OVERALL, Gate, Slice
from evalsuite.stats.bounds import needed_cases

if TYPE_CHECKING:
    from evalsuite.gate.decision import decide
    from evalsuite.gate.planning import Sight, detectable, sights

__all__ = [
    "OVERALL",
    "Finding",
    "Gate",
    "Result",
    "Sight",
    "Slice",
    "Verdict",
    "decide",
    "detectable",
    "needed_cases",
    "policy_from",
    "policy_json",
    "sights",
    "validate",
]

_HOMES = {
    "decide": "decision",
    "detectable": "planning",
    "sights": "planning",
    "Sight": "planning",
}


def __getattr__(name: str) -> Any:
    """What needs arrays is loaded when it is used: a run checks its policy long before it decides,
    and asks its first model between."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"evalsuite.gate.{_HOMES[name]}"), name)
