"""Is the judge as good as one more rater? It can't be asked to agree better than people do.

The ceiling is what people reach among themselves; leaving each rater out in turn compares the judge
and that rater with the same others; the alternative annotator test decides.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evalsuite.errors import MissingExtra
from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.intervals import Estimate, cluster_codes, freedom
from evalsuite.stats.labels import Label, Weights, coded
from evalsuite.stats.pairings import NAMES, Of, difference, mean_of, pairings
from evalsuite.stats.raters import Ratings, column, numbers, pair_agreement
from evalsuite.stats.student import student

Likeness = Literal["equal", "near"]
"""How a label is compared with those of others: "equal" by the share of them that are the same,
"near" by minus the root of the mean squared distance on the scale."""

MINIMUM = 30
"""Units that a rater must share with others before the test says anything of that rater."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What people reach among themselves, and the judge with them, on the units both rated.

    The three mappings have "agreement", "kappa" and "spearman": `people` the mean over the `pairs`
    of people with a common unit, `judge` that over people paired with the judge, `gap` the judge's
    less the people's. Values are None where no pair has the figure. `pooled` is the agreement over
    all pairs of ratings, where a unit with more raters weighs more.
    """

    raters: int
    pairs: int
    pooled: float | None
    people: Mapping[Of, Estimate]
    judge: Mapping[Of, Estimate]
    gap: Mapping[Of, Estimate]

    @property
    def agreement(self) -> float | None:
        return self.people["agreement"].value

    @property
    def kappa(self) -> float | None:
        return self.people["kappa"].value

    @property
    def spearman(self) -> float | None:
        return self.people["spearman"].value

    @property
    def judge_agreement(self) -> float | None:
        return self.judge["agreement"].value

    @property
    def judge_kappa(self) -> float | None:
        return self.judge["kappa"].value

    @property
    def judge_spearman(self) -> float | None:
        return self.judge["spearman"].value


def ceiling(
    ratings: Ratings,
    judged: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    weights: Weights = "none",
    clusters: Sequence[Hashable] | None = None,
) -> Ceiling:
    """Means over pairs of raters of percent agreement, Cohen's kappa and Spearman's rho.

    `ratings` (units, raters), `judged` and `clusters` (units,); None is no rating, and `weights`
    are kappa's.
    """
    n = len(ratings)
    raters = max((len(row) for row in ratings), default=0)
    codes = [coded(column(ratings, rater), levels) for rater in range(raters)]
    people, ours = pairings(codes, coded(judged, levels), levels, weights)
    return Ceiling(
        raters=raters,
        pairs=len(people["agreement"]),
        pooled=pair_agreement(ratings, levels),
        people={name: mean_of(people[name], n, clusters) for name in NAMES},
        judge={name: mean_of(ours[name], n, clusters) for name in NAMES},
        gap={name: difference(ours[name], people[name], n, clusters) for name in NAMES},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The judge and one rater (by column), each against the other raters, on the `n` units that
    this rater, the judge and at least one other rated. Likenesses as `Likeness` says, None if n is
    0; `difference` is the judge's less the rater's, unit by unit, with Student's t over clusters.
    """

    rater: int
    n: int
    judge: float | None
    human: float | None
    difference: Estimate


def leave_one_out(
    ratings: Ratings,
    judged: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    likeness: Likeness = "equal",
    clusters: Sequence[Hashable] | None = None,
) -> list[LeftOut]:
    """Per rater the mean likeness of the judge, and of the rater, to all other raters."""
    codes = cluster_codes(clusters, len(ratings))
    return [
        LeftOut(
            rater=rater,
            n=len(units),
            judge=float(machine.mean()) if units else None,
            human=float(human.mean()) if units else None,
            difference=mean_difference(machine - human, codes[units]),
        )
        for rater, (machine, human, units) in enumerate(
            _likenesses(ratings, judged, levels, likeness)
        )
    ]


def mean_difference(values: Floats, codes: Ints) -> Estimate:
    """The mean of (n,) differences with Student's t over clusters (n,); bounds are None of one
    cluster, and where no cluster differs from another."""
    codes = np.unique(codes, return_inverse=True)[1]
    count = int(codes.max(initial=-1)) + 1
    mean = float(values.mean()) if len(values) else None
    low, high, lower = None, None, None
    if mean is not None and count > 1:
        error = math.sqrt(_variance(values, codes))
        if error > 0:
            two, one = student(freedom(np.ones(len(values)), codes))
            low, high, lower = mean - two * error, mean + two * error, mean - one * error
    return Estimate(
        value=mean,
        low=low,
        high=high,
        lower=lower,
        n=len(values),
        clusters=count,
        method="undefined" if low is None else "Student's t over clusters",
    )


def _variance(values: Floats, codes: Ints) -> float:
    """Of the mean of (n,) values in two or more clusters."""
    sums = np.bincount(codes, weights=values - values.mean())
    count = len(sums)
    return count / (count - 1) * float((sums**2).sum()) / len(values) ** 2


