"""When a run need not go on, and which of its cases are worth being asked again."""

from __future__ import annotations

from dataclasses import replace

from evalsuite.diff import Diff
from evalsuite.gate.decision import decide
from evalsuite.gate.family import effects, hypotheses
from evalsuite.gate.sequential import HOPELESS, moved_cases, repeatable
from evalsuite.gate.verdict import Finding, Verdict
from evalsuite.policy import Gate

STRICTER = 0.8
"""At a look a pass must rule out this part of each `exclude`: 4 points of 5, 20 of 25, so that less
power is lost to runs that stop before a drop is told apart."""

LOOKS = (0.25, 0.5, 0.75, 1.0)
"""The shares of the cases after which a sequential run is looked at."""


def look_sizes(cases: int, first: int = 0) -> tuple[int, ...]:
    """How many cases are read at each look; the first one has at least `first`.

    >>> look_sizes(200), look_sizes(3), look_sizes(100, first=40)
    ((50, 100, 150, 200), (1, 2, 3), (40, 50, 75, 100))
    """
    sizes = {max(first, -int(-cases * share // 1)) for share in LOOKS}
    return tuple(sorted(min(size, cases) for size in sizes if size))


def decided(diff: Diff, policy: Gate) -> str:
    """Why a run that was read in part need not go on; "" if it must.

    Worse: a gate blocks by its part of the level, or a must_pass case failed. A floor alone ends
    nothing: it is held against all cases, and so are operational gates. As good: everything else
    that counts passes with STRICTER.
    """
    policy = replace(policy, operations={})
    verdict = decide(diff, policy)
    red = [each for each in verdict.findings if each.blocks and each.kind != "floor"]
    if red:
        return f"{red[0].name}: {red[0].result}"
    return "every gate passes" if _passes(decide(diff, stricter(policy))) else ""


def stricter(policy: Gate) -> Gate:
    """The policy by which a look may pass."""
    slices, metrics = (
        {
            name: replace(each, exclude=STRICTER * each.exclude) if each.exclude else each
            for name, each in declared.items()
        }
        for declared in (policy.slices, policy.metrics)
    )
    return replace(
        policy,
        exclude=STRICTER * policy.exclude,
        slice_exclude=STRICTER * policy.slice_exclude,
        slices=slices,
        metrics=metrics,
    )


def _passes(verdict: Verdict) -> bool:
    counted = [
        each
        for each in verdict.findings
        if not each.informs and (each.declared or not each.derived)
    ]
    return any(each.kind == "relative" for each in counted) and all(map(_clear, counted))


def _clear(finding: Finding) -> bool:
    """Whether nothing is left open; answers that are all the same are few until all are read."""
    if finding.kind != "relative":
        return finding.result in ("pass", "flaky")
    ruled_out = finding.upper_drop is not None and finding.upper_drop < (finding.exclude or 0.0)
    return finding.result in ("pass", "unchanged") and ruled_out


def ask_again(diff: Diff, policy: Gate) -> tuple[str, ...]:
    """The cases to be asked again before the verdict, sorted; none if it would change nothing.

    None are if the run was decided before its end, if a gate blocks already, or if nothing looks
    like a drop (the smallest p of the family is over HOPELESS).
    """
    looks = diff.candidate.looks
    if not repeatable(diff) or (looks is not None and not looks.last):
        return ()
    verdict = decide(diff, replace(policy, operations={}))
    if verdict.blocks or verdict.reason:
        return ()
    found = effects(diff)
    tested = hypotheses(diff, policy, found)
    lowest = [
        each.p
        for each in verdict.findings
        if each.p is not None and not each.informs and (each.declared or not each.derived)
    ]
    if min(lowest, default=1.0) > HOPELESS:
        return ()
    return tuple(sorted(moved_cases(diff, found, tested)))
