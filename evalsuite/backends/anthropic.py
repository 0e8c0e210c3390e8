"""Anthropic's Messages API.

It takes no seed and no sampling parameter: what is pinned is the model, the prompt and the effort,
never the answer. Requests are written as for the chat APIs and translated here. Retries, limits
and budgets are no concern of this module; the SDK's own retries are off.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evalsuite.backends import faults, remote
from evalsuite.backends.base import Capabilities, Completion, Request
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import Json, ToolCall, Usage

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_KEY = "ANTHROPIC_API_KEY"
_URL = "ANTHROPIC_BASE_URL"
_PARAMS = frozenset(
    {
        "max_tokens",
        "effort",
        "stop_sequences",
        "thinking",
        "tool_choice",
        "service_tier",
        "extra_body",
    }
)
_MAX_TOKENS = 4096
"""The API demands a limit; part of the backend's identity, so a change of it is seen."""

_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}


class Anthropic:
    """One model of Anthropic's, or of a server that speaks its Messages API (`url`).

    `params`: max_tokens (4096 if left out), effort, stop_sequences, thinking, tool_choice,
    service_tier, extra_body. Raises OptionError for any other, sampling parameters included.
    """

    capabilities = Capabilities(tools=True, json_schema=True)

    def __init__(self, *, model: str, url: str | None = None, **params: Json) -> None:
        self._model = model
        self._url = url or os.environ.get(_URL) or None
        self._params = {"max_tokens": _MAX_TOKENS} | remote.typed(params)
        self._open: AsyncAnthropic | None = None
        if problem := remote.unknown("anthropic", self._params, _PARAMS):
            raise OptionError(problem)
        self.identity: Mapping[str, Json] = {
            "provider": "anthropic",
            "api": "messages",
            "url": self._url,
            "model": model,
            "params": self._params,
        }

    def check(self) -> None:
        """Raise what would fail every call: MissingExtra, or OptionError for a missing key."""
        remote.require("anthropic")
        remote.api_key(_KEY, "anthropic")

    async def complete(self, request: Request) -> Completion:
        """Answer one request; every failure of SDK, server or reply is a BackendError.

        The request's seed is not sent, since the API has none (see `capabilities`).
        """
        if problem := remote.unknown("anthropic", request.params, _PARAMS):
            raise BackendError(problem)
        client = self._client()
        from anthropic import AnthropicError  # noqa: PLC0415 (a second, and an extra)

        started = time.perf_counter()
        try:
            reply = await client.messages.with_raw_response.create(**self._body(request))
            text = await reply.text()
        except (AnthropicError, TypeError, ValueError, LookupError) as error:
            raise faults.failure("anthropic", error, client.api_key or "") from None
        latency = time.perf_counter() - started
        completion = remote.read("anthropic", text, _completion, client.api_key or "")
        return replace(completion, latency=latency)

    async def close(self) -> None:
        if self._open is not None:
            await self._open.close()
            self._open = None

    def _client(self) -> AsyncAnthropic:
        if self._open is None:
            remote.require("anthropic")
            from anthropic import AsyncAnthropic  # noqa: PLC0415 (a second, and an extra)

            key = remote.api_key(_KEY, "anthropic")
            self._open = AsyncAnthropic(api_key=key, base_url=self._url, max_retries=0)
        return self._open

    def _body(self, request: Request) -> dict[str, Json]:
        body = self._params | dict(request.params)
        config = {"effort": body.pop("effort")} if "effort" in body else {}
        if request.schema is not None:
            config["format"] = {"type": "json_schema", "schema": request.schema}
        if config:
            body["output_config"] = config
        if system := _system(request.messages):
            body["system"] = system
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
        turns = [_turn(each) for each in request.messages if each["role"] not in _SYSTEM]
        return body | {"model": self._model, "messages": turns}


_SYSTEM = ("system", "developer")


def _system(messages: Sequence[Mapping[str, Json]]) -> str:
    return "\n\n".join(str(each["content"]) for each in messages if each["role"] in _SYSTEM)


def _tool(tool: Mapping[str, Json]) -> Mapping[str, Json]:
    renamed = {"parameters": "input_schema"}
    return {renamed.get(name, name): value for name, value in tool.items()}


def _turn(message: Mapping[str, Json]) -> Mapping[str, Json]:
    """A chat message as Anthropic's; tool calls and their results become content blocks."""
    if message["role"] == "tool":
        block = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
        return {"role": "user", "content": [block | {"content": message["content"]}]}
    if not message.get("tool_calls"):
        return {"role": message["role"], "content": message["content"]}
    return {"role": message["role"], "content": list(_blocks(message))}


def _blocks(message: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    if message.get("content"):
        yield {"type": "text", "text": message["content"]}
    for call in message["tool_calls"]:
        name, given = call["function"]["name"], call["function"]["arguments"]
        given = json.loads(given) if isinstance(given, str) else given
        yield {"type": "tool_use", "id": call["id"], "name": name, "input": given}


def _completion(reply: Json) -> Completion:
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
        finish_reason=_FINISH[reply["stop_reason"]],
        usage=Usage(
            input_tokens=remote.count(usage.get("input_tokens")) + written + cached,
            output_tokens=remote.count(usage.get("output_tokens")),
            cached_tokens=cached,
            calls=1,
        ),
        model=remote.text(reply.get("model")),
    )


def _is(block: Mapping[str, Json], kind: str) -> bool:
    return bool(block["type"] == kind)
