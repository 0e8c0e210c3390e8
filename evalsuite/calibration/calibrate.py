"""A judge against people: every figure with its interval, its convention and its baseline.

Pure: what was rated, who said what, what the judge said, in; named figures out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from evalsuite.calibration.measured import (
    ACTIVE,
    WHOLE,
    Calibration,
    Counts,
    Judged,
    Measured,
    Slice,
)
from evalsuite.calibration.measuring import biases, disagreements, people, reliability
from evalsuite.calibration.panel import AGGREGATION, Panel, panel, some
from evalsuite.calibration.records import Item, Label, Split
from evalsuite.calibration.splits import in_split, labels_in, split_of, unit_of
from evalsuite.judging.records import OTHER, PREFERRED, UNSURE, Card, Criterion
from evalsuite.judging.verdict import Verdict
from evalsuite.stats import figures
from evalsuite.stats.agreement import confusion
from evalsuite.stats.bounds import paired_bounds
from evalsuite.stats.intervals import Estimate, cluster_codes
from evalsuite.stats.rates import rates

SUPPORT = 10
"""Items that a slice must have before its figures are told."""


def calibrate(
    card: Card,
    items: Mapping[str, Item],
    labels: Sequence[Label],
    judged: Judged,
    *,
    split: Split | None = None,
    thresholds: Mapping[str, float] = MappingProxyType({}),
    support: int = SUPPORT,
    readable: Callable[[Item], bool] = lambda item: split_of(item) == "dev",
) -> Calibration:
    """A judge's verdicts against people's.

    `labels` are the ones that hold (`labels.effective`). `thresholds` are, by criterion, the value
    from which a judge that gives numbers says yes; without one its values are taken for the nearest
    level. `readable` chooses the disagreements that are shown.
    """
    chosen = in_split(items, split)
    held = labels_in(labels, chosen)
    found = [
        _measured(
            panel(card, criterion, chosen, held),
            held,
            {name: each[criterion.name] for name, each in judged.items() if criterion.name in each},
            thresholds.get(criterion.name),
            support,
            readable,
        )
        for criterion in card.criteria
    ]
    values = {each.criterion: each.values for each in found}
    if len(found) > 1:
        values[WHOLE] = _whole(card, found)
    return Calibration(
        judge=card.name,
        split=split,
        criteria=found,
        pairs={
            name: [(*pair, chosen[item].weight) for item, pair in each.items()]
            for name, each in values.items()
        },
        error={name: _error(chosen, each) for name, each in values.items()},
        items=len(chosen),
        labels=len(held),
    )


def _whole(card: Card, found: Sequence[Measured]) -> dict[str, tuple[float, float]]:
    """(people, judge) of the criteria's weighted mean, of items that have all of them."""
    weights = [each.weight for each in card.criteria]
    shared = [item for item in found[0].values if all(item in each.values for each in found)]

    def mean(item: str, side: int) -> float:
        parts = [each.values[item][side] for each in found]
        return sum(part * w for part, w in zip(parts, weights, strict=True)) / sum(weights)

    return {item: (mean(item, 0), mean(item, 1)) for item in shared}


