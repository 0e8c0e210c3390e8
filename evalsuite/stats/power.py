"""The smallest drop that the gate would find, simulated on a suite's own cases and slices.

A green gate is worth what it would have seen. Formulas miss small slices by many points, so the
gate itself is run on simulated candidates: every case keeps a chance to pass that fits its stored
trials, and in the slice under study some cases break for good.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evalsuite.stats.flips import Bools, Floats, Ints, flip_ranks, steadiness, step_down

POWER = 0.8
"""How often a drop of the stated size is found."""

STEPS = 48
"""Simulated candidates per slice, by default."""

DRAWS = 300
"""Sign patterns per simulated candidate; the gate itself draws more."""

AGREEMENT = 0.8
"""Correlation between two runs of a case where no repeats tell it: 6 % of cases flip."""

_WARM_UP = 4
"""The first one in this many steps only leads to the neighbourhood."""

_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Design:
    """What is simulated: a suite's baseline and its family of hypotheses.

    `values` and `seen` are (cases, trials), values in [0, 1]; every case has a scored trial.
    `members` (hypotheses, cases) tells who is in which slice, `margins` (hypotheses,) the observed
    drop that each needs, `units` (cases,) numbers what fails and is flipped together; a candidate
    has `trials` repeats; `level` is the family's.
    """

    values: Floats
    seen: Bools
    members: Bools
    margins: Floats
    units: Ints
    trials: int = 1
    level: float = 0.05


def detectable_drop(
    design: Design, hypothesis: int, rng: np.random.Generator, *, steps: int = STEPS
) -> float | None:
    """The drop in one slice that the gate finds with a probability of 0.8; None: no drop is.

    The drop is searched by stochastic approximation: each simulated candidate that is blocked
    makes the next drop smaller, and the later ones are averaged (B. Polyak, A. Juditsky, SIAM
    Journal on Control and Optimization 30, 1992).
    """
    member = design.members[hypothesis]
    blocked = _trial(design, member, rng)
    highest = float(_chances(design, rng)[0][member].mean())
    if highest <= 0 or sum(blocked(highest) for _ in range(8)) < 8 * POWER:
        return None
    lowest = min(highest, 0.5 / int(member.sum()))
    place = math.log(min(highest, max(lowest, 1.2 / math.sqrt(int(member.sum())))))
    total = 0.0
    for step in range(steps):
        gain = 1.2 / (step + 2) ** 0.6
        place -= gain * (blocked(math.exp(place)) - POWER)
        place = min(math.log(highest), max(math.log(lowest), place))
        total += place if step >= steps // _WARM_UP else 0.0
    return math.exp(total / (steps - steps // _WARM_UP))


def _chances(design: Design, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Mean chance to pass per case, and one draw of it from its posterior.

    The prior is Beta with the suite's mean; its strength comes from the agreement of repeats
    (the intraclass correlation of binary data), or from `AGREEMENT` where there are none.
    """
    count = design.seen.sum(axis=1)
    passed = np.where(design.seen, design.values, 0.0).sum(axis=1)
    mean = float(np.clip(passed.sum() / count.sum(), 0.02, 0.98))
    agreement = AGREEMENT
    repeated = count > 1
    if repeated.any():
        rate = passed[repeated] / count[repeated]
        within = rate * (1 - rate) * count[repeated] / (count[repeated] - 1)
        agreement = float(np.clip(1 - within.mean() / (mean * (1 - mean)), 0.5, 0.98))
    strength = (1 - agreement) / agreement
    good, bad = mean * strength + passed, (1 - mean) * strength + count - passed
    return good / (good + bad), rng.beta(good, bad)


def _trial(design: Design, member: Bools, rng: np.random.Generator) -> Callable[[float], bool]:
    """A function that simulates one candidate with a drop in `member` and says if it is blocked."""
    count = np.maximum(design.seen.sum(axis=1), 1)
    before = np.where(design.seen, design.values, 0.0).sum(axis=1) / count
    sizes = np.maximum(design.members.sum(axis=1), 1)
    groups = int(design.units.max()) + 1
    order = np.argsort(design.units, kind="stable")
    starts = np.searchsorted(design.units[order], np.arange(groups))
    dual = min(design.values.shape[1], design.trials) >= _REPEATS
    seen = np.ones((len(before), design.trials), dtype=bool)

    def blocked(drop: float) -> bool:
        mean, chance = _chances(design, rng)
        share = drop / max(float(mean[member].mean()), drop)
        broken = (rng.random(groups) < share)[design.units] & member
        chance = np.where(broken, 0.0, chance)
        after = (rng.random((len(before), design.trials)) < chance[:, None]).astype(np.float64)
        d = after.mean(axis=1) - before
        sums = design.members @ d
        if not (-sums / sizes >= design.margins - 1e-9).any():
            return False
        parts = [d]
        if dual:
            parts.append(d * steadiness(design.values, design.seen, after, seen))
        table = np.concatenate([design.members * part for part in parts])
        units = np.add.reduceat(table[:, order], starts, axis=1).T
        p = step_down(flip_ranks(units, rng=rng, draws=DRAWS))
        lowest = p.reshape(len(parts), -1).min(axis=0)
        return bool(((lowest <= design.level) & (-sums / sizes >= design.margins - 1e-9)).any())

    return blocked
