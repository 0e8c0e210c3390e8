"""The parts of a calibration beside the figures: people among themselves, biases, what to read."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence

from evalsuite.calibration.measured import Biases, Bin, Disagreement, People
from evalsuite.calibration.panel import Panel, repeated
from evalsuite.calibration.records import Item, Label
from evalsuite.judging.records import UNSURE, Order
from evalsuite.judging.verdict import Verdict
from evalsuite.stats.annotators import Likeness, alt_test, ceiling, leave_one_out
from evalsuite.stats.biases import length_bias, length_partial
from evalsuite.stats.bounds import rate_bounds
from evalsuite.stats.estimates import alpha
from evalsuite.stats.intervals import Estimate
from evalsuite.stats.rates import share
from evalsuite.stats.stability import Stability, stability
from evalsuite.stats.swaps import Swaps, swaps

BINS = 5
"""Of the reliability plot, for a judge with values between the levels."""

_LEAST = 3
"""Items from which a correlation with length is tried."""


def people(rated: Panel, labels: Sequence[Label], said: Sequence[str | None]) -> People:
    """What people reach among themselves, and the judge as one of them."""
    levels = [level.label for level in rated.criterion.scale]
    ordinal = rated.scale == "ordinal"
    likeness: Likeness = "near" if ordinal else "equal"
    again = repeated(rated.criterion.name, [x for x in labels if x.item in _ids(rated)])
    return People(
        names=rated.raters,
        alpha=alpha(
            rated.ratings,
            levels,
            metric="ordinal" if ordinal else "nominal",
            clusters=rated.clusters,
        ),
        ceiling=ceiling(
            rated.ratings,
            said,
            levels,
            weights="quadratic" if ordinal else "none",
            clusters=rated.clusters,
        ),
        left_out=leave_one_out(
            rated.ratings, said, levels, likeness=likeness, clusters=rated.clusters
        ),
        alt=alt_test(rated.ratings, said, levels, likeness=likeness, clusters=rated.clusters),
        repeats=share(
            [first == second for _, first, second in again],
            clusters=[item for item, _, _ in again],
        ),
    )


def _ids(rated: Panel) -> set[str]:
    return {item.id for item in rated.items}


def biases(rated: Panel, said: Sequence[str | None], verdicts: Sequence[Verdict]) -> Biases:
    """Position, length and noise, as far as the judge's calls and the outputs tell them."""
    pair = rated.scale == "pairwise"
    return Biases(
        swaps=_swaps(rated, verdicts) if pair else None,
        length_pairs=length_bias(
            rated.levels,
            said,
            [len(item.subject.output) for item in rated.items],
            [len(item.subject.other or "") for item in rated.items],
            clusters=rated.clusters,
        )
        if pair and rated.items
        else None,
        length=None if pair else _length(rated, verdicts),
        noise=_noise(rated, verdicts),
    )


def _swaps(rated: Panel, verdicts: Sequence[Verdict]) -> Swaps | None:
    """Of the pairs that were asked in both orders, by their first vote."""
    found = []
    for at, verdict in enumerate(verdicts):
        orders: dict[Order, str | None] = {}
        for each in verdict.judgements:
            orders.setdefault(each.order, None if each.label == UNSURE else each.label)
        if "ab" in orders and "ba" in orders:
            found.append((at, orders["ab"], orders["ba"]))
    if not found:
        return None
    return swaps(
        [ab for _, ab, _ in found],
        [ba for _, _, ba in found],
        [rated.levels[at] for at, _, _ in found],
        clusters=[rated.clusters[at] for at, _, _ in found],
    )


def _length(rated: Panel, verdicts: Sequence[Verdict]) -> Estimate | None:
    rows = [
        (people, verdict.value, float(len(item.subject.output)), cluster)
        for people, verdict, item, cluster in zip(
            rated.values, verdicts, rated.items, rated.clusters, strict=True
        )
        if verdict.value is not None
    ]
    if len(rows) < _LEAST:
        return None
    values, judged, lengths, clusters = zip(*rows, strict=True)
    return length_partial(values, judged, lengths, clusters=clusters)


