"""Prices of calls, and budgets that hold."""

from __future__ import annotations

import asyncio
import contextlib
import random
import statistics
from collections.abc import Mapping
from typing import Any

import pytest
from paid_server import RATES, Paid, paid_for, serving

from evalsuite.backends.account import Account, quantile
from evalsuite.backends.base import Backend, Capabilities, Completion, Request
from evalsuite.backends.budget import Budget, Spend, run_budget
from evalsuite.backends.calls import TALLY, Halt, Tally
from evalsuite.backends.metered import Metered
from evalsuite.backends.openai import OpenAI
from evalsuite.backends.prices import price_of
from evalsuite.config import Config, budget_limits, config_from
from evalsuite.errors import BackendError, OptionError, RunStopped
from evalsuite.records import Usage

AT_ONCE = 6


def identity(provider: str, model: str, url: str | None = None) -> dict[str, Any]:
    return {"provider": provider, "model": model, "url": url, "params": {}}


class Scripted:
    """Answers with what it is given, in turn; an exception is raised."""

    identity: Mapping[str, Any] = identity("own", "m")
    capabilities = Capabilities()

    def __init__(self, *replies: Completion | Exception) -> None:
        self.replies = list(replies)

    async def complete(self, request: Request) -> Completion:
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def close(self) -> None:
        pass


def tokens(sent: int, got: int, cached: int = 0) -> Usage:
    return Usage(input_tokens=sent, output_tokens=got, cached_tokens=cached, calls=1)


async def ask(metered: Backend, prompt: str = "hi", **params: Any) -> Completion:
    return await metered.complete(
        Request(messages=({"role": "user", "content": prompt},), params=params)
    )


# Prices.


def test_the_price_table_knows_models_of_the_large_providers() -> None:
    pytest.importorskip("genai_prices")
    price = price_of(identity("openai", "gpt-4o-mini"), {})
    assert price is not None
    whole, cached = price(tokens(1_000_000, 0)), price(tokens(1_000_000, 0, cached=1_000_000))
    assert whole == pytest.approx(0.15)
    assert cached == pytest.approx(0.075)
    assert price(tokens(0, 1_000_000)) == pytest.approx(0.60)
    claude = price_of(identity("anthropic", "claude-sonnet-4-5"), {})
    assert claude is not None
    assert claude(tokens(1000, 1000)) == pytest.approx(0.018)
    written = Usage(input_tokens=100_000, cache_write_tokens=100_000)
    assert claude(written) == pytest.approx(0.375)


def test_embeddings_have_a_price() -> None:
    pytest.importorskip("genai_prices")
    price = price_of(identity("openai", "text-embedding-3-small"), {})
    assert price is not None
    assert price(tokens(1_000_000, 0)) == pytest.approx(0.02)
    assert price(tokens(0, 10)) is None  # it has none for an answer


@pytest.mark.parametrize(
    "known",
    [
        identity("openai", "no-such-model"),
        identity("vllm", "gpt-4o-mini"),
        identity("openai", "gpt-4o-mini", "http://127.0.0.1:8000/v1"),
        identity("openai", "gpt-4o-mini", "http://10.0.0.7/v1"),
        identity("openai", "gpt-4o-mini", "https://models.example.org/v1"),
    ],
)
def test_a_price_that_nobody_has_said_is_unknown(known: dict[str, Any]) -> None:
    assert price_of(known, {}) is None


def test_another_sellers_endpoint_has_its_own_prices() -> None:
    pytest.importorskip("genai_prices")
    price = price_of(identity("openai", "deepseek-chat", "https://api.deepseek.com"), {})
    official = price_of(identity("openai", "gpt-4o-mini", "https://api.openai.com/v1"), {})
    assert price is not None
    assert official is not None
    assert official(tokens(1_000_000, 0)) == pytest.approx(0.15)


def test_the_settings_win_over_the_table_and_the_model_over_its_provider() -> None:
    own = {"openai": {"input": 1.0, "output": 2.0}, "openai:big": {"input": 8.0, "output": 9.0}}
    small = price_of(identity("openai", "gpt-4o-mini", "http://localhost:1/v1"), own)
    big = price_of(identity("openai", "big"), own)
    assert small is not None
    assert big is not None
    assert small(tokens(1_000_000, 1_000_000, cached=500_000)) == pytest.approx(3.0)
    assert big(tokens(1_000_000, 0)) == pytest.approx(8.0)


