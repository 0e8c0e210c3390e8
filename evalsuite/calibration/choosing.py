"""Which outputs people rate: few, chosen so that they tell most about the judge.

A judge that passes four of five outputs shows what its failing verdicts are worth only if those
are rated about as often as the others. So each output gets a chance by the judge's verdict, its
slice, and whether the judge was unsure, and is drawn with exactly that chance: the inverse is its
weight, with which figures about all outputs stay unbiased.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalsuite.calibration.records import Item
from evalsuite.seeds import derive

Side = Literal["low", "high", "between"]
"""Where the judge's verdict lies: in the worst or the best half of the scale (for pairs: for the
other output, or for this one), in the middle, or nowhere, since there is none."""

BOOST = 3.0
"""How much more often an output is chosen of which the judge was unsure."""

BETWEEN = 0.3
"""The most that outputs between the halves take, as long as there are others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is chosen or not as one: an output, or the outputs of both arms of one case.

    `uncertain`: the orders or the votes of the judge disagree, or it is unable to tell.
    """

    items: Sequence[Item]
    side: Side
    uncertain: bool = False


def choose(
    candidates: Sequence[Candidate], count: int, seed: int, taken: Collection[str] = ()
) -> list[Item]:
    """The items of about `count` candidates, with their weights; what was taken before stays.

    `taken` are ids of items that an earlier choice out of the same candidates holds; a candidate
    with only one of its two there was not chosen as such, and has its chance anew. A further
    choice adds to it such that every candidate's chance is what one choice of `count` had given
    it, so the weights of all of them are those of one choice. Ends at all candidates.
    """
    before = [all(item.id in taken for item in each.items) for each in candidates]
    chances = chances_of(candidates, count)
    earlier = chances_of(candidates, sum(before))
    steps = [
        0.0 if there else _further(chance, then)
        for there, chance, then in zip(before, chances, earlier, strict=True)
    ]
    drawn = _draw(candidates, steps, seed, sum(before))
    return [
        replace(item, weight=1.0 / chance)
        for each, there, new, chance in zip(candidates, before, drawn, chances, strict=True)
        if there or new
        for item in each.items
    ]


def _further(chance: float, then: float) -> float:
    """The chance now of what had the chance `then` and was not drawn, so that it had `chance`."""
    return 0.0 if then >= 1.0 else min(1.0, max(0.0, (chance - then) / (1.0 - then)))


def chances_of(candidates: Sequence[Candidate], count: int) -> list[float]:
    """Each candidate's chance to be chosen, above 0 for a count above 0; their sum is `count`."""
    count = max(0, min(count, len(candidates)))
    sides = Counter(each.side for each in candidates)
    quotas = _quotas(sides, float(count), sum(_boosted(each) for each in candidates))
    cells = Counter((each.side, _slice(each)) for each in candidates)
    chances = [0.0] * len(candidates)
    for side, quota in quotas.items():
        places = [at for at, each in enumerate(candidates) if each.side == side]
        # By the square root of its size: small slices are seen, large ones not starved.
        sizes = [_size(candidates[at], cells[side, _slice(candidates[at])]) for at in places]
        for at, chance in zip(places, _capped(sizes, quota), strict=True):
            chances[at] = chance
    return chances


def _boosted(each: Candidate) -> float:
    return BOOST if each.side == "between" else 1.0


def _size(each: Candidate, cell: int) -> float:
    return (BOOST if each.uncertain else 1.0) / math.sqrt(cell)


def _slice(each: Candidate) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(each.items[0].slices.items()))


def _quotas(sides: Counter[Side], count: float, boosted: float) -> dict[Side, float]:
    """How many of each side: a share of those between, and half and half of the others, as far
    as there are so many."""
    between = float(sides["between"])
    share = min(BETWEEN, BOOST * between / boosted) if boosted else 0.0
    quotas: dict[Side, float] = {"between": min(between, count * share), "low": 0.0, "high": 0.0}
    rest = count - quotas["between"]
    few, many = sorted(("low", "high"), key=lambda side: sides[side])  # type: ignore[index]
    quotas[few] = min(float(sides[few]), rest / 2)  # type: ignore[index]
    quotas[many] = min(float(sides[many]), rest - quotas[few])  # type: ignore[index]
    quotas["between"] = min(between, count - quotas["low"] - quotas["high"])
    return quotas


def _capped(sizes: Sequence[float], quota: float) -> list[float]:
    """Chances in proportion to the sizes, none above 1, their sum the quota."""
    chances = [0.0] * len(sizes)
    free = set(range(len(sizes)))
    while free and quota > 0.0:
        total = sum(sizes[at] for at in free)
        full = {at for at in free if quota * sizes[at] >= total}
        if not full:
            for at in free:
                chances[at] = quota * sizes[at] / total
            break
        for at in full:
            chances[at] = 1.0
        free -= full
        quota -= len(full)
    return chances


def _draw(
    candidates: Sequence[Candidate], chances: Sequence[float], seed: int, round_: int
) -> list[bool]:
    """Systematic sampling: one random start, then equal steps through the chances laid end to end
    in the order of side and slice, so that every cell gets its share up to one."""
    order = sorted(
        range(len(candidates)),
        key=lambda at: (
            candidates[at].side,
            _slice(candidates[at]),
            derive(seed, "choose", candidates[at].items[0].id, round_),
            candidates[at].items[0].id,
        ),
    )
    drawn = [False] * len(candidates)
    reached, mark = 0.0, derive(seed, "start", round_) / 2**32
    for at in order:
        reached += chances[at]
        if chances[at] >= 1.0 - 1e-12 or reached > mark:
            drawn[at] = True
        if reached > mark:
            mark += 1.0
    return drawn
