"""What each gate that compares with the baseline says: its figures, and the result they allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalsuite.diff import Diff
from evalsuite.gate.family import Effects, Hypothesis, bounds, informs, moved
from evalsuite.gate.judged import MISSING, People, judged
from evalsuite.gate.rules import AGAIN
from evalsuite.gate.sensitivity import drops_of, gate_name
from evalsuite.gate.sequential import HOPELESS, Outcome, outcomes
from evalsuite.gate.settling import settled
from evalsuite.gate.strict import scored
from evalsuite.gate.verdict import Finding, Result
from evalsuite.policy import OVERALL, Gate, Slice
from evalsuite.records import CHECKS, COMPLETION
from evalsuite.stats.bounds import needed_cases

_TINY = 1e-9
"""Means are compared with what a policy says up to this."""


def relative(
    diff: Diff,
    policy: Gate,
    found: Mapping[str, Effects],
    tested: Sequence[Hypothesis],
    people: People,
) -> list[Finding]:
    """A finding per hypothesis, and per declared gate of which nothing can be said.

    Crashes have a gate overall; in a slice they are mentioned only where they became more.
    """
    findings = []
    for each, outcome in zip(tested, outcomes(diff, policy, found, tested), strict=True):
        if not _applies(diff, each.metric):
            continue
        finding = _finding(diff, policy, each, found[each.metric], outcome)
        if finding.standing and finding.effect is not None:
            rated = people.get(each.metric, {})
            finding = judged(diff, policy, finding, (each, found[each.metric]), rated)
        if each.informs and each.slice == OVERALL and (reason := _disarmed(diff, each.metric)):
            mode = policy.mode
            finding = replace(
                finding, result="incomparable", reason=reason, informs=False, mode=mode
            )
        if each.metric != COMPLETION or each.slice == OVERALL or finding.result == "regression":
            findings.append(finding)
    absent = [name for name in policy.slices if name not in {*diff.slices, *diff.derived}]
    findings += [_absent(policy, name) for name in sorted(absent)]
    findings += [_dropped(policy, name) for name in _no_longer(diff)]
    return findings


def _disarmed(diff: Diff, metric: str) -> str:
    """Why a judge that gated the snapshot gates no more: a change of its card or model must not
    take a gate away unseen."""
    old, now = diff.baseline, diff.candidate.judges.get(metric)
    if old is None or metric not in old.judges or informs(old, metric):
        return ""
    if now is None or not now.gates:
        return ""
    return f"its judge gated the snapshot and no longer may: {now.says}"


def _no_longer(diff: Diff) -> list[str]:
    """Gated metrics of the baseline that the candidate doesn't measure."""
    old = diff.baseline
    if old is None:
        return []
    names = {each.name for each in old.metrics if each.role == "gate" and each.center is None}
    return sorted(name for name in names - set(diff.levels) if not informs(old, name))


def asked(policy: Gate, name: str, metric: str = CHECKS) -> tuple[float, float]:
    """The margin and the excluded drop that hold for a metric in a slice, both in (0, 1]."""
    own, margin, exclude = own_of(policy, name, metric), policy.slice_margin, policy.slice_exclude
    if name == OVERALL:
        margin, exclude = policy.margin, policy.exclude
    margin = margin if own.margin is None else own.margin
    return margin, exclude if own.exclude is None else own.exclude


def own_of(policy: Gate, name: str, metric: str) -> Slice:
    """What is declared of a slice, or of a metric over all cases."""
    return (policy.metrics.get(metric) if name == OVERALL else policy.slices.get(name)) or Slice()


def _applies(diff: Diff, metric: str) -> bool:
    """Whether any case has this metric, or had it in the baseline."""
    level, pairs = diff.levels[metric], diff.pairs.get(metric)
    here = level.ids or (pairs is not None and pairs.ids)
    return bool(here) or any(metric in names for names in diff.stale.values())


def _absent(policy: Gate, name: str) -> Finding:
    return Finding(
        name=f"{CHECKS}, {name}",
        metric=CHECKS,
        slice=name,
        critical=policy.slices[name].critical,
        mode=policy.slices[name].mode or policy.mode,
        result="inconclusive",
        reason="no case of this run is in the slice",
    )


def _dropped(policy: Gate, metric: str) -> Finding:
    return Finding(
        name=metric,
        metric=metric,
        mode=policy.mode,
        result="incomparable",
        reason="the candidate no longer measures it",
    )


def _finding(
    diff: Diff, policy: Gate, each: Hypothesis, effect: Effects, outcome: Outcome
) -> Finding:
    own = own_of(policy, each.slice, each.metric)
    unasked = each.derived and not each.declared
    standing = diff.candidate.judges.get(each.metric)
    margin, exclude = asked(policy, each.slice, each.metric)
    shock = diff.candidate.shocks.get(each.metric, 0.0) if each.slice == OVERALL else 0.0
    margin += shock
    fell, rose = moved(each, effect)
    finding = Finding(
        name=gate_name(each.metric, each.slice),
        metric=each.metric,
        slice=each.slice,
        declared=each.declared,
        derived=each.derived,
        critical=own.critical,
        mode="observe" if unasked or each.informs else own.mode or policy.mode,
        judge=standing.judge if standing else "",
        standing=standing.state if standing else "",
        remedy=standing.remedy if standing else "",
        informs=each.informs,
        result="no baseline",
        p=outcome.p,
        detectable=None if shock else _detectable(diff, each),  # known of the margin as it is
        margin=margin,
        exclude=exclude,
        shock=shock,
        n=len(each.at),
        missing=len(each.lacking) + diff.lost,
        fell=fell,
        rose=rose,
    )
    if len(each.at):
        finding = _with_figures(finding, each, effect)
        finding = _judged(finding, each, effect, diff.lost, rejected=outcome.rejected)
        return _with_way(diff, finding)
    result, reason = _of_nothing(diff, each)
    return replace(finding, after=_level(diff, each), result=result, reason=reason)


