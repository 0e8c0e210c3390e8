import math

import numpy as np
import pytest

from evalsuite.stats.annotators import (
    MINIMUM,
    alt_test,
    benjamini_yekutieli,
    ceiling,
    leave_one_out,
)

stats = pytest.importorskip("scipy.stats")
pytest.importorskip("sklearn")

YES_NO = ("no", "yes")


def crowd(n, accuracies, seed=1):
    """The raters' answers to n questions, each right with its own chance."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.6
    right = rng.random((n, len(accuracies))) < np.array(accuracies)
    said = np.where(right, truth[:, None], ~truth[:, None])
    return [["yes" if each else "no" for each in row] for row in said]


def split(rows):
    """The last rater is the judge."""
    return [row[:-1] for row in rows], [row[-1] for row in rows]


def test_the_ceiling_is_the_mean_over_pairs_of_people():
    ratings = [["yes", "yes", "no"], ["no", "no", None], ["yes", "no", "yes"]]
    found = ceiling(ratings, ["yes", "no", None], YES_NO)
    # people: 2 of 3, 1 of 2, 0 of 2; with the judge: 2 of 2, 2 of 2, 0 of 1
    assert found.agreement == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert found.pooled == pytest.approx(3 / 7)
    assert found.judge_agreement == pytest.approx((1 + 1 + 0) / 3)
    assert (found.raters, found.pairs) == (3, 3)


def test_one_rater_has_no_ceiling():
    found = ceiling([["yes"], ["no"]], ["yes", "no"], YES_NO)
    assert (found.agreement, found.kappa, found.spearman, found.pooled) == (None,) * 4
    assert found.judge_agreement == found.judge_kappa == 1


def test_the_ceilings_figures_are_those_of_scipy_and_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    rows = np.clip(rng.integers(1, 5, (40, 1)) + rng.integers(-1, 2, (40, 4)), 1, 4).tolist()
    ratings, judged = split(rows)
    found = ceiling(ratings, judged, (1, 2, 3, 4), weights="quadratic")
    people = list(zip(*ratings, strict=True))
    pairs = [(people[a], people[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    rho = np.mean([stats.spearmanr(*pair).statistic for pair in pairs])
    kappa = np.mean([metrics.cohen_kappa_score(*pair, weights="quadratic") for pair in pairs])
    assert found.spearman == pytest.approx(rho)
    assert found.kappa == pytest.approx(kappa)
    ours = np.mean([stats.spearmanr(each, judged).statistic for each in people])
    assert found.judge_spearman == pytest.approx(ours)
    assert found.gap["spearman"].value == pytest.approx(ours - rho)


def test_a_judge_below_the_ceiling_has_a_gap_below_0_and_clusters_widen_it():
    rows = crowd(120, [0.9, 0.9, 0.9, 0.6])
    ratings, judged = split(rows)
    alone = ceiling(ratings, judged, YES_NO).gap["agreement"]
    assert alone.low < alone.value < alone.high < 0
    twice = ceiling(ratings * 2, judged * 2, YES_NO, clusters=list(range(120)) * 2).gap["agreement"]
    assert (twice.low, twice.high) == pytest.approx((alone.low, alone.high))


def test_a_crowd_has_a_ceiling_without_an_interval():
    found = ceiling(crowd(10, [0.8] * 20), ["yes"] * 10, YES_NO)
    assert found.pairs == 190
    assert found.people["agreement"].value is not None
    assert found.people["agreement"].low is None


def test_the_judge_less_the_rater_is_a_paired_difference():
    ratings, judged = split(crowd(60, [0.8, 0.9, 0.7, 0.6]))
    found = leave_one_out(ratings, judged, YES_NO)[0]
    apart = [
        ([row[1], row[2]].count(verdict) - [row[1], row[2]].count(row[0])) / 2
        for row, verdict in zip(ratings, judged, strict=True)
    ]
    oracle = stats.ttest_1samp(apart, 0).confidence_interval(0.95)
    assert (found.difference.low, found.difference.high) == pytest.approx((oracle.low, oracle.high))
    assert found.difference.value == pytest.approx(found.judge - found.human)
    same = leave_one_out([["yes", "yes"]] * 9, ["yes"] * 9, YES_NO)[0].difference
    assert (same.value, same.low, same.high) == (0, None, None)


def test_each_rater_and_the_judge_are_compared_with_the_same_others():
    ratings = [["yes", "yes", "no"], ["no", "no", "no"], ["yes", None, None]]
    found = leave_one_out(ratings, ["no", "no", "yes"], YES_NO)
    assert [each.n for each in found] == [2, 2, 2]
    assert found[0].human == pytest.approx((1 / 2 + 1) / 2)
    assert found[0].judge == pytest.approx((1 / 2 + 1) / 2)
    assert found[2].human == pytest.approx((0 + 1) / 2)
    assert found[2].judge == pytest.approx((0 + 1) / 2)


def test_nearness_is_minus_the_root_of_the_mean_square():
    found = leave_one_out([[1, 3, 5]], [4], (1, 2, 3, 4, 5), likeness="near")
    assert found[0].judge == pytest.approx(-math.sqrt((1 + 1) / 2))
    assert found[0].human == pytest.approx(-math.sqrt((4 + 16) / 2))


def test_the_alternative_annotator_test_by_its_definition():
    ratings, judged = split(crowd(80, [0.85, 0.8, 0.9, 0.85]))
    found = alt_test(ratings, judged, YES_NO, epsilon=0.15)
    ps, shares = [], []
    for rater in range(3):
        worse, wins = [], []
        for row, verdict in zip(ratings, judged, strict=True):
            others = row[:rater] + row[rater + 1 :]
            judge, human = others.count(verdict), others.count(row[rater])
            worse.append((human >= judge) - int(judge >= human))
            wins.append(judge >= human)
        ps.append(stats.ttest_1samp(worse, 0.15, alternative="less").pvalue)
        shares.append(np.mean(wins))
    assert found.p == pytest.approx(ps)
    assert found.advantage == pytest.approx(np.mean(shares))
    assert found.winning_rate == pytest.approx(np.mean(benjamini_yekutieli(ps) <= 0.05))
    assert found.passes == (found.winning_rate >= 0.5)


def test_a_judge_as_good_as_people_passes_and_a_guessing_one_does_not():
    good = alt_test(*split(crowd(400, [0.85, 0.85, 0.85, 0.9])), YES_NO)
    bad = alt_test(*split(crowd(400, [0.85, 0.85, 0.85, 0.5])), YES_NO)
    assert good.passes
    assert good.winning_rate == 1
    assert not bad.passes
    assert bad.winning_rate == 0
    assert bad.advantage < good.advantage


def test_a_larger_allowance_is_easier_to_pass():
    ratings, judged = split(crowd(200, [0.9, 0.9, 0.9, 0.8]))
    strict = alt_test(ratings, judged, YES_NO, epsilon=0.0)
    lax = alt_test(ratings, judged, YES_NO, epsilon=0.3)
    assert all(a < b for a, b in zip(lax.p, strict.p, strict=True))
    assert lax.passes
    assert not strict.passes


def test_units_of_one_question_are_no_independent_evidence():
    ratings, judged = split(crowd(40, [0.85, 0.85, 0.85, 0.85]))
    once = alt_test(ratings, judged, YES_NO, clusters=list(range(40)))
    many = alt_test(ratings * 5, judged * 5, YES_NO, clusters=list(range(40)) * 5)
    naive = alt_test(ratings * 5, judged * 5, YES_NO)
    assert many.p == pytest.approx(once.p)
    assert naive.p != pytest.approx(once.p)


def test_a_rater_of_few_units_is_not_tested():
    ratings, judged = split(crowd(60, [0.9, 0.9, 0.9, 0.9]))
    ratings = [[*row[:2], row[2] if i < MINIMUM - 1 else None] for i, row in enumerate(ratings)]
    found = alt_test(ratings, judged, YES_NO)
    assert found.p[2] is None
    assert (found.raters, found.tested) == (3, 2)


def test_where_nobody_can_be_tested_nothing_is_said():
    found = alt_test([["yes"]] * 100, ["yes"] * 100, YES_NO)
    assert (found.winning_rate, found.passes, found.advantage) == (None, None, None)
    assert alt_test([], [], YES_NO).passes is None
    short, judged = split(crowd(10, [0.9, 0.9, 0.9]))
    assert alt_test(short, judged, YES_NO).passes is None


def test_benjamini_yekutieli_by_hand():
    # thresholds are rank / 3 / (1 + 1/2 + 1/3): adjusted p = p * 3 * 1.8333 / rank
    found = benjamini_yekutieli([0.001, 0.02, 0.5])
    assert found.tolist() == pytest.approx([0.0055, 0.055, 0.916667], abs=1e-6)


def test_an_alternative_test_agrees_with_statsmodels():
    tests = pytest.importorskip("statsmodels.stats.multitest")
    p = [0.01, 0.012, 0.04, 0.2, 0.9]
    assert benjamini_yekutieli(p) == pytest.approx(tests.multipletests(p, method="fdr_by")[1])