def _measured(
    whole: Panel,
    labels: Sequence[Label],
    judged: Mapping[str, Verdict],
    threshold: float | None,
    support: int,
    readable: Callable[[Item], bool],
) -> Measured:
    rated = some(whole, [at for at, item in enumerate(whole.items) if item.id in judged])
    verdicts = [judged[item.id] for item in rated.items]
    numeric = any(each.value is not None for each in verdicts) and not any(
        each.label not in (None, UNSURE) for each in verdicts
    )
    said = [_level(each, whole.criterion, threshold, numeric) for each in verdicts]
    found = _figures(rated, said, verdicts, numeric)
    if numeric and threshold is not None:  # from here on the verdict is what the threshold made
        pairs = zip(verdicts, said, strict=True)
        verdicts = [replace(each, value=whole.criterion.value(level)) for each, level in pairs]
        found["shift"] = figures.shift(
            rated.values,
            [each.value for each in verdicts],
            clusters=rated.clusters,
            weights=rated.weights,
        )
    levels = [level.label for level in whole.criterion.scale]
    agreement, kappa = found["agreement"].value, found["kappa"].value
    apart = disagreements(rated, labels, said, verdicts)
    return Measured(
        criterion=whole.criterion.name,
        scale=whole.scale,
        numeric=numeric,
        threshold=threshold,
        counts=_counts(whole, rated, verdicts),
        figures=found,
        gap=None if agreement is None or kappa is None else agreement - kappa,
        baseline=_baseline(rated, levels),
        confusion=confusion(rated.levels, said, levels),
        slices=_slices(rated, said, verdicts, numeric, support),
        people=people(rated, labels, said),
        biases=biases(rated, said, verdicts),
        reliability=reliability(rated, said, verdicts, bins=numeric and threshold is None),
        disagreements=[each for each in apart if readable(each.item)],
        hidden=sum(not readable(each.item) for each in apart),
        values={
            item.id: (people, each.value)
            for item, people, each in zip(rated.items, rated.values, verdicts, strict=True)
            if each.value is not None
        },
        conventions=_conventions(whole, numeric, threshold),
    )


def _level(
    verdict: Verdict, criterion: Criterion, threshold: float | None, numeric: bool
) -> str | None:
    """The level that a verdict stands for; None for no verdict and for "unable to tell"."""
    if not numeric:
        return None if verdict.label == UNSURE else verdict.label
    if verdict.value is None:
        return None
    if threshold is not None and criterion.binary:
        return criterion.scale[verdict.value >= threshold].label
    return nearest(criterion, verdict.value)


def nearest(criterion: Criterion, value: float) -> str:
    """The level whose value is nearest; of two the worse one."""
    return min(criterion.scale, key=lambda x: (round(abs(x.value - value), 9), x.value)).label


def _figures(
    rated: Panel, said: Sequence[str | None], verdicts: Sequence[Verdict], numeric: bool
) -> dict[str, Estimate]:
    """By name, as `stats.figures` names them."""
    clusters, weights = rated.clusters, rated.weights
    levels = [level.label for level in rated.criterion.scale]
    values = [each.value for each in verdicts]
    found: dict[str, Estimate] = {}
    if rated.scale == "binary":
        best = levels[-1]
        answers = [each == best for each in rated.levels]
        passed = [None if each is None else each == best for each in said]
        found |= figures.binary(answers, passed, clusters=clusters, weights=weights)
    elif rated.scale == "pairwise":
        found |= figures.nominal(rated.levels, said, levels, clusters=clusters, weights=weights)
        found |= _sides(rated, said)
    else:
        found |= figures.ordinal(rated.levels, said, levels, clusters=clusters, weights=weights)
    if numeric or rated.scale == "ordinal":
        found |= figures.numeric(rated.values, values, clusters=clusters, weights=weights)
    else:
        found["shift"] = figures.shift(rated.values, values, clusters=clusters, weights=weights)
    return found


def _sides(rated: Panel, said: Sequence[str | None]) -> dict[str, Estimate]:
    """TPR, TNR and precision of pairs: of those in which people prefer one of the two."""
    decided = [place for place, each in enumerate(rated.levels) if each in (PREFERRED, OTHER)]
    weights, clusters = rated.weights, rated.clusters
    found = rates(
        [rated.levels[each] == PREFERRED for each in decided],
        [_side(said[each]) for each in decided],
        clusters=[clusters[each] for each in decided],
        weights=None if weights is None else [weights[each] for each in decided],
    )
    return {"tpr": found.tpr, "tnr": found.tnr, "precision": found.precision, "npv": found.npv}


def _side(label: str | None) -> bool | None:
    return label == PREFERRED if label in (PREFERRED, OTHER) else None


