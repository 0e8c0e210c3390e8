"""Whether equal requests get equal answers is measured, by a probe and a little in every run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from evalsuite.backends import probe
from evalsuite.backends.account import Account
from evalsuite.backends.base import Capabilities, Completion, Request
from evalsuite.backends.calls import TALLY, Tally
from evalsuite.backends.probe import Rate, Sampled
from evalsuite.cli import main
from evalsuite.cli.probe import lines
from evalsuite.errors import BackendError


class Model:
    """Answers as it is told, and counts who is asked at once."""

    def __init__(self, answer: Callable[[Request, int], str], *, seed: bool = True) -> None:
        self.identity: Mapping[str, Any] = {"provider": "p", "model": "m"}
        self.capabilities = Capabilities(seed=seed)
        self.answer = answer
        self.requests: list[Request] = []
        self.busy = self.most = 0

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(0)
            text = self.answer(request, self.busy)
        finally:
            self.busy -= 1
        return Completion(text=text, model="m-1", fingerprint="f1")

    async def close(self) -> None:
        pass


def test_a_pinned_model_is_found_to_be_pinned() -> None:
    model = Model(lambda request, _: f"answer {request.seed}")
    found = asyncio.run(probe.probe(model, repeats=10, load=4))
    assert found.alone == Rate(9, 9)
    assert found.load == Rate(10, 10)
    assert found.seeds == Rate(10, 10)
    assert found.models == ["m-1"]
    assert found.fingerprints == ["f1"]
    assert len(model.requests) == probe.calls(model, 10) == 30
    assert model.most == 4


def test_a_model_that_answers_differently_among_others_is_found_out() -> None:
    model = Model(lambda request, busy: f"{request.seed} {busy > 1}")
    found = asyncio.run(probe.probe(model, repeats=10, load=5))
    assert found.alone == Rate(9, 9)
    assert found.load.hits < found.load.asked == 10


def test_a_model_without_seeds_is_asked_the_same_alone() -> None:
    turns = iter(range(100))
    model = Model(lambda *_: f"{next(turns)}", seed=False)
    found = asyncio.run(probe.probe(model, repeats=5, load=5))
    assert found.alone == Rate(0, 4)
    assert found.load == Rate(0, 5)
    assert found.seeds is None
    assert all(each.seed is None for each in model.requests)
    assert len(model.requests) == probe.calls(model, 5) == 10


def test_failures_and_empty_answers_are_counted_apart_and_never_equal() -> None:
    turns = iter(range(100))

    def answer(*_: object) -> str:
        turn = next(turns)
        if turn % 3 == 1:
            raise BackendError("busy")
        return "" if turn % 3 == 2 else "same"

    found = asyncio.run(probe.probe(Model(answer, seed=False), repeats=6, load=1))
    assert found.alone == Rate(1, 1)
    assert found.load == Rate(2, 2)
    assert len(found.failures) == 8
    assert "busy" in found.failures
    shown = "\n".join(lines(found, 1))
    assert "without an answer         8 calls" in shown
    assert "100.0% (1 of 1; 95 % interval 20.7% to 100.0%)" in shown


def test_a_backend_that_gives_no_answer_at_all_is_an_error() -> None:
    def refuse(*_: object) -> str:
        raise BackendError("the key was refused")

    with pytest.raises(BackendError, match="refused"):
        asyncio.run(probe.probe(Model(refuse), repeats=2, load=1))


def test_the_command_says_what_it_costs_and_what_it_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["probe", "embedded", "--requests", "3", "--concurrency", "2"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("9 calls of at most 128 tokens each\n")
    assert "equal answers under load  100.0% (3 of 3;" in said
    assert list(tmp_path.iterdir()) == []
    assert main(["probe", "embedded", "--requests", "1"]) == 4
    assert main(["probe", "nonesuch"]) == 4


def sample(model: Model, calls: int) -> tuple[Account, int]:
    """What the account of a case says after so many calls, and how many were asked."""
    tally = Tally("c", 1, 0)

    async def run() -> None:
        TALLY.set(tally)
        backend = Sampled(model)
        for place in range(calls):
            request = Request(messages=[{"role": "user", "content": str(place)}], seed=place)
            assert (await backend.complete(request)).text
        await backend.close()

    asyncio.run(run())
    return tally.account, len(model.requests)


def test_a_run_is_sampled_once_it_has_made_calls_enough() -> None:
    account, asked = sample(Model(lambda request, _: f"{request.seed}"), 99)
    assert (asked, account.samples) == (99, {})
    account, asked = sample(Model(lambda request, _: f"{request.seed}"), 300)
    assert asked == 303
    assert probe.sampled(account) == {"p:m": (3, 3)}
    assert probe.notes(account, {}) == []


def test_a_seed_that_pins_nothing_is_told() -> None:
    turns = iter(range(1000))
    account, _ = sample(Model(lambda *_: f"{next(turns)}"), 120)
    assert probe.sampled(account) == {"p:m": (1, 3)}
    [note] = probe.notes(account, {})
    assert note.startswith(
        "p:m takes a seed, but of 3 equal requests among the load 1 got the same"
    )


def test_a_model_without_seeds_is_not_sampled() -> None:
    assert sample(Model(lambda *_: "x", seed=False), 120)[1] == 120


def test_a_sample_that_fails_fails_no_call() -> None:
    def answer(request: Request, _: int) -> str:
        if "sea" in request.messages[0]["content"]:
            raise BackendError("busy")
        return "fine"

    account, asked = sample(Model(answer), 120)
    assert asked == 123
    assert account.samples == {}


def replies(account: Account, fingerprint: str, *, fresh: bool) -> None:
    account.said(Completion(model="m", fingerprint=fingerprint), fresh=fresh)


@pytest.mark.parametrize(
    ("stored", "fresh", "says"),
    [
        ((), ("a",), None),
        (("a",), (), None),
        (("a",), ("a",), None),
        (("a", "b"), ("a",), None),
        (("a",), ("b",), "has changed: it calls itself b, and stored replies are of a"),
        ((), ("a", "b"), "changed during the run: a, b"),
    ],
)
def test_a_server_that_changed_is_told(
    stored: tuple[str, ...], fresh: tuple[str, ...], says: str | None
) -> None:
    account, other = Account(), Account()
    for fingerprint in stored:
        replies(account, fingerprint, fresh=False)
    for fingerprint in fresh:
        replies(other, fingerprint, fresh=True)
    account.add(other)
    notes = probe.notes(account, {})
    assert len(notes) == (says is not None)
    assert says is None or says in notes[0]
    expected = {"model m": ", ".join(sorted({*stored, *fresh}))}
    assert probe.fingerprints(account) == expected


@pytest.mark.parametrize(("before", "told"), [("a", False), ("a, b", False), ("b", True)])
def test_a_server_that_changed_since_the_snapshot_is_told(before: str, told: bool) -> None:
    account = Account()
    replies(account, "a", fresh=True)
    notes = probe.notes(account, {"model m": before, "model other": "x", "python": "3"})
    assert len(notes) == told
    assert all("m has changed since the snapshot, from b to a" in each for each in notes)


def test_a_server_with_a_new_name_for_each_reply_fills_no_memory() -> None:
    account = Account()
    for place in range(1000):
        replies(account, f"f{place} " * 100, fresh=True)
    assert len(account.fresh) <= 20
    assert max(map(len, account.fresh)) < 200
