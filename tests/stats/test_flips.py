import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.stats.flips import BLOCKS, SignFlips, blocks, steadiness
from evalsuite.stats.stages import step_down


def ranks_of(contributions, draws=10_000, seed=1):
    table = np.asarray(contributions, dtype=np.float64)
    flips = SignFlips(table, rng=np.random.default_rng(seed), draws=draws)
    return np.array([ranks for _, ranks in sorted(flips.falling(), key=lambda each: each[0])])


def chances(contributions, draws=10_000, seed=1):
    table = np.asarray(contributions, dtype=np.float64)
    return step_down(SignFlips(table, rng=np.random.default_rng(seed), draws=draws))


def brute_force(contributions):
    """Step-down min-p written out over all sign patterns, without any of the shortcuts: of
    patterns whose smallest p is equal, that comes first whose p have the smaller product."""
    table = np.asarray(contributions, dtype=np.float64)
    signs = np.array(list(itertools.product([1, -1], repeat=len(table))))
    sums = np.round(signs @ table, 4)
    p = np.array([[np.mean(sums[:, h] <= s) for h, s in enumerate(each)] for each in sums])
    _, different = np.unique(np.round(table, 8), axis=1, return_index=True)
    evidence = np.rint(2**16 * np.log(p[:, different] * len(p))).sum(axis=1)
    lowest = p.min(axis=1)
    first = (lowest < lowest[0]) | ((lowest == lowest[0]) & (evidence <= evidence[0]))
    adjusted, previous = np.empty(table.shape[1]), np.mean(first)
    order = np.argsort(p[0], kind="stable")
    for place, h in enumerate(order):
        if p[0, h] > lowest[0]:
            previous = max(previous, np.mean(p[:, order[place:]].min(axis=1) <= p[0, h]))
        adjusted[h] = previous
    return adjusted


tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(
            st.sampled_from([-1.0, -0.5, -1 / 3, 0.0, 0.25, 1.0]), min_size=width, max_size=width
        ),
        min_size=1,
        max_size=7,
    )
)


@given(tables)
@settings(max_examples=60)
def test_few_units_give_the_exact_adjusted_p(table):
    assert chances(table) == pytest.approx(brute_force(table), abs=1e-12)


def test_one_hypothesis_agrees_with_scipys_exact_permutation_test():
    stats = pytest.importorskip("scipy.stats")
    d = np.array([-1, -1, -0.5, 0.25, -1, 0.75, -0.25, -1, 0.5, -0.75])
    oracle = stats.permutation_test(
        (d,), np.sum, permutation_type="samples", alternative="less", n_resamples=np.inf
    )
    assert chances(d[:, None])[0] == pytest.approx(oracle.pvalue, abs=1e-12)


def test_drawn_patterns_come_close_to_the_binomial_tail():
    stats = pytest.importorskip("scipy.stats")
    d = np.array([-1.0] * 22 + [1.0] * 10)
    exact = stats.binom.cdf(10, 32, 0.5)
    assert chances(d[:, None])[0] == pytest.approx(exact, abs=4 * np.sqrt(exact / 10_000))


def test_units_that_did_not_move_change_nothing():
    d = np.random.default_rng(3).choice([-1.0, 0.5], size=(20, 3))
    padded = np.insert(d, [0, 7, 20], 0.0, axis=0)
    assert np.array_equal(chances(d), chances(padded))


def test_a_hypothesis_given_twice_changes_no_p():
    d = np.random.default_rng(4).choice([-1.0, 0.0, 0.5], size=(25, 3))
    twice = np.concatenate([d, d[:, :1]], axis=1)
    alone, doubled = chances(d), chances(twice)
    assert np.array_equal(alone, doubled[:3])
    assert doubled[3] == doubled[0]


def test_nothing_moved_is_a_p_of_one():
    assert chances(np.zeros((5, 2))).tolist() == [1.0, 1.0]
    assert chances(np.zeros((0, 3))).tolist() == [1.0, 1.0, 1.0]


def test_equal_seeds_give_equal_p_and_the_observed_comes_first():
    d = np.random.default_rng(5).normal(size=(40, 4))
    first, second = ranks_of(d, seed=9), ranks_of(d, seed=9)
    assert np.array_equal(first, second)
    assert first.shape == (4, 10_000)


def test_thirds_that_add_up_to_one_tie_with_one():
    ranks = ranks_of([[-1 / 3], [-1 / 3], [-1 / 3], [1.0]])
    # all of (- - - -) and the observed (- - - +) are at most 0; 0 itself is a tie of two patterns
    assert ranks[0, 0] == np.sum(
        np.round(
            [
                sum(s)
                for s in itertools.product(
                    (1 / 3, -1 / 3), (1 / 3, -1 / 3), (1 / 3, -1 / 3), (1, -1)
                )
            ],
            4,
        )
        <= 0
    )