def test_cached_tokens_have_their_own_price_where_one_is_said() -> None:
    price = price_of(identity("vllm", "m"), {"vllm": RATES})
    assert price is not None
    assert price(tokens(1_000_000, 0, cached=400_000)) == pytest.approx(0.6 * 3 + 0.4 * 0.3)


def test_half_a_price_is_unknown_where_the_other_half_is_needed() -> None:
    price = price_of(identity("vllm", "m"), {"vllm": {"input": 1.0}})
    assert price is not None
    assert price(tokens(10, 0)) == pytest.approx(0.00001)
    assert price(tokens(10, 1)) is None


def test_a_reply_without_usage_has_no_price() -> None:
    price = price_of(identity("vllm", "m"), {"vllm": RATES})
    assert price is not None
    assert price(Usage()) is None


async def _priced(prices: dict[str, dict[str, float]]) -> tuple[Completion, Account]:
    tally = Tally("c", 1, 0)
    TALLY.set(tally)
    reply = Completion(text="x", usage=tokens(1000, 100), latency=0.25, first_token=0.1)
    metered = Metered(Scripted(reply), Budget({}, Halt()), prices)
    return await ask(metered), tally.account


def test_a_fresh_reply_carries_its_cost_and_is_counted_by_its_model() -> None:
    completion, account = asyncio.run(_priced({"own:m": RATES}))
    assert completion.cost == pytest.approx(0.0045)
    assert account.models["own:m"].calls == 1
    assert account.models["own:m"].input_tokens == 1000
    assert account.cost == pytest.approx(0.0045)
    assert quantile(account.calls, 0.5) == pytest.approx(0.25, rel=0.011)
    assert quantile(account.first_tokens, 0.5) == pytest.approx(0.1, rel=0.011)


def test_one_call_of_unknown_price_makes_the_sum_unknown_and_keeps_the_known_part() -> None:
    unpriced, account = asyncio.run(_priced({}))
    _, priced = asyncio.run(_priced({"own:m": RATES}))
    account.add(priced)
    assert unpriced.cost is None
    assert account.cost is None
    assert account.models["own:m"].cost == pytest.approx(0.0045)
    assert (account.models["own:m"].calls, account.models["own:m"].unpriced) == (2, 1)


def test_attempts_without_a_reply_are_counted_by_their_fault() -> None:
    async def run() -> Tally:
        tally = Tally("c", 1, 0)
        TALLY.set(tally)
        errors = [BackendError("busy", fault="throttled"), BackendError("no"), BackendError("no")]
        metered = Metered(Scripted(*errors), Budget({}, Halt()), {})
        for _ in errors:
            with pytest.raises(BackendError):
                await ask(metered)
        return tally

    tally = asyncio.run(run())
    assert tally.account.failures == {"throttled": 1, "request": 2}
    assert not tally.account.models


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95, 1.0])
def test_quantiles_of_counted_durations_are_those_of_the_durations(share: float) -> None:
    found = Account()
    durations = [0.001 * 1.07**step for step in range(99)]
    for seconds in durations:
        found.answered(seconds)
    exact = durations[min(98, int(share * 99))]
    assert quantile(found.answers, share) == pytest.approx(exact, rel=0.011)
    assert quantile({}, share) is None


# Budgets.


async def _spend(url: str, limits: dict[str, float], prompts: list[str], **params: Any) -> Budget:
    """Ask for all prompts, a few at once, until the budget says no."""
    budget = Budget(limits, Halt())
    backend = OpenAI(model="m", url=url, **params)
    metered = Metered(backend, budget, {"openai": RATES})
    waiting = list(prompts)

    async def work() -> None:
        while waiting:
            try:
                await ask(metered, waiting.pop())
            except RunStopped:
                return

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    await metered.close()
    return budget


