import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalsuite.stats.correlation import correlations, per_group, within_clusters
from evalsuite.stats.weighted import kendalls, pearsons, spearmans

stats = pytest.importorskip("scipy.stats")

grades = st.lists(st.tuples(st.integers(1, 5), st.integers(-3, 3)), min_size=3, max_size=30)


def varied(rows):
    first, second = np.array([a for a, _ in rows], float), np.array([b for _, b in rows], float)
    assume(np.ptp(first) > 0 and np.ptp(second) > 0)
    return first, second


@given(grades)
def test_with_equal_weights_each_is_scipys(rows):
    first, second = varied(rows)
    found = correlations(first.tolist(), second.tolist())
    once = np.ones((1, len(first)))
    for value, own, theirs in (
        (found.pearson, pearsons, stats.pearsonr),
        (found.spearman, spearmans, stats.spearmanr),
        (found.kendall_b, kendalls, stats.kendalltau),
    ):
        expected = theirs(first, second).statistic
        assert value == pytest.approx(expected, abs=1e-9)
        assert own(first, second, once)[0] == pytest.approx(expected, abs=1e-9)


@given(grades, st.lists(st.integers(1, 3), min_size=30, max_size=30))
def test_a_whole_weight_is_a_row_that_often(rows, times):
    first, second = varied(rows)
    weights = np.array(times[: len(first)], float)
    often = weights.astype(int)
    for figure in (pearsons, spearmans, kendalls):
        weighted = figure(first, second, weights[None])[0]
        repeated = np.repeat(first, often), np.repeat(second, often)
        assert weighted == pytest.approx(figure(*repeated, np.ones((1, often.sum())))[0], abs=1e-9)


@given(grades)
def test_only_the_order_counts_for_ranks(rows):
    first, second = varied(rows)
    once = np.ones((1, len(first)))
    for figure in (spearmans, kendalls):
        assert figure(np.exp(first), second**3, once) == pytest.approx(figure(first, second, once))
        assert figure(second, first, once) == pytest.approx(figure(first, second, once))


def test_a_constant_side_has_no_coefficient():
    found = correlations([1, 1, 1], [1, 2, 3])
    assert (found.n, found.pearson, found.spearman, found.kendall_b) == (3, None, None, None)
    assert correlations([], []).pearson is None
    flat = np.ones(3), np.arange(3.0), np.ones((1, 3))
    for figure in (pearsons, spearmans, kendalls):
        assert math.isnan(figure(*flat)[0])


def test_a_pair_without_one_side_is_left_out():
    found = correlations([1, 2, None, 4], [1, 3, 5, None])
    assert found.n == 2
    assert found.spearman == pytest.approx(1)


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="finite"):
        correlations([1, float("nan")], [1, 2])


def test_inside_clusters_the_mean_is_over_those_where_neither_side_is_constant():
    first = [1, 2, 3, 5, 5, 5, 1, 2, 3]
    second = [1, 2, 3, 1, 2, 3, 3, 2, 1]
    clusters = ["a"] * 3 + ["flat"] * 3 + ["c"] * 3
    found = within_clusters(first, second, clusters)
    assert (found.n_clusters, found.n_used) == (3, 2)
    assert found.spearman == pytest.approx(0, abs=1e-12)
    assert found.pearson == pytest.approx(0, abs=1e-12)
    assert within_clusters([1, 1], [1, 2], ["a", "a"]).kendall_b is None


def test_over_systems_the_means_are_compared():
    first = [1, 3, 2, 4, 9, 9]
    second = [2, 2, 3, 3, 7, 9]
    found = per_group(first, second, ["x", "x", "y", "y", "z", "z"])
    assert found.n == 3
    assert found.pearson == pytest.approx(stats.pearsonr([2, 3, 9], [2, 3, 8]).statistic)
    two = per_group(first, second, ["x", "x", "y", "y", "y", "y"])
    assert (two.n, two.pearson, two.spearman, two.kendall_b) == (2, None, None, None)
