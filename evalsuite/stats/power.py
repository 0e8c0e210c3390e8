"""The smallest drop that the gate would find, simulated on a suite's own cases and slices.

A green gate is worth what it would have seen. Formulas miss small slices by many points, so the
gate itself is run on simulated candidates (`stats.candidates`): in the slice under study some cases
break for good, and score the worst value. A shift of all values by a little would be found more
easily, since every case would tell of it.

The family's threshold is that of the largest standardised sum over hypotheses and sign patterns
(single-step max-T of P. Westfall and S. Young, "Resampling-Based Multiple Testing", 1993): the
gate's own smallest p needs many more patterns for the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from evalsuite.stats.candidates import Draw, noise
from evalsuite.stats.flips import Bools, Floats, Ints, blocks, steadiness

POWER = 0.8
"""How often a drop of the stated size is found."""

STEPS = 48
"""Simulated candidates per slice, by default."""

DRAWS = 300
"""Sign patterns per simulated candidate; the gate itself draws more."""

OTHERS = 8
"""Candidates from which is known what the metrics beside the one under study show by chance."""

MOST = 30
"""How many times as many cases are thought of."""

_WARM_UP = 4
"""The first one in this many steps only leads to the neighbourhood."""

_REPEATS = 3

_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Design:
    """What is simulated: one metric of a suite's run, and its part of the family of hypotheses.

    `values` and `seen` are (cases, trials), values in [0, 1]; every case has a scored trial.
    `members` (hypotheses, cases) tells who is in which slice, `margins` (hypotheses,) the observed
    drop that each needs, `units` (cases,) numbers what fails and is flipped together; both runs
    have `trials` repeats; `level` is the family's; `centre` as `stats.candidates.noise` has it.
    `others` (candidates, patterns) are the largest sums of the family's other metrics, as
    `largest` gives them; empty where there is none.
    """

    values: Floats
    seen: Bools
    members: Bools
    margins: Floats
    units: Ints
    trials: int = 1
    level: float = 0.05
    centre: float | None = None
    others: Floats = field(default_factory=lambda: np.empty((0, DRAWS)))


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
    highest, size = _level(design, member), int(member.sum())
    if not finds(blocked, highest, 8):
        return None
    lowest = min(highest, 0.5 / size)
    place = math.log(min(highest, max(lowest, 1.2 / math.sqrt(size))))
    total = 0.0
    for step in range(steps):
        gain = 1.2 / (step + 2) ** 0.6
        place -= gain * (blocked(math.exp(place)) - POWER)
        place = min(math.log(highest), max(math.log(lowest), place))
        total += place if step >= steps // _WARM_UP else 0.0
    return math.exp(total / (steps - steps // _WARM_UP))


def finds(blocked: Callable[[float], bool], drop: float, candidates: int) -> bool:
    """Whether a drop (none of 0 can be) is found in 4 of 5 candidates."""
    missed = 0
    for _ in range(candidates if drop > 0 else 0):
        missed += not blocked(drop)
        if missed > (1 - POWER) * candidates:
            return False
    return drop > 0


def enough_trials(
    design: Design, hypothesis: int, drop: float, seed: int, *, steps: int = STEPS
) -> int | None:
    """The fewest of 3, 5 or 10 trials on both sides with which a drop in a slice is found; None:
    more cases are needed."""
    for trials in (3, 5, 10):
        more = replace(design, trials=trials)
        blocked = _trial(more, design.members[hypothesis], np.random.default_rng([seed, trials]))
        if trials > design.trials and finds(blocked, drop, steps):
            return trials
    return None


def enough_cases(
    design: Design, hypothesis: int, drop: float, seed: int, *, steps: int = STEPS
) -> int | None:
    """The number of cases of a slice, in steps of a quarter, with which a drop is found; None: not
    with MOST times as many. The new cases are like those that are there."""
    size = int(design.members[hypothesis].sum())
    factor = 1.25
    while size and factor < MOST:
        rng = np.random.default_rng([seed, round(100 * factor)])
        more = grown(design, hypothesis, math.ceil(factor * size) - size, rng)
        if drop > _level(more, more.members[hypothesis]):
            return None
        if finds(_trial(more, more.members[hypothesis], rng), drop, steps):
            return math.ceil(factor * size)
        factor *= 1.25
    return None


def grown(design: Design, hypothesis: int, more: int, rng: np.random.Generator) -> Design:
    """With that many more cases in a slice, each like one of it and on its own."""
    drawn = rng.choice(np.flatnonzero(design.members[hypothesis]), more)
    at = np.concatenate([np.arange(len(design.units)), drawn])
    new = design.units.max() + 1 + np.arange(more)
    return replace(
        design,
        values=design.values[at],
        seen=design.seen[at],
        members=design.members[:, at],
        units=np.concatenate([design.units, new]),
    )


def largest(design: Design, rng: np.random.Generator) -> Floats:
    """(OTHERS, DRAWS): the largest standardised sum of any hypothesis, by chance alone."""
    draw = noise(design.values, design.seen, design.trials, design.centre)
    sums = _sums(design, rng)
    found = [sums(*draw(rng))[1:].max(axis=1, initial=0.0) for _ in range(OTHERS)]
    return np.array(found).reshape(OTHERS, DRAWS)


def _level(design: Design, member: Bools) -> float:
    """The mean in a slice, from which it can fall to 0."""
    if design.centre is not None:
        return design.centre
    count = design.seen[member].sum(axis=1)
    values = np.where(design.seen[member], design.values[member], 0.0).sum(axis=1)
    return float((values / np.maximum(count, 1)).mean()) if len(count) else 0.0


def _trial(design: Design, member: Bools, rng: np.random.Generator) -> Callable[[float], bool]:
    """A function that simulates one candidate with a drop in `member` and says if it is blocked."""
    draw: Draw = noise(design.values, design.seen, design.trials, design.centre)
    groups = int(design.units.max()) + 1
    sizes = np.maximum(design.members.sum(axis=1), 1)
    level, sums = _level(design, member), _sums(design, rng)
    allowed = int(design.level * (DRAWS + 1) + _TINY)  # what was seen is one of the patterns

    def blocked(drop: float) -> bool:
        before, after = draw(rng)
        broken = (rng.random(groups) < drop / max(level, drop))[design.units] & member
        after = np.where(broken[:, None], 0.0, after)
        change = design.members @ (after - before).mean(axis=1) / sizes
        large = -change >= design.margins - _TINY
        if not large.any():
            return False
        z = sums(before, after)
        seen = z[0].reshape(-1, len(sizes)).max(axis=0)[large].max()
        chance = z[1:].max(axis=1)
        if len(design.others):
            chance = np.maximum(chance, design.others[rng.integers(len(design.others))])
        return seen > 0 and 1 + int((chance >= seen - _TINY).sum()) <= allowed

    return blocked


def _sums(design: Design, rng: np.random.Generator) -> Callable[[Floats, Floats], Floats]:
    """A function from both arms to standardised sums, a drop being positive: (1 + DRAWS, columns),
    as seen and by sign pattern; the columns are the hypotheses, from 3 trials on twice: flaky cases
    weigh less in the second half."""
    block = blocks(int(design.units.max()) + 1)[design.units]
    members = np.ascontiguousarray(design.members.T, dtype=np.float32)
    size = (1 + DRAWS, int(block.max()) + 1)
    signs = (2 * rng.integers(2, size=size, dtype=np.int8) - 1).astype(np.float32)
    signs[0] = 1.0
    seen = np.ones((len(block), design.trials), dtype=bool)

    def sums(before: Floats, after: Floats) -> Floats:
        parts = [(before - after).mean(axis=1)]
        if design.trials >= _REPEATS:
            parts.append(parts[0] * steadiness(before, seen, after, seen))
        moved = np.flatnonzero(parts[0])
        moved = moved[np.argsort(block[moved], kind="stable")]
        flipped, starts = np.unique(block[moved], return_index=True)
        table = np.concatenate(
            [members[moved] * part[moved, None].astype(np.float32) for part in parts], axis=1
        )
        if len(flipped) < len(moved):
            table = np.add.reduceat(table, starts, axis=0)
        spread = np.sqrt((table * table).sum(axis=0))
        return np.asarray((signs[:, flipped] @ table) / np.maximum(spread, 1e-6))

    return sums
