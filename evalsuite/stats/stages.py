"""One test in stages: looks at a run that is not over, and cases asked again after it.

The sign patterns are the same at every stage, and all of them take part: a stage rejects those
patterns whose smallest p is lowest, and a pattern that is rejected is spent. If the two runs are
exchangeable, what was observed is one pattern like any other, so the chance that it is ever
rejected is the share of patterns that all stages together may reject: the level. Stopping early
for want of a drop only rejects less.

Method: alpha spending of K. Lan, D. DeMets, Biometrika 70 (1983), on the permutation distribution
of the step-down min-p test in `flips`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalsuite.stats.flips import Bools, Floats, Ints, lowest_ranks

EARLY = 0.4
"""The part of the level that is spent before cases are asked again: 0.02 of 0.05."""


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


def stage(ranks: Ints, alive: Bools | None, budget: float) -> Stage:
    """Step-down min-p of one stage; `ranks` is (hypotheses, patterns) as `flip_ranks` makes it.

    `alive` is what the stage before left, None at the first; `budget` the share of patterns that
    all stages up to this one may reject. The threshold lies below a tie that would exceed it.
    """
    hypotheses, patterns = ranks.shape
    alive = np.ones(patterns, dtype=np.bool_) if alive is None else alive
    spent = patterns - int(alive.sum())
    order = np.argsort(ranks[:, 0], kind="stable")
    lowest = lowest_ranks(ranks, order)
    below = np.count_nonzero((lowest <= ranks[order, :1]) & alive, axis=1)
    adjusted = np.ones(hypotheses)
    adjusted[order] = np.maximum.accumulate((spent + below) / patterns)
    return Stage(np.minimum(adjusted, 1.0), alive & ~_rejected(lowest[0], alive, budget, spent))


def _rejected(lowest: Ints, alive: Bools, budget: float, spent: int) -> Bools:
    """The living patterns with the lowest smallest rank, as many as may still be spent."""
    room = allowed(budget, len(lowest)) - spent
    ordered = np.sort(lowest[alive])
    if room >= len(ordered):
        return alive
    # The next one is not rejected any more, nor is what ties with it.
    return np.asarray(alive & (lowest < ordered[max(room, 0)]), dtype=np.bool_)


def allowed(budget: float, patterns: int) -> int:
    """How many of the patterns a budget is."""
    return int(budget * patterns + 1e-9)
