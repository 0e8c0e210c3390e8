"""The gates that need no baseline: floors of a rate, and cases that must pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalsuite.diff import Diff
from evalsuite.gate.family import informs, standing_of
from evalsuite.gate.verdict import Finding, Result
from evalsuite.policy import OVERALL, Gate, Slice
from evalsuite.records import CHECKS
from evalsuite.stats.bounds import Z_ONE_SIDED, rate_bounds
from evalsuite.stats.flips import Floats

_TINY = 1e-9


def floors(diff: Diff, policy: Gate) -> list[Finding]:
    """A finding per floor: below if even the one-sided 95 % upper bound (Wilson) is under it.

    A pass needs the observed rate to reach the floor with every missing score at its worst;
    between the two the floor is inconclusive.
    """
    wanted = [(metric, OVERALL, floor) for metric, floor in policy.min.items()]
    for metric, own in policy.metrics.items():
        if own.min is not None:
            wanted.append((metric, OVERALL, own.min))
    for name, own in policy.slices.items():
        if own.min is not None:
            wanted.append((CHECKS, name, own.min))
    return [_floor(diff, policy, *each) for each in wanted]


def _floor(diff: Diff, policy: Gate, metric: str, name: str, floor: float) -> Finding:
    own = (policy.metrics.get(metric) if name == OVERALL else policy.slices.get(name)) or Slice()
    values, missing, units = scored(diff, metric, name)
    missing += diff.lost
    rate = float(values.mean()) if len(values) else None
    interval = None if rate is None else rate_bounds(rate, units)
    run = diff.candidate
    standing, told = standing_of(run, metric), informs(run, metric)
    result, reason = _floor_result(values, missing, units, floor)
    if standing is not None and standing.state == "provisional" and result == "below":
        result, reason = _beyond_error(values, units, floor, standing.error)
    if standing is not None and standing.broken and not told:
        result, reason = "incomparable", standing.broken
    return Finding(
        name=f"{metric if name == OVERALL else f'{metric}, {name}'} >= {floor:.2f}",
        metric=metric,
        slice=name,
        kind="floor",
        critical=own.critical,
        mode="observe" if told else own.mode or policy.mode,
        informs=told,
        judge=standing.judge if standing else "",
        standing=standing.state if standing else "",
        remedy=standing.remedy if standing else "",
        result=result,
        reason=reason,
        after=rate,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        floor=floor,
        n=len(values),
        missing=missing,
    )


def _beyond_error(values: Floats, units: int, floor: float, error: float) -> tuple[Result, str]:
    """A provisional judge's rate is below a floor only by more than its own error can explain."""
    bounds = rate_bounds(float(values.mean()), units, Z_ONE_SIDED)
    if bounds and bounds[1] < floor - error - _TINY:
        return "below", f"below the floor by more than the judge's error, {100 * error:.1f} points"
    return "inconclusive", f"up to {100 * error:.1f} points can be the judge's own error"


def scored(diff: Diff, metric: str, name: str) -> tuple[Floats, int, int]:
    """What the candidate scored in a slice, how many are missing, how many independent units."""
    level = diff.levels.get(metric)
    if level is None:
        return np.empty(0), 0, 0
    at = np.arange(len(level.ids))
    if name != OVERALL:
        members = {*diff.slices.get(name, ()), *diff.derived.get(name, ())}
        at = np.array([n for n, case in enumerate(level.ids) if case in members], dtype=np.int64)
    fallen = level.fallen if name == OVERALL else 0
    used = at[level.seen[at]]
    units = len(used)
    if level.clusters:
        units = len({level.clusters[n] or (level.ids[n],) for n in used.tolist()})
    return level.values[used], len(at) - len(used) + fallen, units


def _floor_result(values: Floats, missing: int, units: int, floor: float) -> tuple[Result, str]:
    if not len(values):
        return "inconclusive", "no case was scored"
    rate = float(values.mean())
    bounds = rate_bounds(rate, units, Z_ONE_SIDED)
    if bounds and bounds[1] < floor - _TINY:
        return "below", f"with 95 % confidence the rate is at most {bounds[1]:.3f}"
    if float(values.sum()) / (len(values) + missing) >= floor - _TINY:
        return "pass", ""
    if rate >= floor - _TINY:
        return "inconclusive", f"{missing} of {len(values) + missing} cases lack a score"
    return "inconclusive", f"under the floor by less than {len(values)} cases can prove"


def must_pass(diff: Diff, policy: Gate) -> list[Finding]:
    """A finding per strict case that did not simply hold, and one that counts those that did.

    A case fails if its first trial and at least 2 of up to 4 further ones fail (all of fewer than
    2); with no further trial the first decides. It is flaky if the others held, and inconclusive
    where no trial could be scored, which stops the run: a bug that may be back is not clear.
    """
    findings, held = [], 0
    for case, trials in diff.must_pass.items():
        result, reason = _strict_result([trial for trial in trials if trial is not None])
        if result == "pass":
            held += 1
            continue
        findings.append(
            Finding(
                name=f"must_pass, {case}",
                metric=CHECKS,
                kind="must_pass",
                critical=True,
                mode=policy.mode,
                result=result,
                reason=reason,
                n=sum(trial is not None for trial in trials),
                missing=sum(trial is None for trial in trials),
                fell=(case,),
            )
        )
    if held:
        findings.append(
            Finding(
                name="must_pass",
                metric=CHECKS,
                kind="must_pass",
                mode=policy.mode,
                result="pass",
                n=held,
            )
        )
    return findings


def _strict_result(trials: Sequence[bool]) -> tuple[Result, str]:
    if not trials:
        return "inconclusive", "no trial could be scored"
    if trials[0]:
        return "pass", ""
    further = trials[1:5]
    failed = further.count(False)
    if failed >= min(2, len(further)):
        return "failed", f"{1 + failed} of {1 + len(further)} trials failed"
    return "flaky", f"the first trial failed, {len(further) - failed} of {len(further)} others held"
