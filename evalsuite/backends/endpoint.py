"""One SDK's client at one URL: opened at the first call, and spoken to below the SDK's typed
methods, which cost more than all the rest of a call.

Both SDKs are built alike. `client.post(..., cast_to=Response)` is their own low-level method: key,
URL, headers and errors are the SDK's, only the models of request and reply are left out. Their
retries are off, so that one place decides about them.
"""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import quote
from urllib.request import getproxies

from evalsuite import strictjson
from evalsuite.backends import faults, remote
from evalsuite.backends.base import Completion
from evalsuite.backends.calls import ATTEMPT
from evalsuite.backends.muting import muted
from evalsuite.backends.quoting import blotted, unquoted
from evalsuite.backends.remote import Api
from evalsuite.errors import BackendError
from evalsuite.records import Json

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

NO_KEY = "none"
"""Sent to a server that needs no key, since the SDKs want one."""

_SECONDS = 600.0
"""An attempt's limit where no lane sets one; seconds."""

_OPENING = threading.Lock()
"""Two imports of one package at once would wait for each other."""


class Reply(NamedTuple):
    """A reply of status 200: its text, its content type, and the seconds that it took; of a
    stream also its events, and the seconds to its first token."""

    body: str
    content_type: str
    seconds: float
    events: Sequence[Json] = ()
    first: float | None = None


