import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evalsuite.stats.agreement import (
    classification,
    cohen_kappa,
    confusion,
    gwet,
    gwets,
    kappas,
    majority_baseline,
    percent_agreement,
)
from evalsuite.stats.labels import OWN, coded, distances, paired, tables

metrics = pytest.importorskip("sklearn.metrics")

FEW = settings(max_examples=30)
LEVELS = ("low", "middle", "high")
labels = st.sampled_from(LEVELS)
rows = st.lists(st.tuples(labels, labels), min_size=2, max_size=40)
with_gaps = st.lists(st.tuples(st.none() | labels, st.none() | labels), min_size=2, max_size=40)


def spread(table, levels):
    """Two raters whose table this is."""
    first, second = [], []
    for row, counts in zip(levels, table, strict=True):
        for column, count in zip(levels, counts, strict=True):
            first += [row] * count
            second += [column] * count
    return first, second


def sides(pairs):
    return [a for a, _ in pairs], [b for _, b in pairs]


def same(one, two):
    return one is two is None or one == pytest.approx(two, abs=1e-12)


def test_kappa_and_ac1_of_a_common_label_are_those_of_the_literature():
    # Two raters of 125 people of whom 118 are plain: K. Gwet (2002) has kappa -.023, AC1 .941.
    first, second = spread([[118, 5], [2, 0]], ("plain", "rare"))
    assert percent_agreement(first, second, ("plain", "rare")) == pytest.approx(118 / 125)
    assert cohen_kappa(first, second, ("plain", "rare")) == pytest.approx(-0.0234, abs=5e-5)
    assert gwet(first, second, ("plain", "rare")) == pytest.approx(0.9408, abs=5e-5)


def test_ac1_of_three_labels_by_hand():
    first, second = spread([[5, 1, 0], [1, 4, 2], [0, 2, 5]], LEVELS)
    share = [6 / 20, 7 / 20, 7 / 20]
    chance = sum(p * (1 - p) for p in share) / 2
    assert gwet(first, second, LEVELS) == pytest.approx((14 / 20 - chance) / (1 - chance))


def test_ac2_gives_part_of_the_credit_to_a_neighbour():
    first, second = spread([[5, 1, 0], [1, 4, 2], [0, 2, 5]], LEVELS)
    credit = 1 - np.array([[0, 0.25, 1], [0.25, 0, 0.25], [1, 0.25, 0]])
    seen = (14 + 6 * 0.75) / 20
    share = np.array([6, 7, 7]) / 20
    chance = credit.sum() / 6 * (share * (1 - share)).sum()
    found = gwet(first, second, LEVELS, weights="quadratic")
    assert found == pytest.approx((seen - chance) / (1 - chance))


@FEW
@given(rows, st.sampled_from(["none", "linear", "quadratic"]))
def test_kappa_is_scikit_learns_and_the_one_of_the_table(pairs, weights):
    first, second = sides(pairs)
    found = cohen_kappa(first, second, LEVELS, weights=weights)
    own = kappas(tables(paired(first, second, LEVELS, "own")), distances(3, 4, weights))[0]
    assume(len({*first, *second}) > 1)
    kind = None if weights == "none" else weights
    expected = metrics.cohen_kappa_score(first, second, labels=LEVELS, weights=kind)
    assert found == pytest.approx(expected, abs=1e-12)
    assert own == pytest.approx(expected, abs=1e-12)


@FEW
@given(with_gaps)
def test_an_invalid_verdict_is_a_category_of_its_own(pairs):
    first, second = sides(pairs)
    named = [each or "none" for each in first], [each or "none" for each in second]
    assume(len({*named[0], *named[1]}) > 1)
    expected = metrics.cohen_kappa_score(*named)
    assert cohen_kappa(first, second, LEVELS) == pytest.approx(expected, abs=1e-12)


@FEW
@given(with_gaps, st.sampled_from(["none", "linear", "quadratic"]))
def test_to_exchange_the_raters_changes_no_figure(pairs, weights):
    first, second = sides(pairs)
    for figure in (cohen_kappa, gwet):
        one = figure(first, second, LEVELS, weights=weights)
        two = figure(second, first, LEVELS, weights=weights)
        assert same(one, two)


@FEW
@given(with_gaps, st.permutations(LEVELS))
def test_the_names_of_unordered_labels_change_no_figure(pairs, other):
    first, second = sides(pairs)
    names = dict(zip(LEVELS, other, strict=True)) | {None: None}
    renamed = [names[each] for each in first], [names[each] for each in second]
    for figure in (percent_agreement, cohen_kappa, gwet):
        assert same(figure(first, second, LEVELS), figure(*renamed, LEVELS))


