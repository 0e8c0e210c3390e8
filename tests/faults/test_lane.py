"""Calls through a lane against a provider that fails, with both SDKs over real HTTP."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from faulty import FOR_A_CASE, FOR_ALL, TRANSIENT, Bucket, Faulty, right

from evalsuite.backends import open_backend
from evalsuite.backends.base import Completion, Request
from evalsuite.backends.calls import Halt
from evalsuite.backends.lane import ATTEMPTS, Lane, Limits, Resilient
from evalsuite.errors import BackendError, RunStopped

PROVIDERS = ("openai", "anthropic")
QUICK = Limits(backoff=0.02, attempt=10.0, patience=20.0)
HANGING = Limits(backoff=0.02, attempt=1.0, patience=20.0)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS:
        pytest.importorskip(provider)
        monkeypatch.setenv(f"{provider.upper()}_API_KEY", "sk-canary-7f3a9b1c5d2e")
        monkeypatch.delenv(f"{provider.upper()}_BASE_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


@dataclass
class Outcome:
    """What came of some calls, and the lane they took."""

    results: Sequence[Any]
    lane: Lane
    halt: Halt

    @property
    def errors(self) -> list[BaseException]:
        return [each for each in self.results if isinstance(each, BaseException)]


def ask(
    provider: str,
    faulty: Faulty,
    count: int,
    limits: Limits = QUICK,
    meanwhile: Callable[[Lane], Awaitable[None]] | None = None,
    **params: Any,
) -> Outcome:
    """`count` different prompts at once through one lane to a server with faults."""

    async def main() -> Outcome:
        server = await faulty.start()
        url = f"http://127.0.0.1:{faulty.port}{'/v1' if provider == 'openai' else ''}"
        backend = open_backend(f"{provider}:m@{url}")
        halt = Halt()
        lane = Lane("p:m", limits, halt)
        chain = Resilient(backend, lane, backend.preflight)  # type: ignore[attr-defined]

        async def one(number: int) -> Completion:
            message = {"role": "user", "content": f"prompt {number}"}
            return await chain.complete(Request(messages=[message], params=params))

        calls = asyncio.gather(*(one(number) for number in range(count)), return_exceptions=True)
        if meanwhile is not None:
            await meanwhile(lane)
        results = await calls
        await backend.close()
        server.close()
        mine = asyncio.current_task()
        for task in asyncio.all_tasks() - {mine}:
            task.cancel()
        return Outcome(results, lane, halt)

    return asyncio.run(main())


@pytest.mark.parametrize("fault", [each for each in TRANSIENT if each != "429 seconds"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_transient_fault_costs_repetitions_and_no_answer(provider: str, fault: str) -> None:
    faulty = Faulty(fault, share=0.3, slow=0.2)
    count = 6 if fault == "429 date" else 24  # everyone waits for the next whole second
    done = ask(provider, faulty, count, HANGING if fault == "hang" else QUICK)
    assert faulty.injected > 0
    assert done.errors == []
    assert [each.text for each in done.results] == [right(f"prompt {n}") for n in range(count)]
    assert set(faulty.answered.values()) == {1}  # none asked again once it was answered
    assert faulty.asked.total() == done.lane.counts.attempts
    assert sum(each.attempts for each in done.results) == faulty.asked.total()
    if fault != "slow":
        assert faulty.asked.total() == count + faulty.injected


@pytest.mark.parametrize("fault", ["half stream", "reset", "hang", "503"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_stream_that_breaks_is_asked_again(provider: str, fault: str) -> None:
    faulty = Faulty(fault, share=0.3)
    done = ask(provider, faulty, 12, HANGING if fault == "hang" else QUICK, stream=True)
    assert faulty.injected > 0
    assert [each.text for each in done.results] == [right(f"prompt {n}") for n in range(12)]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_connections_that_hang_from_the_start_cost_what_answers_take(provider: str) -> None:
    faulty = Faulty("hang", share=0.3)
    done = ask(provider, faulty, 60, Limits(backoff=0.02, attempt=90.0, hang=0.5))
    assert faulty.injected > 0
    assert [each.text for each in done.results] == [right(f"prompt {n}") for n in range(60)]
    assert done.lane.counts.retried == {"no answer in time": faulty.injected}
    # Three in ten are no reason for fewer at once; the last of them may end in a row, which is one.
    assert done.lane.turns.slots >= 10


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_outage_opens_the_breaker_and_fails_no_call(provider: str) -> None:
    times: list[float] = []
    faulty = Faulty("503", 0.6, delay=0.01, which=lambda _: not times.append(time.monotonic()))

    async def mend(lane: Lane) -> None:
        while not lane.breaker.openings:  # noqa: ASYNC110 (nothing says so)
            await asyncio.sleep(0.01)
        faulty.share = 0.0

    limits = Limits(backoff=0.02, window=2.0)
    done = ask(provider, faulty, 800, limits, meanwhile=mend)
    assert done.errors == []
    assert done.lane.breaker.openings == 1
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps) > 0.4  # a quarter of the window nobody was asked


@pytest.mark.parametrize("provider", PROVIDERS)
def test_all_attempts_of_a_call_have_one_key_and_calls_have_their_own(provider: str) -> None:
    faulty = Faulty("500", share=0.4)
    done = ask(provider, faulty, 12)
    assert done.errors == []
    assert all(len(keys) == 1 for keys in faulty.keys.values())
    assert len({key for keys in faulty.keys.values() for key in keys}) == 12


@pytest.mark.parametrize("fault", FOR_A_CASE)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_request_that_is_refused_fails_alone_and_is_asked_once(provider: str, fault: str) -> None:
    faulty = Faulty(fault, which=lambda prompt: prompt == "prompt 3")
    done = ask(provider, faulty, 6)
    assert [number for number, each in enumerate(done.results) if each in done.errors] == [3]
    assert isinstance(done.results[3], BackendError)
    assert not isinstance(done.results[3], RunStopped)
    assert faulty.asked["prompt 3"] == 1
    assert done.halt.reason == ""


@pytest.mark.parametrize("fault", FOR_ALL)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_that_refuses_everyone_ends_the_run_with_one_message(
    provider: str, fault: str
) -> None:
    faulty = Faulty(fault)
    done = ask(provider, faulty, 6)
    assert all(isinstance(each, RunStopped) for each in done.results)
    assert set(faulty.asked.values()) <= {1}
    if fault in ("model", "key"):
        assert faulty.asked.total() == 0  # the unpaid question was enough
    assert len({str(each) for each in done.results}) == 1
    assert "sk-canary" not in done.halt.reason
    assert "\n" not in done.halt.reason


def test_a_quota_that_runs_out_stops_what_waits() -> None:
    late = lambda prompt: prompt == "prompt 10"  # noqa: E731
    done = ask("openai", Faulty("quota", which=late, unpaid=False), 40, Limits(concurrency=4))
    answered = [each for each in done.results if isinstance(each, Completion)]
    assert 4 < len(answered) < 20
    assert all(isinstance(each, RunStopped) for each in done.errors)
    assert "insufficient_quota" in done.halt.reason


def test_a_wait_that_is_asked_for_is_kept_to() -> None:
    seen: list[str] = []
    faulty = Faulty("429 seconds", which=lambda prompt: not seen.append(prompt) and len(seen) == 1)
    done = ask("openai", faulty, 1)
    assert done.errors == []
    assert done.results[0].attempts == 2
    assert done.lane.counts.waited >= 0.9


def test_a_wait_beyond_all_patience_ends_the_run_and_says_how_long() -> None:
    faulty = Faulty("429 seconds")
    done = ask("openai", faulty, 3, Limits(patience=0.5))
    assert all(isinstance(each, RunStopped) for each in done.results)
    assert "asks to wait 1 s" in done.halt.reason


def test_where_nothing_is_answered_the_run_ends_with_one_message() -> None:
    done = ask("openai", Faulty("503"), 4, Limits(patience=0.3, backoff=0.02))
    assert all(isinstance(each, RunStopped) for each in done.results)
    assert "nothing was answered" in done.halt.reason


def test_a_call_that_always_fails_is_given_up_after_ten_attempts() -> None:
    faulty = Faulty("500", which=lambda prompt: prompt == "prompt 2")
    done = ask("openai", faulty, 30, Limits(backoff=0.002))
    assert len(done.errors) == 1
    assert "given up after 10 attempts" in str(done.results[2])
    assert faulty.asked["prompt 2"] == ATTEMPTS


def test_a_lane_without_limits_starts_all_its_calls_at_once() -> None:
    faulty = Faulty(delay=0.4)
    most = []

    async def look(lane: Lane) -> None:
        for _ in range(40):
            most.append(lane.turns.under_way)
            await asyncio.sleep(0.01)

    done = ask("openai", faulty, 20, Limits(concurrency=20, attempt=5.0), meanwhile=look)
    assert done.errors == []
    assert max(most) == 20


def test_a_rate_limit_is_learned_and_seldom_met() -> None:
    faulty = Faulty(limits=(Bucket(50, 10), Bucket(1e9, 1e9)))
    done = ask("openai", faulty, 150)
    assert done.errors == []
    assert faulty.refused <= 45
    rate, unit = done.lane.pace.rate or (0.0, "")
    assert unit == "requests"
    assert 20 < rate < 120
