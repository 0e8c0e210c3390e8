"""What a judge's standing does to the gates on its metric.

A judge is believed as far as it was measured. Without a certificate it informs; a provisional one
blocks beyond a margin that its own error can't explain; one that drifted can't be compared at all.
Where answers changed their form, no judge decides alone: people do, on some blind pairs, and the
judge makes their estimate narrower (prediction-powered inference, A. Angelopoulos et al., "PPI++",
arXiv 2311.01453).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evalsuite.diff import Diff
from evalsuite.gate.family import Effects, Hypothesis
from evalsuite.gate.verdict import Finding, Result
from evalsuite.policy import Gate
from evalsuite.records import Standing
from evalsuite.stats.corrected import Corrected, corrected_difference
from evalsuite.stats.flips import Ints


class Rated(NamedTuple):
    """What people said of a case: of one answer its value in [0, 1], of two how much better the new
    one is, in [-1, 1], blind to which is which; `weight` is the inverse of the case's chance to be
    rated, up to a factor."""

    value: float
    weight: float = 1.0


People = Mapping[str, Mapping[str, Rated]]
"""By metric and case."""

PAIRS = 30
"""Human pairs from which they decide."""

MISSING = 0.02
"""The share of pairs without a score beyond which a gate is inconclusive."""

MOVED = 0.20
"""The share of cases that moved beyond which a judge's difference asks for people."""

_MUCH = 0.2
"""A difference from which a case has moved: graded scores change a little in most cases."""

_TINY = 1e-9


def judged(
    diff: Diff,
    policy: Gate,
    finding: Finding,
    tested: tuple[Hypothesis, Effects],
    people: Mapping[str, Rated],
) -> Finding:
    """A finding on a judge's metric, as far as the judge is to be believed."""
    standing = diff.candidate.judges[finding.metric]
    finding = _with_people(finding, *tested, people)
    if finding.informs or finding.result == "unchanged":
        return finding
    if standing.broken:
        return replace(finding, result="incomparable", reason=standing.broken)
    if doubted := _doubt(diff, tested[1]):
        return _by_people(finding, policy, doubted)
    if standing.state == "provisional" and finding.result == "regression":
        return _beyond_error(finding, standing)
    return finding


def _doubt(diff: Diff, effect: Effects) -> str:
    """Why a judge's difference is no evidence by itself; "" where nothing speaks against it."""
    said = [diff.form] if diff.form else []
    moved = int((np.abs(effect.d) > _MUCH).sum())
    name = effect.pairs.metric
    compares = any(each.center is not None for each in diff.candidate.metrics if each.name == name)
    if not compares and moved > MOVED * max(1, len(effect.d)):
        said.append(f"{moved} of {len(effect.d)} cases moved")
    return "; ".join(said)


def _with_people(
    finding: Finding, each: Hypothesis, effect: Effects, people: Mapping[str, Rated]
) -> Finding:
    """The figures with what people said of some of the pairs, where enough of them are judged.

    Of an answer that is the same on both sides the difference is known: 0. What people rate are
    the changed ones, so that the mean over all is that over the changed ones times their share.
    """
    changed = each.at[~effect.pairs.identical[each.at]]
    found = _corrected(changed, effect, people)
    if found is None or found.low is None or found.high is None:
        return finding
    share = len(changed) / len(each.at)
    return replace(
        finding,
        corrected=share * found.value,
        corrected_low=share * found.low,
        corrected_high=share * found.high,
    )


def _corrected(changed: Ints, effect: Effects, people: Mapping[str, Rated]) -> Corrected | None:
    """The change over these cases by people's ratings and the judge's, from PAIRS rated cases on,
    or from all if there are fewer."""
    ids = effect.pairs.ids
    at = [place for place in changed.tolist() if ids[place] in people]
    if not at or len(at) < min(PAIRS, len(changed)):
        return None
    units = effect.units if effect.pairs.clusters else np.arange(len(ids))
    rest = np.setdiff1d(changed, at)
    return corrected_difference(
        [people[ids[place]].value for place in at],
        effect.d[at].tolist(),
        effect.d[rest].tolist(),
        weights=[people[ids[place]].weight for place in at],
        clusters=units[at].tolist(),
        judged_clusters=units[rest].tolist(),
    )


def _by_people(finding: Finding, policy: Gate, doubted: str) -> Finding:
    """The result where the judge alone is no evidence: what people's ratings say."""
    undecided: Result = "inconclusive" if finding.declared else "not proven"
    if finding.corrected is None:
        # What the judge took for a drop is never let through unseen.
        saw = finding.result == "regression"
        reason = (
            f"{doubted}: a judge may grade that differently than people do; rate {PAIRS} blind "
            f"pairs: `evalsuite rate {finding.judge} --pairs --from-run last`"
        )
        return replace(
            finding,
            result="inconclusive" if saw else undecided,
            critical=finding.critical or saw,
            reason=reason,
        )
    margin, exclude = finding.margin or 0.0, finding.exclude or 0.0
    low, high = finding.corrected_low or 0.0, finding.corrected_high or 0.0
    seen = f"decided by people's ratings, since {doubted}"
    if high < 0 and -finding.corrected >= margin - _TINY:
        return replace(finding, result="regression", reason=seen)
    lost, total = finding.missing, finding.n + finding.missing
    worst = (finding.n * low - lost) / total  # every missing score as bad as can be
    if lost > MISSING * total:
        reason = f"{seen}: {lost} of {total} pairs lack a score"
    elif -worst < exclude:
        return replace(finding, result="pass", reason=seen)
    else:
        reason = f"{seen}: a drop of {100 * -worst:.3g} points is not ruled out"
    return replace(finding, result=undecided, reason=reason)


def _beyond_error(finding: Finding, standing: Standing) -> Finding:
    """A provisional judge's regression stands only beyond what its own error could explain."""
    drop, margin = -(finding.effect or 0.0), (finding.margin or 0.0) + standing.error
    if drop >= margin - _TINY:
        return replace(finding, margin=margin)
    reason = (
        f"the judge says {100 * drop:.1f} points less, of which {100 * standing.error:.1f} can be "
        "its own error"
    )
    way = f"; {standing.remedy}" if standing.remedy else ""
    return replace(finding, result="inconclusive", margin=margin, reason=reason + way)
