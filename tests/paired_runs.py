"""Runs in one line, for tests of what compares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evalsuite.diff import compare
from evalsuite.gate import Finding, Gate, Verdict, decide
from evalsuite.records import CHECKS, Manifest, Metric, Row, Run, Subject

Value = float | None | Sequence[float | None]


def row(case: str, value: Value, *, side: str = "a", **settings: Any) -> Row:
    """A case whose answers are new on every side unless `outputs` says otherwise."""
    values = list(value) if isinstance(value, Sequence) else [value]
    defaults: dict[str, Any] = {
        "case_key": f"key of {case}",
        "scorer_keys": {CHECKS: "checks"},
        "scores": {CHECKS: values},
        "outputs": [f"{side} {case} {trial}" for trial in range(len(values))],
    }
    return Row(id=case, **{**defaults, **settings})


def run_of(rows: Sequence[Row], name: str = "run", **settings: Any) -> Run:
    defaults: dict[str, Any] = {
        "suite": "askacme",
        "run": name,
        "created": "",
        "golden": {},
        "subject": Subject(),
        "policy": {},
        "metrics": [Metric(CHECKS)],
        "expected": len(rows),
    }
    return Run(Manifest(**{**defaults, **settings}), {each.id: each for each in rows})


def both(
    before: Sequence[Value], after: Sequence[Value], slices: Sequence[Mapping[str, str]] = ()
) -> tuple[Run, Run]:
    """Two runs over the same cases c000, c001, ...; equal values do not mean equal answers."""
    tags = slices or [{}] * len(before)
    sides = [
        run_of([row(f"c{n:03d}", v, side=side, slices=tags[n]) for n, v in enumerate(values)], side)
        for side, values in (("before", before), ("after", after))
    ]
    return sides[0], sides[1]


def same_answers(before: Run, after: Run) -> Run:
    """`after` with the outputs of `before`, as a replayed run has them."""
    rows = {
        case: replace(each, outputs=before.rows[case].outputs) for case, each in after.rows.items()
    }
    return Run(after.manifest, rows)


def verdict_of(before: Run | None, after: Run, policy: Gate | None = None) -> Verdict:
    return decide(compare(before, after), policy or Gate())


def finding_of(verdict: Verdict, name: str) -> Finding:
    found = [each for each in verdict.findings if each.name == name]
    assert len(found) == 1, f"{name}: {[each.name for each in verdict.findings]}"
    return found[0]
