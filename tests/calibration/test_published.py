"""Calibration gives the published figures of other people's data under conventions it names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from outside import (
    BINARY,
    ORDINAL,
    PAIRWISE,
    expected,
    llmbar,
    mtrag,
    needs_data,
    numeric,
    pair,
    pandalm,
    rows,
)

from evalsuite.calibration.calibrate import calibrate
from evalsuite.calibration.labels import item_id
from evalsuite.calibration.measured import Measured
from evalsuite.calibration.records import Item, Label
from evalsuite.judging.records import Criterion, Level, Subject

pytestmark = needs_data

EVALUATORS = [
    *("ChatGPT-0301/Vanilla", "ChatGPT/Rating", "Falcon/CoT"),
    *("GPT-4/Swap_CoT", "LLaMA2/Metrics", "PaLM2/Vanilla"),
]


def only(found: object) -> Measured:
    (measured,) = found.criteria  # type: ignore[attr-defined]
    return measured  # type: ignore[no-any-return]


def near(value: float | None) -> object:
    return pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("auto", ["ragas_faithfulness", "radbench_llm", "rouge_l", "bert_kprec"])
def test_automatic_scores_of_answers_with_several_raters(auto: str) -> None:
    truth = expected("mtrag_dev")["faithfulness"]
    found = only(calibrate(ORDINAL, *mtrag(auto=auto)))
    assert found.numeric
    for ours, theirs in (
        ("spearman", "spearman"),
        ("kendall_b", "kendall_b"),
        ("pearson", "pearson"),
    ):
        assert found.figures[ours].value == near(truth["auto_vs_human_mean"][auto][theirs])
    assert found.people.alpha.value == near(truth["krippendorff_ordinal"])
    assert found.people.ceiling.pooled == near(truth["exact_pair_agreement"])


@pytest.mark.parametrize("cut", [0.5, 0.8, 1.0])
def test_a_threshold_makes_scores_verdicts(cut: float) -> None:
    truth = expected("mtrag_dev")["faithfulness"]["binary_median_ge3"]
    found = only(calibrate(BINARY, *mtrag(passing=3), thresholds={"faithfulness": cut}))
    figures = found.figures
    wanted = truth[f"ragas>={cut}"]
    assert figures["agreement"].value == near(wanted["acc"])
    assert figures["kappa"].value == near(wanted["kappa"])
    assert figures["tpr"].value == near(wanted["sens"])
    assert figures["tnr"].value == near(wanted["spec"])
    assert found.baseline == ("pass", near(truth["prevalence"]))
    assert found.gap == near(wanted["acc"] - wanted["kappa"])


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_verdicts_in_two_orders(evaluator: str) -> None:
    subsets = expected("llmbar_dev")["per_subset"]
    there = {name: each[evaluator] for name, each in subsets.items() if evaluator in each}
    assert there
    for subset, truth in there.items():
        found = only(calibrate(PAIRWISE, *llmbar(evaluator, subset)))
        swaps = found.biases.swaps
        assert swaps is not None
        assert swaps.gold is not None
        for name in ("n", "agree", "agreement", "n_consistent", "invalid_ab", "invalid_ba"):
            assert getattr(swaps, name) == near(truth[name])
        for name in ("correct_ab", "correct_ba", "acc_avg", "correct_both", "acc_when_consistent"):
            assert getattr(swaps.gold, name) == near(truth[name])
        assert swaps.flips_to_first == truth["flips_to_first"]
        assert swaps.first_share.value == near(truth["first_shown_rate"])
        assert swaps.gold.kappa_ab_gold == near(truth["kappa_ab_gold"])


def test_three_raters_with_ties_and_verdicts_that_are_none() -> None:
    truth = expected("pandalm")
    for evaluator, wanted in truth["judges"].items():
        found = only(calibrate(PAIRWISE, *pandalm(evaluator)))
        assert found.counts.invalid == wanted["n_invalid"]
        assert found.figures["agreement"].value == near(wanted["acc_invalid_as_wrong"])
        assert found.figures["kappa"].value == near(wanted["kappa_invalid_own_category"])
        assert found.people.alpha.value == near(truth["krippendorff_nominal"])
        assert found.biases.swaps is None, "one order was asked, so no swap is claimed"
        table = wanted["confusion_gold_rows_A_B_tie__cols_A_B_tie_invalid"]
        # Ours are B, tie, A and theirs A, B, tie.
        theirs = [[table[row][column] for column in (1, 2, 0, 3)] for row in (1, 2, 0)]
        assert [list(row) for row in found.confusion.counts] == theirs


def test_scores_against_an_answer_of_yes_or_no() -> None:
    truth = expected("qags_xsum")
    items, labels, judged = {}, [], {}
    for number, row in enumerate(rows("qags_xsum")):
        item = answer(row["context"], row["answer"], number)
        items[item.id] = item
        value = "pass" if row["human_consistency"] == 1.0 else "fail"
        labels.append(Label(item=item.id, rater="all", criterion="faithfulness", value=value))
        judged[item.id] = {"faithfulness": numeric(row["judge_unieval"])}
    found = only(calibrate(BINARY, items, labels, judged))
    assert found.counts.n == truth["n"]
    for name in ("spearman", "kendall_b", "pearson"):
        assert found.figures[name].value == near(truth[name])


@pytest.mark.parametrize("dimension", ["naturalness", "coherence", "engagingness", "groundedness"])
def test_means_of_people_by_dialogue(dimension: str) -> None:
    truth = expected("topical_chat_unieval")["dims"][dimension]
    given = list(rows("topical_chat_unieval"))
    means = sorted({row["human_mean"][dimension] for row in given})
    scale = tuple(Level(str(each), (each - means[0]) / (means[-1] - means[0])) for each in means)
    card = replace(ORDINAL, criteria=(Criterion("faithfulness", "How much?", scale),))
    items, labels, judged = {}, [], {}
    for number, row in enumerate(given):
        item = answer(row["history"], row["response"], number, cluster=str(row["dialogue"]))
        items[item.id] = item
        value = str(row["human_mean"][dimension])
        labels.append(Label(item=item.id, rater="mean", criterion="faithfulness", value=value))
        judged[item.id] = {"faithfulness": numeric(row["judge_unieval"][dimension] / 3)}
    found = only(calibrate(card, items, labels, judged))
    assert found.counts.clusters == 60
    for name in ("spearman", "kendall_b", "pearson"):
        assert found.figures[name].value == near(truth[name])


def answer(given: str, output: str, number: int, cluster: str | None = None) -> Item:
    subject = Subject(input=given, output=output, expected=number)
    return Item(id=item_id(subject), subject=subject, case=str(number), cluster=cluster)


def test_pairs_of_one_text_are_different_items() -> None:
    one, two = pair("a", "Say A.", "A", "B"), pair("b", "Say A.", "A", "B")
    assert one.id != two.id
