import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.stats.bounds import (
    Z_ONE_SIDED,
    needed_cases,
    paired_bounds,
    rate_bounds,
)

differences = st.lists(st.floats(-1, 1), min_size=1, max_size=30)


def single(values):
    return paired_bounds(values, [1.0] * len(values))


def test_single_cases_give_the_published_formula():
    d = [-1.0] * 6 + [1.0] * 2 + [0.0] * 32
    n, total, squares = len(d), sum(d), sum(v * v for v in d)
    mean = total / (n + 2)
    error = math.sqrt(((squares + 2) / (n + 2) - mean**2) / (n + 2))
    found = single(d)
    assert found.upper_drop == pytest.approx(-mean + 1.6448536 * error, abs=1e-7)
    assert found.low == pytest.approx(mean - 1.9599640 * error, abs=1e-7)
    assert found.high == pytest.approx(mean + 1.9599640 * error, abs=1e-7)


@given(differences)
def test_an_interval_has_width_and_stays_on_the_scale(values):
    found = single(values)
    assert -1 <= found.low < found.high <= 1
    assert found.upper_drop <= 1


@given(differences)
def test_exchanging_the_arms_mirrors_the_interval(values):
    found, mirrored = single(values), single([-v for v in values])
    assert found.low == pytest.approx(-mirrored.high)
    assert found.high == pytest.approx(-mirrored.low)


@given(st.integers(0, 29))
def test_every_further_fall_raises_the_bound(fallen):
    worse, better = [-1.0] * (fallen + 1), [-1.0] * fallen
    assert (
        single(worse + [0.0] * (29 - fallen)).upper_drop
        >= single(better + [0.0] * (30 - fallen)).upper_drop
    )


def test_clusters_that_move_together_widen_the_bound():
    alone = single([-1.0, -1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    together = paired_bounds([-3.0, 0.0, 0.0], [3.0, 3.0, 3.0])
    assert together.upper_drop > alone.upper_drop
    assert together.high - together.low > alone.high - alone.low


def test_bounds_of_nothing_are_refused():
    with pytest.raises(ValueError, match="undefined"):
        paired_bounds([], [])


@pytest.mark.parametrize("exclude", [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0])
def test_needed_cases_is_the_first_number_that_reaches(exclude):
    needed = needed_cases(exclude)
    assert single([0.0] * needed).upper_drop < exclude
    assert needed == 1 or single([0.0] * (needed - 1)).upper_drop >= exclude


def test_wilson_matches_scipy():
    stats = pytest.importorskip("scipy.stats")
    oracle = stats.binomtest(72, 100).proportion_ci(method="wilson")
    assert rate_bounds(0.72, 100) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


@given(st.floats(0, 1), st.integers(1, 1000))
def test_a_rate_has_an_interval_with_width_within_0_and_1(mean, n):
    low, high = rate_bounds(mean, n, Z_ONE_SIDED)
    assert 0 <= low < high <= 1
    assert low <= mean + 1e-12
    assert high >= mean - 1e-12


def test_a_rate_of_nothing_is_undefined():
    assert rate_bounds(0.0, 0) is None
