"""All checks of a case, together: one score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalsuite.canonical import canonical
from evalsuite.checks.define import Check
from evalsuite.records import CHECKS, Case, Json, Output, Score
from evalsuite.scoring import Outcome, clip, complaint

SHOWN = 20
"""Checks that did not hold and are shown; beyond, they are only counted."""


def score(case: Case, output: Output, checks: Sequence[Check], trial: int) -> Score:
    """1.0 if every check holds, 0.0 if one does not, None if some could not be decided.

    None too without an answer or without checks. The first evidence entry counts, the others are
    the checks that did not hold: {"kind", "holds", "reason", ...what the check found}.
    """
    if output.error is not None:
        reason = clip(f"no answer: {output.error.kind}: {output.error.message}")
        return Score(case.id, trial, CHECKS, None, reason)
    if not checks:
        return Score(case.id, trial, CHECKS, None, "the case has no checks")
    found = [(check, _ask(check, case, output)) for check in checks]
    failed = [each for each in found if each[1].holds is False]
    open_ = [each for each in found if each[1].holds is None]
    counts = {
        "checks": len(checks),
        "held": len(checks) - len(failed) - len(open_),
        "failed": len(failed),
        "undecided": len(open_),
    }
    evidence = [counts, *(_shown(*each) for each in (*failed, *open_)[:SHOWN])]
    if failed:
        return Score(case.id, trial, CHECKS, 0.0, _reason(failed), evidence)
    if open_:
        return Score(case.id, trial, CHECKS, None, _reason(open_), evidence)
    return Score(case.id, trial, CHECKS, 1.0, "", evidence)


def _ask(check: Check, case: Case, output: Output) -> Outcome:
    try:
        return check(case, output)
    except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001 - a user's code
        return Outcome(None, f"the check raised {complaint(error)}")


def _reason(found: Sequence[tuple[Check, Outcome]]) -> str:
    check, outcome = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return clip(f"{check.kind}: {outcome.reason}", 300) + more


def _shown(check: Check, outcome: Outcome) -> Mapping[str, Json]:
    entry = {"kind": check.kind, "holds": outcome.holds, "reason": clip(outcome.reason, 300)}
    evidence = dict(outcome.evidence)
    try:
        if len(canonical(evidence)) > 8_192:
            evidence = {"evidence left out": "over 8192 bytes"}
    except (TypeError, ValueError, RecursionError) as error:
        evidence = {"evidence left out": complaint(error)}
    return {**entry, **evidence, **entry}
