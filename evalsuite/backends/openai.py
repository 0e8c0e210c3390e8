"""OpenAI's Chat Completions, and every server that speaks it (`openai:MODEL@URL`).

Chat Completions and not Responses, since only the former takes a seed and reports a fingerprint.
Retries, limits and budgets are no concern of this module: the SDK's own retries are off, so that
one place can decide about them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from evalsuite.backends import chat, remote
from evalsuite.backends.base import Capabilities, Completion, Request, lacking
from evalsuite.backends.endpoint import NO_KEY, Endpoint, passed_on
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import Json

_KEY = "OPENAI_API_KEY"
_URL = "OPENAI_BASE_URL"
PARAMS = frozenset(
    {
        "temperature",
        "top_p",
        "max_completion_tokens",
        "max_tokens",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
        "verbosity",
        "service_tier",
        "parallel_tool_calls",
        "tool_choice",
        "response_format",
        "dimensions",
        "seed",
        "stream",
        "extra_body",
    }
)


class OpenAI:
    """One model behind one endpoint.

    `params` are sampling parameters as Chat Completions names them; `extra_body` (a JSON object)
    carries what only a particular server knows, `seed=false` sends no seed to one that refuses it,
    `stream=true` reads answers as they come. A server given by `url` may need no key: then
    OPENAI_API_KEY is sent if it is set. Raises OptionError for a parameter that is not known.
    """

    provider: ClassVar[str] = "openai"
    known: ClassVar[frozenset[str]] = PARAMS
    capabilities = Capabilities(
        seed=True,
        tools=True,
        json_schema=True,
        logprobs=True,
        embeddings=True,
        stream=True,
        protocol="openai",
    )

    def __init__(self, *, model: str, url: str | None = None, **params: Json) -> None:
        self._model = model
        self._needs_key = url is None
        self._url = url or os.environ.get(_URL) or None
        self._params = remote.typed(params)
        if problem := remote.unknown(self.provider, self._params, self.known):
            raise OptionError(problem)
        if self._params.get("seed", False) is not False:
            raise OptionError("openai: seed=false sends no seed; other seeds come from the run")
        if "seed" in self._params:
            self.capabilities = replace(self.capabilities, seed=False)
        self._endpoint = Endpoint(self.provider, "openai", self._url, self._key)
        self.identity: Mapping[str, Json] = {
            "provider": self.provider,
            "api": "chat.completions",
            "url": self._url,
            "model": model,
            "params": self._params,
        }

    def check(self) -> None:
        """Raise what would fail every call: MissingExtra, or OptionError for a missing key."""
        remote.require("openai")
        self._key()

    async def preflight(self) -> None:
        """Ask for the model, unpaid; BackendError of fault "provider" if the key is refused or the
        model unknown. A server that does not say is no error."""
        await self._endpoint.get("/models", self._model)

    async def complete(self, request: Request) -> Completion:
        """Answer one request; every failure of SDK, server or reply is a BackendError."""
        lacking(self.provider, self.capabilities, request)
        if request.raw is not None:
            return await self._passed(request, request.raw)
        if problem := remote.unknown(self.provider, request.params, self.known):
            raise BackendError(problem)
        if not request.embed:
            completion, _ = await self._endpoint.ask(chat.CHAT, self.body(request))
            return completion
        body = chat.embeddings_body(self._model, {**self._params, **request.params}, request)
        completion, _ = await self._endpoint.ask(chat.EMBEDDINGS, body)
        if len(completion.embeddings) != len(request.embed):
            raise BackendError(f"{self.provider}: not one vector per text", fault="transient")
        return completion

    def body(self, request: Request) -> dict[str, Json]:
        """The body of a chat request."""
        return chat.body(self._model, {**self._params, **request.params}, request)

    async def close(self) -> None:
        await self._endpoint.close()

    async def _passed(self, request: Request, raw: Mapping[str, Json]) -> Completion:
        """The request of an SDK's own client, to this backend's model and with its parameters
        where the request has none."""
        path = str(raw["path"])
        api = chat.PASSED[path.partition("?")[0]]
        body = {**raw["body"], "model": self._model}
        if api is chat.CHAT:
            body = self.body(replace(request, messages=body["messages"])) | body
        if added := bool(body.get("stream")) and "stream_options" not in raw["body"]:
            body["stream_options"] = {"include_usage": True}
        if api is not chat.CHAT:
            body.pop("stream_options", None)
        completion, reply = await self._endpoint.ask(
            api, body, path=path, headers=raw.get("headers")
        )
        if added:
            reply = reply._replace(body=chat.without_usage(reply.body))
        return passed_on(completion, reply)

    def _key(self) -> str:
        if self._needs_key or os.environ.get(_KEY):
            return remote.api_key(_KEY, "openai")
        return NO_KEY
