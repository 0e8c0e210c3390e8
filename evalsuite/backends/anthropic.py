"""Anthropic's Messages API.

It takes no seed and no sampling parameter: what is pinned is the model, the prompt and the effort,
never the answer. Retries, limits and budgets are no concern of this module; the SDK's own retries
are off.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar

from evalsuite.backends import messages, remote
from evalsuite.backends.base import Capabilities, Completion, Request, lacking
from evalsuite.backends.endpoint import Endpoint, passed_on
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import Json

_KEY = "ANTHROPIC_API_KEY"
_URL = "ANTHROPIC_BASE_URL"
PARAMS = frozenset(
    {
        "max_tokens",
        "effort",
        "stop_sequences",
        "thinking",
        "tool_choice",
        "service_tier",
        "stream",
        "extra_body",
    }
)
_MAX_TOKENS = 4096
"""The API demands a limit; part of the backend's identity, so a change of it is seen."""


class Anthropic:
    """One model of Anthropic's, or of a server that speaks its Messages API (`url`).

    `params`: max_tokens (4096 if left out), effort, stop_sequences, thinking, tool_choice,
    service_tier, stream, extra_body. Raises OptionError for any other, sampling parameters
    included.
    """

    provider: ClassVar[str] = "anthropic"
    known: ClassVar[frozenset[str]] = PARAMS
    capabilities = Capabilities(tools=True, json_schema=True, stream=True, protocol="anthropic")

    def __init__(self, *, model: str, url: str | None = None, **params: Json) -> None:
        self._model = model
        self._url = url or os.environ.get(_URL) or None
        self._params = {"max_tokens": _MAX_TOKENS} | remote.typed(params)
        if problem := remote.unknown(self.provider, self._params, self.known):
            raise OptionError(problem)
        self._endpoint = Endpoint(
            self.provider, "anthropic", self._url, self._key, open_telemetry=False
        )
        self.identity: Mapping[str, Json] = {
            "provider": self.provider,
            "api": "messages",
            "url": self._url,
            "model": model,
            "params": self._params,
        }

    def check(self) -> None:
        """Raise what would fail every call: MissingExtra, or OptionError for a missing key."""
        remote.require("anthropic")
        self._key()

    async def preflight(self) -> None:
        """Ask for the model, unpaid; BackendError of fault "provider" if the key is refused or the
        model unknown. A server that does not say is no error."""
        await self._endpoint.get("/v1/models", self._model)

    async def complete(self, request: Request) -> Completion:
        """Answer one request; every failure of SDK, server or reply is a BackendError.

        The request's seed is not sent, since the API has none (see `capabilities`).
        """
        lacking(self.provider, self.capabilities, request)
        if request.raw is not None:
            return await self._passed(request.raw)
        if problem := remote.unknown(self.provider, request.params, self.known):
            raise BackendError(problem)
        completion, _ = await self._endpoint.ask(messages.MESSAGES, self.body(request))
        return completion

    def body(self, request: Request) -> dict[str, Json]:
        """The body of a request."""
        try:
            return messages.body(self._model, {**self._params, **request.params}, request)
        except remote.STRANGE as error:
            raise BackendError(f"{self.provider}: messages that can't be sent: {error}") from None

    async def close(self) -> None:
        await self._endpoint.close()

    async def _passed(self, raw: Mapping[str, Json]) -> Completion:
        """The request of an SDK's own client, to this backend's model and with its parameters
        where the request has none."""
        spec = messages.body("", self._params, Request(messages=()))
        body = {**spec, **raw["body"], "model": self._model}
        completion, reply = await self._endpoint.ask(
            messages.MESSAGES, body, path=raw["path"], headers=raw.get("headers")
        )
        return passed_on(completion, reply)

    def _key(self) -> str:
        return remote.api_key(_KEY, "anthropic")
