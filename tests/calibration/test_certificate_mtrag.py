"""What a certificate of a real faithfulness judge promises, and what it can't.

The judge is RAGAS faithfulness, a number in [0, 1] per answer, made elsewhere; the labels are two
or three ratings from 1 to 4 of each of 195 answers. They are of 65 turns of 8 conversations: many
labels, and little that is independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from making import KEYS, TODAY
from outside import BINARY, ORDINAL, Rated, mtrag, needs_data
from paired_runs import finding_of, row, run_of, verdict_of

from evalsuite.calibration.bar import Bar
from evalsuite.calibration.calibrate import calibrate
from evalsuite.calibration.certificate import certify
from evalsuite.calibration.records import Certificate, Item
from evalsuite.calibration.splits import in_split, labels_in
from evalsuite.calibration.standing import standings
from evalsuite.calibration.thresholds import choose_threshold
from evalsuite.judging.records import Card
from evalsuite.records import Metric, Standing

pytestmark = needs_data

CRITERION = "faithfulness"


def by_conversation(item: Item) -> Item:
    return item


def by_turn(item: Item) -> Item:
    return replace(item, cluster=None)


def by_answer(item: Item) -> Item:
    return replace(item, cluster=None, case="")


@cache
def measured(
    grouped: Callable[[Item], Item], *, threshold: bool = False
) -> tuple[Rated, Certificate, Standing]:
    items, labels, judged = mtrag(passing=3 if threshold else None)
    items = {name: grouped(item) for name, item in items.items()}
    card = BINARY if threshold else ORDINAL
    cuts: Mapping[str, float] = {}
    if threshold:
        cuts = {CRITERION: choose_threshold(card, CRITERION, items, labels, judged).value}
    found = calibrate(card, items, labels, judged, split="test", thresholds=cuts)
    tested = labels_in(labels, in_split(items, "test"))
    made = certify(card, KEYS, found, tested, Bar(), today=TODAY)
    return (items, labels, judged), made, standing(card, made, items, labels)


def standing(card: Card, made: Certificate, items: Any, labels: Any, **bar: float) -> Standing:
    found = standings(card, KEYS, made, items=items, labels=labels, bar=Bar(**bar), today=TODAY)
    return found["ragas"]


def test_conversations_are_too_few_for_any_promise() -> None:
    """111 labels of 6 raters would be enough, but they are of 5 conversations."""
    _, made, found = measured(by_conversation)
    figures = made.figures[CRITERION]
    assert (figures["n"], figures["raters"], figures["clusters"]) == (111, 6, 5)
    assert figures["spearman"] == pytest.approx(0.7286, abs=1e-4)
    assert figures["spearman_lower"] == pytest.approx(0.1903, abs=1e-4)
    assert found.state == "uncertified"
    assert "not provisional: Spearman's rho at least 0.19, and 0.50 is asked for" in found.says
    assert "of other groups of cases than these 5" in found.remedy


def test_by_turns_it_may_block_what_its_error_can_not_explain() -> None:
    _, made, found = measured(by_turn)
    figures = made.figures[CRITERION]
    assert (figures["n"], figures["clusters"]) == (132, 44)
    assert figures["spearman"] == pytest.approx(0.7063, abs=1e-4)
    assert figures["spearman_lower"] == pytest.approx(0.5896, abs=1e-4)
    assert found.state == "provisional"
    assert found.error == pytest.approx(0.196, abs=1e-3)


def test_answers_taken_as_independent_would_promise_more_than_they_know() -> None:
    """Three answers of one turn share question and passages: their bound is too high."""
    lower = [
        measured(each)[1].figures[CRITERION]["spearman_lower"]
        for each in (by_conversation, by_turn, by_answer)
    ]
    assert lower[0] is not None
    assert lower[1] is not None
    assert lower[2] is not None
    assert lower[0] < lower[1] < lower[2]
    assert lower[2] == pytest.approx(0.634, abs=1e-3)


def test_a_threshold_chosen_on_one_part_is_measured_on_the_other() -> None:
    (items, labels, judged), made, found = measured(by_turn, threshold=True)
    chosen = choose_threshold(BINARY, CRITERION, items, labels, judged)
    assert chosen.value == pytest.approx(0.5441, abs=1e-4)
    assert (chosen.tpr, chosen.tnr, chosen.n) == (0.86, 1.0, 63)
    figures = made.figures[CRITERION]
    assert figures["tpr"] == pytest.approx(0.92)
    assert figures["tnr"] == pytest.approx(0.78125), "0.22 less than where it was chosen"
    assert figures["tnr_lower"] == pytest.approx(0.5816, abs=1e-4)
    assert found.state == "provisional"
    assert "not trusted: TNR at least 0.58, and 0.70 is asked for" in found.says


def gate(found: Standing, drop: int) -> tuple[str, int]:
    """A candidate whose judge takes `drop` of 200 answers for wholly unfaithful."""

    def run(side: str, fallen: int, **settings: Any) -> Any:
        rows = [
            replace(
                row(f"c{n:03d}", 1.0, side=side),
                scores={"ragas": [0.0 if n < fallen else 1.0]},
                scorer_keys={"ragas": "key"},
            )
            for n in range(200)
        ]
        return run_of(rows, metrics=[Metric("ragas")], **settings)

    verdict = verdict_of(run("a", 0), run("b", drop, judges={"ragas": found}))
    return finding_of(verdict, "ragas").result, verdict.exit_code


def test_a_gate_believes_it_as_far_as_the_certificate_goes() -> None:
    uncertified, provisional = measured(by_conversation)[2], measured(by_turn)[2]
    assert gate(uncertified, 36)[1] == 0, "it informs"
    assert gate(provisional, 36) == ("inconclusive", 0), "18 points can be its own error"
    assert gate(provisional, 200 * 22 // 100 + 1) == ("inconclusive", 10), "people are asked"


def test_one_label_less_of_a_bar_decides() -> None:
    (items, labels, _), made, found = measured(by_turn)
    assert found.state == "provisional"
    just = float(made.figures[CRITERION]["spearman_lower"] or 0)
    below, above = just - 1e-3, just + 1e-3
    assert standing(ORDINAL, made, items, labels, trusted_spearman=below).state == "trusted"
    passed = standing(ORDINAL, made, items, labels, trusted_spearman=above)
    assert passed.state == "provisional"
    assert gate(standing(ORDINAL, made, items, labels, trusted_spearman=below), 36) == (
        "regression",
        1,
    )
