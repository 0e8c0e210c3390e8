import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.stats.rates import mcnemar, rates, share, win_rate

stats = pytest.importorskip("scipy.stats")

RUNS = 400
"""Simulated samples: a share of 95 % of them has a standard error of 1.1 points."""

verdicts = st.lists(st.tuples(st.booleans(), st.none() | st.booleans()), min_size=1, max_size=40)


def test_a_share_of_single_rows_has_wilsons_interval():
    found = share([True] * 72 + [False] * 28)
    oracle = stats.binomtest(72, 100).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high))
    one = stats.binomtest(72, 100, alternative="greater").proportion_ci(0.95, method="wilson")
    assert found.lower == pytest.approx(one.low)
    assert found.method == "Wilson's score"


def test_rows_given_twice_in_their_cluster_say_no_more():
    hits = [True] * 8 + [False] * 3 + [True] * 9
    clusters = [place // 2 for place in range(20)]
    once = share(hits, clusters=clusters)
    twice = share(hits * 2, clusters=clusters * 2)
    assert twice.high - twice.low == pytest.approx(once.high - once.low)
    assert (twice.n, twice.clusters) == (40, 10)


def test_clusters_that_hit_together_widen_the_interval():
    hits = ([True] * 5 + [False] * 5) * 4
    alone = share(hits)
    together = share(hits, clusters=[place // 5 for place in range(40)])
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_a_perfect_share_counts_clusters_and_the_heaviest_exception_not_met():
    plain = share([True] * 30)
    together = share([True] * 30, clusters=[place // 3 for place in range(30)])
    heavy = share([True] * 31, kept=[True] * 30 + [False], weights=[0.5] * 30 + [2.0])
    assert together.low < plain.low < 1
    assert heavy.low < plain.low
    assert (plain.high, together.high) == pytest.approx((1, 1))


@pytest.mark.parametrize("ratio", [20.0, 100.0])
@pytest.mark.parametrize("heavy", [3, 5, 10])
@pytest.mark.parametrize("size", [1, 4])
def test_a_lower_bound_holds_where_a_few_rows_carry_most_of_the_weight(ratio, heavy, size):
    rng = np.random.default_rng(int(ratio) + heavy)
    weights = [ratio] * heavy + [1.0] * (100 - heavy)
    clusters = [place // size for place in range(100)]
    held = 0
    for _ in range(RUNS):
        hits = (rng.random(100) < 0.8).tolist()
        held += share(hits, weights=weights, clusters=clusters).lower <= 0.8
    assert held / RUNS >= 0.92


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_an_interval_has_width_and_holds_its_value(hits, data):
    n = len(hits)
    clusters = data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    weights = data.draw(st.lists(st.floats(0.1, 9), min_size=n, max_size=n))
    for each in (share(hits), share(hits, clusters=clusters, weights=weights)):
        assert 0 <= each.low < each.high <= 1
        assert each.low - 1e-12 <= each.value <= each.high + 1e-12
        assert each.low - 1e-12 <= each.lower <= each.value + 1e-12


def test_a_share_of_nothing_is_undefined():
    found = share([True], kept=[False])
    assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)


@given(verdicts)
def test_rates_are_counts_and_invalid_is_wrong(pairs):
    truth, judged = [a for a, _ in pairs], [b for _, b in pairs]
    found = rates(truth, judged)
    passes = [b for a, b in pairs if a]
    fails = [b for a, b in pairs if not a]
    assert found.tpr.value == (
        pytest.approx(sum(b is True for b in passes) / len(passes)) if passes else None
    )
    assert found.tnr.value == (
        pytest.approx(sum(b is False for b in fails) / len(fails)) if fails else None
    )
    said = [a for a, b in pairs if b is True]
    assert found.precision.value == (pytest.approx(sum(said) / len(said)) if said else None)
    assert found.accuracy.value == pytest.approx(sum(a is b for a, b in pairs) / len(pairs))
    assert found.n_invalid == judged.count(None)


def test_the_baseline_is_a_judge_that_always_passes_where_most_pass():
    found = rates([True] * 8 + [False] * 2, [True] * 10)
    assert (found.tpr.value, found.tnr.value) == (found.tpr.baseline, found.tnr.baseline) == (1, 0)
    assert found.accuracy.value == found.accuracy.baseline == 0.8
    assert found.precision.value == found.precision.baseline == 0.8
    assert (found.npv.value, found.npv.baseline) == (None, None)


def test_weights_undo_a_sample_by_verdict():
    rng = np.random.default_rng(2)
    truth = rng.random(40_000) < 0.8
    said = np.where(rng.random(40_000) < 0.9, truth, ~truth)
    few = np.concatenate([np.flatnonzero(said)[:3000], np.flatnonzero(~said)[:3000]])
    heavy = np.where(said[few], said.sum() / 3000, (~said).sum() / 3000)
    whole = rates(truth.tolist(), said.tolist())
    raw = rates(truth[few].tolist(), said[few].tolist())
    mended = rates(truth[few].tolist(), said[few].tolist(), weights=heavy.tolist())
    assert abs(raw.tpr.value - whole.tpr.value) > 0.05
    assert mended.tpr.value == pytest.approx(whole.tpr.value, abs=0.01)
    assert mended.tnr.value == pytest.approx(whole.tnr.value, abs=0.03)


def test_mcnemar_is_exact_on_the_rows_where_one_is_right():
    first = [True] * 87 + [False] * 47
    second = [True] * 86 + [False] + [True] * 18 + [False] * 29
    found = mcnemar(first, second)
    assert found.table == ((86, 1), (18, 29))
    assert found.p == pytest.approx(7.62939e-05, abs=1e-9)
    assert mcnemar(second, first).p == pytest.approx(found.p)
    assert mcnemar([True, False], [True, False]).p is None


def test_a_win_rate_counts_half_for_a_tie_and_knows_clusters():
    found = win_rate([1, 0.5, 0, 1] * 5)
    assert found.value == pytest.approx(0.625)
    assert 0 < found.low < found.value < found.high < 1
    assert found.low < found.lower
    together = win_rate([1] * 10 + [0] * 10, clusters=[0] * 5 + [1] * 5 + [2] * 5 + [3] * 5)
    alone = win_rate([1] * 10 + [0] * 10)
    assert together.high - together.low > alone.high - alone.low
    with pytest.raises(ValueError, match="comparison"):
        win_rate([])
