"""What would settle a gate that was left open: cases or trials like those that were seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evalsuite.gate.family import Effects, Hypothesis, by_unit
from evalsuite.gate.verdict import Finding
from evalsuite.stats.settling import Seen, settling_cases, settling_trials


def settled(finding: Finding, each: Hypothesis, effect: Effects) -> Finding:
    """With what would settle it, were further cases or trials like those that were seen."""
    exclude, measured = finding.exclude or 0.0, seen(each, effect)
    cases, trials = settling_cases(measured, exclude), settling_trials(measured, exclude)
    if measured.drop >= exclude:
        way = "no number of cases would do: the observed drop is no smaller than that"
    else:
        way = f"about {cases:,} cases like these" if cases else "over a million cases like these"
        way += f", or {trials} trials of each," if trials else ""
        way += " would settle it"
    return replace(
        finding,
        reason=f"{finding.reason}; {way}",
        settling_cases=cases,
        settling_trials=trials,
    )


def seen(each: Hypothesis, effect: Effects) -> Seen:
    """The differences of a slice that has a pair, and what of them its trials explain."""
    sums, sizes = by_unit(effect, effect.d[each.at], effect.units[each.at])
    pairs = effect.pairs
    trials = min(pairs.before.shape[1], pairs.after.shape[1])
    noise = None
    if trials > 1:
        both = pairs.before_seen[:, :trials] & pairs.after_seen[:, :trials]
        both = both[each.at] & ~pairs.identical[each.at, None]
        moves = np.where(both, (pairs.after[:, :trials] - pairs.before[:, :trials])[each.at], 0.0)
        count = both.sum(axis=1)
        mean = moves.sum(axis=1) / np.maximum(count, 1)
        spread = np.where(both, moves - mean[:, None], 0.0) ** 2
        free = np.maximum(count - 1, 1) * np.maximum(count, 1)
        noise = float((spread.sum(axis=1) / free).sum())
    return Seen(
        clusters=len(sizes),
        totals=(float(sums.sum()), float(sizes.sum())),
        products=(
            float((sums * sums).sum()),
            float((sums * sizes).sum()),
            float((sizes * sizes).sum()),
        ),
        trials=trials,
        noise=noise,
    )
