"""How far raters agree so far, with each other and with themselves, and where they don't: for the
lead's eyes. What a certificate rests on is measured by `evalsuite judge calibrate`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.calibration.records import ADJUDICATED, Label
from evalsuite.errors import MissingExtra
from evalsuite.judging.records import UNSURE, Card, Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of one criterion. `items` were rated by several raters, `same` is the share of equal pairs of
    ratings, `figure` ("kappa" of two raters, else "alpha") corrects it for chance. `repeats` were
    rated twice by one rater, `stable` is the share of them that got the same answer. None where
    there is too little to say."""

    criterion: str
    items: int
    same: float | None
    figure: str
    value: float | None
    repeats: int
    stable: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An item on which raters differ and that nobody adjudicated yet; `gap` is the largest
    difference of two answers' values."""

    item: str
    criteria: Sequence[str]
    gap: float


def agreement(card: Card, labels: Sequence[Label]) -> list[Agreement]:
    """By criterion, of the labels that hold."""
    return [_agreement(card, criterion, labels) for criterion in card.criteria]


def _agreement(card: Card, criterion: Criterion, labels: Sequence[Label]) -> Agreement:
    mine = [each for each in labels if each.criterion == criterion.name]
    given = _by_item(mine)
    raters = sorted({rater for said in given.values() for rater in said})
    rows = [
        [_level(said.get(rater)) for rater in raters] for said in given.values() if len(said) > 1
    ]
    both = [row for row in rows if sum(each is not None for each in row) > 1]
    same, figure, value = _figures(card, criterion, both)
    twice = _twice(mine)
    return Agreement(
        criterion=criterion.name,
        items=len(both),
        same=same,
        figure=figure,
        value=value,
        repeats=len(twice),
        stable=sum(first == again for first, again in twice) / len(twice) if twice else None,
    )


def _figures(
    card: Card, criterion: Criterion, rows: Sequence[Sequence[str | None]]
) -> tuple[float | None, str, float | None]:
    if not rows:
        return None, "", None
    from evalsuite.stats.agreement import cohen_kappa  # noqa: PLC0415
    from evalsuite.stats.raters import Metric, krippendorff_alpha, pair_agreement  # noqa: PLC0415

    levels = [level.label for level in criterion.scale]
    same = pair_agreement(rows, levels)
    voices = [at for at in range(len(rows[0])) if any(row[at] is not None for row in rows)]
    try:
        if len(voices) == 2:
            first, second = ([row[at] for row in rows] for at in voices)
            return same, "kappa", cohen_kappa(first, second, levels, invalid="drop")
        ordinal = len(levels) > 2 and card.kind != "pairwise"
        metric: Metric = "ordinal" if ordinal else "nominal"
        return same, "alpha", krippendorff_alpha(rows, levels, metric=metric)
    except MissingExtra:
        return same, "", None


def _by_item(labels: Sequence[Label]) -> dict[str, dict[str, str]]:
    """What each rater said first, by item; the lead's word is no rating."""
    given: dict[str, dict[str, str]] = defaultdict(dict)
    for label in labels:
        if label.occasion == 0 and label.rater != ADJUDICATED and label.value is not None:
            given[label.item][label.rater] = label.value
    return given


def _level(value: str | None) -> str | None:
    return None if value == UNSURE else value


def _twice(labels: Sequence[Label]) -> list[tuple[str, str]]:
    """What a rater said of an item the first time, and when it came again."""
    by: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for label in labels:
        if label.value is not None:
            by[label.item, label.rater][label.occasion] = label.value
    return [(said[0], said[1]) for said in by.values() if 0 in said and 1 in said]


def disagreements(card: Card, labels: Sequence[Label]) -> list[Disagreement]:
    """What is to be adjudicated, the widest apart first."""
    settled = {label.item for label in labels if label.rater == ADJUDICATED}
    apart: dict[str, dict[str, float]] = defaultdict(dict)
    for criterion in card.criteria:
        mine = [each for each in labels if each.criterion == criterion.name]
        for item, said in _by_item(mine).items():
            if item not in settled and len(set(said.values())) > 1:
                apart[item][criterion.name] = _gap(criterion, said)
    found = [
        Disagreement(item=item, criteria=list(by), gap=max(by.values()))
        for item, by in apart.items()
    ]
    return sorted(found, key=lambda each: (-each.gap, each.item))


def _gap(criterion: Criterion, said: Mapping[str, str]) -> float:
    values = [value for each in said.values() if (value := criterion.value(each)) is not None]
    return max(values) - min(values) if len(values) > 1 else 0.0
