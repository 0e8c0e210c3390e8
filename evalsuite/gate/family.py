"""The hypotheses of a gate, tested together: every metric, overall and in every slice.

One family is tested at one level, so that a suite with many slices and metrics is not blocked by
chance more often than one with few. What can't block is a family of its own and takes nothing from
the power of the others: derived slices, which nobody asked for, and judges that only inform.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np

from evalsuite.diff import Diff, Pairs
from evalsuite.policy import OVERALL, Gate
from evalsuite.records import Manifest, Standing
from evalsuite.stats.bounds import Bounds, bounds_of
from evalsuite.stats.flips import Bools, Floats, Ints, blocks, steadiness

SEED = 70_229
"""Fixed, so that equal data always have equal p."""

REPEATS = 3
"""Trials in both arms from which the flake-weighted statistic joins the plain one."""


@dataclass(frozen=True, slots=True)
class Effects:
    """One metric's paired differences; all arrays are (n,), in the order of `pairs.ids`.

    Trial t is compared with trial t: `d` is the mean of after - before over the trials that both
    sides have, 0 where outputs are identical, so that repeats of one side alone (of cases that
    failed, say) can't tilt it. `usable` pairs have such a trial; where one has not, `worst` is the
    difference if it were as bad as can be.
    `units` number what is flipped together, across metrics; `weights` are the steadiness of cases,
    None with few repeats. `again` is the difference over all trials of cases that were asked
    again, 0 for the others; None where nothing was.
    """

    pairs: Pairs
    before: Floats
    d: Floats
    usable: Bools
    worst: Floats
    units: Ints
    weights: Floats | None
    again: Floats | None = None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A metric does not drop in a slice. `at` are the positions of its usable pairs, `lacking` of
    those without a score; `declared` slices have a gate, `derived` ones a family of their own, as
    have metrics of judges that only inform (`informs`)."""

    metric: str
    slice: str
    at: Ints
    lacking: Ints
    declared: bool
    derived: bool = False
    informs: bool = False


def standing_of(run: Manifest, metric: str) -> Standing | None:
    """What a metric is worth that a judge gave: its own standing, or that of what it is a part or a
    diagnostic of (NAME for NAME.PART); None if it is no judge's."""
    while metric not in run.judges:
        metric, dot, _ = metric.rpartition(".")
        if not dot:
            return None
    return run.judges[metric]


def informs(run: Manifest, metric: str) -> bool:
    """Whether no gate may rest on a metric: its judge has no certificate, or is asked only to
    inform. What a judge shows of itself (that its orders disagree) needs no certificate."""
    standing = standing_of(run, metric)
    if standing is None:
        return False
    shown = any(each.name == metric and each.role == "diagnostic" for each in run.metrics)
    return not standing.gates or (standing.state == "uncertified" and not shown)


def effects(diff: Diff) -> dict[str, Effects]:
    """Per metric of the diff; units are numbered in the order of ids and clusters, or in that in
    which the cases of a sequential run were taken."""
    names = {unit for pairs in diff.pairs.values() for unit in _units(pairs)}
    numbers = {unit: number for number, unit in enumerate(sorted(names))}
    if diff.candidate.looks is not None:
        numbers = _taken(diff, diff.candidate.looks.order)
    return {name: _effects(pairs, numbers) for name, pairs in diff.pairs.items()}


def _units(pairs: Pairs) -> list[tuple[bool, str]]:
    if not pairs.clusters:
        return [(False, case) for case in pairs.ids]
    both = zip(pairs.ids, pairs.clusters, strict=True)
    return [(False, case) if cluster is None else (True, cluster) for case, cluster in both]


def _taken(diff: Diff, order: Sequence[str]) -> dict[tuple[bool, str], int]:
    """A unit's number is the place of its first case: the same at every look."""
    place = {case: number for number, case in enumerate(order)}
    numbers: dict[tuple[bool, str], int] = {}
    for pairs in diff.pairs.values():
        for case, unit in zip(pairs.ids, _units(pairs), strict=True):
            here = place.get(case, len(order))
            numbers[unit] = min(here, numbers.get(unit, here))
    return numbers


