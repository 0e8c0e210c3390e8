"""The figures that go with a scale, all at once: people's answers against a judge's.

Every function takes one row per item (the people's answer, aggregated before, and the judge's, None
for no verdict), `clusters` and `weights` as everywhere, and gives named estimates.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from evalsuite.stats import estimates
from evalsuite.stats.bounds import paired_bounds
from evalsuite.stats.intervals import Estimate, cluster_codes, row_weights
from evalsuite.stats.labels import Invalid, Label
from evalsuite.stats.rates import rates


def binary(
    people: Sequence[bool],
    judged: Sequence[bool | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Mapping[str, Estimate]:
    """agreement, kappa, ac1, tpr, tnr, precision, npv of a pass-or-fail judge. An invalid verdict
    is wrong, and for kappa and AC1 a category of its own."""
    found = rates(people, judged, clusters=clusters, weights=weights)
    return {
        **nominal(people, judged, (False, True), clusters=clusters, weights=weights),
        "tpr": found.tpr,
        "tnr": found.tnr,
        "precision": found.precision,
        "npv": found.npv,
    }


def nominal(
    people: Sequence[Label],
    judged: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    invalid: Invalid = "own",
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Mapping[str, Estimate]:
    """agreement, kappa, ac1 of labels without an order, such as "A", "B" and "tie" of a pair."""
    return {
        name: figure(people, judged, levels, invalid=invalid, clusters=clusters, weights=weights)
        for name, figure in (
            ("agreement", estimates.agreement),
            ("kappa", estimates.kappa),
            ("ac1", estimates.gwet),
        )
    }


def ordinal(
    people: Sequence[Label],
    judged: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    invalid: Invalid = "own",
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Mapping[str, Estimate]:
    """Those of `nominal`, and kappa_linear, kappa_quadratic, ac2 (quadratic), of levels from worst
    to best. An invalid verdict is as far from every level as two levels can be."""
    found = dict(
        nominal(people, judged, levels, invalid=invalid, clusters=clusters, weights=weights)
    )
    for name, figure, distance in (
        ("kappa_linear", estimates.kappa, "linear"),
        ("kappa_quadratic", estimates.kappa, "quadratic"),
        ("ac2", estimates.gwet, "quadratic"),
    ):
        found[name] = figure(
            people,
            judged,
            levels,
            distance="linear" if distance == "linear" else "quadratic",
            invalid=invalid,
            clusters=clusters,
            weights=weights,
        )
    return found


def numeric(
    people: Sequence[float],
    judged: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Mapping[str, Estimate]:
    """spearman, kendall_b, pearson and shift (the judge's mean less the people's), of values in
    [0, 1]. Rows without a verdict are left out; `n` says how many are in."""
    return {
        "spearman": estimates.spearman(people, judged, clusters=clusters, weights=weights),
        "kendall_b": estimates.kendall(people, judged, clusters=clusters, weights=weights),
        "pearson": estimates.pearson(people, judged, clusters=clusters, weights=weights),
        "shift": shift(people, judged, clusters=clusters, weights=weights),
    }


def shift(
    people: Sequence[float],
    judged: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Estimate:
    """The judge's mean less the people's, in [-1, 1] for values in [0, 1]; 0 is a judge that is
    neither lenient nor harsh. Adjusted Wald interval over clusters (`bounds.paired_bounds`)."""
    rows = [row for row, each in enumerate(judged) if each is not None]
    moved = np.array([(judged[row] or 0.0) - people[row] for row in rows], dtype=np.float64)
    if not rows:
        return Estimate(
            value=None, low=None, high=None, lower=None, n=0, clusters=0, method="undefined"
        )
    codes = cluster_codes(clusters, len(people))[rows]
    codes = np.unique(codes, return_inverse=True)[1]
    base = row_weights(weights, len(people))[rows]
    sums, sizes = np.bincount(codes, weights=base * moved), np.bincount(codes, weights=base)
    found = paired_bounds(sums.tolist(), sizes.tolist())
    return Estimate(
        value=float(sums.sum() / sizes.sum()),
        low=found.low,
        high=found.high,
        lower=max(-1.0, -found.upper_drop),
        n=len(rows),
        clusters=len(sizes),
        method="adjusted Wald interval over clusters",
    )
