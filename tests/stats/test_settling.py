"""What would settle an open gate, against the bound that it is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paired_runs import both, finding_of, verdict_of

from evalsuite.records import CHECKS
from evalsuite.stats.bounds import needed_cases, paired_bounds
from evalsuite.stats.settling import Seen, settling_cases, settling_trials

differences = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.0, 0.5, 1.0]), min_size=1)
excludes = st.floats(0.01, 1.0)


def seen(values, **more):
    total, squares = sum(values), sum(each * each for each in values)
    n = float(len(values))
    return Seen(len(values), (total, n), (squares, total, n), **more)


@given(differences, st.integers(1, 40), excludes)
def test_copies_of_the_cases_settle_it_from_the_told_number_on_and_not_before(
    values, copies, exclude
):
    needed = settling_cases(seen(values), exclude)
    upper = paired_bounds(values * copies, [1.0] * (len(values) * copies)).upper_drop
    if needed is None:
        assert upper >= exclude - 1e-9
    elif len(values) * copies >= needed:
        assert upper < exclude + 1e-9
    else:
        assert upper >= exclude - 1e-9


@given(differences, excludes)
def test_none_would_exactly_where_the_observed_drop_is_as_large(values, exclude):
    assert (settling_cases(seen(values), exclude) is None) == (
        -sum(values) / len(values) >= exclude
    ) or exclude + sum(values) / len(values) < 0.01


@given(excludes)
def test_where_nothing_moves_it_is_the_number_that_a_suite_is_planned_with(exclude):
    assert settling_cases(seen([0.0] * 10), exclude) == needed_cases(exclude)


@given(differences, excludes, st.integers(2, 5), st.floats(0, 1))
def test_trials_settle_only_what_they_differ_by(values, exclude, trials, share):
    squares = sum(each * each for each in values)
    steady = seen(values, trials=trials, noise=0.0)
    noisy = seen(values, trials=trials, noise=share * squares)
    open_ = paired_bounds(values, [1.0] * len(values)).upper_drop >= exclude
    if open_:
        assert settling_trials(steady, exclude) is None
    told = settling_trials(noisy, exclude)
    assert told is None or told > trials
    assert settling_trials(seen(values), exclude) is None


@pytest.mark.parametrize("size", [30, 60, 120])
def test_a_suite_of_the_told_size_is_decided(size):
    def decided(copies):
        after = [0.0] * (size // 30) + [1.0] * (size - size // 30)
        return finding_of(verdict_of(*both([1.0] * size * copies, after * copies)), CHECKS)

    open_ = decided(1)
    assert open_.result == "inconclusive"
    assert f"about {open_.settling_cases} cases like these would settle it" in open_.reason
    larger = decided(-(-open_.settling_cases // size))
    assert larger.upper_drop < 0.05
    assert larger.result != "inconclusive"


def test_repeats_tell_how_many_more_would_do():
    good, flaky = [1.0, 1.0], [0.0, 1.0]
    before = [good] * 15 + [flaky] * 15 + [good] * 30
    after = [flaky] * 15 + [good] * 15 + [good] * 30
    found = finding_of(verdict_of(*both(before, after)), CHECKS)
    assert (found.result, found.settling_trials) == ("inconclusive", 10)
    assert "about 147 cases like these, or 10 trials of each, would settle it" in found.reason


def test_an_observed_drop_as_large_as_what_is_asked_has_no_number():
    found = finding_of(verdict_of(*both([1.0] * 30, [0.0] * 2 + [1.0] * 28)), CHECKS)
    assert (found.settling_cases, found.settling_trials) == (None, None)
    assert "no number of cases would do" in found.reason
