"""One test in stages: looks at a run that is not over, and cases asked again after it.

The sign patterns are the same at every stage, and all of them take part: a stage rejects those
patterns whose smallest p is lowest, and a pattern that is rejected is spent. If the two runs are
exchangeable, what was observed is one pattern like any other, so the chance that it is ever
rejected is the share of patterns that all stages together may reject: the level. Stopping early
for want of a drop only rejects less.

Method: alpha spending of K. Lan, D. DeMets, Biometrika 70 (1983), on the permutation distribution
of the step-down min-p test, over the sign patterns of `flips`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalsuite.stats.flips import Bools, Floats, Ints, SignFlips

EARLY = 0.4
"""The part of the level that is spent before cases are asked again: 0.02 of 0.05."""

_FINE = 2**16
"""Logarithms are summed as whole multiples of 1 / 65,536, so that the order does not matter."""

_EVIDENCE = 43
"""Bits of their sum, beside 20 of a rank: enough for millions of hypotheses and of patterns."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage says. `adjusted` (hypotheses,) are family-wise p that count what earlier
    stages spent; a hypothesis is rejected if its p is at most the stage's budget. `alive`
    (patterns,) are the patterns that no stage has rejected by now."""

    adjusted: Floats
    alive: Bools


def spending(level: float, share: float) -> float:
    """What may be spent once `share` (0, 1] of the cases are read, of a test that goes on.

    >>> [round(spending(0.05, share), 5) for share in (0.25, 0.5, 1.0)]
    [0.00125, 0.005, 0.02]
    """
    return EARLY * level * share**2


def stage(flips: SignFlips, alive: Bools | None, budget: float) -> Stage:
    """Step-down min-p of one stage.

    Patterns are ordered by their smallest p, and of those in which it is equal by the evidence of
    the whole family, the sum of the logarithms of its p: where few cases moved a smallest p comes
    in large steps, and a tie of hundreds of patterns would count as a whole. Further hypotheses
    are rejected by their own p alone.

    `alive` is what the stage before left, None at the first; `budget` the share of patterns that
    all stages up to this one may reject. The threshold lies below a tie that would exceed it.
    """
    patterns = flips.patterns
    alive = np.ones(patterns, dtype=np.bool_) if alive is None else alive
    spent = patterns - int(alive.sum())
    log = np.rint(np.log(np.arange(1, patterns + 1)) * _FINE).astype(np.int64)
    evidence = np.zeros(patterns, dtype=np.int64)
    lowest = np.full(patterns, patterns, dtype=np.int64)
    order, observed, below = [], [], []
    for number, ranks in flips.falling():
        evidence += log[ranks - 1]
        np.minimum(lowest, ranks, out=lowest)
        order.append(number)
        observed.append(int(ranks[0]))
        below.append(int(np.count_nonzero((lowest <= ranks[0]) & alive)))
    place = lowest << _EVIDENCE | evidence
    best = int(np.count_nonzero((place <= place[0]) & alive))
    counts = np.where(np.array(observed) == lowest[0], best, below)
    adjusted = np.ones(len(order))
    adjusted[order] = np.maximum.accumulate(counts[::-1])[::-1]
    p = np.minimum((spent + adjusted[flips.which]) / patterns, 1.0)
    return Stage(p, alive & ~_rejected(place, alive, budget, spent))


def step_down(flips: SignFlips) -> Floats:
    """Family-wise adjusted one-sided p per hypothesis, in (0, 1], of a test in one stage.

    With arms that are exchangeable per unit, the chance that any true null gets p <= a is at
    most a.
    """
    return stage(flips, None, 1.0).adjusted


def _rejected(place: Ints, alive: Bools, budget: float, spent: int) -> Bools:
    """The living patterns that come first, as many as may still be spent."""
    room = allowed(budget, len(place)) - spent
    ordered = np.sort(place[alive])
    if room >= len(ordered):
        return alive
    # The next one is not rejected any more, nor is what ties with it.
    return np.asarray(alive & (place < ordered[max(room, 0)]), dtype=np.bool_)


def allowed(budget: float, patterns: int) -> int:
    """How many of the patterns a budget is."""
    return int(budget * patterns + 1e-9)
