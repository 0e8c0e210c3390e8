"""Simulated pairs of runs of a suite in which nothing changed: what noise its own trials show.

Yes-or-no values: every case keeps a chance to pass that fits its stored trials. Graded values: the
deviations of a case's own trials from their mean are drawn anew. Where nothing was repeated, two
runs of a case are taken to correlate by `AGREEMENT`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from evalsuite.stats.flips import Bools, Floats

AGREEMENT = 0.8
"""Correlation between two runs of a case where no repeats tell it: 6 % of cases flip if 4 in 5
pass."""

Draw = Callable[[np.random.Generator], tuple[Floats, Floats]]
"""Draws the trials of both arms, each (cases, trials). They are exchangeable; graded ones may lie
beyond [0, 1], since only their differences matter."""


def noise(values: Floats, seen: Bools, trials: int, centre: float | None = None) -> Draw:
    """A model of runs of `trials` each, out of one run's values (n, k) in [0, 1], higher better.

    Every case has a scored trial. With a `centre` each value is itself a comparison with the
    baseline, whose value the centre is.
    """
    if centre is not None:
        return _around(values, seen, trials, centre)
    if np.isin(values[seen], (0.0, 1.0)).all():
        return _chances(values, seen, trials)
    if (seen.sum(axis=1) > 1).any():
        return _deviations(values, seen, trials)
    return _exchanged(_means(values, seen), trials)


def _means(values: Floats, seen: Bools) -> Floats:
    total = np.where(seen, values, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return np.asarray(total, dtype=np.float64)


def _chances(values: Floats, seen: Bools, trials: int) -> Draw:
    """Chances to pass from their posterior. The prior is Beta with the suite's mean; its strength
    comes from the agreement of repeats (the intraclass correlation of binary data)."""
    count = seen.sum(axis=1)
    passed = np.where(seen, values, 0.0).sum(axis=1)
    mean = float(np.clip(passed.sum() / max(1, count.sum()), 0.02, 0.98))
    agreement = AGREEMENT
    repeated = count > 1
    if repeated.any():
        rate = passed[repeated] / count[repeated]
        within = rate * (1 - rate) * count[repeated] / (count[repeated] - 1)
        agreement = float(np.clip(1 - within.mean() / (mean * (1 - mean)), 0.5, 0.98))
    strength = (1 - agreement) / agreement
    good, bad = mean * strength + passed, (1 - mean) * strength + count - passed

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        chance = rng.beta(good, bad)[:, None]
        sides = (rng.random((2, len(good), trials)) < chance).astype(np.float64)
        return sides[0], sides[1]

    return draw


def _deviations(values: Floats, seen: Bools, trials: int) -> Draw:
    """Deviations of a case's own trials; of one that has a single trial, those of any case."""
    count = seen.sum(axis=1)
    mean = _means(values, seen)
    stretched = np.sqrt(count / np.maximum(count - 1, 1))  # k trials lie too close to their mean
    deviations = (values - mean[:, None]) * stretched[:, None]
    order = np.argsort(~seen, axis=1, kind="stable")  # the seen trials first
    own = np.take_along_axis(deviations, order, axis=1)
    pool = deviations[seen & (count > 1)[:, None]]
    alone = np.flatnonzero(count < 2)
    rows = np.arange(len(mean))[None, :, None]

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        shape = (2, len(mean), trials)
        sides = own[rows, rng.integers(count[None, :, None], size=shape)]
        sides[:, alone] = pool[rng.integers(len(pool), size=(2, len(alone), trials))]
        sides = sides + mean[:, None]
        return sides[0], sides[1]

    return draw


def _exchanged(mean: Floats, trials: int) -> Draw:
    """In one of ten trials a value is off by as much as two cases of the suite differ, up or down
    alike: 1 - AGREEMENT over both arms."""

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        shape = (2, len(mean), trials)
        off = mean[rng.integers(len(mean), size=shape)] - mean[:, None]
        off *= rng.choice((-1.0, 1.0), size=shape) * (rng.random(shape) < (1 - AGREEMENT) / 2)
        return mean[:, None] + off[0], mean[:, None] + off[1]

    return draw


def _around(values: Floats, seen: Bools, trials: int, centre: float) -> Draw:
    """How far comparisons lie from the centre is kept; in which direction is chance."""
    far = np.abs(_means(values, seen) - centre)[:, None]

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        signs = rng.choice((-1.0, 1.0), size=(len(far), trials))
        return np.full((len(far), trials), centre), centre + far * signs

    return draw
