"""Items to rate: about half and half by verdict, the doubtful more often, and weights that hold."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_samples import item

from evalsuite.calibration.choosing import Candidate, chances_of, choose

SIDES = ("low", "high", "between")


def pool(
    sizes: dict[str, int], *, slices: int = 1, uncertain: int = 0, arms: int = 1
) -> list[Candidate]:
    """So many of each side, their slices in turn; every `uncertain`-th is one."""
    made: list[Candidate] = []
    for side, size in sizes.items():
        for _ in range(size):
            number = len(made)
            each = tuple(
                item(
                    number,
                    output=f"{number} {arm}",
                    contexts=(),
                    slices={"topic": str(number % slices)},
                )
                for arm in range(arms)
            )
            doubt = bool(uncertain) and number % uncertain == 0
            made.append(Candidate(items=each, side=side, uncertain=doubt))  # type: ignore[arg-type]
    return made


RUN = pool({"low": 40, "high": 220, "between": 20}, slices=4, uncertain=9)


def side_counts(chosen: set[str], candidates: list[Candidate]) -> Counter[str]:
    return Counter(each.side for each in candidates if each.items[0].id in chosen)


def test_half_pass_and_half_fail_although_most_pass() -> None:
    chosen = {each.id for each in choose(RUN, 60, seed=1)}
    counts = side_counts(chosen, RUN)
    assert abs(counts["low"] - counts["high"]) <= 1
    assert 8 <= counts["between"] <= 18
    assert len(chosen) == 60


def test_where_one_side_is_rare_all_of_it_is_rated() -> None:
    rare = pool({"low": 5, "high": 200})
    chosen = choose(rare, 50, seed=1)
    weights = {each.id: each.weight for each in chosen}
    lows = [each.items[0].id for each in rare if each.side == "low"]
    assert [weights[name] for name in lows] == [1.0] * 5
    assert len(chosen) == 50


def test_small_slices_are_seen_more_often_than_by_their_size() -> None:
    candidates = pool({"low": 100}, slices=1) + [
        Candidate(items=(item(900 + n, slices={"topic": "rare"}),), side="low") for n in range(4)
    ]
    chances = chances_of(candidates, 20)
    assert chances[-1] / chances[0] == pytest.approx(5.0)


def test_the_doubtful_are_three_times_as_likely() -> None:
    chances = chances_of(pool({"high": 90}, uncertain=3), 20)
    assert chances[0] / chances[1] == pytest.approx(3.0)


@given(
    sizes=st.fixed_dictionaries({side: st.integers(0, 30) for side in SIDES}),
    count=st.integers(0, 80),
    slices=st.integers(1, 5),
    uncertain=st.integers(0, 4),
    seed=st.integers(0, 5),
)
def test_chances_add_up_and_as_many_are_chosen(
    sizes: dict[str, int], count: int, slices: int, uncertain: int, seed: int
) -> None:
    candidates = pool(sizes, slices=slices, uncertain=uncertain)
    chances = chances_of(candidates, count)
    wanted = min(count, len(candidates))
    assert sum(chances) == pytest.approx(wanted)
    assert all(chance <= 1.0 + 1e-9 for chance in chances)
    assert not wanted or all(chance > 0.0 for chance in chances)
    chosen = choose(candidates, count, seed)
    assert len(chosen) == wanted
    assert len({each.id for each in chosen}) == wanted
    assert choose(candidates, count, seed) == chosen


def estimates(steps: tuple[int, ...], candidates: list[Candidate]) -> list[float]:
    """Weighted totals of something that goes with side and slice, over many seeds."""
    worth = {
        one.id: (each.side == "high") + 0.3 * (one.slices["topic"] == "1") + 0.1 * (at % 7)
        for at, each in enumerate(candidates)
        for one in each.items
    }
    found = []
    for seed in range(1500):
        chosen = []
        for count in steps:
            chosen = choose(candidates, count, seed, {each.id for each in chosen})
        found.append(sum(each.weight * worth[each.id] for each in chosen) / sum(worth.values()))
    return found


def off(found: list[float]) -> float:
    """How many standard errors the mean is away from 1."""
    mean = fmean(found)
    error = (fmean((each - mean) ** 2 for each in found) / len(found)) ** 0.5
    return abs(mean - 1.0) / error


SMALL = pool({"low": 8, "high": 40, "between": 6}, slices=3, uncertain=5)


def test_weighted_totals_are_unbiased() -> None:
    found = estimates((20,), SMALL)
    assert off(found) < 3.0
    assert fmean(found) == pytest.approx(1.0, abs=0.01)


def test_unweighted_totals_are_not_so_the_weights_are_needed() -> None:
    share = []
    for seed in range(200):
        chosen = {each.id for each in choose(SMALL, 20, seed)}
        share.append(side_counts(chosen, SMALL)["high"] / len(chosen))
    assert fmean(share) < 0.55 < 40 / 54


def test_a_choice_that_is_added_to_is_as_unbiased_as_one_choice() -> None:
    found = estimates((10, 24), SMALL)
    assert off(found) < 3.0
    assert fmean(found) == pytest.approx(1.0, abs=0.01)


def test_what_was_taken_stays_and_only_what_is_missing_is_added() -> None:
    first = {each.id for each in choose(RUN, 30, seed=2)}
    second = {each.id for each in choose(RUN, 50, seed=2, taken=first)}
    assert first <= second
    assert abs(len(second) - 50) <= 5
    assert {each.id for each in choose(RUN, 30, seed=2, taken=first)} == first


def test_a_case_of_which_one_answer_was_rated_alone_has_its_chance_anew() -> None:
    candidates = pool({"low": 10, "high": 10}, arms=2)
    alone = {each.items[1].id for each in candidates[:12]}
    assert len(choose(candidates, 8, seed=3, taken=alone)) == 16


def test_both_arms_of_a_case_are_chosen_together() -> None:
    candidates = pool({"low": 10, "high": 10}, arms=2)
    chosen = {each.id for each in choose(candidates, 8, seed=3)}
    assert len(chosen) == 16
    for each in candidates:
        inside = {one.id in chosen for one in each.items}
        assert len(inside) == 1
