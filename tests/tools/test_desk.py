"""AskAcme's loop with tools: what is sent back to the model, whatever a call does."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalsuite.backends.base import Completion, Request
from evalsuite.backends.embedded import Embedded
from evalsuite.records import Output, ToolCall

EXAMPLE = Path(__file__).parents[2] / "examples" / "askacme"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLE)
    return importlib.import_module("desk")


def used(desk: Any, name: str, arguments: Any, **down: str) -> ToolCall:
    made: ToolCall = asyncio.run(desk.use(ToolCall(name, arguments), down, []))
    return made


def talk(desk: Any, question: str, chat: Any = None, **down: str) -> Output:
    model = Embedded()

    async def ask(messages: Sequence[Mapping[str, Any]], *, tools: Any) -> Completion:
        return await model.complete(Request(messages=tuple(messages), tools=tools))

    said = [{"role": "user", "content": question}]
    made: Output = asyncio.run(desk.talk(said, chat or ask, employee="E-1003", down=down))
    return made


def test_a_chain_of_calls_ends_in_an_answer_from_the_last_result(desk: Any) -> None:
    made = talk(desk, "How many vacation days does Scarlet Elm have left?")
    assert [call.name for call in made.tool_calls] == ["directory", "vacation_balance"]
    assert made.tool_calls[1].arguments == {"employee_id": "E-1007"}
    assert made.text == "Scarlet Elm (E-1007) has 12 vacation days left."
    assert made.finish_reason == "stop"


def test_a_slow_tool_is_given_up_and_the_model_is_told(desk: Any) -> None:
    began = time.monotonic()
    call = used(desk, "ticket", {"ticket_id": "AC-1042"}, ticket="slow")
    assert time.monotonic() - began < 5
    assert call.error == "ticket did not answer in time"
    assert call.result == f"error: {call.error}"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("ticket", {"ticket_id": "AC-17"}, "does not match"),
        ("ticket", {}, "required property"),
        ("ticket", {"ticket_id": "AC-1042", "x": 1}, "Additional properties"),
        ("ticket", "AC-1042", "not of type 'object'"),
        ("tickets", {}, "there is no tool tickets"),
    ],
)
def test_wrong_calls_are_errors_that_the_model_sees(
    desk: Any, name: str, arguments: Any, said: str
) -> None:
    call = used(desk, name, arguments)
    assert call.error is not None
    assert said in call.error
    assert str(call.result).startswith("error: ")


def test_a_tool_that_is_down_refuses(desk: Any) -> None:
    call = used(desk, "search_handbook", {"query": "leave"}, search_handbook="down")
    assert call.error == "search_handbook is out of order"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("directory", {"name": "Magenta Yew"}, "No colleague is named Magenta Yew."),
        ("directory", {"name": "amber oak"}, "There are 2 colleagues"),
        ("vacation_balance", {"employee_id": "E-9999"}, "Nobody has"),
        ("ticket", {"ticket_id": "AC-9999"}, "There is no ticket AC-9999."),
    ],
)
def test_what_is_not_there_is_said_and_is_no_error(
    desk: Any, name: str, arguments: Any, said: str
) -> None:
    call = used(desk, name, arguments)
    assert call.error is None
    assert said in str(call.result)


def test_a_search_leaves_its_pieces_as_contexts(desk: Any) -> None:
    made = talk(desk, "By the handbook, in which building are dogs allowed?")
    assert [call.name for call in made.tool_calls] == ["search_handbook"]
    assert len(made.contexts) == desk.PIECES
    assert made.contexts[0].text in str(made.tool_calls[0].result)


def test_a_model_that_never_answers_is_stopped(desk: Any) -> None:
    async def again(messages: Any, *, tools: Any) -> Completion:
        call = ToolCall("ticket", {"ticket_id": "AC-1042"})
        return Completion(tool_calls=(call,), finish_reason="tool_calls")

    made = talk(desk, "x", again)
    assert len(made.tool_calls) == desk.ROUNDS
    assert made.text == "I did not come to an end."
