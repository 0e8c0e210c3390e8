"""Makes a Verdict: what every gate of a suite says, and what they say together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from evalsuite.diff import Diff
from evalsuite.gate.family import Effects, Hypothesis, effects, hypotheses, informs
from evalsuite.gate.judged import People
from evalsuite.gate.operating import operations
from evalsuite.gate.relative import relative
from evalsuite.gate.strict import floors, must_pass
from evalsuite.gate.verdict import BAD, Finding, Result, Verdict
from evalsuite.policy import OVERALL, Gate
from evalsuite.records import CHECKS, COMPLETION

NAIVE = 0.03
"""The fixed drop of the rule that this gate is compared with."""


class Hold(NamedTuple):
    """Why no relative gate and no floor of a run is decided."""

    result: Result
    reason: str


def decide(diff: Diff, policy: Gate, people: People | None = None) -> Verdict:
    """The verdict of a suite's gates; equal diffs and policies always give equal verdicts.

    `people` are differences that people found between the answers of both sides, where some were
    rated (see `gate.judged`).
    """
    found = effects(diff)
    tested = hypotheses(diff, policy, found)
    hold = _hold(diff)
    findings = [*relative(diff, policy, found, tested, people or {}), *floors(diff, policy)]
    findings += operations(diff, policy)
    if hold:
        findings = [
            replace(each, result=hold.result, reason=hold.reason, p=None)
            for each in findings
            if each.declared
        ]
    findings += must_pass(diff, policy)
    result, reason = _together(diff, findings, hold)
    main = _main(diff)
    compared = [
        each for each in tested if each.metric == main and not each.derived and len(each.at)
    ]
    return Verdict(
        suite=diff.suite,
        result=result,
        findings=tuple(findings),
        reason=reason,
        slices_compared=len(compared),
        naive_slices=_naive(compared, found, NAIVE),
        changed=sum(status == "changed" for status in diff.status.values()),
        moved=int((found[CHECKS].d != 0).sum()),
    )


def _main(diff: Diff) -> str:
    """The metric that a single figure is about: `checks`, else the first that was compared."""
    names = [CHECKS, *(name for name in diff.pairs if name not in (CHECKS, COMPLETION))]
    return next((name for name in names if len(diff.pairs[name].ids)), CHECKS)


def _hold(diff: Diff) -> Hold | None:
    run = diff.candidate
    levels = [
        level
        for name, level in diff.levels.items()
        if name != COMPLETION and (level.ids or level.void)
    ]
    if run.stopped:
        return Hold("inconclusive", f"the run was stopped: {run.stopped}")
    if run.replayed and (diff.lost or not run.complete):
        return Hold("incomparable", "replies are missing from the recording")
    if not any(level.seen.any() for level in levels or [diff.levels[COMPLETION]]):
        return Hold("inconclusive", "no case was scored")
    if run.partial:
        return Hold("partial", "only a part of the cases ran")
    return None


def _together(diff: Diff, findings: Sequence[Finding], hold: Hold | None) -> tuple[Result, str]:
    """The gravest result that counts, and why the run as a whole has it; see Verdict."""
    counted = [
        each for each in findings if (each.declared or not each.derived) and not each.informs
    ]
    blocking = _gravest(each for each in counted if each.blocks)
    if blocking:
        return blocking, ""
    if hold:
        return hold
    if broken := _broken(diff):
        return "incomparable", broken
    if _apart(counted):
        return "incomparable", "no case was measured the same way on both sides"
    return _gravest(counted) or _mildest(diff, counted), ""


def _broken(diff: Diff) -> str:
    """What is wrong with a judge that a gate rests on: an error of the judge, no regression."""
    run = diff.candidate
    told = {metric.name for metric in run.metrics if informs(run, metric.name)}
    return next((s.broken for name, s in run.judges.items() if s.broken and name not in told), "")


def _gravest(findings: Iterable[Finding]) -> Result | None:
    results = {each.result for each in findings}
    return next((bad for bad in BAD if bad in results), None)


def _apart(findings: Sequence[Finding]) -> bool:
    """Whether there is a baseline, but no metric of it could be compared."""
    overall = [each for each in findings if each.kind == "relative" and each.slice == OVERALL]
    scored = [each for each in overall if each.metric != COMPLETION] or overall
    return bool(scored) and all(each.result == "incomparable" for each in scored)


def _mildest(diff: Diff, findings: Sequence[Finding]) -> Result:
    """What gates say together of which none found anything worse. Operational ones stand apart."""
    findings = [each for each in findings if each.kind != "operation"]
    if any(each.result in ("inconclusive", "incomparable") for each in findings):
        return "inconclusive"
    if diff.baseline is None:
        return "no baseline"
    asked = [each for each in findings if each.metric != COMPLETION or each.kind == "floor"]
    if diff.candidate.judges and not asked:
        return "not proven"  # every judge only informs: nothing gates
    results = {each.result for each in findings if each.kind == "relative"}
    return "unchanged" if results == {"unchanged"} else "pass"


def _naive(tested: Iterable[Hypothesis], found: Mapping[str, Effects], points: float) -> int:
    """How many of these a rule "the mean is down by more than `points`" would have blocked."""
    means = (found[each.metric].d[each.at].mean() for each in tested if len(each.at))
    return sum(bool(mean < -points - 1e-9) for mean in means)
