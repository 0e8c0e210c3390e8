"""What no run of a suite's cases could decide, known before anything is spent."""

from __future__ import annotations

from collections import Counter

from evalsuite.gate import needed_cases
from evalsuite.policy import OVERALL, Gate
from evalsuite.runner.plan import Plan


def unreachable(plan: Plan) -> list[str]:
    """The gates whose `exclude` the suite's cases can't reach even if nothing moves: they would
    always be inconclusive, so it is said before anything is spent."""
    gate = plan.suite.gate
    wanted = [(OVERALL, gate.exclude, len(plan.dataset.cases))]
    counts = Counter(f"{k}={v}" for case in plan.dataset.cases for k, v in case.slices.items())
    wanted += [(name, excluded(gate, name), counts[name]) for name in gate.slices if name in counts]
    whose = f"suite {plan.suite.name}" + (f", tier {plan.tier}" if plan.tier else "")
    more = "give it more of them" if plan.tier else "add cases"
    return [
        f"{whose}: {name} has {n} {'case' if n == 1 else 'cases'}, and to rule out "
        f"a drop of {100 * exclude:g} points takes {needed_cases(exclude)}: {more}, or raise "
        "exclude"
        for name, exclude, n in wanted
        if n < needed_cases(exclude)
    ]


def excluded(gate: Gate, name: str) -> float:
    """The drop that a pass must rule out in a declared slice."""
    own = gate.slices[name].exclude
    return gate.slice_exclude if own is None else own
