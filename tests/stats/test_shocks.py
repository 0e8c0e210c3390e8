"""Shocks between runs of unchanged code, rates over dependent pairs, instability of cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.stats.flakiness import instability, unstable
from evalsuite.stats.shocks import chi_square, pairs_bounds, shock


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 19, 30, 39])
def test_quantiles_of_chi_square_are_those_of_scipy(freedom: int) -> None:
    scipy = pytest.importorskip("scipy.stats")
    for share in (0.025, 0.05, 0.5, 0.95, 0.975):
        assert chi_square(share, freedom) == pytest.approx(scipy.chi2.ppf(share, freedom))


def noisy(pick: np.random.Generator, runs: int, cases: int, sd: float) -> np.ndarray:
    chances = pick.beta(8, 2, cases)
    passed = (pick.random((runs, cases)) < chances).astype(float)
    return passed + pick.normal(0, sd, runs)[:, None]


@pytest.mark.parametrize("sd", [0.0, 0.03])
def test_over_many_checks_the_variance_of_the_shock_is_hit_and_its_interval_covers_it(
    sd: float,
) -> None:
    pick = np.random.default_rng(5)
    made = [shock(noisy(pick, 6, 200, sd), np.arange(200)) for _ in range(300)]
    covered = np.mean([each.low <= sd <= each.high for each in made])
    assert covered >= 0.92
    if sd:
        variance = np.mean([each.sd**2 for each in made])
        assert math.sqrt(variance) == pytest.approx(sd, rel=0.12)
    else:  # where there is none the margin stays, but for the 5 % that the test allows
        assert np.mean([each.upper > 0 for each in made]) <= 0.09
        assert np.mean([each.noise for each in made]) == pytest.approx(
            np.sqrt(np.mean([each.noise**2 for each in made])), rel=0.05
        )


def test_the_upper_figure_is_lost_between_two_runs_in_one_of_twenty_pairs() -> None:
    pick = np.random.default_rng(6)
    made = [shock(noisy(pick, 20, 400, 0.05), np.arange(400)).upper for _ in range(40)]
    lost = pick.normal(0, 0.05, 4000) - pick.normal(0, 0.05, 4000)
    share = np.mean([(lost > each).mean() for each in made])
    assert 0.03 < share < 0.075


def test_cases_that_fail_together_are_no_shock() -> None:
    pick = np.random.default_rng(7)
    units = np.repeat(np.arange(20), 10)
    together = [(pick.random((8, 20)) < 0.8).astype(float).repeat(10, axis=1) for _ in range(100)]
    alone = np.arange(200)
    assert np.mean([shock(each, units).upper > 0 for each in together]) <= 0.12
    assert np.mean([shock(each, alone).upper > 0 for each in together]) > 0.8


def test_runs_that_say_the_same_have_no_shock() -> None:
    found = shock(np.tile(np.linspace(0, 1, 30), (4, 1)), np.arange(30))
    assert (found.sd, found.low, found.high, found.upper) == (0.0, 0.0, 0.0, 0.0)


def test_a_shift_of_all_cases_alone_is_all_shock() -> None:
    shifts = np.array([0.0, 0.1, 0.2, 0.3])
    found = shock(np.linspace(0.2, 0.6, 30) + shifts[:, None], np.arange(30))
    assert found.sd == pytest.approx(shifts.std(ddof=1))
    assert found.noise == pytest.approx(0.0, abs=1e-9)
    assert found.low <= found.sd <= found.high
    assert found.upper == pytest.approx(2.3534 * math.sqrt(2) * found.sd, rel=1e-4)


@pytest.mark.parametrize("shape", [(2, 30), (3, 1)])
def test_too_few_runs_or_cases_tell_no_shock(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="3 runs and 2 independent cases"):
        shock(np.zeros(shape), np.arange(shape[1]))


values = st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=3, max_size=6).map(
    np.array
)


@given(values, st.randoms(use_true_random=False))
def test_the_order_of_runs_and_of_cases_says_nothing(table: np.ndarray, random: object) -> None:
    runs, cases = list(range(table.shape[0])), list(range(table.shape[1]))
    random.shuffle(runs)  # type: ignore[attr-defined]
    random.shuffle(cases)  # type: ignore[attr-defined]
    one = shock(table, np.arange(4))
    two = shock(table[runs][:, cases], np.arange(4))
    for name in ("sd", "low", "high", "noise"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), abs=1e-6)
    assert one.low <= one.high
    assert math.isfinite(one.upper)
    assert 0 <= one.upper <= 1


@given(st.integers(2, 40), st.floats(0, 1))
def test_the_interval_of_pairs_holds_the_rate_and_narrows_with_runs(runs: int, rate: float) -> None:
    low, high = pairs_bounds(rate, runs)
    assert 0 <= low <= rate <= high <= 1
    more = pairs_bounds(rate, runs + 10)
    assert low <= more[0] + 1e-9
    assert more[1] <= high + 1e-9


def test_the_interval_of_pairs_covers_though_pairs_share_runs() -> None:
    """An alarm where the later run is worse by 1.5: 14 % of pairs, in clumps."""
    pick = np.random.default_rng(8)
    true = 0.5 * math.erfc(1.5 / 2)
    inside = 0
    for _ in range(500):
        level = pick.normal(size=8)
        alarms = [level[i] - level[j] > 1.5 for i in range(8) for j in range(i + 1, 8)]
        low, high = pairs_bounds(float(np.mean(alarms)), 8)
        inside += low <= true <= high
    assert inside >= 475


def test_instability_is_that_of_two_answers_and_never_0() -> None:
    assert instability(1000, 500) == pytest.approx(0.5, abs=0.001)
    assert instability(3, 3) > instability(30, 30) > 0
    assert instability(7, 2) == instability(7, 5)
    with pytest.raises(ValueError, match="4 of 3"):
        instability(3, 4)


def test_only_cases_that_flipped_are_unstable_and_the_most_unstable_come_first() -> None:
    counts = {"a": [True] * 5, "b": [True, False], "c": [False] * 4 + [True], "d": [], "e": [False]}
    found = [(each.case, each.held, each.answers) for each in unstable(counts)]
    assert found == [("b", 1, 2), ("c", 1, 5)]