def _counts(whole: Panel, rated: Panel, verdicts: Sequence[Verdict]) -> Counts:
    least = min(ACTIVE, max(1, len(rated.items)))
    by_rater = [
        sum(row[at] is not None for row in rated.ratings) for at in range(len(whole.raters))
    ]
    return Counts(
        n=len(rated.items),
        raters=sum(each >= least for each in by_rater),
        ratings=sum(by_rater),
        clusters=len(set(rated.clusters)),
        unsure=whole.unsure,
        undecided=whole.undecided,
        invalid=sum(each.value is None and each.label != UNSURE for each in verdicts),
        unable=sum(each.label == UNSURE for each in verdicts),
        unjudged=len(whole.items) - len(rated.items),
    )


def _baseline(rated: Panel, levels: Sequence[str]) -> tuple[str | None, float | None]:
    """The most common answer of people (of equally common ones the first), and its weighted share:
    what a judge reaches that always says it."""
    if not rated.levels:
        return None, None
    weights = rated.weights or [1.0] * len(rated.levels)
    shares = dict.fromkeys(levels, 0.0)
    for level, weight in zip(rated.levels, weights, strict=True):
        shares[level] += weight
    label = max(levels, key=shares.__getitem__)
    return label, shares[label] / sum(weights)


def _slices(
    rated: Panel,
    said: Sequence[str | None],
    verdicts: Sequence[Verdict],
    numeric: bool,
    support: int,
) -> list[Slice]:
    names = sorted({(k, v) for item in rated.items for k, v in item.slices.items()})
    found = []
    for dimension, value in names:
        at = [n for n, item in enumerate(rated.items) if item.slices.get(dimension) == value]
        name = f"{dimension}={value}"
        part: Mapping[str, Estimate] = {}
        if len(at) >= support:
            inside = some(rated, at)
            part = _figures(inside, [said[x] for x in at], [verdicts[x] for x in at], numeric)
        found.append(Slice(name, len(at), part))
    return sorted(found, key=lambda each: (-bool(each.figures), each.name))


def _error(items: Mapping[str, Item], values: Mapping[str, tuple[float, float]]) -> float | None:
    """The one-sided 95 % upper bound of the mean absolute difference, by clusters."""
    if not values:
        return None
    weights = np.array([items[each].weight for each in values])
    weights = weights / weights.mean()
    apart = weights * np.array([-abs(judge - people) for people, judge in values.values()])
    codes = cluster_codes([unit_of(items[each]) for each in values], len(values))
    sums, sizes = np.bincount(codes, weights=apart), np.bincount(codes, weights=weights)
    return paired_bounds(sums.tolist(), sizes.tolist()).upper_drop


def _conventions(whole: Panel, numeric: bool, threshold: float | None) -> list[tuple[str, str]]:
    """How the figures were made, in words."""
    levels = "as it says"
    if numeric:
        levels = "the nearest level to its value; of two the worse one"
    if numeric and threshold is not None:
        levels = f"{whole.criterion.scale[-1].label} from {threshold:.4g} up"
    said = [
        ("people's answer", AGGREGATION[whole.scale]),
        ("judge's level", levels),
        ("no verdict", "wrong for rates and agreement, a category of its own for kappa and AC1"),
        ("unable to tell", "of the judge: as no verdict; of a rater: as not rated, counted"),
        ("hidden repeats", "left out of people's answer; they measure self-agreement"),
        ("correlations", "with the mean of raters' values; items without a verdict are left out"),
        ("clusters", "items of one cluster, else of one case, count as one for intervals"),
    ]
    if whole.weights:
        said.append(("sampling", "weighted by the inverse chance of each item to be chosen"))
    if whole.scale == "ordinal":
        said.append(("weights, AC2", "quadratic: disagreements by the squared distance of levels"))
        said.append(("alpha", "Krippendorff's ordinal metric"))
    if whole.scale == "pairwise":
        said.append(("TPR, TNR", "of pairs in which people prefer one: the output, the other"))
    return said
