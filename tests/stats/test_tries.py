"""pass@k and pass^k: the share of all choices of k trials, and nothing where there are none."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.stats.trials import pass_all, pass_at, tries

SEEN = st.lists(st.booleans(), min_size=1, max_size=8)


@given(SEEN, st.integers(1, 9))
def test_both_are_shares_of_the_choices_of_k_trials(seen: list[bool], k: int) -> None:
    n, c = len(seen), sum(seen)
    chosen = list(combinations(seen, k))
    if not chosen:
        assert pass_at(n, c, k) is None
        assert pass_all(n, c, k) is None
        return
    assert pass_at(n, c, k) == pytest.approx(sum(map(any, chosen)) / len(chosen))
    assert pass_all(n, c, k) == pytest.approx(sum(map(all, chosen)) / len(chosen))


def test_both_are_unbiased_where_powers_of_the_rate_are_not() -> None:
    """Over all outcomes of 5 trials that hold with probability 0.7, weighted by their chance."""
    p, n, k = 0.7, 5, 3
    chance = [
        len(list(combinations(range(n), c))) * p**c * (1 - p) ** (n - c) for c in range(n + 1)
    ]
    at = sum(w * (pass_at(n, c, k) or 0) for c, w in enumerate(chance))
    every = sum(w * (pass_all(n, c, k) or 0) for c, w in enumerate(chance))
    assert at == pytest.approx(1 - (1 - p) ** k)
    assert every == pytest.approx(p**k)
    assert sum(w * (c / n) ** k for c, w in enumerate(chance)) > p**k + 0.04


def test_large_numbers_stay_exact() -> None:
    assert pass_at(100, 1, 50) == pytest.approx(0.5)
    assert pass_all(100, 99, 50) == pytest.approx(0.5)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="not 0 <= c <= n"):
        pass_at(n, c, k)


def test_the_mean_is_over_all_cases_or_there_is_none() -> None:
    found = tries([(3, 3), (3, 0), (3, 1)], 2)
    assert found.at_least_one is not None
    assert found.all is not None
    assert found.at_least_one.value == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert found.all.value == pytest.approx(1 / 3)
    assert (found.all.n, found.lack) == (3, 0)
    short = tries([(3, 3), (2, 2)], 3)
    assert (short.at_least_one, short.all, short.lack) == (None, None, 1)


def test_intervals_never_collapse_and_respect_clusters() -> None:
    same = tries([(2, 2)] * 20, 2).all
    assert same is not None
    assert same.low is not None
    assert same.low < 1.0
    counts = [(2, 2 * (at % 2)) for at in range(40)]
    alone = tries(counts, 2).all
    joined = tries(counts, 2, clusters=[at % 4 for at in range(40)]).all
    assert alone is not None
    assert joined is not None
    assert joined.clusters == 4
    assert width(joined) > 2 * width(alone)


def width(found: object) -> float:
    return float(np.subtract(getattr(found, "high"), getattr(found, "low")))  # noqa: B009


def test_the_interval_holds_the_true_figure_about_as_often_as_it_says() -> None:
    """40 cases whose rates are spread as Beta(2, 0.3), five trials each; k = 3."""
    random = np.random.default_rng(3)
    rates = random.beta(2, 0.3, 200_000)
    truth = (float(np.mean(1 - (1 - rates) ** 3)), float(np.mean(rates**3)))
    held = [0, 0]
    for _ in range(300):
        found = tries([(5, int(c)) for c in random.binomial(5, random.beta(2, 0.3, 40))], 3)
        for place, each in enumerate((found.at_least_one, found.all)):
            assert each is not None
            assert each.low is not None
            assert each.high is not None
            held[place] += each.low <= truth[place] <= each.high
    assert min(held) >= 0.93 * 300
