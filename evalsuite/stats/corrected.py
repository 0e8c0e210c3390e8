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
from dataclasses import dataclass

import numpy as np

from evalsuite.stats.bounds import Z_TWO_SIDED, rate_bounds
from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.intervals import cluster_codes, row_weights, student


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
class _Part:
    """Cluster sums of weighted deviations, whose products estimate variances of means."""

    mean: float
    deviations: Floats
    count: int

    def covariance(self, other: _Part) -> float:
        factor = self.count / max(1, self.count - 1)
        return factor * float((self.deviations * other.deviations).sum())


def _part(values: Floats, weights: Floats, codes: Ints) -> _Part:
    mean = float((weights * values).sum() / weights.sum())
    moved = np.bincount(codes, weights=weights * (values - mean)) / weights.sum()
    return _Part(mean, moved, len(moved))


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
    base, codes = row_weights(weights, len(y)), cluster_codes(clusters, len(y))
    human, machine = _part(y, base, codes), _part(f, base, codes)
    rest = _part(u, np.ones(len(u)), cluster_codes(judged_clusters, len(u))) if len(u) else None
    lam = _power(human, machine, rest)
    value = human.mean + (lam * (rest.mean - machine.mean) if rest else 0.0)
    residual = _part(y - lam * f, base, codes)
    variance = residual.covariance(residual) + (lam**2 * rest.covariance(rest) if rest else 0.0)
    value = min(1.0, max(0.0, value))
    low, high = _score(value, variance, residual.count)
    everything = float(np.concatenate([f, u]).mean()) if rest is None else rest.mean
    return Corrected(
        value=value,
        low=low,
        high=high,
        raw=everything,
        power=lam,
        n_labelled=len(y),
        n_judged=len(u),
        clusters=residual.count,
        method="PPI++, Wilson's score with effective n, Student's t",
    )


def _check(y: Floats, f: Floats, u: Floats, low: float) -> None:
    if not len(y) or len(y) != len(f):
        raise ValueError(f"{len(y)} human values need as many of the judge, at least one")
    every = np.concatenate([y, f, u])
    if not np.isfinite(every).all() or every.min() < low or every.max() > 1:
        raise ValueError(f"values must be numbers from {low:g} to 1")


def _power(human: _Part, machine: _Part, rest: _Part | None) -> float:
    """The weight of the judge's values with the smallest variance of the estimate."""
    if rest is None:
        return 0.0
    below = machine.covariance(machine) + rest.covariance(rest)
    return min(1.0, max(0.0, human.covariance(machine) / below)) if below > 0 else 0.0


def _score(value: float, variance: float, count: int) -> tuple[float | None, float | None]:
    if count < 2:
        return None, None
    spread = value * (1 - value)
    effective = spread / variance if variance > 0 and spread > 0 else float(count)
    return rate_bounds(value, effective, student(count - 1)[0]) or (None, None)


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
    base, codes = row_weights(weights, len(y)), cluster_codes(clusters, len(y))
    human, machine = _part(y, base, codes), _part(f, base, codes)
    rest = _part(u, np.ones(len(u)), cluster_codes(judged_clusters, len(u))) if len(u) else None
    lam = _power(human, machine, rest)
    value = human.mean + (lam * (rest.mean - machine.mean) if rest else 0.0)
    residual = _part(y - lam * f, base, codes)
    count = residual.count
    variance = residual.covariance(residual) + 2 / (count + 2) ** 2
    variance += lam**2 * rest.covariance(rest) if rest else 0.0
    half = student(count - 1)[0] * math.sqrt(variance) if count > 1 else None
    return Corrected(
        value=min(1.0, max(-1.0, value)),
        low=None if half is None else max(-1.0, value - half),
        high=None if half is None else min(1.0, value + half),
        raw=rest.mean if rest else machine.mean,
        power=lam,
        n_labelled=len(y),
        n_judged=len(u),
        clusters=count,
        method="PPI++ of paired differences, two pseudo-clusters, Student's t",
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
