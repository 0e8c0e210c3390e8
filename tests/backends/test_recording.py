"""Calls are seeded from what is run, answered from the store, and attributed to their case."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evalsuite.backends import open_backend
from evalsuite.backends.base import Capabilities, Completion, Request
from evalsuite.backends.calls import TALLY, Tally
from evalsuite.backends.llm import LLM
from evalsuite.backends.recording import MissingReply, Recorded
from evalsuite.errors import BackendError, EvalsuiteError
from evalsuite.records import Usage
from evalsuite.store import Store


@dataclass
class Scripted:
    """A backend that answers by a function and remembers what it was asked."""

    answer: Callable[[Request], str] = lambda request: f"seed {request.seed}"
    identity: dict[str, Any] = field(default_factory=lambda: {"provider": "scripted"})
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(seed=True))
    asked: list[Request] = field(default_factory=list)

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        return Completion(text=self.answer(request), usage=Usage(3, 2), cost=0.5)

    async def close(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def ask(recorded: Recorded, *questions: str, case: str = "a", trial: int = 1, root: int = 0) -> Any:
    """The replies to some questions of one case and trial, and its tally."""

    async def run() -> tuple[list[str], Tally]:
        tally = Tally(case, trial, root)
        TALLY.set(tally)
        llm = LLM({"default": recorded}, asyncio.get_running_loop())
        return [(await llm.chat(question)).text for question in questions], tally

    return asyncio.run(run())


def test_an_equal_call_is_asked_once_and_then_answered_from_the_store(store: Store) -> None:
    backend = Scripted()
    recorded = Recorded(backend, store)
    first, tally = ask(recorded, "x")
    assert (tally.fresh, tally.stored) == (1, 0)
    again, tally = ask(recorded, "x")
    assert (tally.fresh, tally.stored) == (0, 1)
    assert first == again
    assert len(backend.asked) == 1
    assert tally.usage == Usage(3, 2, 0, 1)


def test_the_same_question_twice_in_a_case_is_two_samples(store: Store) -> None:
    (one, two), _ = ask(Recorded(Scripted(), store), "x", "x")
    assert one != two


def test_a_seed_depends_on_what_is_run_and_not_on_the_order(store: Store) -> None:
    backend = Scripted()
    (x, y), _ = ask(Recorded(backend, store), "x", "y")
    other = Store(store._folder / "other")
    (y2, x2), _ = ask(Recorded(Scripted(), other), "y", "x")
    other.close()
    assert (x, y) == (x2, y2)


@pytest.mark.parametrize("change", [{"case": "b"}, {"trial": 2}, {"root": 1}])
def test_another_case_trial_or_root_seed_is_another_sample(
    store: Store, change: dict[str, Any]
) -> None:
    recorded = Recorded(Scripted(), store)
    assert ask(recorded, "x")[0] != ask(recorded, "x", **change)[0]


def test_a_change_of_any_part_of_the_request_is_another_call(store: Store) -> None:
    backend = Scripted()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        base: dict[str, Any] = {"messages": "x"}
        tool = {"name": "t", "description": "", "parameters": {}}
        for extra in ({}, {"temperature": 1}, {"schema": {"type": "object"}}, {"tools": [tool]}):
            TALLY.set(Tally("a", 1, 0))
            await LLM({"default": Recorded(backend, store)}, loop).chat(**base, **extra)

    asyncio.run(run())
    assert len(backend.asked) == 4


def test_a_change_of_the_backend_is_another_call(store: Store) -> None:
    one, two = Scripted(), Scripted(identity={"provider": "scripted", "model": "other"})
    ask(Recorded(one, store), "x")
    ask(Recorded(two, store), "x")
    assert len(two.asked) == 1


def test_an_error_is_never_kept_as_an_answer(store: Store) -> None:
    def fail(request: Request) -> str:
        raise BackendError("down")

    with pytest.raises(BackendError):
        ask(Recorded(Scripted(fail), store), "x")
    answer, tally = ask(Recorded(Scripted(lambda request: "up"), store), "x")
    assert answer == ["up"]
    assert tally.fresh == 1


def test_replay_only_asks_nothing(store: Store) -> None:
    backend = Scripted()
    ask(Recorded(backend, store), "x")
    replayed = Recorded(backend, store, replay_only=True)
    assert ask(replayed, "x")[1].stored == 1
    with pytest.raises(MissingReply):
        ask(replayed, "y")
    assert len(backend.asked) == 1


def test_a_damaged_reply_is_asked_again(store: Store) -> None:
    backend = Scripted()
    recorded = Recorded(backend, store)
    ask(recorded, "x")
    store._writer.execute("UPDATE entry SET value = x'00'")
    assert ask(recorded, "x")[1].fresh == 1
    assert store.reports


def test_a_call_outside_of_a_case_names_the_remedies(store: Store) -> None:
    async def run() -> None:
        llm = LLM({"default": Recorded(Scripted(), store)}, asyncio.get_running_loop())
        await llm.chat("x")

    import contextvars

    with pytest.raises(EvalsuiteError, match="copy_context"):
        contextvars.Context().run(asyncio.run, run())


def test_calls_of_cases_that_run_at_once_are_not_mixed_up(store: Store) -> None:
    recorded = Recorded(Scripted(), store)

    async def case(name: str) -> Tally:
        tally = Tally(name, 1, 0)
        TALLY.set(tally)
        llm = LLM({"default": recorded}, asyncio.get_running_loop())
        await asyncio.gather(*(llm.chat(f"{name} {number}") for number in range(3)))
        return tally

    async def run() -> list[Tally]:
        return list(await asyncio.gather(case("a"), case("b")))

    assert [tally.fresh for tally in asyncio.run(run())] == [3, 3]


def test_a_plain_function_in_a_thread_waits_for_its_result(store: Store) -> None:
    recorded = Recorded(Scripted(), store)

    async def run() -> tuple[str, Tally]:
        tally = Tally("a", 1, 0)
        TALLY.set(tally)
        llm = LLM({"default": recorded}, asyncio.get_running_loop())
        return await asyncio.to_thread(lambda: llm.chat("x").result().text), tally

    text, tally = asyncio.run(run())
    assert text.startswith("seed")
    assert tally.fresh == 1


def test_an_unknown_role_names_those_that_there_are(store: Store) -> None:
    async def run() -> None:
        LLM({"default": Recorded(Scripted(), store)}, asyncio.get_running_loop())["fast"]

    with pytest.raises(EvalsuiteError, match=r'no model has the role "fast".*default'):
        asyncio.run(run())


def test_a_cost_that_is_unknown_once_stays_unknown(store: Store) -> None:
    class Unpriced(Scripted):
        async def complete(self, request: Request) -> Completion:
            return Completion(text="x", cost=None if "free" in str(request.messages) else 1.0)

    assert ask(Recorded(Unpriced(), store), "a", "free", "b")[1].cost is None


class Slow(Scripted):
    """Answers only when it is let, so that calls are in flight together."""

    def __init__(self, answer: Callable[[Request], str] = lambda request: "late") -> None:
        super().__init__(answer)
        self.let = asyncio.Event()
        self.capabilities = Capabilities()

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        await self.let.wait()
        return Completion(text=self.answer(request), usage=Usage(3, 2), cost=0.5)


async def asking(recorded: Recorded, case: str) -> tuple[Completion, Tally]:
    tally = Tally(case, 1, 0)
    TALLY.set(tally)
    return await recorded.complete(Request(messages=({"role": "user", "content": "x"},))), tally


async def in_flight(slow: Slow, store: Store, count: int = 3) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(asking(Recorded(slow, store), str(n))) for n in range(count)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert slow.asked
    return tasks


def test_equal_calls_in_flight_are_one(store: Store) -> None:
    async def run() -> None:
        slow = Slow()
        tasks = await in_flight(slow, store)
        slow.let.set()
        made = await asyncio.gather(*tasks)
        assert [completion.text for completion, _ in made] == ["late"] * 3
        assert sorted(tally.fresh for _, tally in made) == [0, 0, 1]
        assert len(slow.asked) == 1

    asyncio.run(run())


def test_who_is_cancelled_while_waiting_cancels_nobody_else(store: Store) -> None:
    async def run() -> None:
        slow = Slow()
        asker, waiter, other = await in_flight(slow, store)
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        slow.let.set()
        assert [each[0].text for each in await asyncio.gather(asker, other)] == ["late"] * 2
        assert len(slow.asked) == 1

    asyncio.run(run())


def test_once_who_asks_is_cancelled_a_waiter_asks(store: Store) -> None:
    async def run() -> None:
        slow = Slow()
        asker, waiter, other = await in_flight(slow, store)
        asker.cancel()
        slow.let.set()
        assert [each[0].text for each in await asyncio.gather(waiter, other)] == ["late"] * 2
        assert len(slow.asked) == 2

    asyncio.run(run())


def test_a_call_that_fails_fails_for_all_who_wait_for_it_and_not_for_later_ones(
    store: Store,
) -> None:
    def fail(request: Request) -> str:
        raise BackendError("down")

    async def run() -> None:
        slow = Slow(fail)
        tasks = await in_flight(slow, store)
        slow.let.set()
        made = await asyncio.gather(*tasks, return_exceptions=True)
        assert [str(each) for each in made] == ["down"] * 3
        assert len(slow.asked) == 1
        slow.answer = lambda request: "up"
        assert (await asking(Recorded(slow, store), "0"))[0].text == "up"

    asyncio.run(run())


def test_a_refusal_is_an_answer_and_kept(store: Store) -> None:
    class Refusing(Scripted):
        async def complete(self, request: Request) -> Completion:
            self.asked.append(request)
            return Completion(finish_reason="content_filter")

    backend = Refusing()
    ask(Recorded(backend, store), "x")
    ask(Recorded(backend, store), "x")
    assert len(backend.asked) == 1


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        (b'{"text": 5}', "text"),
        (b"[" * 100_000, "nesting"),
        (b'{"text": "", "cost": NaN}', "NaN"),
        (b"\xff", "utf-8"),
    ],
)
def test_a_stored_reply_that_is_none_is_a_reported_miss(
    store: Store, forged: bytes, said: str
) -> None:
    backend = Scripted()
    _, tally = ask(Recorded(backend, store), "x")
    store.put("call", tally.keys[0], forged)
    assert ask(Recorded(backend, store), "x")[1].fresh == 1
    assert said in store.reports[0]


def test_replay_has_the_identity_of_the_other_and_makes_no_call(store: Store) -> None:
    spec = "openai:some/model@http://127.0.0.1:9/v1?temperature=0&stop=a%26b"
    inner, replay = open_backend(spec), open_backend(f"replay:{spec}")
    assert replay.identity == inner.identity
    assert replay.capabilities == inner.capabilities
    with pytest.raises(MissingReply):
        ask(Recorded(replay, store), "x")
