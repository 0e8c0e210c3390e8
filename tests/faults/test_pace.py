"""The pace against simulated buckets of a provider, without clock or network."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable

import pytest

from evalsuite.backends.lane.bucket import Ticket
from evalsuite.backends.lane.headers import Left, left
from evalsuite.backends.lane.pace import Pace

REQUESTS = (10.0, 10.0)
TOKENS = (1_000.0, 5_000.0)
FREE = (1e9, 1e9)

Sizes = Callable[[random.Random], float]


def small(_: random.Random) -> float:
    return 50.0


def mixed(dice: random.Random) -> float:
    return dice.choice([20.0, 50.0, 100.0, 300.0, 800.0])


class Provider:
    """Two token buckets: requests and tokens, each as (rate, size, level)."""

    def __init__(self, requests: tuple[float, float], tokens: tuple[float, float]) -> None:
        self.buckets = [[rate, size, size] for rate, size in (requests, tokens)]
        self.time = 0.0

    def ask(self, now: float, tokens: float) -> bool:
        for bucket in self.buckets:
            bucket[2] = min(bucket[1], bucket[2] + bucket[0] * (now - self.time))
        self.time = now
        costs = (1.0, tokens)
        if any(bucket[2] < cost for bucket, cost in zip(self.buckets, costs, strict=True)):
            return False
        for bucket, cost in zip(self.buckets, costs, strict=True):
            bucket[2] -= cost
        return True

    def left(self) -> tuple[Left | None, Left | None]:
        told = [
            Left(size, math.floor(level), rate) if size < 1e8 and level < size else None
            for rate, size, level in self.buckets
        ]
        return told[0], told[1]


class Noisy(Provider):
    """Refuses three in ten, whatever the pace."""

    def __init__(self) -> None:
        super().__init__(FREE, FREE)
        self.dice = random.Random(5)

    def ask(self, now: float, tokens: float) -> bool:
        return self.dice.random() >= 0.3


def drive(
    provider: Provider,
    sizes: Sizes,
    *,
    latency: float,
    at_once: int = 20,
    seconds: float = 300.0,
    seed: int = 0,
    after: float | None = None,
    told: bool = False,
    pace: Pace | None = None,
    change: tuple[float, float] = (math.inf, 1.0),
) -> tuple[int, float, int]:
    """Keep calls waiting all the time: how many were accepted, their tokens, and refused ones."""
    dice, pace = random.Random(seed), pace or Pace()
    events: list[tuple[float, int, bool, Ticket, float, object]] = []
    order, now, under_way = itertools.count(), 0.0, 0
    accepted, tokens, refused = 0, 0.0, 0
    again: list[float] = []
    size = sizes(dice)
    at, factor = change
    while now < seconds:
        if now >= at:
            provider.ask(now, 1e12)
            for bucket in provider.buckets:
                bucket[0] *= factor
            at = math.inf
        wake = math.inf
        while under_way < at_once:
            wait = pace.delay(now, size)
            if wait > 0.0:
                wake = now + wait + 1e-6
                break
            ticket = pace.send(now, size)
            good = provider.ask(now, size)
            took = dice.lognormvariate(math.log(latency), 0.3) if good else 0.003
            seen = provider.left() if told else None
            heapq.heappush(events, (now + took, next(order), good, ticket, size, seen))
            under_way += 1
            size = again.pop() if again else sizes(dice)
        if not events or wake < events[0][0]:
            now = wake
            continue
        now, _, good, ticket, cost, seen = heapq.heappop(events)
        under_way -= 1
        if good:
            accepted, tokens = accepted + 1, tokens + cost
            pace.accepted(ticket, cost)
        else:
            refused += 1
            again.append(cost)
            pace.refused(ticket, now, after)
        if seen is not None:
            pace.told(ticket, seen, now)  # type: ignore[arg-type]
    return accepted, tokens, refused


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("after", [None, 1.0])
@pytest.mark.parametrize("latency", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("sizes", [small, mixed])
def test_a_limit_on_requests_is_used_and_seldom_met(
    sizes: Sizes, latency: float, after: float | None, told: bool
) -> None:
    accepted, _, refused = drive(
        Provider(REQUESTS, FREE), sizes, latency=latency, after=after, told=told
    )
    assert accepted >= 0.9 * 3_000
    assert refused <= 0.02 * (accepted + refused)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("after", [None, 1.0])
@pytest.mark.parametrize("latency", [0.05, 0.3, 1.0])
def test_a_limit_on_tokens_is_told_from_one_on_requests(
    latency: float, after: float | None, seed: int
) -> None:
    pace = Pace()
    accepted, tokens, refused = drive(
        Provider(FREE, TOKENS), mixed, latency=latency, after=after, seed=seed, pace=pace
    )
    assert tokens >= 0.9 * 300_000
    assert refused <= 0.02 * (accepted + refused)
    assert (pace.rate or (0.0, ""))[1] == "tokens"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("after", [None, 1.0])
def test_large_requests_that_happen_to_be_refused_first_prove_no_limit_on_tokens(
    after: float | None, seed: int
) -> None:
    accepted, _, refused = drive(
        Provider(REQUESTS, FREE), mixed, latency=0.05, after=after, seed=seed
    )
    assert accepted >= 0.9 * 3_000
    assert refused <= 0.02 * (accepted + refused)


@pytest.mark.parametrize("factor", [0.3, 0.7, 3.0])
def test_a_limit_that_changes_is_followed(factor: float) -> None:
    provider = Provider(REQUESTS, FREE)
    accepted, _, refused = drive(provider, small, latency=0.3, change=(100.0, factor))
    assert accepted >= 0.6 * (1_000 + 2_000 * factor)
    assert refused <= 0.03 * (accepted + refused)


def test_refusals_that_do_not_come_from_the_pace_do_not_slow_it_for_good() -> None:
    accepted, _, _ = drive(Noisy(), small, latency=0.05, seconds=120.0)
    assert accepted > 2_000  # a bucket's pace would crawl


def test_without_refusals_nothing_waits() -> None:
    pace = Pace()
    for _ in range(200):
        assert pace.delay(0.0, 50.0) == 0.0
        pace.send(0.0, 50.0)


def test_a_configured_limit_is_never_exceeded() -> None:
    pace = Pace((1.0, None))
    accepted, _, refused = drive(Provider(FREE, FREE), small, latency=0.1, pace=pace, seconds=60.0)
    assert 58 <= accepted <= 62
    assert refused == 0


def test_headers_of_both_providers_are_read() -> None:
    openai = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "50",
        "x-ratelimit-reset-requests": "1m2s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "900",
        "x-ratelimit-reset-tokens": "500ms",
    }
    assert left(openai, 0.0) == (Left(60, 50, 10 / 62), Left(1000, 900, 200))
    anthropic = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "40",
        "anthropic-ratelimit-requests-reset": "1970-01-01T00:00:20Z",
    }
    assert left(anthropic, 10.0) == (Left(50, 40, 1.0), None)


@pytest.mark.parametrize("odd", ["", "-1", "nan", "inf", "1e9", "9" * 400, "ten", "0"])
def test_headers_that_make_no_sense_say_nothing(odd: str) -> None:
    assert left({"x-ratelimit-limit-requests": odd}, 0.0) == (None, None)
    headers = {"x-ratelimit-limit-requests": odd, "x-ratelimit-remaining-requests": "1"}
    assert left(headers, 0.0)[0] is None