@pytest.mark.parametrize("unit", ["usd", "calls", "tokens"])
def test_no_random_budget_is_overshot_by_more_than_what_was_in_flight(unit: str) -> None:
    pytest.importorskip("openai")
    luck = random.Random(unit)
    used = []

    async def run() -> None:
        paid = Paid(delay=0.004)
        async with serving(paid) as url:
            for number in range(50):
                prompts = [f"{number} {each} {'x' * luck.randrange(200)}" for each in range(24)]
                whole = {"usd": 0.015, "calls": 24, "tokens": 2000}[unit]
                limit = luck.uniform(0.02, 1.2) * whole
                limit = limit if unit == "usd" else max(1, int(limit))
                params = {"max_tokens": 100} if number % 2 else {}
                budget = await _spend(url, {unit: limit}, prompts, **params)
                total = paid_for(paid.bills, unit)
                assert total <= limit + paid_for(paid.pending, unit)
                if unit == "calls":
                    assert total <= limit
                assert getattr(budget.spent, unit) == pytest.approx(total)
                assert bool(budget.halt.reason) == (len(paid.bills) < 24)
                if budget.halt.reason and paid.bills:
                    used.append(total / limit)
                paid.forget()

    asyncio.run(run())
    assert statistics.median(used) > 0.75  # and it is used, not given up early


async def _one(limits: dict[str, float], reply: Completion, **params: Any) -> Budget:
    budget = Budget(limits, Halt())
    metered = Metered(Scripted(*[reply] * 9), budget, {"own": RATES})
    with contextlib.suppress(RunStopped):
        for _ in range(9):
            await ask(metered, **params)
    assert budget.halt.reason
    return budget


def test_the_message_says_the_limit_and_what_was_spent() -> None:
    reply = Completion(usage=tokens(1000, 100))
    calls = asyncio.run(_one({"calls": 3}, reply))
    assert calls.halt.reason == "the budget of 3 calls is used up (spent 3 calls)"
    money = asyncio.run(_one({"usd": 0.02}, reply))
    assert money.halt.reason == "the budget of 0.02 USD is used up (spent 0.018 USD)"


def test_a_budget_below_one_call_asks_nothing() -> None:
    budget = asyncio.run(_one({"tokens": 100}, Completion(), max_tokens=4000))
    assert budget.spent == Spend()
    assert "does not cover one call" in budget.halt.reason


def test_a_reply_without_usage_counts_as_it_was_expected() -> None:
    budget = asyncio.run(_one({"tokens": 2500}, Completion(), max_tokens=1000))
    assert budget.spent.calls == 2
    assert 2000 < budget.spent.tokens <= 2500


def test_an_attempt_that_is_refused_is_a_call_and_takes_no_tokens() -> None:
    async def run() -> Budget:
        budget = Budget({"calls": 9, "tokens": 5000}, Halt())
        metered = Metered(Scripted(BackendError("busy", fault="throttled")), budget, {})
        with pytest.raises(BackendError):
            await ask(metered)
        return budget

    assert asyncio.run(run()).spent == Spend(calls=1)


def test_what_does_not_fit_beside_others_waits_for_them_and_then_goes() -> None:
    async def run() -> Budget:
        budget = Budget({"tokens": 1000}, Halt())
        await budget.reserve(lambda: Spend(1, 800))
        second = asyncio.create_task(budget.reserve(lambda: Spend(1, 800)))
        await asyncio.sleep(0)
        assert not second.done()
        budget.settle(Spend(1, 800), Spend(1, 100))
        await second
        return budget

    budget = asyncio.run(run())
    assert budget.spent.tokens == 100
    assert not budget.halt.reason


class Clock:
    """Notes whether a case's time runs."""

    limit = 1.0

    def __init__(self) -> None:
        self.stopped = 0
        self.stops = 0

    def pause(self) -> None:
        self.stopped += 1
        self.stops += 1

    def resume(self) -> None:
        self.stopped -= 1


def test_what_waits_expects_what_replies_have_taught_meanwhile() -> None:
    class Small(Scripted):
        async def complete(self, request: Request) -> Completion:
            await asyncio.sleep(0)
            return Completion(text="word", usage=tokens(10, 5))

    async def spent() -> Spend:
        budget = Budget({"tokens": 1200}, Halt())
        metered = Metered(Small(), budget, {})
        calls = [ask(metered) for _ in range(100)]
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in done} == {Completion, RunStopped}
        return budget.spent

    assert 1150 <= asyncio.run(spent()).tokens <= 1200


