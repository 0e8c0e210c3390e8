import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.stats import agreement as points
from evalsuite.stats import estimates, figures
from evalsuite.stats.correlation import correlations
from evalsuite.stats.intervals import MOST, cluster_codes, freedom, jackknife, row_weights
from evalsuite.stats.raters import krippendorff_alpha

pytest.importorskip("sklearn")
pytest.importorskip("krippendorff")

LEVELS = (1, 2, 3, 4)
FEW = settings(max_examples=30)


def drawn(n, seed=3, noise=0.6):
    """People and a judge of n rows, on four levels."""
    rng = np.random.default_rng(seed)
    behind = rng.standard_normal(n)
    people = np.clip(np.rint(behind + 2.5), 1, 4).astype(int)
    judge = np.clip(np.rint(behind + noise * rng.standard_normal(n) + 2.5), 1, 4).astype(int)
    return people.tolist(), judge.tolist()


def width(estimate):
    return estimate.high - estimate.low


def every(people, judge, **given):
    """All estimates that take pairs of rows."""
    yield estimates.agreement(people, judge, LEVELS, **given)
    for distance in ("none", "linear", "quadratic"):
        yield estimates.kappa(people, judge, LEVELS, distance=distance, **given)
        yield estimates.gwet(people, judge, LEVELS, distance=distance, **given)
    yield estimates.spearman(people, judge, **given)
    yield estimates.kendall(people, judge, **given)
    yield estimates.pearson(people, judge, **given)
    yield figures.shift([p / 4 for p in people], [j / 4 for j in judge], **given)


@FEW
@given(st.integers(4, 40), st.integers(0, 99))
def test_without_weights_the_value_is_the_point_figure(n, seed):
    people, judge = drawn(n, seed)
    found = estimates.kappa(people, judge, LEVELS, distance="quadratic")
    expected = points.cohen_kappa(people, judge, LEVELS, weights="quadratic")
    assert found.value == (None if expected is None else pytest.approx(expected, abs=1e-9))
    found = estimates.gwet(people, judge, LEVELS)
    assert found.value == pytest.approx(points.gwet(people, judge, LEVELS), abs=1e-9)
    three = correlations(people, judge)
    for value, figure in (
        (three.pearson, estimates.pearson),
        (three.spearman, estimates.spearman),
        (three.kendall_b, estimates.kendall),
    ):
        assert figure(people, judge).value == (
            None if value is None else pytest.approx(value, abs=1e-9)
        )
    pairs = list(zip(people, judge, strict=True))
    for metric in ("nominal", "ordinal", "interval"):
        value = krippendorff_alpha(pairs, LEVELS, metric=metric)
        assert estimates.alpha(pairs, LEVELS, metric=metric).value == (
            None if value is None else pytest.approx(value, abs=1e-9)
        )