def _effects(pairs: Pairs, names: Mapping[tuple[bool, str], int]) -> Effects:
    trials = min(pairs.before.shape[1], pairs.after.shape[1])
    old, new = pairs.before[:, :trials], pairs.after[:, :trials]
    both = np.asarray(pairs.before_seen[:, :trials] & pairs.after_seen[:, :trials], dtype=np.bool_)
    shared = both.sum(axis=1)
    usable = np.asarray(shared > 0, dtype=np.bool_)
    before, after = _mean(old, both), _mean(new, both)
    repeated = usable.any() and shared[usable].min() >= REPEATS
    known = pairs.before_seen.any(axis=1)
    bad = np.where(
        known, -_mean(pairs.before, pairs.before_seen), _mean(pairs.after, pairs.after_seen) - 1
    )
    d = np.where(usable & ~pairs.identical, np.round(after - before, 8), 0.0)
    return Effects(
        pairs=pairs,
        before=before,
        d=d,
        usable=usable,
        worst=np.where(pairs.identical, 0.0, bad),
        units=np.array([names[unit] for unit in _units(pairs)], dtype=np.int64),
        weights=steadiness(old, both, new, both) if repeated else None,
        again=_again(pairs, d),
    )


def _again(pairs: Pairs, first: Floats) -> Floats | None:
    """The mean difference over the first trial and the further ones that both sides have."""
    if pairs.again is None or pairs.again_seen is None or pairs.asked is None:
        return None
    if pairs.before.shape[1] == 1:  # a comparison with the baseline's one answer
        return first
    end = 1 + pairs.again.shape[1]
    both = pairs.before_seen[:, 1:end] & pairs.again_seen[:, : pairs.before.shape[1] - 1]
    old, new = pairs.before[:, 1:end], pairs.again[:, : pairs.before.shape[1] - 1]
    further = np.where(both, new - old, 0.0).sum(axis=1)
    once = pairs.before_seen[:, 0] & pairs.after_seen[:, 0]
    count = np.maximum(both.sum(axis=1) + once, 1)
    mean = np.round((first + further) / count, 8)
    return np.where(pairs.asked & ~pairs.identical, mean, 0.0)


def _mean(values: Floats, seen: Bools) -> Floats:
    """Per case over its seen trials; 0 where there is none."""
    total = np.where(seen, values, 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(seen.sum(axis=1), 1), dtype=np.float64)


def hypotheses(diff: Diff, policy: Gate, found: Mapping[str, Effects]) -> list[Hypothesis]:
    """The families, per metric: overall, declared slices, other slices, derived slices.

    Slices that are not declared need `min_cases` usable pairs, and one of several with the same
    cases is enough; those with all cases say what overall says.
    """
    places: dict[Sequence[str], Places] = {}
    for effect in found.values():
        if effect.pairs.ids not in places:
            places[effect.pairs.ids] = _places(effect.pairs.ids, diff, policy)
    return [
        each
        for name, effect in found.items()
        for each in _of_metric(name, effect, diff, policy, places[effect.pairs.ids])
    ]


Places = Sequence[tuple[str, bool, Ints]]
"""Slices, whether they are derived, and the positions of their cases, the declared ones first."""


def _places(ids: Sequence[str], diff: Diff, policy: Gate) -> Places:
    """Once for all metrics that have these cases, which may be many."""
    number = {case: position for position, case in enumerate(ids)}
    found = []
    for slices, derived in ((diff.slices, False), (diff.derived, True)):
        for name in sorted(slices, key=lambda name: (name not in policy.slices, name)):
            at = np.array([number[case] for case in slices[name] if case in number], dtype=np.int64)
            found.append((name, derived, at))
    return found


def _of_metric(
    metric: str, effect: Effects, diff: Diff, policy: Gate, places: Places
) -> Iterator[Hypothesis]:
    everything = np.arange(len(effect.pairs.ids))
    told = informs(diff.candidate, metric)
    overall = _hypothesis(metric, OVERALL, everything, effect, declared=True, informs=told)
    yield overall
    seen = {overall.at.tobytes()}
    for name, derived, at in places:
        declared = name in policy.slices
        each = _hypothesis(
            metric, name, at, effect, declared=declared, derived=derived, informs=told
        )
        large = len(each.at) >= policy.min_cases and each.at.tobytes() not in seen
        if declared or large:
            seen.add(each.at.tobytes())
            yield each


def _hypothesis(
    metric: str,
    name: str,
    at: Ints,
    effect: Effects,
    *,
    declared: bool,
    derived: bool = False,
    informs: bool = False,
) -> Hypothesis:
    usable = effect.usable[at]
    lacking = _missing(at[~usable], effect)
    return Hypothesis(metric, name, at[usable], lacking, declared, derived, informs)