def test_waiting_for_the_budget_is_not_the_cases_time() -> None:
    async def run() -> None:
        tally = Tally("c", 1, 0, clock=(clock := Clock()))
        TALLY.set(tally)
        budget = Budget({"tokens": 1000}, Halt())
        await budget.reserve(lambda: Spend(1, 800))
        assert clock.stops == 0
        second = asyncio.create_task(budget.reserve(lambda: Spend(1, 800)))
        await asyncio.sleep(0)
        assert clock.stopped == 1
        budget.settle(Spend(1, 800), Spend(1, 100))
        await second
        assert clock.stopped == 0

    asyncio.run(run())


def test_a_waiting_call_ends_with_the_run() -> None:
    async def run() -> None:
        budget = Budget({"tokens": 1000}, Halt())
        await budget.reserve(lambda: Spend(1, 800))
        second = asyncio.create_task(budget.reserve(lambda: Spend(1, 800)))
        await asyncio.sleep(0)
        budget.halt.pull("enough")
        with pytest.raises(RunStopped, match="enough"):
            await second

    asyncio.run(run())


def test_minutes_end_new_calls() -> None:
    async def run(minutes: float) -> str:
        budget = Budget({"minutes": minutes}, Halt())
        await ask(Metered(Scripted(Completion()), budget, {}))
        return budget.halt.reason

    assert asyncio.run(run(10)) == ""
    with pytest.raises(RunStopped, match="the budget of 1e-09 minutes is used up"):
        asyncio.run(run(1e-9))


def test_minutes_end_what_waits_too() -> None:
    async def run() -> str:
        budget = Budget({"minutes": 0.005}, Halt())
        await ask(Metered(Scripted(Completion()), budget, {}))
        ended = asyncio.Event()
        budget.halt.then(ended.set)
        await ended.wait()
        return budget.halt.reason

    assert asyncio.run(run()) == "the budget of 0.005 minutes is used up"


def test_a_budget_in_money_needs_a_price() -> None:
    with pytest.raises(OptionError, match="price of own:m is unknown"):
        Metered(Scripted(), Budget({"usd": 1.0}, Halt()), {})


@pytest.mark.parametrize(
    "text",
    ["", "5", "usd", "0usd", "-1usd", "0calls", "1.5calls", "nanusd", "infusd", "5 apples"]  # noqa: RUF005
    + ["1e9usd", "5calls,", "5calls,6calls", "1usd,2 USD", "9" * 400 + "usd", "٣usd"],
)
def test_a_budget_that_is_none_is_refused(tmp_path: Any, text: str) -> None:
    with pytest.raises(OptionError, match=r"pyproject.toml: \[tool.evalsuite\] budget "):
        config_from({"budget": [text]}, tmp_path, "pyproject.toml")


@pytest.mark.parametrize(
    ("texts", "limits"),
    [
        (["2.50usd"], {"usd": 2.5}),
        (["1 call", "1 minute"], {"calls": 1, "minutes": 1}),
        ([" 5calls , .5 USD", "200000Tokens"], {"calls": 5, "usd": 0.5, "tokens": 200_000}),
        (["0.5minutes"], {"minutes": 0.5}),
    ],
)
def test_a_budget_is_written_as_people_do(texts: list[str], limits: dict[str, float]) -> None:
    assert budget_limits(texts) == limits


def test_workers_together_have_the_whole_budget_and_never_more(tmp_path: Any) -> None:
    config = Config(root=tmp_path, budget=("10calls, 0.05usd", "7minutes"))
    parts = [run_budget([config], place, 3) for place in range(3)]
    assert [part["calls"] for part in parts] == [4, 3, 3]
    assert sum(part["usd"] for part in parts) == pytest.approx(0.05)
    assert sum(round(1_000_000 * part["usd"]) for part in parts) <= 50_000
    assert {part["minutes"] for part in parts} == {7}


def test_the_run_has_the_least_budget_of_its_suites_and_none_where_nothing_is_asked(
    tmp_path: Any,
) -> None:
    small = Config(root=tmp_path, budget=("5calls",))
    large = Config(root=tmp_path, budget=("9calls", "1usd"))
    replayed = Config(root=tmp_path, budget=("1calls",), replay="only")
    assert run_budget([small, large, replayed]) == {"calls": 5, "usd": 1.0}
