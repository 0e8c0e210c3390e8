"""Many raters of the same units, some of them missing: how far they agree, and what they say.

Ratings are (units, raters): a row a unit, a column a rater, None where that rater gave none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal

import numpy as np

from evalsuite.errors import MissingExtra
from evalsuite.stats.agreement import cohen_kappa, some
from evalsuite.stats.flips import Floats
from evalsuite.stats.labels import Label, Weights, coded

Ratings = Sequence[Sequence[Label | None]]

Metric = Literal["nominal", "ordinal", "interval"]
"""How far two labels are apart: different or not; by how many ratings lie between them
(Krippendorff's definition, not Gwet's weights of the same name); by their numbers."""


def counts(ratings: Ratings, levels: Sequence[Label]) -> Floats:
    """(units, levels): how many raters gave each level to each unit."""
    found = np.zeros((len(ratings), len(levels)))
    for unit, row in enumerate(ratings):
        codes = coded(row, levels)
        found[unit] = np.bincount(codes[codes >= 0], minlength=len(levels))
    return found


def numbers(levels: Sequence[Label]) -> Floats:
    """(levels,) what the "interval" metric counts with: the levels themselves where all of them
    are numbers, else their places 0, 1, 2, ..."""
    if all(isinstance(level, int | float) for level in levels):
        return np.array([float(level) for level in levels])
    return np.arange(len(levels), dtype=np.float64)


def krippendorff_alpha(
    ratings: Ratings, levels: Sequence[Label], *, metric: Metric = "nominal"
) -> float | None:
    """Krippendorff's alpha, at most 1, 0 where agreement is what chance gives.

    Units with fewer than two ratings say nothing and are left out. None where no unit is left or
    all ratings are the same label. K. Krippendorff, "Content Analysis" (2019), chapter 12.
    """
    found = counts(ratings, levels)
    found = found[found.sum(axis=1) >= 2]
    if np.count_nonzero(found.sum(axis=0)) < 2:
        return None
    try:
        import krippendorff  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("Krippendorff's alpha", "calibration") from None
    domain = numbers(levels) if metric == "interval" else np.arange(len(levels), dtype=np.float64)
    order = np.argsort(domain, kind="stable")
    alpha = krippendorff.alpha(
        value_counts=found[:, order].astype(np.int64),
        value_domain=domain[order],
        level_of_measurement=metric,
    )
    return some(alpha)


def alphas(found: Floats, weights: Floats, metric: Metric, values: Floats) -> Floats:
    """(r,) Krippendorff's alphas of counts (units, levels), one per row of weights (r, units).

    The same figure as `krippendorff_alpha`, for the intervals; `values` (levels,) are used by
    "interval". NaN where undefined.
    """
    raters = found.sum(axis=1)
    usable = raters >= 2
    found, raters, weights = found[usable], raters[usable], weights[:, usable]
    if not len(found):
        return np.full(len(weights), np.nan)
    together = found[:, :, None] * found[:, None, :]
    together -= np.einsum("uk,kl->ukl", found, np.eye(found.shape[1]))
    together /= (raters - 1)[:, None, None]
    shape = (-1, found.shape[1], found.shape[1])
    seen = (weights @ together.reshape(len(found), -1)).reshape(shape)
    margin = weights @ found
    apart = _apart(margin, metric, values)
    observed = (seen * apart).sum(axis=(1, 2))
    expected = (margin[:, :, None] * margin[:, None, :] * apart).sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = 1.0 - (margin.sum(axis=1) - 1.0) * observed / expected
    return np.asarray(np.where(expected > 1e-12, alpha, np.nan), dtype=np.float64)


def _apart(margin: Floats, metric: Metric, values: Floats) -> Floats:
    """(r, levels, levels) squared distances, by the (r, levels) numbers of ratings."""
    if metric == "nominal":
        return np.asarray(1.0 - np.eye(margin.shape[1])[None], dtype=np.float64)
    places = np.cumsum(margin, axis=1) - margin / 2 if metric == "ordinal" else values[None]
    return np.asarray((places[:, :, None] - places[:, None, :]) ** 2, dtype=np.float64)


def expected_distance(found: Floats, metric: Metric, values: Floats) -> float | None:
    """The distance in [0, 1] of two ratings drawn at random, 1 for the farthest two that were
    given: Krippendorff's chance. None where all ratings are one label."""
    margin = found.sum(axis=0)
    used = margin > 0
    if np.count_nonzero(used) < 2:
        return None
    apart = _apart(margin[None], metric, values)[0][np.ix_(used, used)]
    share = margin[used] / margin.sum()
    return float(share @ apart @ share / apart.max())