@given(
    st.lists(st.sampled_from([-1.0, -0.5, 0.5, 1.0]), min_size=1, max_size=10), st.integers(0, 9)
)
@settings(max_examples=60)
def test_a_larger_drop_of_one_case_never_raises_p(d, place):
    worse = list(d)
    worse[place % len(d)] -= 0.5
    assert chances([[v] for v in worse])[0] <= chances([[v] for v in d])[0] + 1e-12


@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=1, max_size=10))
@settings(max_examples=40)
def test_exchanging_the_arms_turns_a_tail_into_the_other(d):
    low = chances([[v] for v in d])[0]
    high = chances([[-v] for v in d])[0]
    assert low + high >= 1.0  # ties count on both sides


def test_signs_are_never_held_all_at_once():
    import tracemalloc

    def peak(units):
        d = np.random.default_rng(0).normal(size=(units, 3))
        tracemalloc.start()
        chances(d)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(4000) < 8_000_000  # the signs alone would be 40 MB


def test_memory_hardly_grows_with_patterns_times_hypotheses():
    import tracemalloc

    def peak(draws):
        d = np.random.default_rng(0).normal(size=(400, 300))
        tracemalloc.start()
        chances(d, draws=draws)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(8_000) - peak(2_000) < 3_000_000  # one number each would be 14 MB


def test_how_many_hypotheses_are_worked_out_together_changes_no_p(monkeypatch):
    d = np.random.default_rng(6).choice([-1.0, 0.0, 0.0, 0.5], size=(30, 9))
    together = chances(d)
    for some in (1, 2, 8):
        monkeypatch.setattr("evalsuite.stats.flips._HELD", some * 10_000)
        assert np.array_equal(chances(d), together)


@given(tables)
@settings(max_examples=15, deadline=None)
def test_of_all_sign_patterns_no_larger_share_than_the_level_is_ever_rejected(table):
    d = np.asarray(table, dtype=np.float64)
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=len(d))))
    p = np.array([chances(each[:, None] * d).min() for each in signs])
    for level in np.unique(p):
        assert np.mean(p <= level + 1e-12) <= level + 1e-12


def test_a_tie_of_the_smallest_p_goes_to_the_pattern_with_more_evidence():
    """Each of two slices has 4 cases that fell, and shares none: either alone has p = 1/16."""
    one, two = np.zeros((8, 2)), np.zeros((8, 2))
    one[:4, 0] = two[:4, 0] = two[4:, 1] = -1.0
    one[4:, 1] = [-1.0, 1.0, -1.0, 1.0]
    assert chances(two).min() == 1 / 256
    # one slice at its lowest, the other at most at its middle: 11 patterns each, one of them both
    assert chances(one)[0] == (11 + 10) / 256


def test_flaky_cases_weigh_less_and_the_arms_are_treated_alike():
    steady, flaky = [1.0, 1.0, 1.0], [1.0, 0.0, 1.0]
    before, after = np.array([steady, flaky, steady]), np.array([steady, steady, flaky])
    seen = np.ones((3, 3), dtype=bool)
    weights = steadiness(before, seen, after, seen)
    assert weights[0] == 1.0
    assert weights[1] == weights[2] < 0.5
    assert np.array_equal(weights, steadiness(after, seen, before, seen))


def test_an_unscored_trial_is_no_flakiness():
    values, seen = np.array([[1.0, 0.0, 1.0]]), np.array([[True, False, True]])
    assert steadiness(values, seen, values, seen).tolist() == [1.0]


def test_few_units_have_a_block_each_and_many_share_them_evenly():
    assert blocks(BLOCKS).tolist() == list(range(BLOCKS))
    shared = np.bincount(blocks(5 * BLOCKS + 3), minlength=BLOCKS)
    assert len(shared) == BLOCKS
    assert shared.min() == 5
    assert shared.max() == 6
    assert np.array_equal(blocks(9_999), blocks(9_999))


def test_blocks_leave_the_spread_of_a_sum_as_it_is():
    d = np.random.default_rng(7).normal(size=20_000)
    d[:400] -= 0.25
    summed = np.bincount(blocks(len(d)), d)
    together, alone = chances(summed[:, None])[0], chances(d[:, None], draws=4_000)[0]
    assert together == pytest.approx(alone, abs=0.03)
