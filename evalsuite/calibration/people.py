"""What people said of the answers of two runs: by how much they found one side better.

Only ratings of the very outputs that are compared count, each by its key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from evalsuite.calibration.records import ADJUDICATED, Item, Label
from evalsuite.gate.judged import Rated
from evalsuite.judging.records import Card
from evalsuite.records import Row

_EVEN = 0.5
"""What a pair's value is where neither side is better."""


def human_values(card: Card, labels: Iterable[Label]) -> dict[str, float]:
    """By item: the criteria's weighted mean of what raters said on average, in [0, 1].

    `labels` are the ones that hold, one per item, rater, criterion and occasion; an adjudicated
    answer goes before all others, repeats and "unsure" are left out, and an item without a rating
    of every criterion has no value.
    """
    said: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    settled: dict[str, dict[str, list[float]]] = defaultdict(dict)
    criteria = {each.name: each for each in card.criteria}
    for label in labels:
        if label.occasion or label.criterion not in criteria:
            continue
        value = criteria[label.criterion].value(label.value)
        if value is not None and label.rater == ADJUDICATED:
            settled[label.item][label.criterion] = [value]
        elif value is not None:
            said[label.item][label.criterion].append(value)
    for item, found in settled.items():
        said[item] |= found
    total = sum(each.weight for each in card.criteria)
    return {
        item: sum(each.weight * fmean(found[each.name]) for each in card.criteria) / total
        for item, found in said.items()
        if found.keys() == criteria.keys()
    }


def of_run(
    items: Mapping[str, Item], values: Mapping[str, float], rows: Mapping[str, Row]
) -> dict[str, Rated]:
    """By case: people's value of a run's own output (trial 1), as far as it was rated."""
    by_output = {
        (item.case, item.output_key): Rated(values[name], item.weight)
        for name, item in items.items()
        if name in values and item.case and item.output_key and not item.other_key
    }
    found = {case: by_output.get((case, _first(row))) for case, row in rows.items()}
    return {case: rated for case, rated in found.items() if rated is not None}


def human_differences(
    card: Card,
    items: Mapping[str, Item],
    values: Mapping[str, float],
    before: Mapping[str, Row],
    after: Mapping[str, Row],
) -> dict[str, Rated]:
    """By case: how much better people found the candidate's answer (trial 1).

    `values` are `human_values`. A case counts if both its answers were rated, or the pair of them.
    """
    by_output = {
        (item.case, item.output_key, item.other_key): Rated(values[name], item.weight)
        for name, item in items.items()
        if name in values and item.case and item.output_key
    }
    found = {}
    for case in after.keys() & before.keys():
        new, old = _first(after[case]), _first(before[case])
        if not new or not old or new == old:
            continue
        if card.kind == "pairwise":
            pair = by_output.get((case, new, old))
            back = by_output.get((case, old, new))
            if pair is not None:
                found[case] = Rated(pair.value - _EVEN, pair.weight)
            elif back is not None:
                found[case] = Rated(_EVEN - back.value, back.weight)
        elif (case, new, "") in by_output and (case, old, "") in by_output:
            one, other = by_output[case, new, ""], by_output[case, old, ""]
            found[case] = Rated(one.value - other.value, one.weight)
    return found


def _first(row: Row) -> str:
    return (row.outputs[0] if row.outputs else None) or ""
