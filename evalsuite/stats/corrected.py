"""Pass rates with the judge's measured errors taken out.

A judge that passes 9 of 10 good answers and 2 of 10 bad ones reports a rate that is neither its own
nor the truth. People's labels on some of the cases show by how much; prediction-powered inference
adds that to the judge's mean over all cases, with as much trust in the judge as it earned
(`power`, 0: the labels alone).

A. Angelopoulos, J. Duchi, T. Zrnic, "PPI++: Efficient Prediction-Powered Inference", arXiv
2311.01453 (2023). W. Rogan, B. Gladen, American Journal of Epidemiology 107 (1978).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalsuite.stats.bounds import Z_TWO_SIDED, rate_bounds
from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.intervals import MOST, cluster_codes, freedom, row_weights
from evalsuite.stats.student import student


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A corrected mean with its 95 % interval; None bounds where there are too few labels.

    `raw` is the judge's own mean over the cases, `power` the weight in [0, 1] that its values got,
    `n_labelled` and `n_judged` the rows of both kinds, `clusters` the independent groups among the
    labelled ones.
    """

    value: float
    low: float | None
    high: float | None
    raw: float
    power: float
    n_labelled: int
    n_judged: int
    clusters: int
    method: str


@dataclass(frozen=True, slots=True)
class _Sums:
    """Per cluster: its weight, and the weighted sums of the human and the judge's values."""

    weight: Floats
    human: Floats
    judge: Floats


@dataclass(frozen=True, slots=True)
class _Fit:
    """The estimate, the weight of the judge's values, and the variance; None of one cluster."""

    value: float
    power: float
    variance: float | None
    clusters: int
    freedom: int


def _sums(y: Floats, f: Floats, weights: Floats, codes: Ints) -> _Sums:
    groups = codes % MOST
    weight, human, judge = (
        np.bincount(groups, weights=each).astype(np.float64)
        for each in (weights, weights * y, weights * f)
    )
    return _Sums(weight, human, judge)


def _covariance(one: Floats, two: Floats, kept: Floats, weight: Floats) -> Floats:
    """(r,) of the means of two (r, clusters) arrays of cluster sums of deviations, over the
    clusters that are kept."""
    count = kept.sum(axis=1)
    total = (kept * weight).sum(axis=1)
    return np.asarray(count / (count - 1) * (kept * one * two).sum(axis=1) / total**2)


def _estimates(sums: _Sums, kept: Floats, mean: float, variance: float) -> tuple[Floats, Floats]:
    """(r,) estimates and weights of the judge's values, from the clusters kept (r, clusters); the
    judge's `mean` over the cases without labels has this `variance`."""
    total = (kept * sums.weight).sum(axis=1, keepdims=True)
    human = (kept * sums.human).sum(axis=1, keepdims=True) / total
    judge = (kept * sums.judge).sum(axis=1, keepdims=True) / total
    off_human = sums.human - human * sums.weight
    off_judge = sums.judge - judge * sums.weight
    together = _covariance(off_human, off_judge, kept, sums.weight)
    below = _covariance(off_judge, off_judge, kept, sums.weight) + variance
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(below > 0, np.clip(together / below, 0.0, 1.0), 0.0)
    return human[:, 0] + power * (mean - judge[:, 0]), power


def _fit(sums: _Sums, judged: Floats, judged_codes: Ints) -> _Fit:
    """PPI++ with its variance: the jackknife over labelled clusters of the whole estimate, the
    power fitted anew each time, and what the cases without labels add."""
    count = len(sums.weight)
    if count < 2:
        return _Fit(float(sums.human.sum() / sums.weight.sum()), 0.0, None, count, 0)
    mean, spread = _mean(judged, judged_codes)
    if spread is None:  # no cases without labels: the judge can add nothing
        sums, spread = replace(sums, judge=np.zeros(count)), 0.0
    values, power = _estimates(sums, np.ones((1, count)), mean, spread)
    variance = float(power[0]) ** 2 * spread
    if count == 2:
        off = (sums.human - values[0] * sums.weight)[None]
        variance += float(_covariance(off, off, np.ones((1, 2)), sums.weight)[0])
    else:
        without, _ = _estimates(sums, 1.0 - np.eye(count), mean, spread)
        variance += (1 - 1 / count) * float(((without - without.mean()) ** 2).sum())
    degrees = freedom(sums.weight, np.arange(count))
    return _Fit(float(values[0]), float(power[0]), variance, count, degrees)


def _mean(judged: Floats, codes: Ints) -> tuple[float, float | None]:
    """The judge's mean and its variance over clusters; 0 and None of fewer than two."""
    if codes.max(initial=-1) < 1:
        return 0.0, None
    mean = float(judged.mean())
    sums = _sums(judged, judged, np.ones(len(judged)), codes)
    off = (sums.judge - mean * sums.weight)[None]
    return mean, float(_covariance(off, off, np.ones_like(off), sums.weight)[0])


