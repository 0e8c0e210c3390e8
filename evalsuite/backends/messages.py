"""The wire format of Anthropic's Messages API. Pure. Requests are written as for the chat APIs and
translated here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from evalsuite.backends import remote
from evalsuite.backends.base import Completion, Request
from evalsuite.backends.remote import Api
from evalsuite.records import Json, ToolCall, Usage

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
_SYSTEM = ("system", "developer")


def body(model: str, params: Mapping[str, Json], request: Request) -> dict[str, Json]:
    """A request as Messages has it. `params` are the backend's and the request's own."""
    sent = {name: value for name, value in params.items() if name not in ("effort", "extra_body")}
    config: dict[str, Json] = {"effort": params["effort"]} if "effort" in params else {}
    if request.schema is not None:
        config["format"] = {"type": "json_schema", "schema": request.schema}
    if config:
        sent["output_config"] = config
    if system := _system(request.messages):
        sent["system"] = system
    if request.tools:
        sent["tools"] = [_tool(tool) for tool in request.tools]
    sent |= {"model": model, "messages": _turns(request.messages)}
    return sent | dict(params.get("extra_body") or {})


def completion(reply: Json) -> Completion:
    """A Messages reply; an error of remote.STRANGE for what is none."""
    reason = reply["stop_reason"]
    if not isinstance(reason, str):
        raise TypeError("the answer was not finished")
    usage = reply.get("usage") or {}
    cached = remote.count(usage.get("cache_read_input_tokens"))
    written = remote.count(usage.get("cache_creation_input_tokens"))
    return Completion(
        text="".join(remote.text(each["text"]) for each in reply["content"] if _is(each, "text")),
        tool_calls=tuple(
            ToolCall(remote.text(each["name"]), remote.arguments(each.get("input")))
            for each in reply["content"]
            if _is(each, "tool_use")
        ),
        finish_reason=_FINISH.get(reason, "other"),
        usage=Usage(
            input_tokens=remote.count(usage.get("input_tokens")) + written + cached,
            output_tokens=remote.count(usage.get("output_tokens")),
            cached_tokens=cached,
            calls=1,
            cache_write_tokens=written,
        ),
        model=remote.text(reply.get("model")),
        service_tier=remote.text(usage.get("service_tier")),
    )


def assembled(events: Sequence[Json]) -> Json:
    """The events of a stream as the message that would have come without one. ValueError if it
    broke off: half an answer is none."""
    if not events or events[-1].get("type") != "message_stop":
        raise ValueError("the stream broke off")
    reply: dict[str, Json] = {}
    blocks: dict[int, dict[str, Json]] = {}
    for event in events:
        match event["type"]:
            case "message_start":
                reply = dict(event["message"])
            case "content_block_start":
                blocks[event["index"]] = dict(event["content_block"])
            case "content_block_delta":
                _grow(blocks[event["index"]], event["delta"])
            case "message_delta":
                reply |= event["delta"]
                reply["usage"] = {**(reply.get("usage") or {}), **(event.get("usage") or {})}
    return reply | {"content": [_whole(blocks[place]) for place in sorted(blocks)]}


def _grow(block: dict[str, Json], delta: Json) -> None:
    if delta["type"] == "text_delta":
        block["text"] = (block.get("text") or "") + delta["text"]
    elif delta["type"] == "input_json_delta":
        block["json"] = block.get("json", "") + delta["partial_json"]


def _whole(block: dict[str, Json]) -> dict[str, Json]:
    return {**block, "input": block["json"]} if block.get("json") else block


def speaks(event: Json) -> bool:
    """Whether an event holds a token, of the answer or of the reasoning before it."""
    return bool(event.get("type") == "content_block_delta")


MESSAGES = Api("/v1/messages", completion, assembled, speaks)


def _system(messages: Sequence[Mapping[str, Json]]) -> str:
    return "\n\n".join(str(each["content"]) for each in messages if each["role"] in _SYSTEM)


def _tool(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    renamed = {"parameters": "input_schema"}
    return {renamed.get(name, name): value for name, value in tool.items()}


def _turns(messages: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
    """Chat messages as Anthropic's: calls and results become blocks, and the results of all calls
    of a turn stand in one message."""
    turns: list[dict[str, Json]] = []
    results: list[Json] | None = None
    for message in messages:
        if message["role"] in _SYSTEM:
            continue
        if message["role"] != "tool":
            results = None
            called = message.get("tool_calls")
            content = list(_blocks(message)) if called else message["content"]
            turns.append({"role": message["role"], "content": content})
            continue
        if results is None:
            results = []
            turns.append({"role": "user", "content": results})
        block = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
        results.append(block | {"content": message["content"]})
    return turns


def _blocks(message: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    if message.get("content"):
        yield {"type": "text", "text": message["content"]}
    for call in message["tool_calls"]:
        name, given = call["function"]["name"], call["function"]["arguments"]
        given = json.loads(given) if isinstance(given, str) else given
        yield {"type": "tool_use", "id": call["id"], "name": name, "input": given}


def _is(block: Mapping[str, Json], kind: str) -> bool:
    return bool(block["type"] == kind)
