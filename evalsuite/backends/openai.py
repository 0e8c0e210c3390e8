"""OpenAI's Chat Completions, and every server that speaks it (`openai:MODEL@URL`).

Chat Completions and not Responses, since only the former takes a seed and reports a fingerprint.
Retries, limits and budgets are no concern of this module: the SDK's own retries are off, so that
one place can decide about them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from evalsuite.backends import faults, remote
from evalsuite.backends.base import Capabilities, Completion, Request
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import Json, ToolCall, Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_KEY = "OPENAI_API_KEY"
_URL = "OPENAI_BASE_URL"
_PARAMS = frozenset(
    {
        "temperature",
        "top_p",
        "max_completion_tokens",
        "max_tokens",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "logit_bias",
        "reasoning_effort",
        "verbosity",
        "service_tier",
        "parallel_tool_calls",
        "tool_choice",
        "extra_body",
    }
)
_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class OpenAI:
    """One model behind one endpoint.

    `params` are sampling parameters as Chat Completions names them; `extra_body` (a JSON object)
    carries what only a particular server knows. A server given by `url` may need no key: then
    OPENAI_API_KEY is sent if it is set. Raises OptionError for a parameter that is not known.
    """

    capabilities = Capabilities(seed=True, tools=True, json_schema=True)

    def __init__(self, *, model: str, url: str | None = None, **params: Json) -> None:
        self._model = model
        self._needs_key = url is None
        self._url = url or os.environ.get(_URL) or None
        self._params = remote.typed(params)
        self._open: AsyncOpenAI | None = None
        if problem := remote.unknown("openai", self._params, _PARAMS):
            raise OptionError(problem)
        self.identity: Mapping[str, Json] = {
            "provider": "openai",
            "api": "chat.completions",
            "url": self._url,
            "model": model,
            "params": self._params,
        }

    def check(self) -> None:
        """Raise what would fail every call: MissingExtra, or OptionError for a missing key."""
        remote.require("openai")
        self._key()

    async def complete(self, request: Request) -> Completion:
        """Answer one request; every failure of SDK, server or reply is a BackendError."""
        if problem := remote.unknown("openai", request.params, _PARAMS):
            raise BackendError(problem)
        client = self._client()
        from openai import OpenAIError  # noqa: PLC0415 (a second, and an extra)

        started = time.perf_counter()
        try:
            reply = await client.chat.completions.with_raw_response.create(**self._body(request))
        except (OpenAIError, TypeError, ValueError) as error:
            raise faults.failure("openai", error, client.api_key) from None
        latency = time.perf_counter() - started
        return replace(
            remote.read("openai", reply.text, _completion, client.api_key), latency=latency
        )

    async def close(self) -> None:
        if self._open is not None:
            await self._open.close()
            self._open = None

    def _key(self) -> str:
        if self._needs_key or os.environ.get(_KEY):
            return remote.api_key(_KEY, "openai")
        return "none"

    def _client(self) -> AsyncOpenAI:
        if self._open is None:
            remote.require("openai")
            from openai import AsyncOpenAI  # noqa: PLC0415 (a second, and an extra)

            self._open = AsyncOpenAI(api_key=self._key(), base_url=self._url, max_retries=0)
        return self._open

    def _body(self, request: Request) -> dict[str, Json]:
        body = self._params | dict(request.params)
        body |= {"model": self._model, "messages": list(request.messages)}
        if request.seed is not None:
            body["seed"] = request.seed
        if request.tools:
            body["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
        if request.schema is not None:
            schema = {"name": "answer", "schema": request.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


def _completion(reply: Json) -> Completion:
    choice = reply["choices"][0]
    message = choice["message"]
    refusal = remote.text(message.get("refusal"))
    usage = reply.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return Completion(
        text=refusal or remote.text(message.get("content")),
        tool_calls=tuple(
            ToolCall(
                remote.text(call["function"]["name"]),
                remote.arguments(call["function"].get("arguments")),
            )
            for call in message.get("tool_calls") or ()
        ),
        finish_reason="refusal" if refusal else _FINISH[choice["finish_reason"]],
        usage=Usage(
            input_tokens=remote.count(usage.get("prompt_tokens")),
            output_tokens=remote.count(usage.get("completion_tokens")),
            cached_tokens=remote.count(details.get("cached_tokens")),
            calls=1,
        ),
        model=remote.text(reply.get("model")),
        fingerprint=remote.text(reply.get("system_fingerprint")),
    )
