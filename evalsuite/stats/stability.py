"""The same question asked again: how often a judge contradicts itself, with and without a swap.

Two calls in one order show the judge's noise, two calls across orders its position bias as well.
Verdicts are in answer identity, so nothing has to be un-swapped here, and comparing places by
mistake (which finds a flip in half of all pairs) can't happen.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from evalsuite.stats.intervals import Estimate
from evalsuite.stats.labels import Label
from evalsuite.stats.rates import share

Order = Literal["ab", "ba", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """Repeated calls, over those with a verdict (`n_parsed` of `n`).

    `same_order` is the share of equal verdicts among all pairs of calls on one item in one order,
    `cross_order` among those in different orders; both weigh a pair of calls, so an item with more
    calls weighs more. `unanimous` is the share of items with all verdicts equal (items with one
    verdict among them). `accuracy` is over calls; `first_share` the share of calls that chose what
    was shown first, over the verdicts "A" and "B" of calls whose order is known. Intervals have the
    item as cluster.
    """

    n: int
    n_parsed: int
    n_items: int
    n_correct: int | None
    accuracy: Estimate | None
    first_share: Estimate
    unanimous: Estimate
    same_order: Estimate
    cross_order: Estimate


def stability(
    items: Sequence[Hashable],
    orders: Sequence[Order],
    verdicts: Sequence[Label | None],
    gold: Sequence[Label] | None = None,
) -> Stability:
    """Figures of repeated calls: one entry per call in all arguments, None for no verdict.

    Orders are "ab" (A shown first), "ba", or "" for a judge that sees one output.
    """
    calls = [
        (item, order, verdict)
        for item, order, verdict in zip(items, orders, verdicts, strict=True)
        if verdict is not None
    ]
    by_item: dict[Hashable, list[tuple[Order, Label]]] = {}
    for item, order, verdict in calls:
        by_item.setdefault(item, []).append((order, verdict))
    same, cross = _pairs(by_item, same=True), _pairs(by_item, same=False)
    accuracy, correct = None, None
    if gold is not None:
        pairs = list(zip(verdicts, gold, items, strict=True))
        right = [verdict == truth for verdict, truth, _ in pairs if verdict is not None]
        accuracy = share(right, clusters=[item for item, _, _ in calls])
        correct = sum(right)
    shown = [(item, order, said) for item, order, said in calls if order and said in {"A", "B"}]
    return Stability(
        n=len(verdicts),
        n_parsed=len(calls),
        n_items=len(by_item),
        n_correct=correct,
        accuracy=accuracy,
        first_share=share(
            [said == ("A" if order == "ab" else "B") for _, order, said in shown],
            clusters=[item for item, _, _ in shown],
            baseline=0.5,
        ),
        unanimous=share([len({verdict for _, verdict in each}) == 1 for each in by_item.values()]),
        same_order=share([hit for _, hit in same], clusters=[item for item, _ in same]),
        cross_order=share([hit for _, hit in cross], clusters=[item for item, _ in cross]),
    )


def _pairs(
    by_item: dict[Hashable, list[tuple[Order, Label]]], *, same: bool
) -> list[tuple[Hashable, bool]]:
    return [
        (item, one[1] == two[1])
        for item, calls in by_item.items()
        for one, two in combinations(calls, 2)
        if (one[0] == two[0]) is same
    ]