def fleiss_kappa(ratings: Ratings, levels: Sequence[Label]) -> float | None:
    """Fleiss' kappa in [-1, 1] over the units that every rater rated; None where there are none or
    all ratings are one label. J. Fleiss, Psychological Bulletin 76 (1971)."""
    found = counts(ratings, levels)
    raters = max((len(row) for row in ratings), default=0)
    complete = found[found.sum(axis=1) == raters]
    if raters < 2 or np.count_nonzero(complete.sum(axis=0)) < 2:
        return None
    try:
        from statsmodels.stats.inter_rater import fleiss_kappa as fleiss  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("Fleiss' kappa", "calibration") from None
    return some(fleiss(complete, method="fleiss"))


def pair_agreement(ratings: Ratings, levels: Sequence[Label]) -> float | None:
    """Share of equal labels among all pairs of ratings of the same unit, in [0, 1]: a unit with
    three raters counts with three pairs. None where no unit has two ratings."""
    found = counts(ratings, levels)
    raters = found.sum(axis=1)
    pairs = float((raters * (raters - 1)).sum())
    return float((found * (found - 1)).sum()) / pairs if pairs else None


def column(ratings: Ratings, rater: int) -> list[Label | None]:
    """What one rater said, unit by unit."""
    return [row[rater] if rater < len(row) else None for row in ratings]


def pairwise_kappas(
    ratings: Ratings, levels: Sequence[Label], *, weights: Weights = "none"
) -> Mapping[tuple[int, int], float | None]:
    """Cohen's kappa of each two raters (by their columns, from 0) over the units that both rated;
    None where it is undefined."""
    raters = max((len(row) for row in ratings), default=0)
    return {
        (one, two): cohen_kappa(
            column(ratings, one), column(ratings, two), levels, weights=weights, invalid="drop"
        )
        for one, two in combinations(range(raters), 2)
    }


Ties = Literal["none", "first", "last"] | tuple[Literal["as"], Label]
"""What a vote without a single winner gives: None, the first or the last of the winning levels in
the scale's order, or a named level such as ("as", "tie")."""


def majority(
    ratings: Ratings, levels: Sequence[Label], *, ties: Ties = "none"
) -> list[Label | None]:
    """Per unit the most common label (plurality); None of no rating, `ties` without one winner."""
    return [_winner(row, levels, ties) for row in ratings]


def _winner(row: Sequence[Label | None], levels: Sequence[Label], ties: Ties) -> Label | None:
    coded(row, levels)
    votes = Counter(label for label in row if label is not None)
    most = max(votes.values(), default=0)
    winners = [level for level in levels if most and votes[level] == most]
    if len(winners) < 2:
        return winners[0] if winners else None
    if isinstance(ties, tuple):
        return ties[1]
    return None if ties == "none" else winners[0] if ties == "first" else winners[-1]


def medians(ratings: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Per unit the median of its ratings as numbers, the mean of the middle two where their number
    is even; None of no rating."""
    return [_of(np.median, row) for row in ratings]


def means(ratings: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Per unit the mean of its ratings as numbers; None of no rating."""
    return [_of(np.mean, row) for row in ratings]


def _of(summary: object, row: Sequence[float | None]) -> float | None:
    given = [float(each) for each in row if each is not None]
    return float(summary(given)) if given and callable(summary) else None
