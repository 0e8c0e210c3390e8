"""The test of a run in stages: the looks of a sequential run, then the cases that were asked again.

Every look tests what was read by then, and the last one all cases. Where the baseline has trials to
compare with, cases that moved, for better or worse, are asked again, and one more stage compares
all their trials. Which cases are chosen depends on how far they moved and not on the direction, so
swapping the arms changes nothing, and sign flips stay exact; the stages share one level (see
`stats.stages`). Estimates, and whether a drop is ruled out, rest on the first trials alone: where
a case is asked again because it moved, its mean is pulled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evalsuite.diff import Diff
from evalsuite.gate.family import (
    SEED,
    Effects,
    Hypothesis,
    blocks_of,
    contributions,
    effects,
    hypotheses,
)
from evalsuite.policy import Gate
from evalsuite.stats.flips import BLOCKS, Bools, Ints, SignFlips
from evalsuite.stats.stages import spending, stage

MUCH = 0.2
"""A case moved if a value changed by more than this: any pass that fails, and graded scores beyond
what they change in most cases."""

HOPELESS = 0.5
"""No case is asked again from this p on: nothing looks like a drop."""

_TINY = 1e-12


class Outcome(NamedTuple):
    """What the test says of a hypothesis: its family-wise p, None without a pair, and whether it is
    rejected. At a look that is not the last, a small p may not be enough."""

    p: float | None
    rejected: bool = False


class Stage(NamedTuple):
    """What is tested at once, and the share of sign patterns that may be rejected by now."""

    tested: Sequence[Hypothesis]
    found: Mapping[str, Effects]
    budget: float


def outcomes(
    diff: Diff, policy: Gate, found: Mapping[str, Effects], tested: Sequence[Hypothesis]
) -> list[Outcome]:
    """Per hypothesis of the diff. A hypothesis that any stage rejected stays rejected."""
    known: dict[tuple[str, str], Outcome] = {}
    alive: dict[tuple[bool, bool], Bools] = {}
    flipped: dict[bool, Ints] = {}
    for each in _stages(diff, policy, found, tested):
        said = {
            (one.metric, one.slice): Outcome(1.0 if len(one.at) else None) for one in each.tested
        }
        for told in (False, True):  # apart: a gate's p is the same whatever a judge informs of
            _test(each, told, _block(diff, each, told, flipped), alive, said)
        for place, outcome in said.items():
            if place not in known or not known[place].rejected:
                known[place] = outcome
    return [known[one.metric, one.slice] for one in tested]


def _stages(
    diff: Diff, policy: Gate, found: Mapping[str, Effects], tested: Sequence[Hypothesis]
) -> Iterator[Stage]:
    looks, level = diff.candidate.looks, policy.level
    for number, earlier in enumerate(diff.earlier):
        then = effects(earlier)
        share = looks.sizes[number] / len(looks.order) if looks else 1.0
        yield Stage(hypotheses(earlier, policy, then), then, spending(level, share))
    share = looks.read / len(looks.order) if looks and looks.order else 1.0
    goes_on = (looks is not None and not looks.last) or repeatable(diff)
    yield Stage(tested, found, spending(level, share) if goes_on else level)
    if repeatable(diff) and _asked_all(diff, found, tested):
        again = {
            name: replace(effect, d=effect.again, weights=None)
            for name, effect in found.items()
            if effect.again is not None
        }
        yield Stage([one for one in tested if one.metric in again], again, level)


def repeatable(diff: Diff) -> bool:
    """Whether cases can be asked again: trials of the baseline are there to compare with."""
    run, old = diff.candidate, diff.baseline
    return old is not None and run.again > 0 and run.trials == 1 and old.trials > run.again


def _block(diff: Diff, each: Stage, told: bool, flipped: dict[bool, Ints]) -> Ints:
    """By unit what it is flipped with, equally at all stages: cases are asked again only if they
    moved, and at a look the place of a unit is that in the order of the run."""
    if told not in flipped:
        looks = diff.candidate.looks
        if looks is not None:
            flipped[told] = np.arange(len(looks.order) + 1) % BLOCKS
        else:
            numbers = [n for n, one in enumerate(each.tested) if one.informs == told]
            flipped[told] = blocks_of(numbers, each.tested, each.found)
    return flipped[told]


def _test(
    each: Stage,
    told: bool,
    block: Ints,
    alive: dict[tuple[bool, bool], Bools],
    said: dict[tuple[str, str], Outcome],
) -> None:
    """One stage of both families, what may block and what is only derived, into `alive`, `said`."""
    numbers = [n for n, one in enumerate(each.tested) if one.informs == told]
    made = contributions(numbers, each.tested, each.found, block)
    if made is None:
        return
    table, owners = made
    derived = np.array([each.tested[n].derived and not each.tested[n].declared for n in owners])
    for apart in (False, True):
        where = np.flatnonzero(derived == apart)
        if not len(where):
            continue
        flips = SignFlips(table[:, where], rng=np.random.default_rng(SEED), placed=True)
        found = stage(flips, alive.get((told, apart)), each.budget)
        alive[told, apart] = found.alive
        for at, p in zip(where.tolist(), found.adjusted.tolist(), strict=True):
            one = each.tested[owners[at]]
            before = said[one.metric, one.slice].p
            least = p if before is None else min(p, before)
            said[one.metric, one.slice] = Outcome(least, least <= each.budget + _TINY)


def moved_cases(diff: Diff, found: Mapping[str, Effects], tested: Sequence[Hypothesis]) -> set[str]:
    """The cases that moved, up or down, in a metric that a gate may rest on. One that compares with
    the baseline's answer itself has no further trials to compare with."""
    compares = {metric.name for metric in diff.candidate.metrics if metric.center is not None}
    counted = {one.metric for one in tested if not one.informs} - compares
    return {
        effect.pairs.ids[place]
        for name, effect in found.items()
        if name in counted
        for place in np.flatnonzero(effect.usable & (np.abs(effect.d) > MUCH)).tolist()
    }


def _asked_all(diff: Diff, found: Mapping[str, Effects], tested: Sequence[Hypothesis]) -> bool:
    """Whether every case that moved was asked again: a part of them could be a choice."""
    asked = {
        case
        for effect in found.values()
        if effect.pairs.asked is not None
        for case, yes in zip(effect.pairs.ids, effect.pairs.asked.tolist(), strict=True)
        if yes
    }
    return bool(asked) and moved_cases(diff, found, tested) <= asked
