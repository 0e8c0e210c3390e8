"""How much of a change comes from retrieval, and how much from generation. It decides nothing.

With R and G for the retriever and the generator of a side, the baseline's values are those of
(R before, G before), the candidate's of (R after, G after), and the crossed ones of (R before,
G after). So over the same pairs

    after - before = (after - crossed) + (crossed - before) = retrieval + generation

holds exactly. What only both changes together do is in the retrieval's part: it is told with the
generator as it is now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from evalsuite.diff import Diff
from evalsuite.gate.family import Effects, Hypothesis, bounds, effects
from evalsuite.gate.verdict import Finding
from evalsuite.policy import OVERALL
from evalsuite.stats.flips import Bools, Floats, Ints

_UNSCORED = "its answer to the baseline's documents has no score"


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a change on the [0, 1] scale, with its two-sided 95 % interval."""

    effect: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The change of a metric in a slice, over the `n` pairs that have a crossed value in each trial
    that both sides have. `total` is the sum of its parts, None if n is 0; `missing` counts the
    other pairs that were compared, and `reason` is why the first of them can't be told. The
    documents of `documents` of the n cases differ."""

    metric: str
    slice: str
    total: Share | None
    retrieval: Share | None
    generation: Share | None
    n: int
    missing: int = 0
    documents: int = 0
    reason: str = ""


def attributions(diff: Diff, findings: Iterable[Finding]) -> list[Attribution]:
    """One per metric and slice that relative gates compared, in their order; none where nothing was
    crossed."""
    if not any(pairs.other is not None for pairs in diff.pairs.values()):
        return []
    found = effects(diff)
    parts = {name: _parts(each) for name, each in found.items()}
    places = dict.fromkeys(
        (each.metric, each.slice)
        for each in findings
        if each.kind == "relative" and each.effect is not None
    )
    return [
        _attribution(diff, metric, part, found[metric], parts[metric])
        for metric, part in places
        if metric in found
    ]


def _parts(effect: Effects) -> tuple[Floats, Floats, Bools]:
    """Per case what retrieval and generation change, and whether that is known."""
    pairs = effect.pairs
    none = np.zeros(len(pairs.ids))
    if pairs.crossed is None or pairs.crossed_seen is None:
        return none, none, np.asarray(pairs.identical & effect.usable, dtype=np.bool_)
    trials = min(each.shape[1] for each in (pairs.before, pairs.after, pairs.crossed))
    both = pairs.before_seen[:, :trials] & pairs.after_seen[:, :trials]
    count = np.maximum(both.sum(axis=1), 1)
    known = effect.usable & (~both | pairs.crossed_seen[:, :trials]).all(axis=1)
    crossed = pairs.crossed[:, :trials]
    sums = [
        np.where(both, later - earlier, 0.0).sum(axis=1) / count
        for later, earlier in (
            (pairs.after[:, :trials], crossed),
            (crossed, pairs.before[:, :trials]),
        )
    ]
    retrieval, generation = (np.where(known & ~pairs.identical, each, 0.0) for each in sums)
    return retrieval, generation, np.asarray(known, dtype=np.bool_)


def _attribution(
    diff: Diff, metric: str, part: str, effect: Effects, parts: tuple[Floats, Floats, Bools]
) -> Attribution:
    retrieval, generation, known = parts
    members = _members(diff, part, effect)
    at = members[known[members]]
    lacking = members[effect.usable[members] & ~known[members]]
    ids = [effect.pairs.ids[place] for place in lacking]
    reasons = (diff.uncrossed.get(each, _UNSCORED) for each in ids)
    made = Attribution(
        metric=metric,
        slice=part,
        total=None,
        retrieval=None,
        generation=None,
        n=len(at),
        missing=len(lacking),
        reason=next(reasons, ""),
    )
    if not len(at):
        return made
    one = _share(retrieval, at, effect)
    other = _share(generation, at, effect)
    total = replace(_share(retrieval + generation, at, effect), effect=one.effect + other.effect)
    documents = 0 if effect.pairs.other is None else int(effect.pairs.other[at].sum())
    return replace(made, total=total, retrieval=one, generation=other, documents=documents)


def _members(diff: Diff, part: str, effect: Effects) -> Ints:
    place = {case: position for position, case in enumerate(effect.pairs.ids)}
    if part == OVERALL:
        return np.arange(len(place))
    slices: Mapping[str, Iterable[str]] = {**diff.derived, **diff.slices}
    found = [place[case] for case in slices.get(part, ()) if case in place]
    return np.array(found, dtype=np.int64)


def _share(values: Floats, at: Ints, effect: Effects) -> Share:
    """The mean over the pairs at these places, with the interval that the gate gives a change."""
    nothing = np.array([], dtype=np.int64)
    where = Hypothesis(effect.pairs.metric, "", at, nothing, declared=False)
    interval = bounds(where, replace(effect, d=values))
    return Share(float(values[at].mean()), interval.low, interval.high)