def _likenesses(
    ratings: Ratings,
    judged: Sequence[Label | None],
    levels: Sequence[Label],
    likeness: Likeness,
) -> list[tuple[Floats, Floats, list[int]]]:
    """Per rater: likeness of the judge and of the rater to the others, and of which units."""
    scale = numbers(levels)
    like = _equal if likeness == "equal" else _near(scale)
    verdicts = coded(judged, levels)
    coded_rows = [coded(row, levels) for row in ratings]
    found = []
    for rater in range(max((len(row) for row in ratings), default=0)):
        machine, human, units = [], [], []
        for unit, row in enumerate(coded_rows):
            others = np.delete(row, rater) if rater < len(row) else row
            others = others[others >= 0]
            if rater < len(row) and row[rater] >= 0 and verdicts[unit] >= 0 and len(others):
                machine.append(like(int(verdicts[unit]), others))
                human.append(like(int(row[rater]), others))
                units.append(unit)
        found.append((np.array(machine), np.array(human), units))
    return found


def _equal(one: int, others: Ints) -> float:
    return float(np.mean(others == one))


def _near(scale: Floats) -> Callable[[int, Ints], float]:
    return lambda one, others: -float(np.sqrt(np.mean((scale[others] - scale[one]) ** 2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class AltTest:
    """The alternative annotator test.

    `winning_rate` (omega) is the share of raters, of the `tested` ones, against whom the judge's
    disadvantage is shown to be below `epsilon`, with false discoveries held at `q` by Benjamini and
    Yekutieli; the judge may stand in for a rater if it is at least 0.5 (`passes`). `advantage`
    (rho) is the mean share of units on which the judge is at least as near to the others as the
    rater is, in [0, 1], for ranking judges. `p` are one-sided, per rater, None for one who shares
    fewer than `MINIMUM` units with the rest. All None where nobody could be tested or there are
    fewer than `least` raters.
    """

    raters: int
    tested: int
    epsilon: float
    q: float
    winning_rate: float | None
    advantage: float | None
    passes: bool | None
    p: Sequence[float | None]


def alt_test(
    ratings: Ratings,
    judged: Sequence[Label | None],
    levels: Sequence[Label],
    *,
    epsilon: float = 0.1,
    q: float = 0.05,
    likeness: Likeness = "equal",
    clusters: Sequence[Hashable] | None = None,
    least: int = 2,
) -> AltTest:
    """Whether the judge can replace a rater: `ratings` (units, raters), `judged` (units,).

    `epsilon` is the disadvantage that the judge's lower cost may make up for: .2 where raters are
    experts, .15 skilled, .1 crowd; with binary labels .2 passes judges that are clearly worse than
    people, so .1 is the default. The t-test is over units, or over clusters of them. N. Calderon,
    R. Reichart, R. Dror, "The Alternative Annotator Test for LLM-as-a-Judge", ACL 2025; Y.
    Benjamini, D. Yekutieli, Annals of Statistics 29 (2001).
    """
    found = _likenesses(ratings, judged, levels, likeness)
    codes = cluster_codes(clusters, len(ratings))
    ps: list[float | None] = []
    shares: list[float] = []
    for machine, human, units in found:
        if len(units) < MINIMUM:
            ps.append(None)
            continue
        wins, losses = (machine >= human).astype(float), (human >= machine).astype(float)
        ps.append(_below(losses - wins, epsilon, codes[units]))
        shares.append(float(wins.mean()))
    tested = [p for p in ps if p is not None]
    enough = len(tested) > 0 and len(found) >= least
    omega = float(np.mean(benjamini_yekutieli(tested) <= q)) if enough else None
    return AltTest(
        raters=len(found),
        tested=len(tested),
        epsilon=epsilon,
        q=q,
        winning_rate=omega,
        advantage=statistics.fmean(shares) if enough else None,
        passes=None if omega is None else omega >= 0.5,
        p=tuple(ps),
    )


def _below(worse: Floats, epsilon: float, codes: Ints) -> float:
    """One-sided p that the mean is not below epsilon, over clusters; 0 or 1 without variation."""
    try:
        from scipy.stats import t  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("the alternative annotator test", "calibration") from None
    codes = np.unique(codes, return_inverse=True)[1]
    mean, count = float(worse.mean()), int(codes.max()) + 1
    if count < 2:
        return 1.0
    variance = _variance(worse, codes)
    if variance <= 0:
        return 0.0 if mean < epsilon else 1.0
    return float(t.cdf((mean - epsilon) / math.sqrt(variance), count - 1))


def benjamini_yekutieli(p: Sequence[float]) -> Floats:
    """(m,) p adjusted for the share of false discoveries, whatever the dependence."""
    try:
        from scipy.stats import false_discovery_control  # noqa: PLC0415
    except ImportError:
        raise MissingExtra("the alternative annotator test", "calibration") from None
    return np.asarray(false_discovery_control(p, method="by"), dtype=np.float64)
