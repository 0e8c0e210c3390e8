import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.stats.swaps import swaps

pytest.importorskip("sklearn")

verdicts = st.sampled_from(["A", "B", "tie", None])
asked = st.lists(
    st.tuples(verdicts, verdicts, st.sampled_from(["A", "B", "tie"])), min_size=1, max_size=25
)
OTHER = {"A": "B", "B": "A", "tie": "tie", None: None}
FEW = settings(max_examples=40)

#       both right, first twice, second twice, both wrong, one none, none twice, tie and A
AB = ["A", "A", "B", "B", None, None, "tie"]
BA = ["A", "B", "A", "B", "A", None, "A"]
GOLD = ["A", "A", "A", "A", "A", "A", "A"]


def test_each_kind_of_pair_is_counted_once():
    found = swaps(AB, BA, GOLD)
    assert (found.n, found.n_consistent, found.agree) == (7, 2, 3)
    assert (found.flips_to_first, found.flips_to_second, found.flips) == (1, 1, 3)
    assert (found.invalid_ab, found.invalid_ba) == (2, 1)
    gold = found.gold
    assert (gold.correct_ab, gold.correct_ba, gold.correct_both) == (2, 4, 1)
    assert gold.both_wrong == 2
    assert gold.acc_avg == gold.accuracy.value == pytest.approx(6 / 14)
    assert (gold.accuracy.n, gold.accuracy.clusters, gold.accuracy.baseline) == (14, 7, 1)
    assert gold.acc_when_consistent == pytest.approx(1 / 2)


def test_two_invalid_verdicts_agree_by_the_upstream_convention_only():
    assert swaps(AB, BA).agreement == pytest.approx(3 / 7)
    assert swaps(AB, BA, nulls="disagree").agreement == pytest.approx(2 / 7)
    assert swaps(AB, BA, nulls="disagree").nulls == "disagree"


def test_the_first_share_is_over_verdicts_for_one_of_the_two():
    found = swaps(AB, BA)
    # in order ab the first is A: 2 of A A B B; in order ba it is B: 2 of A B A B A A
    assert found.n_decided == 10
    assert found.first_share.value == pytest.approx(4 / 10)
    assert found.first_share.baseline == 0.5


def test_a_judge_that_always_takes_the_first_flips_always():
    found = swaps(["A"] * 20, ["B"] * 20, ["A", "B"] * 10)
    assert found.first_share.value == found.flip_rate.value == 1
    assert found.flips_to_first == 20
    assert found.first_share.low > 0.5
    assert found.gold.acc_avg == 0.5
    assert found.kappa_ab_ba == pytest.approx(0)


@FEW
@given(asked)
def test_to_exchange_the_outputs_changes_no_figure(rows):
    ab, ba, gold = (list(each) for each in zip(*rows, strict=True))
    found = swaps(ab, ba, gold)
    turned = swaps([OTHER[v] for v in ba], [OTHER[v] for v in ab], [OTHER[v] for v in gold])
    assert turned.agree == found.agree
    assert turned.flips_to_first == found.flips_to_first
    assert turned.first_share == found.first_share
    assert turned.gold.correct_both == found.gold.correct_both
    assert (turned.gold.acc_ab, turned.gold.acc_ba) == (found.gold.acc_ba, found.gold.acc_ab)


@FEW
@given(asked)
def test_every_pair_is_of_one_kind(rows):
    ab, ba, gold = (list(each) for each in zip(*rows, strict=True))
    found = swaps(ab, ba, gold)
    some_invalid = sum(a is None or b is None for a, b, _ in rows)
    assert found.n == found.n_consistent + found.flips + some_invalid
    assert found.flips_to_first + found.flips_to_second <= found.flips
    assert found.gold.correct_both + found.gold.both_wrong <= found.n
    assert found.gold.acc_avg == pytest.approx((found.gold.acc_ab + found.gold.acc_ba) / 2)


def test_pairs_of_one_question_widen_the_interval():
    ab, ba = ["A"] * 20 + ["B"] * 20, ["B"] * 20 + ["B"] * 20
    alone = swaps(ab, ba).flip_rate
    together = swaps(ab, ba, clusters=[row // 10 for row in range(40)]).flip_rate
    assert together.high - together.low > alone.high - alone.low


def test_no_pair_and_unknown_verdicts_are_refused():
    with pytest.raises(ValueError, match="need pairs"):
        swaps([], [])
    with pytest.raises(ValueError, match="need pairs"):
        swaps(["A"], ["A"], [])
    with pytest.raises(ValueError, match="'first'"):
        swaps(["first"], ["A"])
