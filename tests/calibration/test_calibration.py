"""Conventions of a calibration: who counts, what is left out, what weighs how much."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import CARD, FAIL, FIVE, GRADES, PASS, Given, binary, by_id, item, said, test_items

from evalsuite.calibration.calibrate import calibrate, nearest
from evalsuite.calibration.labels import effective
from evalsuite.calibration.measured import Calibration, Measured
from evalsuite.calibration.panel import panel, repeated, seconds_per_label
from evalsuite.calibration.records import Item, Label
from evalsuite.calibration.splits import DEV, Look, in_split, split_of, spoken, unit_of
from evalsuite.calibration.thresholds import choose_threshold
from evalsuite.errors import DataError
from evalsuite.judging.records import UNSURE, Card, Judgement
from evalsuite.judging.verdict import Verdict

ITEMS = test_items(40)


def label(at: int, value: str | None, rater: str = "ann", **more: object) -> Label:
    made = Label(item=ITEMS[at].id, rater=rater, criterion="polite", value=value)
    return replace(made, **more)  # type: ignore[arg-type]


def measured(
    labels: list[Label], verdicts: list[Verdict], items: list[Item] | None = None, card: Card = CARD
) -> Measured:
    held = items or ITEMS[: len(verdicts)]
    name = card.criteria[0].name
    judged = {each.id: {name: verdict} for each, verdict in zip(held, verdicts, strict=True)}
    found = calibrate(card, by_id(held), effective(labels), judged)
    return found.criteria[0]


def test_people_answer_by_majority_and_a_split_is_the_worse_level() -> None:
    labels = [
        *(label(0, PASS, rater) for rater in "ab"),
        label(0, FAIL, "c"),
        label(1, PASS, "a"),
        label(1, FAIL, "b"),
        label(2, UNSURE, "a"),
        label(2, PASS, "b"),
        label(3, UNSURE, "a"),
    ]
    found = panel(CARD, CARD.criteria[0], by_id(ITEMS[:5]), labels)
    assert found.levels == [PASS, FAIL, PASS]
    assert found.values == [pytest.approx(2 / 3), 0.5, 1.0]
    assert (found.unsure, found.undecided, found.given) == (2, 1, 6)
    assert found.raters == ["a", "b", "c"]


def test_an_adjudicated_answer_is_the_peoples_and_no_raters() -> None:
    labels = [
        *(label(0, PASS, rater) for rater in "ab"),
        label(0, FAIL, "adjudicated"),
        label(1, PASS, "a"),
    ]
    found = panel(CARD, CARD.criteria[0], by_id(ITEMS[:2]), labels)
    assert found.levels == [FAIL, PASS]
    assert found.values == [0.0, 1.0]
    assert (found.raters, found.given) == (["a", "b"], 3)


def test_people_answer_of_an_ordered_scale_is_the_lower_median() -> None:
    labels = [
        replace(label(0, value, rater), criterion="good")
        for rater, value in zip("abcd", ("5", "2", "4", "1"), strict=True)
    ]
    found = panel(GRADES, FIVE, by_id(ITEMS[:1]), labels)
    assert found.levels == ["2"]
    assert found.values == [0.5]


def test_a_verdict_that_is_none_is_wrong_and_one_that_is_unable_is_counted() -> None:
    labels = [label(at, PASS) for at in range(10)]
    verdicts = [
        *[said(PASS)] * 6,
        Verdict(criterion="polite", label=None, value=None, reason="unparsable"),
        *[Verdict(criterion="polite", label=UNSURE, value=None)] * 2,
        said(FAIL),
    ]
    found = measured(labels, verdicts)
    assert (found.counts.n, found.counts.invalid, found.counts.unable) == (10, 1, 2)
    assert found.figures["agreement"].value == pytest.approx(0.6)
    assert found.figures["tpr"].value == pytest.approx(0.6)
    assert found.figures["shift"].n == 7, "no difference is made up for it"
    assert len(found.values) == 7
    assert found.confusion.counts[1][-1] == 3


def test_rated_items_without_a_verdict_are_counted_and_left_out() -> None:
    labels = [label(at, PASS) for at in range(6)]
    judged = {each.id: {"polite": said(PASS)} for each in ITEMS[:4]}
    found = calibrate(CARD, by_id(ITEMS[:6]), labels, judged).criteria[0]
    assert (found.counts.n, found.counts.unjudged) == (4, 2)


def test_hidden_repeats_measure_raters_and_count_once() -> None:
    labels = [
        *(label(at, PASS) for at in range(8)),
        *(label(at, PASS if at else FAIL, occasion=1) for at in range(4)),
        label(5, UNSURE, occasion=1),
    ]
    found = measured(labels, [said(PASS)] * 8)
    assert found.figures["agreement"].value == 1.0
    assert found.people.repeats.value == 0.75
    assert found.people.repeats.n == 4
    assert repeated("polite", labels)[0] == (ITEMS[0].id, PASS, FAIL)


def test_weights_undo_a_sample_by_the_judges_verdict() -> None:
    """90 of 100 outputs pass the judge, 9 of 10 of them rightly; half of the others are good. The
    sample has 10 of either kind: unweighted, it would say TNR 0.83 and TPR 0.64."""
    items = [
        *(replace(each, weight=9.0) for each in test_items(20)[:10]),
        *(replace(each, weight=1.0) for each in test_items(20)[10:]),
    ]
    truth = [PASS] * 9 + [FAIL] + [PASS] * 5 + [FAIL] * 5
    judge = [PASS] * 10 + [FAIL] * 10
    labels = [
        Label(item=each.id, rater="ann", criterion="polite", value=value)
        for each, value in zip(items, truth, strict=True)
    ]
    found = measured(labels, [said(each) for each in judge], items)
    assert found.figures["tpr"].value == pytest.approx(81 / 86)
    assert found.figures["tnr"].value == pytest.approx(5 / 14)
    assert found.figures["agreement"].value == pytest.approx(0.86)
    assert ("sampling", "weighted by the inverse chance of each item to be chosen") in (
        found.conventions
    )
    plain = measured(labels, [said(each) for each in judge], [replace(x, weight=1) for x in items])
    assert plain.figures["tnr"].value == pytest.approx(5 / 6)


def test_items_of_one_cluster_make_intervals_wider() -> None:
    def width(given: Given, cluster: bool) -> float:
        items, labels, judged = given
        if cluster:
            names = {each: f"g{at // 10}" for at, each in enumerate(items)}
            items = {each: replace(item, cluster=names[each]) for each, item in items.items()}
        found = calibrate(CARD, items, labels, judged).criteria[0].figures["agreement"]
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    # The judge's errors are all in two groups.
    wrong = binary(80, 40, missed=10, passed=10)
    assert width(wrong, cluster=True) > 1.3 * width(wrong, cluster=False)


def test_slices_below_the_support_have_no_figures() -> None:
    items = [
        replace(each, slices={"topic": "big" if at < 30 else "small"})
        for at, each in enumerate(ITEMS)
    ]
    labels = [label(at, PASS if at % 3 else FAIL) for at in range(40)]
    found = measured(labels, [said(PASS if at % 4 else FAIL) for at in range(40)], items)
    sizes = {each.name: (each.n, bool(each.figures)) for each in found.slices}
    assert sizes == {"topic=big": (30, True), "topic=small": (10, True)}
    fewer = measured(labels[:39], [said(PASS)] * 39, items[:39])
    assert {each.name: bool(each.figures) for each in fewer.slices} == {
        "topic=big": True,
        "topic=small": False,
    }


def test_a_constant_judge_reaches_the_baseline_and_no_kappa() -> None:
    found = measured([label(at, PASS if at < 30 else FAIL) for at in range(40)], [said(PASS)] * 40)
    agreement = found.figures["agreement"]
    assert agreement.value == agreement.baseline == found.baseline[1] == 0.75
    assert found.figures["kappa"].value == 0.0
    assert found.gap == 0.75


def test_disagreements_of_the_test_split_are_counted_and_not_shown() -> None:
    items = [item(number) for number in range(60)]
    labels = [
        Label(
            item=each.id, rater="ann", criterion="polite", value=FAIL, critique=f"rude {each.case}"
        )
        for each in items
    ]
    judged = {each.id: {"polite": said(PASS)} for each in items}
    found = calibrate(CARD, by_id(items), labels, judged).criteria[0]
    dev = [each for each in items if split_of(each) == "dev"]
    assert {each.item.id for each in found.disagreements} == {each.id for each in dev}
    assert found.hidden == 60 - len(dev) > 0
    assert found.disagreements[0].critiques[0].startswith("rude")


@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_one_question_is_never_in_both_splits(text: str, case: str) -> None:
    one = replace(item(1), case=case)
    other = replace(item(2), case=case)
    assert split_of(one) == split_of(other)
    grouped = [replace(each, cluster=text or "x") for each in (one, replace(other, case="y"))]
    assert unit_of(grouped[0]) == unit_of(grouped[1])
    assert split_of(grouped[0]) == split_of(grouped[1])


def test_a_quarter_is_for_trying() -> None:
    items = by_id([item(number) for number in range(2000)])
    share = len(in_split(items, "dev")) / len(items)
    assert abs(share - DEV) < 0.03
    assert len(in_split(items, "dev")) + len(in_split(items, "test")) == len(in_split(items, None))


def numbers(values: list[float], truth: list[str], items: list[Item]) -> Calibration:
    labels = [
        Label(item=each.id, rater="ann", criterion="polite", value=value)
        for each, value in zip(items, truth, strict=True)
    ]
    judged = {
        each.id: {"polite": Verdict(criterion="polite", label=None, value=value)}
        for each, value in zip(items, values, strict=True)
    }
    cut = choose_threshold(CARD, "polite", by_id(items), labels, judged)
    assert cut.n == sum(split_of(each) == "dev" for each in items)
    return calibrate(
        CARD, by_id(items), labels, judged, split="test", thresholds={"polite": cut.value}
    )


def test_a_threshold_is_chosen_on_the_development_split_alone() -> None:
    items = [item(number) for number in range(120)]
    truth = [PASS if number % 2 else FAIL for number in range(120)]
    # On dev 0.55 tells good from bad; on test nothing does.
    values = [
        (0.7 if value == PASS else 0.4) if split_of(each) == "dev" else 0.6
        for each, value in zip(items, truth, strict=True)
    ]
    found = numbers(values, truth, items).criteria[0]
    assert found.threshold == pytest.approx(0.55)
    assert found.numeric
    assert (found.figures["tpr"].value, found.figures["tnr"].value) == (1.0, 0.0)
    assert {judge for _, judge in found.values.values()} == {1.0}, "the verdict, not the number"


def test_a_threshold_needs_items_of_both_kinds() -> None:
    items = [item(number) for number in range(80)]
    with pytest.raises(DataError, match="0 items that people call bad, and a threshold needs 10"):
        numbers([0.5] * 80, [PASS] * 80, items)


def test_numbers_without_a_threshold_are_the_nearest_level() -> None:
    assert [nearest(FIVE, each) for each in (0.0, 0.12, 0.125, 0.13, 1.0)] == [
        *("1", "1", "1", "2", "5")
    ]


def test_votes_show_a_judges_noise() -> None:
    def votes(*labels: str) -> Verdict:
        return replace(
            said(labels[0]),
            judgements=[
                Judgement(criterion="polite", label=each, value=None, vote=vote)
                for vote, each in enumerate(labels, 1)
            ],
        )

    labels = [label(at, PASS) for at in range(4)]
    verdicts = [votes(PASS, PASS), votes(PASS, FAIL), votes(FAIL, FAIL), votes(PASS, PASS)]
    noise = measured(labels, verdicts).biases.noise
    assert noise is not None
    assert noise.same_order.value == 0.75
    assert measured(labels, [said(PASS)] * 4).biases.noise is None


def test_seconds_are_the_median_or_what_is_usual() -> None:
    timed = [label(at, PASS, seconds=seconds) for at, seconds in enumerate((5.0, 20.0, 400.0))]
    assert seconds_per_label(timed) == 20.0
    assert seconds_per_label([label(0, PASS)]) == 33.0


def test_looks_at_the_test_split_are_told_with_the_versions_of_the_judge() -> None:
    def look(judge: str) -> Look:
        return Look(time="2026-03-01T12:00:00+00:00", why="calibrate", judge=judge, labels=3)

    assert spoken([]) == ""
    assert spoken([look("a")]).endswith("looked at once, with one version of the judge")
    assert spoken([look("a"), look("b"), look("a")]).endswith(
        "3 times, with 2 versions of the judge"
    )


def test_no_label_and_no_verdict_is_no_figure_and_no_nan() -> None:
    found = calibrate(CARD, {}, [], {})
    only = found.criteria[0]
    assert only.counts.n == 0
    assert all(each.value is None for each in only.figures.values())
    assert found.error["polite"] is None
    assert only.gap is None
