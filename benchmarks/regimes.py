"""Suites unlike those of the grid, in which nothing gets worse: other cases, scores and slices.

Each regime draws two runs that are as good as each other. In most a case's answers come from one
distribution on both sides; where they do not, as many cases rise as fall. None of it was used to
choose the gate's settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from merges import manifest

from evalsuite.records import CHECKS, Metric, Row, Run

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Rng = np.random.Generator
Side = Mapping[str, Floats]
"""By metric (cases, trials); NaN is a trial without a score."""


class Drawn(NamedTuple):
    """A pair of runs. `slices` holds a number per case by dimension, `clusters` one per case, -1
    for a case of its own; `center` is that of `preference`, which is a comparison itself."""

    before: Side
    after: Side
    slices: Mapping[str, Ints]
    clusters: Ints | None = None
    center: float | None = None


def runs(drawn: Drawn) -> tuple[Run, Run]:
    """The pair as finished runs."""
    return _run("before", drawn.before, drawn), _run("after", drawn.after, drawn)


def _run(name: str, side: Side, drawn: Drawn) -> Run:
    values = {metric: _listed(scores) for metric, scores in side.items()}
    dimensions = {each: numbers.tolist() for each, numbers in drawn.slices.items()}
    clusters = None if drawn.clusters is None else drawn.clusters.tolist()
    cases = len(next(iter(side.values())))
    trials = max(scores.shape[1] for scores in side.values())
    keys = dict.fromkeys(side, "same")
    rows = {}
    for place in range(cases):
        case = f"c{place:03d}"
        rows[case] = Row(
            id=case,
            case_key=case,
            scorer_keys=keys,
            scores={metric: scores[place] for metric, scores in values.items()},
            outputs=[f"{name} {place} {trial}" for trial in range(trials)],
            slices={each: f"v{numbers[place]}" for each, numbers in dimensions.items()},
            cluster=None if not clusters or clusters[place] < 0 else f"k{clusters[place]}",
        )
    metrics = [Metric(each, center=drawn.center if each != CHECKS else None) for each in side]
    return Run(manifest(name, cases, metrics), rows)


def _listed(scores: Floats) -> list[list[float | None]]:
    return [[None if math.isnan(each) else each for each in case] for case in scores.tolist()]


def _size(rng: Rng) -> int:
    return int(rng.integers(100, 301))


def _slices(rng: Rng, cases: int, *values: int) -> dict[str, Ints]:
    """Dimensions of so many values of uneven size."""
    return {
        f"d{place}": rng.choice(each, cases, p=rng.dirichlet(np.full(each, 3.0)))
        for place, each in enumerate(values)
    }


def _usual(rng: Rng, cases: int) -> dict[str, Ints]:
    return _slices(rng, cases, 6, 3, 4)


def _passes(rng: Rng, chance: Floats, trials: int = 1) -> Floats:
    return (rng.random((len(chance), trials)) < chance[:, None]).astype(float)


def _twice(rng: Rng, chance: Floats, trials: tuple[int, int] = (1, 1)) -> Drawn:
    before, after = (_passes(rng, chance, each) for each in trials)
    return Drawn({CHECKS: before}, {CHECKS: after}, _usual(rng, len(chance)))


def _beta(mean: float, spread: float) -> Callable[[Rng], Drawn]:
    """Chances with this mean; a small `spread` leaves them at 0 and 1."""
    return lambda rng: _twice(rng, rng.beta(mean * spread, (1 - mean) * spread, _size(rng)))


def two_kinds(rng: Rng) -> Drawn:
    cases = _size(rng)
    return _twice(rng, np.where(rng.random(cases) < rng.uniform(0.1, 0.5), 0.1, 0.9))


def quiet_and_loud(rng: Rng) -> Drawn:
    """One topic is decided by chance alone, the others hardly ever change."""
    cases = _size(rng)
    slices = _usual(rng, cases)
    chance = np.where(slices["d0"] == 0, rng.uniform(0.3, 0.7, cases), rng.beta(0.1, 0.02, cases))
    return Drawn({CHECKS: _passes(rng, chance)}, {CHECKS: _passes(rng, chance)}, slices)


def replaced(rng: Rng) -> Drawn:
    """A neutral edit that draws a third of the cases anew."""
    cases = _size(rng)
    old = rng.beta(0.5, 0.2, cases)
    new = np.where(rng.random(cases) < 0.33, rng.beta(0.5, 0.2, cases), old)
    return Drawn({CHECKS: _passes(rng, old)}, {CHECKS: _passes(rng, new)}, _usual(rng, cases))


def lopsided(rng: Rng) -> Drawn:
    """A neutral edit that helps many cases by a tenth and harms a fifth as many by a half."""
    cases = _size(rng)
    old = rng.beta(1.6, 0.8, cases)
    up, down = np.flatnonzero(old <= 0.9), np.flatnonzero(old >= 0.5)
    helped = rng.permutation(up)[: cases // 4]
    harmed = rng.permutation(np.setdiff1d(down, helped))[: len(helped) // 5]
    new = old.copy()
    new[helped[: 5 * len(harmed)]] += 0.1
    new[harmed] -= 0.5
    return Drawn({CHECKS: _passes(rng, old)}, {CHECKS: _passes(rng, new)}, _usual(rng, cases))


def _clusters(rng: Rng, cases: int, least: int, most: int, alone: float = 0.0) -> Ints:
    sizes = rng.integers(least, most + 1, cases)
    found = np.repeat(np.arange(cases), sizes)[:cases]
    return np.where(rng.random(cases) < alone, -1, found)


def _together(rng: Rng, chance: Floats, clusters: Ints, trials: int) -> Floats:
    """Each run of a cluster has a day of its own: its cases pass and fail together."""
    day = rng.normal(0.0, 0.3, (len(chance), trials))
    shared = np.where(clusters[:, None] < 0, day, day[clusters])
    return (rng.random((len(chance), trials)) < chance[:, None] + shared).astype(np.float64)


def clustered(least: int, most: int, alone: float = 0.0, trials: int = 1) -> Callable[[Rng], Drawn]:
    def draw(rng: Rng) -> Drawn:
        cases = _size(rng)
        clusters = _clusters(rng, cases, least, most, alone)
        chance = rng.beta(1.6, 0.6, cases)
        sides = [{CHECKS: _together(rng, chance, clusters, trials)} for _ in range(2)]
        slices = {**_usual(rng, cases), "source": clusters % 5}
        return Drawn(sides[0], sides[1], slices, clusters)

    return draw


def judged(persistent: float, right: tuple[float, float]) -> Callable[[Rng], Drawn]:
    """A judge passes `right[0]` of good answers and fails `right[1]` of bad ones; a share of its
    errors is the same in every run."""

    def draw(rng: Rng) -> Drawn:
        chance = rng.beta(0.8, 0.2, _size(rng))
        stays, own = rng.random(len(chance)) < persistent, rng.random(len(chance))
        sides = []
        for _ in range(2):
            good = rng.random(len(chance)) < chance
            luck = np.where(stays, own, rng.random(len(chance)))
            sides.append(np.where(good, luck < right[0], luck > right[1]).astype(float)[:, None])
        return Drawn({CHECKS: sides[0]}, {CHECKS: sides[1]}, _usual(rng, len(chance)))

    return draw


def sliced(cut: Callable[[Rng, int], dict[str, Ints]]) -> Callable[[Rng], Drawn]:
    def draw(rng: Rng) -> Drawn:
        cases = _size(rng)
        drawn = _twice(rng, rng.beta(0.8, 0.2, cases))
        return drawn._replace(slices=cut(rng, cases))

    return draw


def giant(rng: Rng, cases: int) -> dict[str, Ints]:
    return {"d0": (rng.random(cases) < 0.08).astype(np.int64), "d1": rng.choice(12, cases)}


def nested(rng: Rng, cases: int) -> dict[str, Ints]:
    leaf = rng.choice(16, cases, p=rng.dirichlet(np.full(16, 4.0)))
    return {"leaf": leaf, "branch": leaf // 2, "limb": leaf // 4, "trunk": leaf // 8}


def tiny(rng: Rng, cases: int) -> dict[str, Ints]:
    return {f"d{place}": rng.permutation(cases) // 11 for place in range(2)}


def lacking(before: float, after: float, trials: int = 1) -> Callable[[Rng], Drawn]:
    """Scores are missing at random, in these shares of the trials."""

    def draw(rng: Rng) -> Drawn:
        drawn = _twice(rng, rng.beta(0.8, 0.2, _size(rng)), (trials, trials))
        for side, share in ((drawn.before, before), (drawn.after, after)):
            side[CHECKS][rng.random(side[CHECKS].shape) < share] = np.nan
        return drawn

    return draw


def lost_failures(rng: Rng) -> Drawn:
    """On both sides a third of the answers that fail get no score."""
    drawn = _twice(rng, rng.beta(0.8, 0.2, _size(rng)))
    for scores in (drawn.before[CHECKS], drawn.after[CHECKS]):
        scores[(scores == 0) & (rng.random(scores.shape) < 0.33)] = np.nan
    return drawn


def _graded(rng: Rng, value: Callable[[Rng, int], Floats], step: float, trials: int = 1) -> Drawn:
    """Values that vary by a tenth from run to run, rounded to multiples of `step`."""
    own = value(rng, cases := _size(rng))[:, None]
    sides = [np.clip(own + rng.normal(0, 0.1, (cases, trials)), 0, 1) for _ in range(2)]
    before, after = ({CHECKS: np.rint(side / step) * step} for side in sides)
    return Drawn(before, after, _usual(rng, cases))


def rare_falls(rng: Rng) -> Drawn:
    """Nearly always just under 1, and in 3 % of runs near 0."""
    cases = _size(rng)
    sides = [
        np.where(rng.random(cases) < 0.03, rng.uniform(0, 0.2, cases), rng.uniform(0.97, 1, cases))
        for _ in range(2)
    ]
    return Drawn({CHECKS: sides[0][:, None]}, {CHECKS: sides[1][:, None]}, _usual(rng, cases))


def metrics(rng: Rng) -> Drawn:
    """Checks and five graded metrics that rise and fall together."""
    cases = _size(rng)
    own = rng.beta(3, 1, cases)
    sides = []
    for _ in range(2):
        luck = rng.normal(0, 0.15, cases)
        each = own + 0.7 * luck + 0.7 * rng.normal(0, 0.15, (6, cases))
        side = {f"metric{place}": np.clip(each[place], 0, 1)[:, None] for place in range(1, 6)}
        sides.append({CHECKS: (each[0] > 0.6).astype(float)[:, None], **side})
    return Drawn(sides[0], sides[1], _usual(rng, cases))


def preferred(rng: Rng) -> Drawn:
    """A pairwise judge that sees as many answers better as worse than the baseline's; half tie."""
    cases = _size(rng)
    drawn = _twice(rng, rng.beta(0.8, 0.2, cases))
    said = rng.choice([0.0, 0.5, 1.0], (cases, 1), p=[0.25, 0.5, 0.25])
    nothing = np.full((cases, 1), 0.5)
    return drawn._replace(
        before={**drawn.before, "preference": nothing},
        after={**drawn.after, "preference": said},
        center=0.5,
    )


