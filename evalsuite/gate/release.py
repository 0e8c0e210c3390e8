"""The family of a pinned release: a second baseline, so that small drops can't add up unseen.

Ten merges that lose a point each pass ten gates whose baseline moves along. Beside the release the
same ten points are one drop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from evalsuite.gate.verdict import BAD, Finding, Verdict
from evalsuite.policy import OVERALL
from evalsuite.records import COMPLETION, Run


def beside_release(run: Run) -> Run:
    """A candidate as it is compared with a release: cases that were asked again moved beside the
    snapshot and not beside this one, and comparisons with the snapshot's answers are none here."""
    metrics = [each for each in run.manifest.metrics if each.center is None]
    return Run(replace(run.manifest, again=0, metrics=metrics), run.rows)


def with_release(verdict: Verdict, other: Verdict, name: str, *, gates: bool) -> Verdict:
    """A verdict with what the gate says beside the release `name`.

    A family of its own: with `gates` a regression of it counts as one of the snapshot's does, else
    it informs. Nothing else of it changes the verdict, since the snapshot decides what is open.
    """
    found = tuple(_of_release(other, name, gates=gates))
    worse = any(each.result == "regression" and not each.informs for each in found)
    blocks = any(each.blocks for each in found)
    graver = worse and (verdict.result not in BAD) and (blocks or not _holds(verdict))
    return replace(
        verdict,
        findings=(*verdict.findings, *found),
        result="regression" if graver else verdict.result,
        reason="" if graver else verdict.reason,
    )


def _holds(verdict: Verdict) -> bool:
    """Whether the run as a whole is not decided, which what was only observed can't change."""
    return verdict.result in ("inconclusive", "incomparable", "partial")


def _of_release(other: Verdict, name: str, *, gates: bool) -> Iterator[Finding]:
    for each in other.findings:
        overall = each.slice == OVERALL and each.metric != COMPLETION
        counted = each.declared or not each.derived
        worse = each.result == "regression" and counted
        if each.kind != "relative" or each.informs or not (overall or worse):
            continue
        yield replace(
            each,
            kind="release",
            name=f"{each.name} (since {name})",
            mode=each.mode if gates else "observe",
            informs=not gates,
            critical=False,
            detectable=None,
        )