def _with_figures(finding: Finding, each: Hypothesis, effect: Effects) -> Finding:
    before, change = float(effect.before[each.at].mean()), float(effect.d[each.at].mean())
    interval = bounds(each, effect)
    return replace(
        finding,
        before=before,
        after=before + change,
        effect=change,
        low=interval.low,
        high=interval.high,
        upper_drop=interval.upper_drop,
    )


def _judged(
    finding: Finding, each: Hypothesis, effect: Effects, lost: int, *, rejected: bool
) -> Finding:
    """A regression, else unchanged, else a pass if the bound allows it, else undecided."""
    p, drop, exclude = finding.p, -(finding.effect or 0.0), finding.exclude or 0.0
    if rejected and drop >= (finding.margin or 0.0) - _TINY:
        reason = f"worse than chance explains over all that was compared (adjusted p = {p:.2g})"
        return replace(finding, result="regression", reason=reason)
    if not finding.missing and effect.pairs.identical[each.at].all():
        return replace(finding, result="unchanged", reason="every answer is the same")
    unscored = finding.missing - _silent(each, effect)
    reason = _doubt(finding, unscored, bounds(each, effect, lost=lost).upper_drop, exclude)
    if not reason:
        return replace(finding, result="pass")
    stops = each.declared and not _too_few(finding, exclude)
    finding = replace(finding, result="inconclusive" if stops else "not proven", reason=reason)
    if (finding.upper_drop or 0.0) < exclude or unscored > MISSING * _total(finding):
        return finding
    return settled(finding, each, effect)


def _silent(each: Hypothesis, effect: Effects) -> int:
    """How many of the missing scores are of answers that fell silent: they were measured, and held
    nothing to judge. Each counts as the worst that it can be, but as no lost measurement."""
    silent = effect.pairs.silent
    return 0 if silent is None else int((silent[each.lacking] > 0).sum())


def _too_few(finding: Finding, exclude: float) -> bool:
    """Whether a metric is about so few cases of a slice that it could never pass there: a slice is
    declared for the metrics that its cases have."""
    part = finding.slice != OVERALL and finding.metric != CHECKS and not finding.critical
    return part and _total(finding) < needed_cases(exclude)


def _with_way(diff: Diff, finding: Finding) -> Finding:
    """An open gate with what the snapshot lacks, so that cases that moved could be asked again."""
    run, old = diff.candidate, diff.baseline
    once = old is not None and run.trials == 1 and not run.again and old.trials <= AGAIN
    open_ = finding.result == "inconclusive" and finding.slice == OVERALL and finding.fell
    if not (once and open_ and finding.p is not None and finding.p <= HOPELESS):
        return finding
    way = "a snapshot of 5 trials (--evals-trials 5) lets cases that moved be asked again"
    return replace(finding, reason=f"{finding.reason}; {way}")


def _doubt(finding: Finding, unscored: int, worst: float, exclude: float) -> str:
    """Why a drop of `exclude` is not ruled out; "" if it is. `unscored` pairs lost their score."""
    total = _total(finding)
    if unscored > MISSING * total:
        return f"{finding.missing} of {total} pairs lack a score"
    upper = finding.upper_drop or 0.0
    if upper < exclude:
        if worst < exclude:
            return ""
        return f"{finding.missing} missing scores could hide a drop of {_points(worst)} points"
    return f"a drop of {_points(upper)} points is not ruled out, {_points(exclude)} was asked"


def _total(finding: Finding) -> int:
    return finding.n + finding.missing


def _points(share: float) -> str:
    return f"{100 * share:.3g}"


def _of_nothing(diff: Diff, each: Hypothesis) -> tuple[Result, str]:
    """What a gate says that has no usable pair."""
    if diff.baseline is None:
        return "no baseline", "there is no snapshot to compare with"
    known = {CHECKS, COMPLETION, *(metric.name for metric in diff.baseline.metrics)}
    if each.metric not in known:
        return "no baseline", "the snapshot does not measure it yet"
    if len(each.lacking):
        return "inconclusive", f"none of {len(each.lacking)} pairs has a score"
    if each.slice == OVERALL:
        return "incomparable", "no case was measured the same way on both sides"
    return "inconclusive", "no case of the slice was measured the same way on both sides"


def _detectable(diff: Diff, each: Hypothesis) -> float | None:
    if diff.baseline is None:
        return None
    if diff.candidate.looks is not None and not diff.candidate.looks.last:
        return None  # simulated for all cases
    return drops_of(diff.baseline).get(gate_name(each.metric, each.slice))


def _level(diff: Diff, each: Hypothesis) -> float | None:
    """The candidate's mean in a slice, where there is nothing to compare it with."""
    values, _, _ = scored(diff, each.metric, each.slice)
    return float(values.mean()) if len(values) else None
