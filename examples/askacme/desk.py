"""AskAcme with tools: the assistant looks things up until it can answer.

A model is asked with what may be called, its calls are made, their results go back, until it says
something. Nothing here knows of evaluation; the suite in test_tools.py calls `talk`, hands it a
model, and says which system is out of order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import pipeline

from evalsuite import retrieval
from evalsuite.records import Document, Output, ToolCall

HERE = Path(__file__).parent
ROUNDS = 8
"""Requests to the model in one conversation, at most."""

PATIENCE = 0.05
"""Seconds that a tool may take: all of them are in this process."""

PIECES = 3
"""Pieces of the handbook that a search gives."""

Down = Mapping[str, str]
"""By tool what is wrong with it: "slow" never answers, "down" refuses at once."""


@cache
def tools() -> list[dict[str, Any]]:
    """What may be called, as the model is told."""
    found: list[dict[str, Any]] = json.loads((HERE / "desk" / "tools.json").read_text("utf-8"))
    return found


@cache
def records() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(
        (HERE / "desk" / "records.json").read_text("utf-8")
    )
    return found


def instructions(employee: str) -> str:
    text = (HERE / "prompts" / "desk.j2").read_text("utf-8")
    return jinja2.Template(text).render(employee=employee).strip()


async def talk(
    messages: Sequence[Mapping[str, Any]],
    chat: Callable[..., Awaitable[Any]],
    *,
    employee: str,
    down: Down,
) -> Output:
    """Answer the last message. What was called, in order, is in the output with its results."""
    asked: list[Mapping[str, Any]] = [
        {"role": "system", "content": instructions(employee)},
        *messages,
    ]
    calls: list[ToolCall] = []
    found: list[Document] = []
    for _ in range(ROUNDS):
        reply = await chat(asked, tools=tools())
        if not reply.tool_calls:
            break
        made = [await use(call, down, found) for call in reply.tool_calls]
        calls += made
        asked = reply.continued(asked, [str(call.result) for call in made])
    text = reply.text or "I did not come to an end."
    return Output(text=text, tool_calls=calls, contexts=found, finish_reason=reply.finish_reason)


async def use(call: ToolCall, down: Down, found: list[Document]) -> ToolCall:
    """Make a call. Whatever goes wrong is a result too: "error: ..." tells the model."""
    try:
        result = await asyncio.wait_for(_answer(call, down, found), PATIENCE)
    except TimeoutError:
        return _failed(call, f"{call.name} did not answer in time")
    except (LookupError, OSError, jsonschema.ValidationError) as error:
        return _failed(call, getattr(error, "message", None) or str(error.args[0]))
    return ToolCall(call.name, call.arguments, result)


def _failed(call: ToolCall, why: str) -> ToolCall:
    return ToolCall(call.name, call.arguments, f"error: {why}", why)


async def _answer(call: ToolCall, down: Down, found: list[Document]) -> str:
    offered = {tool["name"]: tool for tool in tools()}
    if call.name not in offered:
        raise LookupError(f"there is no tool {call.name}")
    jsonschema.validate(call.arguments, offered[call.name]["parameters"])
    if down.get(call.name) == "slow":
        await asyncio.Event().wait()
    if down.get(call.name) == "down":
        raise OSError(f"{call.name} is out of order")
    if call.name == "search_handbook":
        return searched(call.arguments["query"], found)
    return DONE[call.name](*call.arguments.values())


def searched(query: str, found: list[Document]) -> str:
    pieces = retrieval.search(pipeline.handbook(), query, PIECES)
    found += pieces
    tagged = [f'<document id="{each.id}">\n{each.text}\n</document>' for each in pieces]
    return "\n".join(tagged) or "The handbook has nothing on that."


def _directory(name: str) -> str:
    same = [each for each in records()["employees"] if each["name"].casefold() == name.casefold()]
    if not same:
        return f"No colleague is named {name}."
    if len(same) > 1:
        which = " and ".join(f"{each['id']} in {each['team']}" for each in same)
        return f"There are {len(same)} colleagues named {name}: {which}."
    [one] = same
    return (
        f"{name} has the employee id {one['id']}. {name} is in the {one['team']} team. "
        f"{name} has the phone number {one['phone']}. {name} sits in room {one['room']}."
    )


def _balance(employee_id: str) -> str:
    one = next((each for each in records()["employees"] if each["id"] == employee_id), None)
    if one is None:
        return f"Nobody has the employee id {employee_id}."
    who = f"{one['name']} ({one['id']})"
    return (
        f"{who} has {one['left']} vacation days left. {who} has taken {one['taken']} vacation "
        f"days. {who} has requested {one['requested']} vacation days."
    )


def _ticket(ticket_id: str) -> str:
    one = next((each for each in records()["tickets"] if each["id"] == ticket_id), None)
    if one is None:
        return f"There is no ticket {ticket_id}."
    log = one["log"]
    if isinstance(log, int):
        log = [f"Step {step}: page {step} of the queue was printed." for step in range(log)]
    lines = [f"- {line}" for line in log]
    return "\n\n".join(
        [
            f"The status of ticket {ticket_id} is: {one['status']}.",
            f"Ticket {ticket_id} is with the {one['team']} team.",
            "\n".join(lines) or "The log is empty.",
            f"Ticket {ticket_id} is due on {one['due']}.",
        ]
    )


DONE: Mapping[str, Callable[..., str]] = {
    "directory": _directory,
    "vacation_balance": _balance,
    "ticket": _ticket,
    "approve_leave": lambda request_id: f"Request {request_id} is approved.",
    "delete_ticket": lambda ticket_id: f"Ticket {ticket_id} is deleted.",
}
