"""Rates of a judge against people, with intervals that never collapse and know clusters.

TPR and TNR say what kind of error a judge makes, where accuracy and kappa mix both. The interval is
Wilson's score with an effective n: the rows, less what clusters and weights take from them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from evalsuite.errors import MissingExtra
from evalsuite.stats.bounds import Z_ONE_SIDED, Z_TWO_SIDED, paired_bounds, rate_bounds
from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.intervals import Estimate, cluster_codes, freedom, row_weights
from evalsuite.stats.student import student


def share(
    hits: Sequence[bool],
    *,
    kept: Sequence[bool] | None = None,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
    baseline: float | None = None,
) -> Estimate:
    """The share of hits among the rows that are kept, in [0, 1].

    One entry per row in all arguments. None of no row. With independent rows of equal weight and
    no clusters the interval is Wilson's.
    """
    n = len(hits)
    rows = np.flatnonzero(np.ones(n, dtype=bool) if kept is None else np.array(kept, dtype=bool))
    codes = cluster_codes(clusters, n)[rows]
    every = row_weights(weights, n)
    base = every[rows]
    hit = np.array(hits, dtype=np.float64)[rows]
    count = len(np.unique(codes))
    if not len(rows):
        return Estimate(
            value=None,
            low=None,
            high=None,
            lower=None,
            n=0,
            clusters=0,
            method="undefined",
            baseline=baseline,
        )
    mean = float((base * hit).sum() / base.sum())
    effective = effective_n(hit, base, codes, float(every.max()))
    plain = count == len(rows) and every.min() == every.max()
    two, one = Z_TWO_SIDED, Z_ONE_SIDED
    if count > 1 and not plain:
        two, one = student(freedom(base, codes))
    low, high = rate_bounds(mean, effective, two) or (None, None)
    lower, _ = rate_bounds(mean, effective, one) or (None, None)
    return Estimate(
        value=mean,
        low=low,
        high=high,
        lower=lower,
        n=len(rows),
        clusters=count,
        method="Wilson's score" + ("" if plain else ", effective n, Student's t"),
        baseline=baseline,
    )


def effective_n(hit: Floats, weights: Floats, codes: Ints, heaviest: float) -> float:
    """How many independent rows of equal weight would fix the share of hits as well as these.

    The first three are (n,). It is the n whose binomial variance is that of the weighted share over
    clusters, at most Kish's n: rows that carry most of the weight can be alike by chance, and then
    the variance that is seen is too small. Where all rows are alike no variance is seen: then it is
    the number of clusters (Kish's too), and no more than that of rows as heavy as the `heaviest` of
    the sample, which is what an exception that was not met might weigh. E. Korn, B. Graubard,
    Survey Methodology 24 (1998); L. Kish, Survey Sampling (1965).
    """
    codes = np.unique(codes, return_inverse=True)[1]
    n, count = float(len(hit)), int(codes.max()) + 1
    mean = float((weights * hit).sum() / weights.sum())
    if count == n and weights.min() == heaviest:
        return n
    if count < 2 or mean in {0.0, 1.0}:
        groups = np.bincount(codes, weights=weights).astype(np.float64)
        return min(float(weights.sum()) / heaviest, kish_n(groups))
    residual = np.bincount(codes, weights=weights * (hit - mean))
    variance = count / (count - 1) * float((residual**2).sum()) / float(weights.sum()) ** 2
    return min(kish_n(weights), mean * (1 - mean) / max(variance, 1e-12))


def kish_n(weights: Floats) -> float:
    """How many rows of equal weight would give a mean as sure as that of (n,) rows of these weights
    whose values have nothing to do with them; n for equal ones."""
    return float(weights.sum() ** 2 / (weights**2).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A binary judge against the truth; "positive" is a pass.

    `tpr` is the share of true passes that the judge passes, `tnr` that of true fails that it fails,
    `precision` the share of its passes that are true, `npv` that of its fails. `accuracy` is over
    all rows. An invalid verdict is wrong: it is in the denominators of tpr, tnr and accuracy, and a
    verdict of neither kind. Each figure's `baseline` is that of a judge that always gives the most
    common true label (None where it gives no such verdict).
    """

    tpr: Estimate
    tnr: Estimate
    precision: Estimate
    npv: Estimate
    accuracy: Estimate
    n_invalid: int


def rates(
    truth: Sequence[bool],
    judged: Sequence[bool | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    weights: Sequence[float] | None = None,
) -> Rates:
    """Rates of verdicts (None: invalid) against the truth, one entry per row in all arguments.

    `weights` are inverse chances of selection: rows that were sampled by the judge's verdict give a
    wrong tpr and tnr without them.
    """
    if len(truth) != len(judged):
        raise ValueError(f"{len(truth)} truths can't be paired with {len(judged)} verdicts")
    base = row_weights(weights, len(truth))
    passing = (
        float((base * np.array(truth, dtype=np.float64)).sum() / base.sum()) if len(base) else 0
    )
    always = passing >= 0.5
    right = [a == b for a, b in zip(truth, judged, strict=True)]

    def of(kept: Sequence[bool], baseline: float | None) -> Estimate:
        return share(right, kept=kept, clusters=clusters, weights=weights, baseline=baseline)

    return Rates(
        tpr=of([bool(each) for each in truth], float(always)),
        tnr=of([not each for each in truth], float(not always)),
        precision=of([each is True for each in judged], passing if always else None),
        npv=of([each is False for each in judged], None if always else 1 - passing),
        accuracy=of([True] * len(right), max(passing, 1 - passing)),
        n_invalid=sum(each is None for each in judged),
    )


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two judges on the same rows. `table` is [[both right, only the first], [only the second,
    neither]]; `p` the exact two-sided probability of a split of the discordant rows as uneven as
    this; None without one."""

    table: tuple[tuple[int, int], tuple[int, int]]
    p: float | None


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> McNemar:
    """Whether two judges are right equally often, row by row. Q. McNemar, Psychometrika 12
    (1947)."""
    rows = [(bool(one), bool(two)) for one, two in zip(first, second, strict=True)]
    only_first, only_second = rows.count((True, False)), rows.count((False, True))
    table = (rows.count((True, True)), only_first), (only_second, rows.count((False, False)))
    if not only_first + only_second:
        return McNemar(table, None)
    try:
        from scipy.stats import binomtest  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("McNemar's test", "calibration") from None
    return McNemar(table, float(binomtest(only_first, only_first + only_second, 0.5).pvalue))


def win_rate(points: Sequence[float], *, clusters: Sequence[Hashable] | None = None) -> Estimate:
    """The mean of wins (1), ties (0.5) and losses (0); the baseline is 0.5, that of a coin.

    The interval is the adjusted Wald interval of paired differences over clusters
    (`bounds.paired_bounds`).
    """
    n = len(points)
    codes = cluster_codes(clusters, n)
    count = int(codes.max(initial=-1)) + 1
    if not n:
        raise ValueError("a win rate needs a comparison")
    moved = np.bincount(codes, weights=2 * np.array(points, dtype=np.float64) - 1)
    found = paired_bounds(moved.tolist(), np.bincount(codes).astype(float).tolist())
    return Estimate(
        value=math.fsum(points) / n,
        low=(1 + found.low) / 2,
        high=(1 + found.high) / 2,
        lower=max(0.0, (1 - found.upper_drop) / 2),
        n=n,
        clusters=count,
        method="adjusted Wald interval over clusters",
        baseline=0.5,
    )