def unequal(before: int, after: int) -> Callable[[Rng], Drawn]:
    return lambda rng: _twice(rng, rng.beta(0.8, 0.3, _size(rng)), (before, after))


def _high(rng: Rng, cases: int) -> Floats:
    return np.where(rng.random(cases) < 0.85, 1.1, rng.random(cases))


REGIMES: Sequence[tuple[str, Callable[[Rng], Drawn]]] = (
    ("two kinds of cases, 10 and 90 % pass", two_kinds),
    ("near the ceiling, 97 % pass", _beta(0.97, 3.0)),
    ("near the floor, 4 % pass", _beta(0.04, 3.0)),
    ("U-shaped chances", _beta(0.5, 0.6)),
    ("every case a coin", lambda rng: _twice(rng, np.full(_size(rng), 0.5))),
    ("one noisy topic, the rest steady", quiet_and_loud),
    ("a third of the cases replaced", replaced),
    ("many helped a little, few harmed much", lopsided),
    ("clusters of 2 to 12", clustered(2, 12)),
    ("clusters of 20 to 30", clustered(20, 30)),
    ("clusters, half the cases alone", clustered(2, 12, alone=0.5)),
    ("clusters of 2 to 12, 3 trials", clustered(2, 12, trials=3)),
    ("judge with persistent errors", judged(0.9, (0.85, 0.75))),
    ("judge with fresh errors", judged(0.0, (0.85, 0.75))),
    ("30 overlapping slices", sliced(lambda rng, cases: _slices(rng, cases, *[3] * 10))),
    ("one slice of nearly all cases", sliced(giant)),
    ("nested slices", sliced(nested)),
    ("many slices of 11 cases", sliced(tiny)),
    ("10 % missing in the candidate", lacking(0.0, 0.10)),
    ("5 and 10 % missing", lacking(0.05, 0.10)),
    ("3 trials, 10 % of them missing", lacking(0.10, 0.10, trials=3)),
    ("failures lose their score", lost_failures),
    ("continuous scores", lambda rng: _graded(rng, Rng.random, 1e-6)),
    ("continuous scores, 3 trials", lambda rng: _graded(rng, Rng.random, 1e-6, trials=3)),
    ("three grades, most at the top", lambda rng: _graded(rng, _high, 0.5)),
    ("rare large falls", rare_falls),
    ("six metrics that go together", metrics),
    ("pairwise judge with ties", preferred),
    ("5 trials before, 1 after", unequal(5, 1)),
    ("3 trials before, 5 after", unequal(3, 5)),
)