def _missing(lacking: Ints, effect: Effects) -> Ints:
    """Of the pairs without a score those that count as missing. By chance as many answers begin to
    speak as fall silent, so of these only the surplus counts, the worst first."""
    if effect.pairs.silent is None:
        return lacking
    silent = effect.pairs.silent[lacking]
    fell = lacking[silent > 0]
    fell = fell[np.lexsort((fell, effect.worst[fell]))]
    return np.sort(np.concatenate([lacking[silent == 0], fell[: max(0, int(silent.sum()))]]))


def contributions(
    numbers: Sequence[int],
    tested: Sequence[Hypothesis],
    found: Mapping[str, Effects],
    block: Ints,
) -> tuple[Floats, list[int]] | None:
    """What each block adds to the sums (blocks, columns) of the hypotheses at `numbers` in which
    something moved, and the number of the hypothesis per column; None if nothing moved. `block`
    says by unit what it is flipped with."""
    columns, owners = [], []
    rows = 1 + int(block.max(initial=-1))
    for number in numbers:
        effect, at = found[tested[number].metric], tested[number].at
        at = at[effect.d[at] != 0]
        parts = [effect.d] if effect.weights is None else [effect.d, effect.d * effect.weights]
        for part in parts if len(at) else ():
            columns.append(np.bincount(block[effect.units[at]], part[at], minlength=rows))
            owners.append(number)
    return (np.stack(columns, axis=1).astype(np.float64), owners) if columns else None


def blocks_of(
    numbers: Sequence[int],
    tested: Sequence[Hypothesis],
    found: Mapping[str, Effects],
) -> Ints:
    """By unit, what it is flipped with; units that did not move take no place."""
    size = 1 + max((int(e.units.max()) for e in found.values() if len(e.units)), default=-1)
    moved = np.zeros(size, dtype=bool)
    for metric in {tested[number].metric for number in numbers}:
        effect = found[metric]
        moved[effect.units[effect.d != 0]] = True
    place = np.zeros(size, dtype=np.int64)
    place[moved] = blocks(int(moved.sum()))
    return place


def bounds(each: Hypothesis, effect: Effects, *, lost: int | None = None) -> Bounds:
    """Bounds of the mean difference in a slice that has a pair; with `lost`, that many cases
    without a row and every pair without a score count as the worst that they can be."""
    values, units = effect.d[each.at], effect.units[each.at]
    if lost is not None and len(each.lacking):
        values = np.concatenate([values, effect.worst[each.lacking]])
        units = np.concatenate([units, effect.units[each.lacking]])
    sums, sizes = by_unit(effect, values, units)
    gone = lost or 0  # each one a cluster of its own whose difference is -1
    return bounds_of(
        len(sizes) + gone,
        (float(sums.sum()) - gone, float(sizes.sum()) + gone),
        (
            float((sums * sums).sum()) + gone,
            float((sums * sizes).sum()) - gone,
            float((sizes * sizes).sum()) + gone,
        ),
    )


def by_unit(effect: Effects, values: Floats, units: Ints) -> tuple[Floats, Floats]:
    """Sums and sizes of what is flipped together."""
    if not effect.pairs.clusters:
        return values, np.ones(len(values))
    _, group = np.unique(units, return_inverse=True)
    return np.bincount(group, values).astype(float), np.bincount(group).astype(float)


class Moved(Sequence[str]):
    """Ids of cases that fell, or of those that rose, the largest change first, then by id. They are
    put in order when they are read: of a million cases in a hundred slices most never are."""

    def __init__(self, ids: Sequence[str], at: Ints, d: Floats) -> None:
        self._ids, self._at, self._d = ids, at, d

    @cached_property
    def _ordered(self) -> tuple[str, ...]:
        order = self._at[np.argsort(-np.abs(self._d[self._at]), kind="stable")]
        return tuple(map(self._ids.__getitem__, order.tolist()))

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        return self._ordered[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._ordered == tuple(other)

    def __hash__(self) -> int:
        return hash(self._ordered)

    def __deepcopy__(self, memo: object) -> tuple[str, ...]:
        return self._ordered


def moved(each: Hypothesis, effect: Effects) -> tuple[Moved, Moved]:
    """The cases of a hypothesis that fell and those that rose."""
    d, ids = effect.d, effect.pairs.ids
    change = d[each.at]
    return Moved(ids, each.at[change < 0], d), Moved(ids, each.at[change > 0], d)
