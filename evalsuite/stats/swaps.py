"""A pairwise judge asked in both orders: what it says of the outputs, and what of their places.

Verdicts are in answer identity ("A", "B", "tie"), never in position; None is no parsable verdict.
In order ab the output A is shown first, in order ba the output B.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from evalsuite.stats.agreement import cohen_kappa, majority_baseline
from evalsuite.stats.intervals import Estimate
from evalsuite.stats.labels import Label
from evalsuite.stats.rates import share

A, B, TIE = "A", "B", "tie"
LEVELS = (A, TIE, B)

Nulls = Literal["agree", "disagree"]
"""Whether two invalid verdicts of one pair count as agreement ("agree", which LLMBar does)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """Two-order verdicts against the truth.

    An invalid verdict is wrong for the accuracies and a category of its own for the kappas.
    `accuracy` is `acc_avg` with its interval. `acc_when_consistent` is over the pairs with the same
    valid verdict twice; `both_wrong` are pairs with a wrong or no verdict in both orders.
    """

    correct_ab: int
    correct_ba: int
    acc_ab: float
    acc_ba: float
    acc_avg: float
    accuracy: Estimate
    correct_both: int
    both_wrong: int
    acc_when_consistent: float | None
    kappa_ab_gold: float | None
    kappa_ba_gold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Swaps:
    """What the swap of `n` pairs shows.

    `agree` counts pairs with equal verdicts (`nulls` says whether two invalid ones are),
    `n_consistent` those with equal valid ones. `flips` are the pairs with two valid verdicts that
    differ, ties among them: what was shown first won in both orders of `flips_to_first`, what was
    shown second in both of `flips_to_second`. `flip_rate` is over the pairs with two valid
    verdicts, `first_share` over the `n_decided` verdicts for A or B (0.5 without position bias).
    """

    n: int
    nulls: Nulls
    agree: int
    agreement: float
    n_consistent: int
    invalid_ab: int
    invalid_ba: int
    n_decided: int
    first_share: Estimate
    flip_rate: Estimate
    flips: int
    flips_to_first: int
    flips_to_second: int
    kappa_ab_ba: float | None
    gold: Gold | None


def swaps(
    ab: Sequence[Label | None],
    ba: Sequence[Label | None],
    gold: Sequence[Label] | None = None,
    *,
    clusters: Sequence[Hashable] | None = None,
    nulls: Nulls = "agree",
) -> Swaps:
    """Figures of verdicts in both orders, and against the truth where it is known.

    All sequences have one entry per pair of outputs; each pair is its own cluster unless `clusters`
    says which belong together. ValueError for no pair or an unknown verdict.
    """
    n = len(ab)
    if not n or len(ba) != n or (gold is not None and len(gold) != n):
        raise ValueError("swap figures need pairs, with a verdict or None in both orders each")
    pairs = list(zip(ab, ba, strict=True))
    equal = sum(one == two for one, two in pairs)
    empty = sum(one is None and two is None for one, two in pairs)
    valid = [one is not None and two is not None for one, two in pairs]
    agree = equal if nulls == "agree" else equal - empty
    units = list(range(n)) if clusters is None else list(clusters)
    return Swaps(
        n=n,
        nulls=nulls,
        agree=agree,
        agreement=agree / n,
        n_consistent=equal - empty,
        invalid_ab=sum(each is None for each in ab),
        invalid_ba=sum(each is None for each in ba),
        n_decided=sum(each in {A, B} for each in (*ab, *ba)),
        first_share=_first_share(ab, ba, units),
        flip_rate=share(
            [one != two for one, two in pairs], kept=valid, clusters=units, baseline=None
        ),
        flips=sum(one != two for (one, two), both in zip(pairs, valid, strict=True) if both),
        flips_to_first=pairs.count((A, B)),
        flips_to_second=pairs.count((B, A)),
        kappa_ab_ba=cohen_kappa(ab, ba, LEVELS),
        gold=None if gold is None else _against(gold, ab, ba, units),
    )


def _first_share(
    ab: Sequence[Label | None], ba: Sequence[Label | None], units: Sequence[Hashable]
) -> Estimate:
    """Of all verdicts for one of the two, how many chose what was shown first."""
    first = [*(each == A for each in ab), *(each == B for each in ba)]
    kept = [each in {A, B} for each in (*ab, *ba)]
    return share(first, kept=kept, clusters=[*units, *units], baseline=0.5)


def _against(
    gold: Sequence[Label],
    ab: Sequence[Label | None],
    ba: Sequence[Label | None],
    units: Sequence[Hashable],
) -> Gold:
    rows = list(zip(gold, ab, ba, strict=True))
    n = len(rows)
    right_ab = sum(truth == one for truth, one, _ in rows)
    right_ba = sum(truth == two for truth, _, two in rows)
    consistent = [truth == one for truth, one, two in rows if one == two and one is not None]
    return Gold(
        correct_ab=right_ab,
        correct_ba=right_ba,
        acc_ab=right_ab / n,
        acc_ba=right_ba / n,
        acc_avg=(right_ab + right_ba) / (2 * n),
        accuracy=share(
            [said == truth for said, truth in zip((*ab, *ba), (*gold, *gold), strict=True)],
            clusters=[*units, *units],
            baseline=majority_baseline(gold, LEVELS)[1],
        ),
        correct_both=sum(truth == one == two for truth, one, two in rows),
        both_wrong=sum(truth not in {one, two} for truth, one, two in rows),
        acc_when_consistent=sum(consistent) / len(consistent) if consistent else None,
        kappa_ab_gold=cohen_kappa(gold, ab, LEVELS),
        kappa_ba_gold=cohen_kappa(gold, ba, LEVELS),
    )
