"""The figures of agreement and correlation with their intervals, one function each.

All take rows as the point figures do, with `clusters` (the rows that are not independent) and
`weights` (inverse chances of selection, so that a sample drawn by the judge's verdict speaks for
the whole run). Without them the value is that of the function of the same name in `agreement`,
`raters` and `correlation`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from evalsuite.stats.agreement import (
    expected_at_random,
    expected_by_margins,
    gwets,
    kappas,
    some,
    trimmed,
)
from evalsuite.stats.correlation import both, correlations
from evalsuite.stats.flips import Bools, Floats, Ints
from evalsuite.stats.intervals import Estimate, cluster_codes, coefficient
from evalsuite.stats.labels import (
    Invalid,
    Label,
    Pairs,
    Weights,
    distances,
    paired,
    tables,
)
from evalsuite.stats.raters import (
    Metric,
    Ratings,
    alphas,
    counts,
    expected_distance,
    numbers,
)
from evalsuite.stats.rates import share
from evalsuite.stats.weighted import kendalls, pearsons, spearmans

T = TypeVar("T")

MANY = 2000


def agreement(
    first: Sequence[Label | None],
    second: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    invalid: Invalid = "own",
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Estimate:
    """Percent agreement in [0, 1]. The baseline is the share of the most common label of `first`,
    which is what a judge reaches that always gives it."""
    pairs = paired(first, second, levels, invalid)
    hits = np.zeros(len(first), dtype=bool)
    hits[pairs.kept] = pairs.first == pairs.second
    return share(
        hits.tolist(),
        kept=pairs.kept.tolist(),
        clusters=clusters,
        weights=weights,
        baseline=_commonest(pairs.first, _some(weights, pairs.kept)),
    )


def kappa(
    first: Sequence[Label | None],
    second: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    distance: Weights = "none",
    invalid: Invalid = "own",
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Estimate:
    """Cohen's kappa; a constant judge has 0."""
    pairs = paired(first, second, levels, invalid)
    apart = distances(len(levels), pairs.size, distance)
    return coefficient(
        lambda w: kappas(tables(pairs, w), apart),
        len(pairs.first),
        clusters=_some(clusters, pairs.kept),
        weights=_some(weights, pairs.kept),
        chance=some(expected_by_margins(tables(pairs), apart)[0]),
        baseline=0.0,
    )


def gwet(
    first: Sequence[Label | None],
    second: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    distance: Weights = "none",
    invalid: Invalid = "own",
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Estimate:
    """Gwet's AC1 (`distance` "none") or AC2. Its baseline is not 0: a constant judge agrees by
    more than Gwet's chance where its label is common."""
    pairs = trimmed(paired(first, second, levels, invalid), len(levels))
    apart = distances(len(levels), pairs.size, distance)
    given = _some(weights, pairs.kept)
    return coefficient(
        lambda w: gwets(tables(pairs, w), apart),
        len(pairs.first),
        clusters=_some(clusters, pairs.kept),
        weights=given,
        chance=some(expected_at_random(tables(pairs), apart)[0]),
        baseline=_constant_gwet(pairs, apart, given),
    )


def alpha(
    ratings: Ratings,
    levels: Sequence[Label],
    *,
    metric: Metric = "nominal",
    clusters: Sequence[Hashable] | None = None,
) -> Estimate:
    """Krippendorff's alpha of (units, raters); `n` is the number of units with two ratings, of
    which each is a cluster unless `clusters` (one per unit) says more."""
    found = counts(ratings, levels)
    usable = found.sum(axis=1) >= 2
    found, values = found[usable], numbers(levels)
    return coefficient(
        lambda w: alphas(found, w, metric, values),
        len(found),
        clusters=_some(clusters, usable),
        chance=expected_distance(found, metric, values),
    )


def spearman(
    first: Sequence[float | None],
    second: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Estimate:
    """Spearman's rho over the pairs that have both sides, average ranks for ties."""
    return _correlation(spearmans, first, second, clusters, weights)


def kendall(
    first: Sequence[float | None],
    second: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Estimate:
    """Kendall's tau-b over the pairs that have both sides. Beyond `MANY` rows without weights it
    has no bounds: they would compare every row with every other, hundreds of times."""
    left, right, places = both(first, second)
    if len(places) > MANY and weights is None:
        codes = None if clusters is None else [clusters[place] for place in places]
        count = int(cluster_codes(codes, len(places)).max()) + 1
        return Estimate(
            value=correlations(left.tolist(), right.tolist()).kendall_b,
            low=None,
            high=None,
            lower=None,
            n=len(places),
            clusters=count,
            method="undefined",
        )
    return _correlation(kendalls, first, second, clusters, weights)


def pearson(
    first: Sequence[float | None],
    second: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Estimate:
    """Pearson's r over the pairs that have both sides."""
    return _correlation(pearsons, first, second, clusters, weights)


def _correlation(
    figure: Callable[[Floats, Floats, Floats], Floats],
    first: Sequence[float | None],
    second: Sequence[float | None],
    clusters: Sequence[Hashable] | None,
    weights: Sequence[float] | None,
) -> Estimate:
    """A constant judge has no correlation, so there is no baseline."""
    left, right, places = both(first, second)
    kept = np.zeros(len(first), dtype=bool)
    kept[places] = True
    return coefficient(
        lambda w: figure(left, right, w),
        len(left),
        clusters=_some(clusters, kept),
        weights=_some(weights, kept),
    )


def _some(values: Sequence[T] | None, kept: Bools) -> list[T] | None:
    if values is None:
        return None
    if len(values) != len(kept):
        raise ValueError(f"{len(values)} clusters or weights for {len(kept)} rows")
    return [values[row] for row in np.flatnonzero(kept).tolist()]


def _commonest(codes: Ints, weights: Sequence[float] | None) -> float | None:
    held = np.bincount(codes, weights=weights) if len(codes) else np.zeros(0)
    return float(held.max() / held.sum()) if held.sum() else None


def _constant_gwet(pairs: Pairs, apart: Floats, weights: Sequence[float] | None) -> float | None:
    """Of a judge that always gives the most common label of the first side."""
    if not len(pairs.first):
        return None
    always = np.bincount(pairs.first, weights=weights).argmax()
    constant = replace(pairs, second=np.full_like(pairs.first, always))
    row = None if weights is None else np.array(weights, dtype=np.float64)[None]
    return some(gwets(tables(constant, row), apart)[0])
