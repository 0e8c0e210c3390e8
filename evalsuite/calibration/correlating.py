"""Whether a metric says what people say: correlations of its values with their ratings.

Three levels, which give different figures of the same rows: over all rows, inside clusters (does it
order the answers of one dialogue?), between groups (does it order systems?). Each is reported under
its own name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalsuite.calibration.columns import Column, People
from evalsuite.stats.agreement import cohen_kappa
from evalsuite.stats.correlation import (
    Correlations,
    WithinClusters,
    correlations,
    per_group,
    within_clusters,
)
from evalsuite.stats.estimates import alpha, kendall, pearson, spearman
from evalsuite.stats.intervals import Estimate
from evalsuite.stats.raters import medians, pair_agreement
from evalsuite.stats.rates import rates

MOST_LEVELS = 25
"""Different ratings above which they are no scale on which raters could agree."""

NAMES = ("pearson", "spearman", "kendall_b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What raters say among themselves: `median` is the mean over units of their median, `groups`
    the same by group, `equal` the share of equal pairs of ratings of one unit. `passing` is the
    share of units whose median is at least the passing rating; None where none was named."""

    name: str
    raters: int
    n: int
    median: float | None
    ordinal: Estimate | None
    interval: Estimate | None
    equal: float | None
    groups: Mapping[str, float | None]
    passing: float | None


@dataclass(frozen=True, slots=True)
class Cut:
    """The metric as a verdict, from `cut` up, against people's medians from the passing one up."""

    cut: float
    n: int
    accuracy: Estimate
    kappa: float | None
    tpr: Estimate
    tnr: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlated:
    """One metric against one kind of ratings, over `n` units that have both.

    `unrated` units lack ratings, `unscored` a value (units that lack both are in both). `figures`
    are by `NAMES`; `undefined` says why they have no value. `within` and `between` are None where
    no clusters or groups are named. `group` is the group that the figures are of, "" for all.
    """

    human: str
    value: str
    group: str
    n: int
    unrated: int
    unscored: int
    undefined: str
    figures: Mapping[str, Estimate]
    within: WithinClusters | None = None
    between: Correlations | None = None
    cuts: Sequence[Cut] = field(default_factory=tuple)


def correlated(
    people: People,
    column: Column,
    *,
    clusters: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    passing: float | None = None,
    cuts: Sequence[float] = (),
) -> list[Correlated]:
    """Over all units first, then in each group. Clusters are what rows depend on each other by."""
    said, values, truth = _even(people.values), _even(column.values), medians(people.ratings)
    whole = replace(
        _correlated(people, column, clusters),
        within=within_clusters(said, values, clusters) if clusters else None,
        between=per_group(said, values, groups) if groups else None,
        cuts=() if passing is None else [_cut(truth, column, passing, x, clusters) for x in cuts],
    )
    found = [whole]
    for group in dict.fromkeys(groups or ()):
        at = [place for place, each in enumerate(groups or ()) if each == group]
        inside = _correlated(
            replace(people, ratings=[people.ratings[each] for each in at]),
            replace(column, values=[column.values[each] for each in at]),
            [clusters[each] for each in at] if clusters else None,
        )
        found.append(replace(inside, group=group))
    return found


def _correlated(people: People, column: Column, clusters: Sequence[str] | None) -> Correlated:
    said, values = _even(people.values), _even(column.values)
    found = correlations(people.values, column.values)
    figures = {
        name: replace(measure(said, values, clusters=clusters), value=getattr(found, name))
        for name, measure in zip(NAMES, (pearson, spearman, kendall), strict=True)
    }
    return Correlated(
        human=people.name,
        value=column.name,
        group="",
        n=found.n,
        unrated=sum(each is None for each in said),
        unscored=sum(each is None for each in values),
        undefined="" if found.pearson is not None else _why(people, column),
        figures=figures,
    )


def _even(values: Sequence[float | None]) -> list[float | None]:
    """The values brought near 1 by a power of two: that changes no correlation and no tie, and
    products of very small or very large ones stay numbers."""
    most = max((abs(each) for each in values if each is not None), default=0.0)
    power = -math.frexp(most)[1]
    return [None if each is None else math.ldexp(each, power) for each in values]


def _why(people: People, column: Column) -> str:
    """Why there is no correlation."""
    pairs = [
        (one, two)
        for one, two in zip(people.values, column.values, strict=True)
        if one is not None and two is not None
    ]
    if len(pairs) < 2:
        return "no unit has both" if not pairs else "one unit has both, and two are needed"
    constant = [
        f"{name} is constant ({side[0]:g})"
        for name, side in zip((people.name, column.name), zip(*pairs, strict=True), strict=True)
        if len(set(side)) == 1
    ]
    return " and ".join(constant) or "the values differ by too little to be told apart"


def _cut(
    truth: Sequence[float | None],
    column: Column,
    passing: float,
    cut: float,
    clusters: Sequence[str] | None,
) -> Cut:
    kept = [
        place
        for place, (one, two) in enumerate(zip(truth, column.values, strict=True))
        if one is not None and two is not None
    ]
    good = [(truth[place] or 0.0) >= passing for place in kept]
    said = [(column.values[place] or 0.0) >= cut for place in kept]
    own = [clusters[place] for place in kept] if clusters else None
    found = rates(good, said, clusters=own)
    kappa = cohen_kappa(good, said, (False, True)) if kept else None
    return Cut(cut, len(kept), found.accuracy, kappa, found.tpr, found.tnr)


def agreed(
    people: People,
    *,
    clusters: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    passing: float | None = None,
) -> Agreed:
    """What raters reach among themselves."""
    middle = medians(people.ratings)
    known = [each for each in middle if each is not None]
    levels = sorted({each for row in people.ratings for each in row if each is not None})
    several = len(people.raters) > 1 and len(levels) <= MOST_LEVELS
    return Agreed(
        name=people.name,
        raters=len(people.raters),
        n=len(known),
        median=_mean(known),
        ordinal=alpha(people.ratings, levels, metric="ordinal", clusters=clusters)
        if several
        else None,
        interval=alpha(people.ratings, levels, metric="interval", clusters=clusters)
        if several
        else None,
        equal=pair_agreement(people.ratings, levels) if several else None,
        groups=_by_group(middle, groups or ()),
        passing=None if passing is None else _mean([float(each >= passing) for each in known]),
    )


def _by_group(values: Sequence[float | None], groups: Sequence[str]) -> dict[str, float | None]:
    held: dict[str, list[float]] = {group: [] for group in groups}
    for value, group in zip(values, groups, strict=False):
        if value is not None:
            held[group].append(value)
    return {group: _mean(each) for group, each in held.items()}


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