@FEW
@given(with_gaps)
def test_conventions_leave_out_or_count_as_a_level(pairs):
    first, second = sides(pairs)
    kept = [(a, b) for a, b in pairs if a is not None and b is not None]
    dropped = percent_agreement(first, second, LEVELS, invalid="drop")
    assert same(dropped, percent_agreement(*sides(kept), LEVELS))
    filled = [(a or "middle", b or "middle") for a, b in pairs]
    counted = cohen_kappa(first, second, LEVELS, invalid=("as", "middle"))
    assert same(counted, cohen_kappa(*sides(filled), LEVELS))


def test_an_invalid_verdict_is_farther_from_a_level_than_a_neighbour():
    truth = ["low", "middle", "high", "high"]
    near = cohen_kappa(truth, ["low", "middle", "high", "middle"], LEVELS, weights="quadratic")
    none = cohen_kappa(truth, ["low", "middle", "high", None], LEVELS, weights="quadratic")
    assert none < near


def test_what_is_undefined_is_none():
    assert cohen_kappa(["low"] * 3, ["low"] * 3, LEVELS) is None
    assert percent_agreement([], [], LEVELS) is None
    assert cohen_kappa([], [], LEVELS) is None
    assert gwet([None], ["low"], LEVELS, invalid="drop") is None
    assert classification([], [], LEVELS).accuracy is None
    assert majority_baseline([], LEVELS) == (None, None)


def test_agreement_on_one_label_has_an_ac1_where_kappa_has_none():
    assert gwet(["low"] * 3, ["low"] * 3, LEVELS) == 1.0


def test_labels_that_are_no_level_are_refused():
    with pytest.raises(ValueError, match="'hihg'"):
        cohen_kappa(["hihg"], ["low"], LEVELS)
    with pytest.raises(ValueError, match="can't be paired"):
        cohen_kappa(["low"], [], LEVELS)
    with pytest.raises(ValueError, match="two levels"):
        coded(["low"], ["low", "low"])


def test_the_confusion_table_has_a_column_for_invalid_verdicts():
    found = confusion(["low", "low", "high"], ["low", None, "middle"], LEVELS)
    assert found.columns == (*LEVELS, OWN)
    assert found.counts == ((1, 0, 0, 1), (0, 0, 0, 0), (0, 1, 0, 0))
    assert found.n == 3


@FEW
@given(st.lists(st.tuples(labels, st.none() | labels), min_size=1, max_size=40))
def test_macro_figures_are_those_of_scikit_learn(pairs):
    truth, judged = sides(pairs)
    found = classification(truth, judged, LEVELS)
    verdicts = [each or OWN for each in judged]
    expected = metrics.precision_recall_fscore_support(
        truth, verdicts, labels=LEVELS, average="macro", zero_division=0
    )
    three = found.macro_precision, found.macro_recall, found.macro_f1
    assert three == pytest.approx(expected[:3])
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, verdicts))


def test_the_convention_is_named_and_moves_the_accuracy():
    truth, judged = ["low", "low", "high", "high"], ["low", None, "high", None]
    own = classification(truth, judged, LEVELS)
    counted = classification(truth, judged, LEVELS, invalid=("as", "low"))
    dropped = classification(truth, judged, LEVELS, invalid="drop")
    assert [own.accuracy, counted.accuracy, dropped.accuracy] == [0.5, 0.75, 1.0]
    assert [own.n_invalid, counted.n_invalid, dropped.n_invalid] == [2, 2, 2]
    assert [own.n, dropped.n] == [4, 2]
    assert counted.convention == "invalid counts as low"
    assert (own.baseline_label, own.baseline_accuracy) == ("low", 0.5)


@FEW
@given(st.lists(labels, min_size=1, max_size=30))
def test_a_judge_that_always_says_the_commonest_label_has_the_baseline_and_no_kappa(truth):
    label, share = majority_baseline(truth, LEVELS)
    judged = [label] * len(truth)
    assert percent_agreement(truth, judged, LEVELS) == pytest.approx(share)
    found = cohen_kappa(truth, judged, LEVELS)
    assert found is None or found == pytest.approx(0, abs=1e-12)


def test_many_tables_at_once_give_what_each_gives_alone():
    rng = np.random.default_rng(4)
    several = rng.integers(1, 9, (5, 3, 3)).astype(float)
    for figure in (kappas, gwets):
        for weights in ("none", "linear", "quadratic"):
            apart = distances(3, 3, weights)
            alone = [figure(each[None], apart)[0] for each in several]
            assert figure(several, apart) == pytest.approx(alone)
    assert math.isnan(kappas(np.zeros((1, 2, 2)), distances(2, 2, "none"))[0])
