"""Which case starts next, and when nothing does."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from evalsuite.runner.schedule import HELD, Job, Schedule
from evalsuite.runner.slots import Slots


def jobs(plan: Any, count: int) -> list[Job]:
    return [Job(plan, SimpleNamespace(id=f"c{n}")) for n in range(count)]  # type: ignore[arg-type]


def drain(schedule: Schedule, plans: list[Any]) -> list[int]:
    found = []
    while (job := schedule.next(plans)) is not None:
        found.append(job.place)
    return found


@pytest.fixture
def plan() -> Any:
    return object()


def test_cases_start_in_the_order_in_which_they_are_read(plan: Any) -> None:
    schedule = Schedule(near=2, enough=0)
    schedule.add(jobs(plan, 5))
    assert drain(schedule, [plan]) == []
    schedule.ready(plan)
    assert drain(schedule, [plan]) == [0, 1, 2, 3, 4]


def test_a_suite_that_is_not_ready_does_not_hold_up_the_next() -> None:
    first, second = object(), object()
    schedule = Schedule(near=2, enough=0)
    schedule.add([*jobs(first, 2), *jobs(second, 2)])
    schedule.ready(second)  # type: ignore[arg-type]
    assert drain(schedule, [first, second]) == [2, 3]
    schedule.ready(first)  # type: ignore[arg-type]
    assert drain(schedule, [first, second]) == [0, 1]


def test_what_was_started_out_of_turn_is_not_started_again(plan: Any) -> None:
    schedule = Schedule(near=2, enough=0)
    given = jobs(plan, 3)
    schedule.add(given)
    schedule.ready(plan)
    given[0].started = given[1].started = True
    assert drain(schedule, [plan]) == [2]


def test_with_x_nothing_after_a_failed_case_starts_but_all_before_it(plan: Any) -> None:
    schedule = Schedule(near=2, enough=1)
    given = jobs(plan, 10)
    schedule.add(given)
    schedule.ready(plan)
    assert schedule.next([plan]) is given[0]
    schedule.failed(given[6])
    schedule.failed(given[4])
    assert drain(schedule, [plan]) == [1, 2, 3]


def test_with_maxfail_the_last_that_is_read_is_the_nth_that_failed(plan: Any) -> None:
    schedule = Schedule(near=2, enough=2)
    given = jobs(plan, 10)
    schedule.add(given)
    schedule.ready(plan)
    schedule.failed(given[7])
    assert schedule.next([plan]) is given[0]
    schedule.failed(given[3])
    assert drain(schedule, [plan]) == [1, 2, 3, 4, 5, 6]


def test_too_much_that_is_not_read_yet_stops_all_but_the_next_cases(plan: Any) -> None:
    schedule = Schedule(near=3, enough=0)
    schedule.add(jobs(plan, 10))
    schedule.ready(plan)
    schedule.held = HELD
    assert drain(schedule, [plan]) == [0, 1, 2]
    schedule.reading = 2
    assert drain(schedule, [plan]) == [3, 4]
    schedule.held = 0
    assert drain(schedule, [plan]) == [5, 6, 7, 8, 9]


def test_a_slot_goes_to_who_waits_before_something_new_begins() -> None:
    async def run() -> None:
        freed: list[str] = []
        slots = Slots(1, lambda: freed.append("new"))
        slots.take_now()
        waiting = [asyncio.create_task(slots.take()) for _ in range(2)]
        await asyncio.sleep(0)
        slots.give()
        await waiting[0]
        assert freed == []
        slots.give()
        await waiting[1]
        slots.give()
        assert freed == ["new"]
        assert slots.free == 1

    asyncio.run(run())


@pytest.mark.parametrize("given_before", [False, True])
def test_a_slot_that_nobody_waits_for_any_more_is_not_lost(given_before: bool) -> None:
    async def run() -> None:
        slots = Slots(1)
        slots.take_now()
        waiting = asyncio.create_task(slots.take())
        await asyncio.sleep(0)
        if given_before:
            slots.give()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        if not given_before:
            slots.give()
        assert slots.free == 1

    asyncio.run(run())
