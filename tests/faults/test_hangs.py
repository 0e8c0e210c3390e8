"""How long an attempt may take, learned from the answers."""

from __future__ import annotations

import asyncio

import pytest

from evalsuite.backends.lane.hangs import Hangs


def known(*seconds: float, least: float = 5.0) -> Hangs:
    hangs = Hangs(least)
    for each in seconds:
        hangs.answered(each)
    return hangs


def test_nothing_is_said_before_twenty_answers() -> None:
    assert known(*[0.1] * 19).limit(120.0, 0) == 120.0


@pytest.mark.parametrize(("longest", "limit"), [(0.05, 5.0), (2.0, 40.0), (30.0, 120.0)])
def test_an_attempt_may_take_many_times_the_longest_answer(longest: float, limit: float) -> None:
    assert known(*[0.05] * 19, longest).limit(120.0, 0) == limit


def test_each_further_attempt_of_a_call_may_take_longer_but_never_too_long() -> None:
    hangs = known(*[0.1] * 20)
    assert [hangs.limit(10.0, late) for late in range(3)] == [5.0, 7.5, 10.0]


async def _hang(hangs: Hangs, most: float) -> str:
    try:
        async with asyncio.timeout(None) as scope:
            with hangs.watch(scope, most, 0):
                await asyncio.sleep(60.0)
    except TimeoutError:
        return "ended"
    return "slept"


def test_attempts_that_hang_already_are_ended_once_it_is_known_how_long_answers_take() -> None:
    async def main() -> list[str]:
        hangs = Hangs(0.05)
        hung = [asyncio.ensure_future(_hang(hangs, 50.0)) for _ in range(3)]
        await asyncio.sleep(0.01)
        for _ in range(20):
            hangs.answered(0.001)
        return await asyncio.wait_for(asyncio.gather(*hung), 20.0)

    assert asyncio.run(main()) == ["ended"] * 3


def test_a_shorter_limit_is_kept_to_beside_longer_ones() -> None:
    async def main() -> tuple[str, bool]:
        hangs = Hangs(5.0)
        long = asyncio.ensure_future(_hang(hangs, 50.0))
        await asyncio.sleep(0.01)
        short = await asyncio.wait_for(_hang(hangs, 0.05), 20.0)
        waits = not long.done()
        long.cancel()
        return short, waits

    assert asyncio.run(main()) == ("ended", True)