def _noise(rated: Panel, verdicts: Sequence[Verdict]) -> Stability | None:
    """Where each verdict was asked for more than once."""
    calls = [
        (item.id, each.order, each.label)
        for item, verdict in zip(rated.items, verdicts, strict=True)
        for each in verdict.judgements
        if not each.criterion.startswith("must_")
    ]
    if not any(each.vote > 1 for verdict in verdicts for each in verdict.judgements):
        return None
    return stability(
        [item for item, _, _ in calls],
        [order for _, order, _ in calls],
        [label for _, _, label in calls],
    )


def reliability(
    rated: Panel, said: Sequence[str | None], verdicts: Sequence[Verdict], *, bins: bool
) -> list[Bin]:
    """What people say where the judge says this much: by level, or in bins of equal size."""
    groups: dict[str, list[int]] = defaultdict(list)
    if bins:
        order = sorted(
            (at for at, each in enumerate(verdicts) if each.value is not None),
            key=lambda at: verdicts[at].value or 0.0,
        )
        groups.update(_equal(order, [verdicts[at].value or 0.0 for at in order]))
    else:
        for level in rated.criterion.scale:
            groups[level.label] = [at for at, each in enumerate(said) if each == level.label]
    return [_bin(rated, verdicts, name, at) for name, at in groups.items() if at]


def _equal(order: Sequence[int], values: Sequence[float]) -> list[tuple[str, list[int]]]:
    """About equally many in each, equal values together."""
    found: list[tuple[str, list[int]]] = []
    start = 0
    for number in range(BINS):
        end = max(start, round(len(order) * (number + 1) / BINS))
        while 0 < end < len(order) and values[end] == values[end - 1]:
            end += 1
        if end > start:
            low, high = values[start], values[end - 1]
            name = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
            found.append((name, list(order[start:end])))
            start = end
    return found


def _bin(rated: Panel, verdicts: Sequence[Verdict], name: str, at: Sequence[int]) -> Bin:
    weights = [rated.items[each].weight for each in at]
    mean = statistics.fmean([rated.values[each] for each in at], weights)
    judge = statistics.fmean([verdicts[each].value or 0.0 for each in at], weights)
    kish = sum(weights) ** 2 / sum(each * each for each in weights)
    apart = min(kish, float(len({rated.clusters[each] for each in at})))
    low, high = rate_bounds(mean, apart) or (0.0, 1.0)
    return Bin(name, judge, mean, low, high, len(at))


def disagreements(
    rated: Panel, labels: Sequence[Label], said: Sequence[str | None], verdicts: Sequence[Verdict]
) -> list[Disagreement]:
    """Items on which the judge's level is not the people's, the widest gap first."""
    written: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        if label.critique and label.criterion == rated.criterion.name and not label.occasion:
            written[label.item].append(label.critique)
    found = []
    for at, (item, verdict) in enumerate(zip(rated.items, verdicts, strict=True)):
        if said[at] == rated.levels[at]:
            continue
        gap = 1.0 if verdict.value is None else abs(verdict.value - rated.values[at])
        found.append(
            Disagreement(
                item=item,
                people=[each for each in rated.ratings[at] if each is not None],
                critiques=written[item.id],
                judge=_judge(said[at], verdict),
                critique=verdict.critique,
                gap=gap,
            )
        )
    return sorted(found, key=lambda each: (-each.gap, _where(each.item)))


def _judge(level: str | None, verdict: Verdict) -> str:
    if level is None:
        return verdict.reason or "no verdict"
    return level if verdict.label else f"{level} ({verdict.value:.2f})"


def _where(item: Item) -> tuple[str, str]:
    return item.case, item.id