def corrected_mean(
    people: Sequence[float],
    judge: Sequence[float],
    judged: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    clusters: Sequence[Hashable] | None = None,
    judged_clusters: Sequence[Hashable] | None = None,
) -> Corrected:
    """The PPI++ mean of values in [0, 1], such as a pass rate.

    `people` and `judge` (n,) are both values of the labelled rows, `judged` (N,) the judge's of the
    cases without labels, drawn alike. `weights` (n,) are inverse chances of selection of the
    labelled rows. theta = lam mean(judged) + mean(people - lam judge), with the lam in [0, 1] of
    the smallest variance; without weights and clusters lam = cov / (var (1 + n / N)). The interval
    is Wilson's score with the n that would have this variance, and Student's t; None with fewer
    than two labelled clusters. ValueError without a labelled row.
    """
    y, f, u = (np.array(each, dtype=np.float64) for each in (people, judge, judged))
    _check(y, f, u, low=0.0)
    sums = _sums(y, f, row_weights(weights, len(y)), cluster_codes(clusters, len(y)))
    fit = _fit(sums, u, cluster_codes(judged_clusters, len(u)))
    value = min(1.0, max(0.0, fit.value))
    low, high = _score(value, fit)
    return Corrected(
        value=value,
        low=low,
        high=high,
        raw=float(u.mean()) if len(u) else float(sums.judge.sum() / sums.weight.sum()),
        power=fit.power,
        n_labelled=len(y),
        n_judged=len(u),
        clusters=fit.clusters,
        method="PPI++, jackknife over clusters, Wilson's score with effective n, Student's t",
    )


def _check(y: Floats, f: Floats, u: Floats, low: float) -> None:
    if not len(y) or len(y) != len(f):
        raise ValueError(f"{len(y)} human values need as many of the judge, at least one")
    every = np.concatenate([y, f, u])
    if not np.isfinite(every).all() or every.min() < low or every.max() > 1:
        raise ValueError(f"values must be numbers from {low:g} to 1")


def _score(value: float, fit: _Fit) -> tuple[float | None, float | None]:
    if fit.variance is None:
        return None, None
    spread = value * (1 - value)
    seen = fit.variance > 0 and spread > 0
    effective = spread / fit.variance if seen else float(fit.clusters)
    return rate_bounds(value, effective, student(fit.freedom)[0]) or (None, None)


def corrected_difference(
    people: Sequence[float],
    judge: Sequence[float],
    judged: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    clusters: Sequence[Hashable] | None = None,
    judged_clusters: Sequence[Hashable] | None = None,
) -> Corrected:
    """The PPI++ mean of paired differences in [-1, 1] (candidate less baseline, case by case).

    Arguments as for `corrected_mean`, each value a difference. People's differences cancel what a
    judge has for or against the style of one side. The variance has two pseudo-clusters of mean
    size, one all +1 and one all -1, so it is never 0; Student's t for the labelled clusters.
    """
    y, f, u = (np.array(each, dtype=np.float64) for each in (people, judge, judged))
    _check(y, f, u, low=-1.0)
    sums = _sums(y, f, row_weights(weights, len(y)), cluster_codes(clusters, len(y)))
    fit = _fit(sums, u, cluster_codes(judged_clusters, len(u)))
    value, half = min(1.0, max(-1.0, fit.value)), None
    if fit.variance is not None:
        pseudo = 2 / (fit.clusters + 2) ** 2
        half = student(fit.freedom)[0] * math.sqrt(fit.variance + pseudo)
    return Corrected(
        value=value,
        low=None if half is None else max(-1.0, value - half),
        high=None if half is None else min(1.0, value + half),
        raw=float(u.mean()) if len(u) else float(sums.judge.sum() / sums.weight.sum()),
        power=fit.power,
        n_labelled=len(y),
        n_judged=len(u),
        clusters=fit.clusters,
        method="PPI++ of paired differences, jackknife over clusters, two pseudo-clusters, "
        "Student's t",
    )


def rogan_gladen(
    people: Sequence[bool], judge: Sequence[bool], judged: Sequence[bool]
) -> Corrected | None:
    """The pass rate that would give the judge's rate at its TPR and TNR: a sensitivity line.

    (raw + TNR - 1) / (TPR + TNR - 1), with one hit and one miss added to either rate, clipped to
    [0, 1]; the variance is that of the three rates. Never better than PPI++, and wide where TPR +
    TNR is near 1; None where it is not above 1: that judge says nothing.
    """
    truth, said = np.array(people, dtype=bool), np.array(judge, dtype=bool)
    n, total = len(truth), len(judged)
    if not n or len(said) != n or not total:
        raise ValueError("a correction needs labels and judged cases")
    passing, failing = int(truth.sum()), int((~truth).sum())
    tpr = (int((truth & said).sum()) + 1) / (passing + 2)
    tnr = (int((~truth & ~said).sum()) + 1) / (failing + 2)
    informed = tpr + tnr - 1
    if informed <= 0:
        return None
    raw = float(np.mean(np.array(judged, dtype=bool)))
    value = min(1.0, max(0.0, (raw + tnr - 1) / informed))
    smooth = (raw * total + 1) / (total + 2)
    variance = smooth * (1 - smooth) / (total + 2)
    variance += value**2 * tpr * (1 - tpr) / (passing + 3)
    variance += (1 - value) ** 2 * tnr * (1 - tnr) / (failing + 3)
    half = Z_TWO_SIDED * math.sqrt(variance) / informed
    return Corrected(
        value=value,
        low=max(0.0, value - half),
        high=min(1.0, value + half),
        raw=raw,
        power=1.0,
        n_labelled=n,
        n_judged=total,
        clusters=n,
        method="Rogan-Gladen with one hit and one miss added",
    )
