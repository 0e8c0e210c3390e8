"""How far two raters agree: what they share, and what they share beyond chance.

Percent agreement flatters where one label is common, Cohen's kappa punishes there; both are
reported beside Gwet's AC1, which does neither, and beside what a constant judge would get. The
point figures come from scikit-learn where it has them. The same formulas over many tables at once
(`kappas`, `gwets`, `accuracies`) serve the intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalsuite.errors import MissingExtra
from evalsuite.stats.flips import Floats
from evalsuite.stats.labels import (
    OWN,
    Invalid,
    Label,
    Pairs,
    Weights,
    coded,
    distances,
    named,
    paired,
    tables,
)

_SCIKIT = {"none": None, "linear": "linear", "quadratic": "quadratic"}


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts by label: truth in rows (the levels), verdicts in columns (the levels, then OWN)."""

    rows: Sequence[Label]
    columns: Sequence[Label]
    counts: Sequence[Sequence[int]]

    @property
    def n(self) -> int:
        return sum(map(sum, self.counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Verdicts against the truth, as figures of a classifier.

    `convention` says what an invalid verdict counted as; `n_invalid` is how many there were and
    `n` how many pairs the figures are of. The macro averages are over the levels, each as heavy as
    the others; one that is never given has precision 0. `baseline_accuracy` is that of a judge that
    always gives `baseline_label`, the most common one; such a judge's kappa is 0.
    """

    n: int
    n_invalid: int
    convention: str
    accuracy: float | None
    macro_precision: float | None
    macro_recall: float | None
    macro_f1: float | None
    kappa: float | None
    baseline_label: Label | None
    baseline_accuracy: float | None


def confusion(
    truth: Sequence[Label], judged: Sequence[Label | None], levels: Sequence[Label]
) -> Confusion:
    """The table of truth by verdict; invalid verdicts have the last column, OWN."""
    if any(label is None for label in truth):
        raise ValueError("a confusion table has no row for a missing truth")
    pairs = paired(truth, judged, levels, "own")
    counts = tables(pairs)[0][: len(levels)].astype(int)
    return Confusion(tuple(levels), (*levels, OWN), tuple(map(tuple, counts.tolist())))


def percent_agreement(
    first: Sequence[Label | None],
    second: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    invalid: Invalid = "own",
) -> float | None:
    """Share of pairs with equal labels, in [0, 1]; None of no pair."""
    pairs = paired(first, second, levels, invalid)
    return float(np.mean(pairs.first == pairs.second)) if len(pairs.first) else None


def cohen_kappa(
    first: Sequence[Label | None],
    second: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    weights: Weights = "none",
    invalid: Invalid = "own",
) -> float | None:
    """Cohen's kappa in [-1, 1], 0 where agreement is what chance gives.

    `levels` go from worst to best; `weights` by their distance. None of no pair, and where both
    raters give the same one label throughout. J. Cohen, Educational and Psychological Measurement
    20 (1960); with weights Psychological Bulletin 70 (1968).
    """
    pairs = paired(first, second, levels, invalid)
    return kappa_of(pairs, len(levels), weights)


def kappa_of(pairs: Pairs, levels: int, weights: Weights) -> float | None:
    """Cohen's kappa of codes, by scikit-learn where its distances are ours."""
    used = np.union1d(pairs.first, pairs.second)
    if len(used) < 2:
        return None
    if weights != "none" and pairs.size > levels:  # an own category is on no line
        return some(kappas(tables(pairs), distances(levels, pairs.size, weights))[0])
    try:
        from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("Cohen's kappa", "calibration") from None
    every = np.arange(pairs.size)
    kind = _SCIKIT[weights]
    return some(cohen_kappa_score(pairs.first, pairs.second, labels=every, weights=kind))


def gwet(
    first: Sequence[Label | None],
    second: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    weights: Weights = "none",
    invalid: Invalid = "own",
) -> float | None:
    """Gwet's AC1 (`weights` "none") or AC2, in [-1, 1]: stable where one label is common.

    Chance is that of labels given at random on the pairs that are hard, over the `levels` that the
    scale has (not only those that were used), and an own category where the convention gives it and
    a verdict is invalid. K. Gwet, British Journal of Mathematical and Statistical Psychology 61
    (2008); AC2 in "Handbook of Inter-Rater Reliability" (2014).
    """
    pairs = trimmed(paired(first, second, levels, invalid), len(levels))
    if not len(pairs.first):
        return None
    return some(gwets(tables(pairs), distances(len(levels), pairs.size, weights))[0])


def trimmed(pairs: Pairs, levels: int) -> Pairs:
    """Without the own category if nobody is in it: an empty one would change Gwet's chance."""
    empty = max(pairs.first.max(initial=0), pairs.second.max(initial=0)) < levels
    return Pairs(pairs.first, pairs.second, levels if empty else pairs.size, pairs.kept)


def classification(
    truth: Sequence[Label],
    judged: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    invalid: Invalid = "own",
) -> Classification:
    """Accuracy, macro precision, recall and F1, and kappa, under a named convention.

    With "own" an invalid verdict is wrong for the accuracy, missed for the recall, and a category
    of its own for kappa.
    """
    pairs = paired(truth, judged, levels, invalid)
    n = len(pairs.first)
    precision, recall, f1 = _macro(pairs, len(levels))
    label, share = majority_baseline(
        [truth[i] for i in np.flatnonzero(pairs.kept).tolist()], levels
    )
    return Classification(
        n=n,
        n_invalid=sum(each is None for each in judged),
        convention=named(invalid),
        accuracy=float(np.mean(pairs.first == pairs.second)) if n else None,
        macro_precision=precision,
        macro_recall=recall,
        macro_f1=f1,
        kappa=kappa_of(pairs, len(levels), "none") if n else None,
        baseline_label=label,
        baseline_accuracy=share,
    )


def _macro(pairs: Pairs, levels: int) -> tuple[float | None, float | None, float | None]:
    if not len(pairs.first):
        return None, None, None
    try:
        from sklearn.metrics import precision_recall_fscore_support  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("precision and recall", "calibration") from None
    precision, recall, f1, _ = precision_recall_fscore_support(
        pairs.first, pairs.second, labels=np.arange(levels), average="macro", zero_division=0.0
    )
    return float(precision), float(recall), float(f1)


def majority_baseline(
    truth: Sequence[Label], levels: Sequence[Label]
) -> tuple[Label | None, float | None]:
    """The most common label (of equally common ones the first level) and its share: what a judge
    reaches that always says it. None of no label."""
    codes = coded(truth, levels)
    if not len(codes):
        return None, None
    counts = np.bincount(codes, minlength=len(levels))
    place = int(counts.argmax())
    return levels[place], float(counts[place] / len(codes))


def accuracies(table: Floats) -> Floats:
    """(r,) shares on the diagonal of (r, k, k) tables, NaN of an empty one."""
    total = table.sum(axis=(1, 2))
    return _ratio(np.trace(table, axis1=1, axis2=2), total)


def kappas(table: Floats, distance: Floats) -> Floats:
    """(r,) Cohen's kappas of (r, k, k) tables with disagreements (k, k); NaN where undefined."""
    seen = _ratio((table * distance).sum(axis=(1, 2)), table.sum(axis=(1, 2)))
    return np.asarray(1.0 - _ratio(seen, expected_by_margins(table, distance)), dtype=np.float64)


def expected_by_margins(table: Floats, distance: Floats) -> Floats:
    """(r,) the disagreement in [0, 1] of raters who keep to their own shares of labels: Cohen's
    chance."""
    total = table.sum(axis=(1, 2))
    rows, columns = table.sum(axis=2), table.sum(axis=1)
    return _ratio(((rows @ distance) * columns).sum(axis=1), total**2)


def gwets(table: Floats, distance: Floats) -> Floats:
    """(r,) AC1s or AC2s of (r, k, k) tables with disagreements (k, k); NaN of an empty one."""
    seen = _ratio((table * distance).sum(axis=(1, 2)), table.sum(axis=(1, 2)))
    return np.asarray(1.0 - _ratio(seen, expected_at_random(table, distance)), dtype=np.float64)


def expected_at_random(table: Floats, distance: Floats) -> Floats:
    """(r,) the disagreement in [0, 1] that Gwet's chance gives."""
    size = table.shape[1]
    mean = (table.sum(axis=2) + table.sum(axis=1)) / 2
    share = _ratio(mean, table.sum(axis=(1, 2))[:, None])
    together = (1.0 - distance).sum() / (size * (size - 1))
    return np.asarray(1.0 - together * (share * (1 - share)).sum(axis=1), dtype=np.float64)


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > 1e-12, above / below, np.nan), dtype=np.float64)


def some(value: float) -> float | None:
    """A figure, or None for what is undefined: no NaN leaves this package."""
    return float(value) if np.isfinite(value) else None