class Endpoint:
    """The calls of one backend, `provider` in messages. `key` is asked for when the client is
    opened, `options` are the client's own."""

    def __init__(
        self,
        provider: str,
        package: str,
        url: str | None,
        key: Callable[[], str],
        **options: Any,
    ) -> None:
        self._provider, self._package, self._url = provider, package, url
        self._key, self._options = key, options
        self._client: Any = None
        self._errors: tuple[type[Exception], ...] = ()
        self._response: Any = None
        self._opening: asyncio.Task[None] | None = None

    async def ask(
        self,
        api: Api,
        body: Mapping[str, Json],
        *,
        path: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Completion, Reply]:
        """One attempt: the completion, and the reply that it was read from."""
        streams = bool(body.get("stream")) and api.assemble is not None
        speaks = api.speaks if streams else None
        with muted():
            reply = await self.post(path or api.path, body, headers=headers, speaks=speaks)
        try:
            if speaks and api.assemble and "json" not in reply.content_type:
                value = api.assemble(reply.events)
            else:
                value = strictjson.parse(reply.body)
            if stated := self.stated(value):
                raise stated
            completion = api.read(value)
        except remote.STRANGE as error:
            raise faults.unreadable(self._provider, error, self._secret()) from None
        kept = unquoted(completion, self._secret())
        if path and kept is not completion:  # the reply goes on as it came, or not at all
            raise BackendError(f"{self._provider}: the answer spells out the key: it is not kept")
        return replace(kept, latency=reply.seconds, first_token=reply.first), reply

    async def post(
        self,
        path: str,
        body: Mapping[str, Json],
        *,
        headers: Mapping[str, str] | None = None,
        speaks: Callable[[Json], bool] | None = None,
    ) -> Reply:
        """Send once; BackendError for whatever is not a whole reply of status 200.

        With `speaks` the reply is read as a stream of events; it tells which of them is a token.
        """
        client = await self._opened()
        attempt = ATTEMPT.get()
        named = {"Idempotency-Key": attempt.key} if attempt is not None else {}
        options = {"headers": {**(headers or {}), **named}}
        started = time.perf_counter()
        try:
            response = await client.post(
                path,
                cast_to=self._response,
                content=_encode(body).encode(),
                options=options,
                stream=speaks is not None,
            )
            response = getattr(response, "response", response)  # in a Stream, if the SDK is older
            if attempt is not None:
                attempt.headers = response.headers
            kind = blotted(response.headers.get("content-type", ""), self._secret())
            if speaks is not None and "json" not in kind:
                return await self._heard(response, kind, speaks, started)
            text = (await response.aread()).decode("utf-8")
        except self._errors as error:
            raise self.failed(error) from None
        return Reply(blotted(text, self._secret()), kind, time.perf_counter() - started)

    async def get(self, path: str, name: str) -> None:
        """Ask for one resource, unpaid; BackendError of fault "provider" if the provider says that
        it does not know the key or the name. Any other failure is no verdict."""
        client = await self._opened()
        try:
            with muted():
                await client.get(f"{path}/{quote(name, safe='')}", cast_to=self._response)
        except self._errors as error:
            status = getattr(error, "status_code", None)
            if status == 401 or (status == 404 and _unknown(error)):
                raise self.failed(error) from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = self._opening = None

    def failed(self, error: Exception) -> BackendError:
        """The SDK's error as ours; a parameter that the model refuses is named with the remedy."""
        found = faults.failure(self._provider, error, self._secret())
        found.status = getattr(error, "status_code", None)
        named = getattr(error, "param", None)
        code = getattr(error, "code", None)
        if code not in ("unsupported_parameter", "unsupported_value") or not _plain(named):
            return found
        refused = BackendError(
            f"{found} (the model refuses the parameter {named}: take it out of the backend's "
            f"name or the call{'; seed=false sends none' if named == 'seed' else ''})"
        )
        refused.status = found.status
        return refused

    def stated(self, value: Json) -> BackendError | None:
        """The error that a reply of status 200, or an event of a stream, states instead of an
        answer; None if it states none."""
        said = value.get("error") if isinstance(value, dict) else None
        return faults.failure(self._provider, _Stated(said), self._secret()) if said else None

    def _secret(self) -> str:
        key = getattr(self._client, "api_key", None)
        return "" if key in (None, NO_KEY) else str(key)

    async def _heard(
        self, response: Any, kind: str, speaks: Callable[[Json], bool], started: float
    ) -> Reply:
        lines: list[str] = []
        events: list[Json] = []
        first: float | None = None
        try:
            async for sent in response.aiter_lines():
                line = blotted(sent, self._secret())
                lines.append(line)
                data = line[5:].strip() if line.startswith("data:") else ""
                if not data or data == "[DONE]":
                    continue
                event = strictjson.parse(data)
                if stated := self.stated(event):
                    raise stated
                events.append(event)
                if first is None and speaks(event):
                    first = time.perf_counter() - started
        except remote.STRANGE as error:
            raise faults.unreadable(self._provider, error, self._secret()) from None
        finally:
            await response.aclose()
        body = "\n".join([*lines, ""])
        return Reply(body, kind, time.perf_counter() - started, events, first)

    async def _opened(self) -> Any:
        """The client. Import and TLS set-up take a second in all: in a thread, so that the calls
        of other suites go on."""
        if self._client is None:
            if self._opening is None:
                self._opening = asyncio.create_task(asyncio.to_thread(self._open))
            await asyncio.shield(self._opening)
        return self._client

    def _open(self) -> None:
        remote.require(self._package)
        key = self._key()
        with _OPENING:
            sdk: Any = import_module(self._package)
            httpx2: Any = import_module("httpx2")
            # The SDK imports this at its first call, on the loop.
            import_module(f"{self._package}._base_client")
        gc.freeze()  # an SDK is no garbage, and large: not to be looked through while calls go on
        openai = self._package == "openai"
        base = sdk.OpenAIError if openai else sdk.AnthropicError
        self._errors = (base, httpx2.HTTPError, LookupError, TypeError, ValueError)
        self._response = httpx2.Response
        timeout = httpx2.Timeout(_SECONDS, connect=10.0)
        if proxied := bool(getproxies().keys() & {"http", "https", "all"}):
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
            http = httpx2.AsyncClient(limits=limits, timeout=timeout)
        if not proxied:
            transport = import_module("evalsuite.backends.transport").Connections()
            http = httpx2.AsyncClient(transport=transport, timeout=timeout)
        self._client = (sdk.AsyncOpenAI if openai else sdk.AsyncAnthropic)(
            api_key=key,
            base_url=self._url,
            max_retries=0,
            timeout=timeout,
            http_client=http,
            **self._options,
        )


def passed_on(completion: Completion, reply: Reply) -> Completion:
    """A completion that holds the reply as it came, for an SDK's own client to read."""
    raw = {"status": 200, "headers": {"content-type": reply.content_type}, "body": reply.body}
    return replace(completion, text="", tool_calls=(), logprobs=(), embeddings=(), raw=raw)


class _Stated(Exception):
    """An error that came without a status of its own."""

    def __init__(self, said: Json) -> None:
        super().__init__("an error instead of an answer")
        self.body = {"error": said if isinstance(said, dict) else {"message": str(said)}}


def _plain(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _unknown(error: Exception) -> bool:
    """Whether a 404 speaks of the model: a server without that route answers 404 too."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        return False
    message = str(inner.get("message", ""))
    named = {str(inner.get("code")), str(inner.get("type"))}
    return "model_not_found" in named or (
        "model" in message and ("not_found_error" in named or "does not exist" in message)
    )
