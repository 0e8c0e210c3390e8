import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.stats.bounds import rate_bounds
from evalsuite.stats.corrected import corrected_difference, corrected_mean, rogan_gladen
from evalsuite.stats.student import student


def judged(n, cases, *, tpr=0.9, tnr=0.8, passing=0.8, seed=1):
    rng = np.random.default_rng(seed)
    truth = rng.random(n + cases) < passing
    said = rng.random(n + cases) < np.where(truth, tpr, 1 - tnr)
    return truth[:n].astype(float), said[:n].astype(float), said[n:].astype(float)


def formula(y, f, u):
    n, cases = len(y), len(u)
    spread = f.var(ddof=1) / n + u.var(ddof=1) / cases
    power = min(1.0, max(0.0, np.cov(y, f)[0, 1] / n / spread))
    return power * u.mean() + (y - power * f).mean(), power


def test_the_estimate_is_the_published_one():
    y, f, u = judged(100, 500)
    found = corrected_mean(y.tolist(), f.tolist(), u.tolist())
    value, power = formula(y, f, u)
    assert found.value == pytest.approx(value)
    assert found.power == pytest.approx(power)
    assert found.raw == pytest.approx(u.mean())
    assert (found.n_labelled, found.n_judged, found.clusters) == (100, 500, 100)


def test_the_interval_is_wilsons_of_the_jackknifes_variance():
    y, f, u = judged(30, 80, seed=6)
    found = corrected_mean(y.tolist(), f.tolist(), u.tolist())
    without = [formula(np.delete(y, i), np.delete(f, i), u)[0] for i in range(30)]
    variance = 29 / 30 * ((without - np.mean(without)) ** 2).sum()
    variance += found.power**2 * u.var(ddof=1) / 80
    n = found.value * (1 - found.value) / variance
    assert (found.low, found.high) == pytest.approx(
        rate_bounds(found.value, n, student(29)[0]), abs=1e-6
    )


def test_a_good_judge_narrows_the_interval_and_a_guessing_one_is_not_trusted():
    y, f, u = judged(100, 2000, tpr=0.97, tnr=0.95)
    alone = corrected_mean(y.tolist(), f.tolist(), [])
    helped = corrected_mean(y.tolist(), f.tolist(), u.tolist())
    assert alone.power == 0
    assert alone.value == pytest.approx(y.mean())
    assert helped.high - helped.low < 0.7 * (alone.high - alone.low)
    y, f, u = judged(400, 2000, tpr=0.5, tnr=0.5)
    assert corrected_mean(y.tolist(), f.tolist(), u.tolist()).power < 0.15


def test_a_biased_judge_is_set_right():
    y, f, u = judged(2000, 20_000, tpr=0.85, tnr=0.70)
    found = corrected_mean(y.tolist(), f.tolist(), u.tolist())
    assert abs(found.raw - 0.8) > 0.04
    assert found.low < 0.8 < found.high


def test_labels_drawn_by_the_verdict_count_by_their_weights():
    y, f, u = judged(20_000, 5000, seed=8)
    few = np.concatenate([np.flatnonzero(f == 1)[:500], np.flatnonzero(f == 0)[:500]])
    weights = np.where(f[few] == 1, (f == 1).sum(), (f == 0).sum()).astype(float)
    raw = corrected_mean(y[few].tolist(), f[few].tolist(), u.tolist())
    found = corrected_mean(y[few].tolist(), f[few].tolist(), u.tolist(), weights=weights.tolist())
    assert found.low < 0.8 < found.high
    assert abs(found.value - 0.8) < abs(raw.value - 0.8)


def test_labels_given_twice_in_their_cluster_say_no_more():
    y, f, u = judged(40, 300)
    y, f, clusters = y.tolist(), f.tolist(), list(range(40))
    once = corrected_mean(y, f, u.tolist(), clusters=clusters)
    twice = corrected_mean(y * 2, f * 2, u.tolist(), clusters=clusters * 2)
    assert twice.value == pytest.approx(once.value)
    assert twice.high - twice.low == pytest.approx(once.high - once.low)
    assert twice.clusters == 40


def test_cases_of_one_question_widen_what_the_judge_adds():
    y, f, u = judged(200, 60, tpr=0.97, tnr=0.95)
    u = np.sort(u)
    alone = corrected_mean(y.tolist(), f.tolist(), u.tolist())
    together = corrected_mean(
        y.tolist(), f.tolist(), u.tolist(), judged_clusters=(np.arange(60) // 10).tolist()
    )
    assert together.power < alone.power
    assert together.high - together.low > alone.high - alone.low


share = st.floats(0, 1)


@settings(max_examples=60)
@given(st.lists(st.tuples(share, share), min_size=1, max_size=12), st.lists(share, max_size=12))
def test_whatever_is_given_the_interval_has_width_and_stays_on_the_scale(pairs, cases):
    y, f = [a for a, _ in pairs], [b for _, b in pairs]
    for found, low in ((corrected_mean(y, f, cases), 0), (corrected_difference(y, f, cases), -1)):
        assert low <= found.value <= 1
        assert 0 <= found.power <= 1
        if len(pairs) < 2:
            assert (found.low, found.high) == (None, None)
        else:
            assert low <= found.low < found.high <= 1
            assert found.low - 1e-9 <= found.value <= found.high + 1e-9


def test_labels_that_all_pass_are_not_certain():
    found = corrected_mean([1.0] * 50, [1.0] * 50, [1.0] * 500)
    assert found.value == 1
    assert found.low < 0.95


def test_a_judge_that_likes_one_side_is_set_right_by_peoples_differences():
    rng = np.random.default_rng(4)
    people = rng.choice([-1.0, 0, 1], 1500, p=[0.2, 0.7, 0.1])
    lenient = np.clip(people + rng.choice([0, 1], 1500, p=[0.8, 0.2]), -1, 1)
    rest = np.clip(
        rng.choice([-1.0, 0, 1], 9000, p=[0.2, 0.7, 0.1]) + rng.choice([0, 1], 9000, p=[0.8, 0.2]),
        -1,
        1,
    )
    found = corrected_difference(people.tolist(), lenient.tolist(), rest.tolist())
    assert found.raw > 0.05
    assert found.low < -0.1 < found.high < 0


def test_rogan_and_gladen_by_hand():
    # 8 of 10 true passes and 1 of 5 true fails pass: TPR 9/12, TNR 5/7; 60 of 100 cases pass
    truth = [True] * 10 + [False] * 5
    said = [True] * 8 + [False] * 2 + [True] + [False] * 4
    found = rogan_gladen(truth, said, [True] * 60 + [False] * 40)
    assert found.value == pytest.approx((0.6 + 5 / 7 - 1) / (9 / 12 + 5 / 7 - 1))
    assert found.low < found.value < found.high
    assert rogan_gladen(truth, [not each for each in said], [True]) is None


@pytest.mark.parametrize(
    ("people", "judge", "match"),
    [([], [], "at least one"), ([1.0], [], "as many"), ([2.0], [1.0], "0 to 1")],
)
def test_values_that_can_not_be_are_refused(people, judge, match):
    with pytest.raises(ValueError, match=match):
        corrected_mean(people, judge, [1.0])
