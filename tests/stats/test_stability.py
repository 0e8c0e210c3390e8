import pytest

from evalsuite.stats.stability import stability

ITEMS = ["x"] * 4 + ["y"] * 3 + ["z"]
ORDERS = ["ab", "ab", "ba", "ba", "ab", "ba", "ab", "ab"]
SAID = ["A", "B", "A", "A", "B", "B", None, "A"]
GOLD = ["A"] * 4 + ["B"] * 3 + ["B"]


def test_pairs_of_calls_are_of_one_order_or_across():
    found = stability(ITEMS, ORDERS, SAID, GOLD)
    # x: one pair in ab (unequal), one in ba (equal), four across (two equal); y: one across, equal
    assert (found.same_order.value, found.same_order.n) == (0.5, 2)
    assert (found.cross_order.value, found.cross_order.n) == (pytest.approx(3 / 5), 5)


def test_calls_without_a_verdict_are_counted_and_left_out():
    found = stability(ITEMS, ORDERS, SAID, GOLD)
    assert (found.n, found.n_parsed, found.n_items, found.n_correct) == (8, 7, 3, 5)
    assert found.accuracy.value == pytest.approx(5 / 7)


def test_an_item_is_unanimous_if_all_its_verdicts_are_equal():
    assert stability(ITEMS, ORDERS, SAID).unanimous.value == pytest.approx(2 / 3)


def test_the_first_share_is_of_what_was_shown_first():
    # chosen first: x's first call, y's call in ba, z's call
    assert stability(ITEMS, ORDERS, SAID).first_share.value == pytest.approx(3 / 7)


def test_a_judge_that_is_steady_in_one_order_and_takes_the_first_disagrees_across():
    orders = ["ab", "ab", "ba", "ba"] * 5
    said = ["A", "A", "B", "B"] * 5
    found = stability([row // 4 for row in range(20)], orders, said)
    assert found.same_order.value == 1
    assert found.cross_order.value == 0
    assert found.first_share.value == 1
    assert found.unanimous.value == 0


def test_a_judge_of_single_outputs_has_no_first():
    found = stability(["x", "x", "y"], ["", "", ""], ["pass", "fail", "pass"])
    assert found.first_share.value is None
    assert found.same_order.value == 0
    assert found.cross_order.value is None
    assert found.accuracy is None


def test_the_calls_of_one_item_are_one_cluster():
    found = stability(ITEMS, ORDERS, SAID, GOLD)
    assert found.accuracy.clusters == 3
    assert found.same_order.clusters == 1


def test_nothing_asked_is_undefined():
    found = stability([], [], [], [])
    assert found.accuracy.value is None
    assert found.unanimous.value is None
