"""What a suite's gates can see: kept in a snapshot's manifest, said beside every gate.

Gates that only inform, and slices that nobody declared or tagged, are left out: no merge is blocked
by them. Of a large suite (over LARGE cells of hypotheses and cases per metric) only gates overall
and on declared slices are simulated; the others are in the family all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalsuite.diff import compare
from evalsuite.gate.family import SEED, Effects, Hypothesis, effects, hypotheses
from evalsuite.gate.relative import asked
from evalsuite.gate.sensitivity import gate_name
from evalsuite.policy import OVERALL, Gate
from evalsuite.records import COMPLETION, Run
from evalsuite.stats.power import (
    STEPS,
    Design,
    detectable_drop,
    enough_cases,
    enough_trials,
    largest,
)

LARGE = 100_000


@dataclass(frozen=True, slots=True)
class Sight:
    """What one gate sees: the smallest `drop` found with 80 % power in its `n` cases (None: no drop
    of any size is), and the `cases` or `trials` that would show the `smaller` one (None: too many,
    or more of them don't help). There is no `smaller` one near the gate's margin. Shares of 1."""

    metric: str
    slice: str
    n: int
    drop: float | None
    smaller: float | None
    cases: int | None
    trials: int | None


def detectable(run: Run, policy: Gate) -> dict[str, float]:
    """The smallest drop that is found with 80 % power, by the name of the gate.

    The candidate is taken to have as many trials as `run`. Gates that would find no drop are left
    out. Shares of 1; the Monte-Carlo error (one standard deviation) is about 4 % of a figure
    overall and 9 % of a slice's.
    """
    drops = {}
    for design, tested in _designs(run, policy):
        for row in _rows(design, tested):
            drop = _drop(design, tested, row)
            if drop is not None:
                drops[gate_name(tested[row].metric, tested[row].slice)] = round(drop, 4)
    return drops


def sights(run: Run, policy: Gate) -> list[Sight]:
    """What every gate sees, and what would make it see half of that, or the drop that a pass must
    rule out where it doesn't see that one."""
    return [
        _sight(design, tested, row, policy)
        for design, tested in _designs(run, policy)
        for row in _rows(design, tested)
    ]


def _sight(design: Design, tested: Sequence[Hypothesis], row: int, policy: Gate) -> Sight:
    each, drop = tested[row], _drop(design, tested, row)
    margin, exclude = float(design.margins[row]), asked(policy, each.slice)[1]
    smaller = exclude
    if drop is not None and drop <= 1.1 * exclude:
        smaller = round(max(drop / 2, 1.5 * margin), 2)
        if smaller > 0.9 * drop:
            return Sight(each.metric, each.slice, len(each.at), drop, None, None, None)
    cases = enough_cases(design, row, smaller, SEED)
    trials = enough_trials(design, row, smaller, SEED)
    return Sight(each.metric, each.slice, len(each.at), drop, smaller, cases, trials)


def _drop(design: Design, tested: Sequence[Hypothesis], row: int) -> float | None:
    steps = 8 * STEPS if tested[row].slice == OVERALL else STEPS
    return detectable_drop(design, row, np.random.default_rng([SEED, row]), steps=steps)


def _rows(design: Design, tested: Sequence[Hypothesis]) -> list[int]:
    """Which of a metric's gates are simulated. Crashes have a gate overall alone."""
    large = design.members.size > LARGE
    return [
        row
        for row, each in enumerate(tested)
        if each.slice == OVERALL or (each.metric != COMPLETION and (each.declared or not large))
    ]


def _designs(run: Run, policy: Gate) -> list[tuple[Design, list[Hypothesis]]]:
    """Per metric that can block, with what the others show by chance."""
    diff = compare(run, run)
    found = effects(diff)
    family = [
        each
        for each in hypotheses(diff, policy, found)
        if not each.informs and (not each.derived or each.declared)
    ]
    made = []
    for name, effect in found.items():
        tested = [each for each in family if each.metric == name]
        if tested and effect.usable.any():
            made.append((_design(run, policy, effect, tested), tested))
    chance = [
        largest(design, np.random.default_rng([SEED, place]))
        for place, (design, _) in enumerate(made if len(made) > 1 else [])
    ]
    whole = []
    for place, (design, tested) in enumerate(made):
        rest = chance[:place] + chance[place + 1 :]
        whole.append((replace(design, others=np.max(rest, axis=0)) if rest else design, tested))
    return whole


def _design(run: Run, policy: Gate, effect: Effects, tested: Sequence[Hypothesis]) -> Design:
    used = np.flatnonzero(effect.usable)
    members = np.zeros((len(tested), len(effect.usable)), dtype=bool)
    for row, each in enumerate(tested):
        members[row, each.at] = True
    _, units = np.unique(effect.units[used], return_inverse=True)
    metric = effect.pairs.metric
    centres: Mapping[str, float | None] = {each.name: each.center for each in run.manifest.metrics}
    standing = run.manifest.judges.get(metric)
    error = standing.error if standing is not None and standing.state == "provisional" else 0.0
    return Design(
        values=effect.pairs.after[used],
        seen=effect.pairs.after_seen[used],
        members=members[:, used],
        margins=np.array([asked(policy, each.slice)[0] + error for each in tested]),
        units=units,
        trials=max(1, run.manifest.trials),
        level=policy.level,
        centre=centres.get(metric),
    )
