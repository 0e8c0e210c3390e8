"""Who rates what: an overlap for all, the rest shared out, hidden repeats at a distance."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rating_samples import CARD, item, items, make_server, place_at

from evalsuite.rating.exporting import export
from evalsuite.rating.log import Event
from evalsuite.rating.queue import DISTANCE, Entry, Shares, plan, seed_of, side_of

T = "2026-03-01T12:00:00Z"
RATERS = ("r1", "r2", "cleo")
PLAN = plan(items(100), RATERS, Shares(), {})


def first_time(queue: list[Entry]) -> list[str]:
    return [entry.item for entry in queue if entry.occasion == 0]


def test_a_fifth_goes_to_everybody_and_the_rest_to_one_each() -> None:
    counts = Counter(name for queue in PLAN.values() for name in first_time(queue))
    assert Counter(counts.values()) == {3: 20, 1: 80}
    assert {len(first_time(queue)) for queue in PLAN.values()} <= {46, 47}


def test_every_rater_has_an_order_of_their_own_that_is_the_same_again() -> None:
    common = set(first_time(PLAN["r1"])) & set(first_time(PLAN["r2"]))
    orders = [[name for name in first_time(PLAN[rater]) if name in common] for rater in RATERS]
    assert orders[0] != orders[1] != orders[2]
    assert plan(items(100), RATERS, Shares(), {}) == PLAN
    assert plan(items(100), RATERS, Shares(seed=1), {}) != PLAN


def test_repeats_come_at_a_distance() -> None:
    for queue in PLAN.values():
        again = [entry for entry in queue if entry.occasion == 1]
        assert len(again) == 7
        for entry in again:
            gap = queue.index(entry) - queue.index(Entry(entry.item))
            assert gap >= DISTANCE


@given(
    count=st.integers(0, 40),
    raters=st.integers(1, 4),
    overlap=st.floats(0, 1),
    repeats=st.floats(0, 1),
    seed=st.integers(0, 3),
)
def test_everything_is_rated_by_somebody_once_and_repeats_follow(
    count: int, raters: int, overlap: float, repeats: float, seed: int
) -> None:
    names = [f"r{number}" for number in range(raters)]
    made = items(count)
    found = plan(made, names, Shares(overlap=overlap, repeats=repeats, seed=seed), {})
    assert {name for queue in found.values() for name in first_time(queue)} == {
        each.id for each in made
    }
    for queue in found.values():
        assert len(set(queue)) == len(queue)
        for entry in queue:
            if entry.occasion:
                assert queue.index(Entry(entry.item)) < queue.index(entry)


def owners(queues: dict[str, list[Entry]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rater, queue in queues.items():
        for entry in queue:
            found.setdefault(entry.item, set()).add(rater)
    return found


def test_more_items_leave_the_queues_as_they_are() -> None:
    more = plan(items(130), RATERS, Shares(), owners(PLAN))
    old = {each.id for each in items(100)}
    new = [name for queue in more.values() for name in first_time(queue) if name not in old]
    assert {each.id for each in items(130)} - old == set(new)
    moved = [name for queue in more.values() for name in first_time(queue) if name in old]
    counts = Counter(moved)
    assert set(counts.values()) <= {2}, "an old item is given out only to become common"


def test_a_rater_who_joins_gets_the_overlap() -> None:
    more = plan(items(100), (*RATERS, "dora"), Shares(), owners(PLAN))
    assert not any(more[rater] for rater in RATERS)
    assert len(first_time(more["dora"])) == 20


def test_what_somebody_who_left_did_not_rate_is_given_to_others(tmp_path: Path) -> None:
    both = make_server(tmp_path, rated=items(20), overlap=0.0)
    first = both.session.desks["r2"].pending[0]
    fields = {"values": {"correctness": "pass"}, "seconds": None, "order": "", "seed": 0}
    both.log.append(
        Event(submission="s", rater="r2", kind="rate", time=T, item=first.item, body=fields)
    )
    export(both.log, place_at(tmp_path).folder, CARD)
    both.log.close()
    alone = make_server(tmp_path, rated=items(20), raters=("r1",), overlap=0.0)
    mine = {entry.item for entry in alone.session.desks["r1"].pending}
    assert mine == {each.id for each in items(20)} - {first.item}
    alone.log.close()


def test_what_somebody_rated_before_is_not_given_out_again() -> None:
    rated = {each.id: {"zoe"} for each in items(10)}
    found = plan(items(12), ("r1",), Shares(), rated)
    assert set(first_time(found["r1"])) == {each.id for each in items(12)[10:]}


def test_the_answers_of_one_case_go_to_the_same_people() -> None:
    made = [
        item(number, output=f"{arm} {number}") for number in range(30) for arm in ("new", "old")
    ]
    found = plan(made, RATERS, Shares(), {})
    by_case: dict[str, list[frozenset[str]]] = {}
    for each in made:
        people = frozenset(name for name in RATERS if Entry(each.id) in found[name])
        by_case.setdefault(each.case, []).append(people)
    assert all(len(set(people)) == 1 for people in by_case.values())


def test_sides_are_about_even_and_each_rater_has_their_own() -> None:
    sides = {
        rater: [side_of(Entry(each.id), seed_of(rater, Shares())) for each in items(200)]
        for rater in ("r1", "r2")
    }
    assert sides["r1"] != sides["r2"]
    for side in sides.values():
        assert 70 <= side.count("ab") <= 130