@FEW
@given(st.integers(2, 30), st.integers(0, 99), st.integers(1, 6))
def test_bounds_have_width_hold_the_value_and_stay_on_the_scale(n, seed, size):
    people, judge = drawn(n, seed)
    for each in every(people, judge, clusters=[row // size for row in range(n)]):
        if each.low is None:
            assert each.high is None
            assert each.lower is None
            continue
        assert -1 <= each.low < each.high <= 1
        assert each.low - 1e-9 <= each.value <= each.high + 1e-9
        assert each.low - 1e-9 <= each.lower <= each.high


def test_rows_given_twice_in_their_cluster_say_no_more():
    people, judge = drawn(40)
    clusters = [row // 2 for row in range(40)]
    once = every(people, judge, clusters=clusters)
    twice = every(people * 2, judge * 2, clusters=clusters * 2)
    for one, two in zip(once, twice, strict=True):
        assert two.clusters == one.clusters == 20
        assert width(two) >= width(one) - 1e-9


def test_rows_given_twice_on_their_own_would_say_more():
    people, judge = drawn(40)
    once = every(people, judge)
    twice = every(people * 2, judge * 2)
    for one, two in zip(once, twice, strict=True):
        assert width(two) < width(one)


def test_clusters_whose_rows_agree_together_widen_every_interval():
    rng = np.random.default_rng(5)
    people, judge = [], []
    for _ in range(40):
        level = int(rng.integers(1, 5))
        other = level if rng.random() < 0.6 else int(rng.integers(1, 5))
        people += [level] * 4
        judge += [other] * 4
    alone = list(every(people, judge))
    together = list(every(people, judge, clusters=[row // 4 for row in range(160)]))
    for one, two in zip(alone, together, strict=True):
        assert width(two) > 1.5 * width(one)


def test_the_order_of_rows_and_the_names_of_clusters_change_nothing():
    people, judge = drawn(30)
    clusters = [f"dialogue {row // 3}" for row in range(30)]
    turned = every(people[::-1], judge[::-1], clusters=clusters[::-1])
    for one, two in zip(every(people, judge, clusters=clusters), turned, strict=True):
        assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high))


def test_a_weight_of_all_rows_alike_is_none():
    people, judge = drawn(30)
    weighted = every(people, judge, weights=[3.0] * 30)
    for one, two in zip(every(people, judge), weighted, strict=True):
        assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high))


def test_a_heavy_row_moves_the_value_towards_itself():
    people, judge = [1, 2, 3, 4] * 5, [1, 2, 3, 4] * 4 + [4, 3, 2, 1]
    weights = [1.0] * 16 + [5.0] * 4
    for one, two in zip(every(people, judge), every(people, judge, weights=weights), strict=True):
        assert two.value < one.value or two.value == pytest.approx(one.value, abs=1e-9) == 0


def test_perfect_agreement_is_not_certain():
    people, _ = drawn(50)
    found = list(every(people, people))
    for each in found[:-1]:
        assert each.value == pytest.approx(1)
        assert each.low < each.lower < 1
    few = estimates.kappa(people, people, LEVELS, clusters=[row // 10 for row in range(50)])
    assert few.low < found[1].low
    heavy = estimates.kappa(people, people, LEVELS, weights=[1.0] * 49 + [9.0])
    assert heavy.low < found[1].low


def test_a_constant_judge_has_no_coefficient_that_is_sure_of_itself():
    people, _ = drawn(50)
    found = estimates.kappa(people, [4] * 50, LEVELS)
    assert found.value == found.baseline == pytest.approx(0)
    assert found.low is None
    assert found.lower is None
    assert estimates.spearman(people, [4] * 50).value is None


def test_the_baseline_is_what_a_constant_judge_gets():
    people, judge = drawn(50)
    common = max(LEVELS, key=people.count)
    for figure in (estimates.agreement, estimates.kappa, estimates.gwet):
        constant = figure(people, [common] * 50, LEVELS)
        assert figure(people, judge, LEVELS).baseline == pytest.approx(constant.value, abs=1e-9)


def test_one_cluster_has_a_value_and_no_bounds():
    people, judge = drawn(20)
    for each in list(every(people, judge, clusters=["all"] * 20))[1:-1]:
        assert each.value is not None
        assert (each.low, each.high, each.lower) == (None, None, None)


def test_no_row_is_undefined():
    for each in every([], []):
        assert (each.value, each.low, each.n) == (None, None, 0)


def test_invalid_verdicts_are_left_out_of_correlations_and_counted():
    people, judge = drawn(30)
    found = estimates.spearman(people, [None, *judge[1:]], clusters=list(range(30)))
    assert (found.n, found.clusters) == (29, 29)
    assert found.value == pytest.approx(correlations(people[1:], judge[1:]).spearman)


def test_the_jackknife_leaves_out_whole_clusters():
    codes = cluster_codes(["a", "b", "a", "c"], 4)
    found, count = jackknife(lambda w: w @ np.array([1.0, 2, 4, 8]), np.ones(4), codes)
    assert count == 3
    assert found.tolist() == [10.0, 13.0, 7.0]


def test_an_undefined_replicate_counts_as_no_agreement():
    found, _ = jackknife(lambda w: np.where(w[:, 0] > 0, 1.0, np.nan), np.ones(3), np.arange(3))
    assert found.tolist() == [0.0, 1.0, 1.0]


def test_very_many_clusters_are_joined():
    people, judge = drawn(3 * MOST)
    found = estimates.kappa(people, judge, LEVELS)
    assert found.clusters == 3 * MOST
    half = estimates.kappa(people[:MOST], judge[:MOST], LEVELS)
    assert width(found) == pytest.approx(width(half) / math.sqrt(3), rel=0.15)


def test_kendalls_tau_of_very_many_rows_has_no_bounds():
    rng = np.random.default_rng(1)
    first = rng.standard_normal(estimates.MANY + 1)
    second = first + rng.standard_normal(estimates.MANY + 1)
    found = estimates.kendall(first.tolist(), second.tolist())
    assert found.value == pytest.approx(correlations(first, second).kendall_b)
    assert (found.low, found.n) == (None, estimates.MANY + 1)


def test_a_cluster_that_holds_nearly_all_leaves_few_degrees_of_freedom():
    assert freedom(np.ones(20), np.arange(20)) == 19
    assert freedom(np.ones(20), np.repeat([0, 1, 2, 3], 5)) == 3
    assert freedom(np.ones(20), np.array([0] * 17 + [1, 2, 3])) == 1


def test_weights_and_clusters_must_fit_the_rows():
    people, judge = drawn(4)
    with pytest.raises(ValueError, match="weights"):
        estimates.kappa(people, judge, LEVELS, weights=[1, 1, 1, 0])
    with pytest.raises(ValueError, match="3 clusters or weights for 4 rows"):
        estimates.kappa(people, judge, LEVELS, clusters=[1, 2, 3])
    with pytest.raises(ValueError, match="weights"):
        row_weights([1.0, math.nan], 2)
    with pytest.raises(ValueError, match="3 clusters for 4 rows"):
        cluster_codes([1, 2, 3], 4)


def test_fisher_and_student_give_the_bounds_of_the_jackknife():
    people, judge = drawn(40)
    found = estimates.pearson(people, judge)
    without = [
        correlations(people[:row] + people[row + 1 :], judge[:row] + judge[row + 1 :]).pearson
        for row in range(40)
    ]
    error = math.sqrt(39 / 40 * sum((r - np.mean(without)) ** 2 for r in without))
    half = 2.0226909 * error / (1 - found.value**2)
    assert math.atanh(found.low) == pytest.approx(math.atanh(found.value) - half, abs=1e-6)
    assert math.atanh(found.high) == pytest.approx(math.atanh(found.value) + half, abs=1e-6)


def test_a_whole_calibration_takes_little_time():
    import time

    rng = np.random.default_rng(1)
    people, judge = drawn(200)
    passes = [p > 2 for p in people], [j > 2 for j in judge]
    clusters = (np.arange(200) // 3).tolist()
    weights = rng.uniform(0.5, 2, 200).tolist()
    given = {"clusters": clusters, "weights": weights}
    figures.binary(*passes, **given)
    started = time.process_time()
    for _ in range(5):  # overall and four slices
        figures.binary(*passes, **given)
        figures.ordinal(people, judge, LEVELS, **given)
        figures.numeric([p / 4 for p in people], [j / 4 for j in judge], **given)
    assert time.process_time() - started < 3


def test_a_bundle_has_its_figures():
    people, judge = drawn(30)
    assert set(figures.ordinal(people, judge, LEVELS)) == {
        "agreement", "kappa", "ac1", "kappa_linear", "kappa_quadratic", "ac2",
    }  # fmt: skip
    found = figures.binary([p > 2 for p in people], [j > 2 for j in judge])
    assert set(found) == {"agreement", "kappa", "ac1", "tpr", "tnr", "precision", "npv"}
    assert found["agreement"].value == points.percent_agreement(
        [p > 2 for p in people], [j > 2 for j in judge], (False, True)
    )


def test_a_lenient_judge_has_a_shift_above_0():
    found = figures.shift([0.2, 0.4, 0.6, 0.5] * 5, [0.4, 0.6, 0.8, None] * 5)
    assert found.value == pytest.approx(0.2)
    assert found.n == 15
    assert found.low < 0.2 < found.high
