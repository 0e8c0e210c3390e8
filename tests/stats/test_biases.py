import numpy as np
import pytest

from evalsuite.stats.biases import length_bias, length_partial

pytest.importorskip("scipy")


def test_shares_are_over_pairs_of_different_length_that_are_decided():
    people = ["A", "A", "B", "B", "tie", "A"]
    judged = ["A", "B", "A", "B", "A", "A"]
    a, b = [9, 9, 9, 9, 9, 5], [5, 5, 5, 5, 5, 5]
    found = length_bias(people, judged, a, b)
    assert (found.longer.value, found.longer.n) == (pytest.approx(3 / 5), 5)
    assert (found.people_longer.value, found.people_longer.n) == (0.5, 4)
    assert found.when_people_longer.value == 0.5
    assert found.when_people_shorter.value == 0.5
    assert found.excess.value == 0
    assert found.controlled.value == 0.5


def test_a_judge_that_always_takes_the_longer_gains_nothing_by_it():
    people = ["A"] * 14 + ["B"] * 6
    found = length_bias(people, ["A"] * 20, [200] * 20, [100] * 20)
    agreement = 14 / 20
    assert found.controlled.value == found.controlled.baseline == 0.5 < agreement
    assert found.excess.value == pytest.approx(6 / 20)
    assert 0 < found.excess.low < 6 / 20 < found.excess.high
    assert (found.when_people_longer.value, found.when_people_shorter.value) == (1, 1)


def test_a_judge_that_is_peoples_own_has_no_excess():
    people = ["A", "B", "B", "A", "B"]
    found = length_bias(people, people, [5, 9, 2, 8, 4], [3, 4, 6, 9, 7])
    assert found.excess.value == 0
    assert found.controlled.value == 1


def test_both_kinds_of_pairs_weigh_the_same_and_questions_are_clusters():
    people = ["A"] * 30 + ["B"] * 10
    judged = ["A"] * 24 + ["B"] * 6 + ["B"] * 5 + ["A"] * 5
    found = length_bias(people, judged, [9] * 40, [5] * 40)
    assert found.controlled.value == pytest.approx((24 / 30 + 5 / 10) / 2)
    assert found.controlled.low < found.controlled.value < found.controlled.high
    rows = people * 2, judged * 2, [9] * 80, [5] * 80
    twice = length_bias(*rows, clusters=list(range(40)) * 2)
    assert twice.controlled.low == pytest.approx(found.controlled.low)
    assert twice.excess.high == pytest.approx(found.excess.high)


def test_which_output_is_called_a_makes_no_difference():
    people, judged = ["A", "B", "tie", "A", "B"], ["A", "A", "B", None, "B"]
    a, b = [5, 9, 2, 8, 4], [3, 4, 6, 9, 7]
    other = {"A": "B", "B": "A", "tie": "tie", None: None}
    turned = length_bias([other[p] for p in people], [other[j] for j in judged], b, a)
    assert turned == length_bias(people, judged, a, b)


def test_equal_lengths_say_nothing():
    found = length_bias(["A"], ["B"], [3], [3])
    assert found.longer.value is None
    assert found.excess.value is None
    assert found.controlled.value is None


def test_length_counts_beyond_what_people_like_of_it():
    rng = np.random.default_rng(3)
    length = rng.standard_normal(300)
    people = 0.8 * length + rng.standard_normal(300)
    fair = people + 0.3 * rng.standard_normal(300)
    wordy = people + 0.8 * length
    none = length_partial(people.tolist(), fair.tolist(), length.tolist())
    some = length_partial(people.tolist(), wordy.tolist(), length.tolist())
    assert none.low < 0 < none.high
    assert some.low > 0.5


def test_a_constant_length_has_no_correlation():
    assert length_partial([1, 2, 3], [1, 3, 2], [5, 5, 5]).value is None
