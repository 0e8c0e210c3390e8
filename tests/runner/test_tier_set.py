"""Which cases a tier has: a seeded set that stands for all, and hardly moves when others come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalsuite.records import Case
from evalsuite.runner.order import ranked
from evalsuite.runner.tiers import first_of


def case(name: str, must_pass: bool = False, **slices: str) -> Case:
    return Case(id=name, input=name, slices=slices, must_pass=must_pass)


@st.composite
def golden(draw: st.DrawFn) -> list[Case]:
    names = draw(st.lists(st.text(min_size=1, max_size=4), unique=True, min_size=1, max_size=60))
    values = st.sampled_from(["a", "b", "c", "rare"])
    return [
        case(
            name,
            draw(st.integers(0, 9)) == 0,
            **{each: draw(values) for each in ("topic", "kind") if draw(st.booleans())},
        )
        for name in names
    ]


def chosen(
    cases: Sequence[Case], seed: int, wanted: Mapping[str, int], count: int
) -> tuple[str, ...]:
    """As a tier of `count` cases takes them."""
    return tuple(case.id for case in first_of(cases, ranked(cases, seed, wanted), count))


def parts(cases: Sequence[Case]) -> Counter[str]:
    return Counter(f"{name}={value}" for each in cases for name, value in each.slices.items())


def among(cases: Sequence[Case], ids: Sequence[str]) -> list[Case]:
    return [each for each in cases if each.id in set(ids)]


SEEDS = st.integers(0, 2**32)
COUNTS = st.integers(1, 70)
WANTED = st.dictionaries(st.sampled_from(["topic=a", "kind=rare", "no=such"]), st.integers(1, 9))


@given(cases=golden(), seed=SEEDS, wanted=WANTED, count=COUNTS)
def test_every_must_pass_case_is_in_and_otherwise_as_many_as_asked(
    cases: list[Case], seed: int, wanted: dict[str, int], count: int
) -> None:
    ids = chosen(cases, seed, wanted, count)
    strict = {each.id for each in cases if each.must_pass}
    assert len(set(ids)) == len(ids) == min(len(cases), max(count, len(strict)))
    assert strict <= set(ids) <= {each.id for each in cases}


@given(cases=golden(), seed=SEEDS, wanted=WANTED, count=COUNTS)
def test_every_slice_is_represented_if_there_is_room(
    cases: list[Case], seed: int, wanted: dict[str, int], count: int
) -> None:
    every = parts(cases)
    room = sum(each.must_pass for each in cases) + len(every)
    found = parts(among(cases, chosen(cases, seed, wanted, max(count, room))))
    assert found.keys() == every.keys()


@given(cases=golden(), seed=SEEDS, wanted=WANTED)
def test_declared_slices_have_what_they_need_if_there_is_room(
    cases: list[Case], seed: int, wanted: dict[str, int]
) -> None:
    every = parts(cases)
    room = sum(each.must_pass for each in cases) + len(every) + sum(wanted.values())
    found = parts(among(cases, chosen(cases, seed, wanted, room)))
    assert all(found[name] >= min(every[name], least) for name, least in wanted.items())


@given(cases=golden(), seed=SEEDS, wanted=WANTED, count=COUNTS, more=COUNTS)
def test_a_larger_tier_holds_a_smaller_one(
    cases: list[Case], seed: int, wanted: dict[str, int], count: int, more: int
) -> None:
    small = chosen(cases, seed, wanted, count)
    assert set(small) <= set(chosen(cases, seed, wanted, count + more))


@given(cases=golden(), seed=SEEDS, wanted=WANTED, count=COUNTS, data=st.data())
def test_the_set_follows_from_the_seed_and_not_from_the_order_of_the_files(
    cases: list[Case], seed: int, wanted: dict[str, int], count: int, data: Any
) -> None:
    shuffled = data.draw(st.permutations(cases))
    assert set(chosen(cases, seed, wanted, count)) == set(chosen(shuffled, seed, wanted, count))


def numbered(first: int, last: int) -> list[Case]:
    return [
        case(f"c{n}", n % 51 == 0, topic="abcde"[n % 5], kind="rare" if n % 25 == 1 else "usual")
        for n in range(first, last)
    ]


def test_another_seed_draws_another_set() -> None:
    cases = numbered(0, 500)
    one, other = (set(chosen(cases, seed, {}, 100)) for seed in (1, 2))
    assert len(one & other) < 60


def test_shares_are_those_of_all_cases() -> None:
    cases = numbered(0, 500)
    found = parts(among(cases, chosen(cases, 0, {}, 100)))
    assert all(18 <= found[f"topic={each}"] <= 22 for each in "abcde")


def test_added_cases_move_few_of_the_others() -> None:
    """Of 100 cases: new ones take their share of the places, and little else moves."""
    wanted = {"kind=rare": 8}
    old = set(chosen(numbered(0, 500), 0, wanted, 100))
    for added, most in ((1, 2), (5, 3), (50, 12)):
        new = set(chosen(numbered(0, 500 + added), 0, wanted, 100))
        assert len(old - new) <= most
