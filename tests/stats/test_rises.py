"""By how much a figure rose: estimates, intervals and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.stats.rises import quantile, quantile_factor, ratio_factor, ratio_span

SEEDS = st.integers(0, 2**32 - 1)


def draw(seed: int, cases: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    own = rng.lognormal(0, 0.5, cases)
    before, after = own * rng.lognormal(0, 0.3, (2, cases))
    return before, after, np.arange(cases)


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=50), st.floats(0.01, 0.99))
def test_a_quantile_is_one_of_the_values_with_enough_of_them_below(
    values: list[float], share: float
) -> None:
    found = quantile(np.array(values), share)
    assert found in values
    assert sum(each <= found for each in values) >= share * len(values)


@settings(max_examples=25)
@given(SEEDS, st.sampled_from([0.5, 0.95]))
def test_the_estimate_lies_in_its_interval_and_swapped_arms_turn_it_round(
    seed: int, share: float
) -> None:
    before, after, units = draw(seed)
    found = quantile_factor(before, after, units, share, 0.05)
    other = quantile_factor(after, before, units, share, 0.05)
    assert other.value == pytest.approx(1 / found.value)
    for low, high in ((found.low, found.high), (other.low, other.high)):
        assert low is None or high is None or low <= high
    assert found.low is None or found.low <= found.value * 1.001
    assert found.high is None or found.high >= found.value * 0.999


@settings(max_examples=25)
@given(SEEDS, st.floats(0.1, 10))
def test_a_factor_on_the_new_values_is_a_factor_on_estimate_and_interval(
    seed: int, factor: float
) -> None:
    before, after, units = draw(seed)
    ones = np.ones(len(before))
    one = ratio_factor((before, ones), (after, ones), units, 0.05)
    other = ratio_factor((before, ones), (after * factor, ones), units, 0.05)
    assert other.value == pytest.approx(factor * one.value)
    assert one.low is not None
    assert other.low is not None
    assert other.low == pytest.approx(factor * one.low, rel=2e-3)


@settings(max_examples=25)
@given(SEEDS)
def test_the_order_of_the_cases_does_not_matter_beyond_the_drawn_signs(seed: int) -> None:
    before, after, _ = draw(seed, cases=9)  # few enough for all patterns
    turn = np.random.default_rng(seed).permutation(9)
    one = quantile_factor(before, after, np.arange(9), 0.5, 0.05)
    other = quantile_factor(before[turn], after[turn], np.arange(9), 0.5, 0.05)
    assert one == other


def test_four_cases_bound_nothing_at_five_percent_and_five_do() -> None:
    before = np.linspace(1, 1.2, 5)
    ones = np.ones(5)
    five = ratio_factor((before, ones), (3 * before, ones), np.arange(5), 0.05)
    assert five.low is not None
    assert 1 < five.low <= 3
    four = ratio_factor((before[:4], ones[:4]), (3 * before[:4], ones[:4]), np.arange(4), 0.05)
    assert four.low is None
    assert four.high is None


def test_trials_of_one_case_are_no_cases_of_their_own() -> None:
    before, after, units = draw(3, cases=60)
    alone = quantile_factor(before, 1.5 * after, units, 0.5, 0.05)
    shared = quantile_factor(before, 1.5 * after, units // 6, 0.5, 0.05)
    assert alone.low is not None
    assert alone.high is not None
    assert shared.value == alone.value
    again = quantile_factor(
        np.repeat(before, 4), np.repeat(1.5 * after, 4), np.repeat(units, 4), 0.5, 0.05
    )
    assert again.low == pytest.approx(alone.low, rel=0.02)  # repeats add no evidence


def test_a_ratio_of_sums_has_the_interval_of_a_mean_where_counts_are_one() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    found = ratio_span(values, np.ones(4), np.arange(4), 2.0)
    error = float(values.std(ddof=1)) / 2
    assert (found.value, found.low) == (2.5, pytest.approx(2.5 - 2 * error))
    assert found.high == pytest.approx(2.5 + 2 * error)


def test_false_alarms_at_the_limit_stay_within_the_level() -> None:
    """150 pairs of runs whose times truly rose by 25 %, tested against 25 % allowed."""
    over = 0
    for seed in range(150):
        before, after, units = draw(seed, cases=30)
        found = quantile_factor(before, 1.25 * after, units, 0.5, 0.05)
        over += found.low is not None and found.low > 1.25
    assert over <= 14  # 7.5 are expected at most; 15 have a chance of 1 %
