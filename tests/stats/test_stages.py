"""Stages of one test share one level: pure accounts of sign patterns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.stats.flips import SignFlips
from evalsuite.stats.stages import allowed, spending, stage, step_down

PATTERNS = 400


def flips_of(table: np.ndarray, *, seed: int = 1) -> SignFlips:
    return SignFlips(table, rng=np.random.default_rng(seed), draws=PATTERNS, placed=True)


@st.composite
def tables(draw: st.DrawFn) -> list[np.ndarray]:
    """What is read at three looks: more units of the same data, then other data of the same."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    data = rng.choice([-1.0, 0.0, 0.0, 1.0], size=(40, draw(st.integers(1, 4))))
    return [np.where(np.arange(40)[:, None] < end, data, 0.0) for end in (12, 25, 40)]


@settings(max_examples=40, deadline=None)
@given(tables(), st.floats(0.01, 0.5))
def test_all_stages_together_never_reject_more_patterns_than_the_level(
    stages: list[np.ndarray], level: float
) -> None:
    alive = None
    for share, table in zip((0.3, 0.6, None), stages, strict=True):
        budget = level if share is None else spending(level, share)
        found = stage(flips_of(table), alive, budget)
        alive = found.alive
        assert PATTERNS - alive.sum() <= allowed(budget, PATTERNS)


@settings(max_examples=40, deadline=None)
@given(tables(), st.floats(0.01, 0.5))
def test_what_was_observed_is_spent_exactly_when_its_smallest_p_is_within_the_budget(
    stages: list[np.ndarray], level: float
) -> None:
    alive = None
    for share, table in zip((0.3, 0.6, None), stages, strict=True):
        budget = level if share is None else spending(level, share)
        was = alive is None or bool(alive[0])
        found = stage(flips_of(table), alive, budget)
        alive = found.alive
        if was:
            assert (not alive[0]) == bool(found.adjusted.min() <= budget + 1e-12)


@settings(max_examples=30, deadline=None)
@given(tables())
def test_one_stage_alone_is_the_step_down_test(stages: list[np.ndarray]) -> None:
    flips = flips_of(stages[-1])
    adjusted = stage(flips, None, 0.05).adjusted
    np.testing.assert_array_equal(adjusted, step_down(flips))
    ranks = dict(flips.falling())
    lowest = np.min(list(ranks.values()), axis=0)
    for number, own in ranks.items():  # single-step min-p of each, by its own p alone, from outside
        single = np.mean(lowest <= own[0])
        assert (adjusted[flips.which == number] <= single).all()
    below, tied = np.mean(lowest < lowest[0]), np.mean(lowest <= lowest[0])
    assert below < adjusted.min() <= tied


def test_a_p_counts_what_earlier_stages_spent() -> None:
    rng = np.random.default_rng(5)
    table = rng.choice([-1.0, 0.0, 1.0], size=(60, 3))
    first = stage(flips_of(table), None, 0.10)
    spent = 1 - first.alive.mean()
    assert 0.05 < spent <= 0.10
    second = stage(flips_of(rng.choice([-1.0, 1.0], size=(60, 3))), first.alive, 0.2)
    assert second.adjusted.min() >= spent


def test_a_tie_that_would_exceed_the_budget_is_not_rejected() -> None:
    table = -np.ones((8, 1))  # 256 patterns; the lowest sum has 1 of them, the next 8, tied
    assert not stage(flips_of(table), None, 0.9 / 256).alive.sum() < 256
    assert stage(flips_of(table), None, 1 / 256).alive.sum() == 255
    assert stage(flips_of(table), None, 8.5 / 256).alive.sum() == 255
    assert stage(flips_of(table), None, 9 / 256).alive.sum() == 247


def test_a_unit_has_the_same_signs_at_every_stage() -> None:
    """A look adds units; the patterns of those that were there stay what they were."""
    rng = np.random.default_rng(3)
    data = rng.choice([-1.0, 1.0], size=(30, 2))
    early = np.where(np.arange(30)[:, None] < 10, data, 0.0)
    late = data - early
    both = [flip_sums(each) for each in (early, late, data)]
    np.testing.assert_allclose(both[0] + both[1], both[2], atol=1e-3)


def flip_sums(table: np.ndarray) -> np.ndarray:
    """The sums behind the ranks."""
    flips = flips_of(table)
    every = np.arange(table.shape[1])
    return np.concatenate([sums for _, sums in flips._sums(every)]) / 1e4


@pytest.mark.parametrize(("share", "spent"), [(0.25, 0.00125), (0.5, 0.005), (1.0, 0.02)])
def test_looks_spend_little_at_first(share: float, spent: float) -> None:
    assert spending(0.05, share) == pytest.approx(spent)
