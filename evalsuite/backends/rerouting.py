"""The transports below the SDK clients of `clients`. Imported with an SDK, since it needs its HTTP
library.

A request that belongs to a case becomes a Request of ours, and the reply a response again: a stream
is replayed from what was kept. A failure comes out as the SDK's own error, caused by ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import httpx2

from evalsuite import strictjson
from evalsuite.backends.base import Completion
from evalsuite.backends.calls import for_case, wait_for
from evalsuite.errors import BackendError, EvalsuiteError
from evalsuite.records import Json

_HEADERS = ("anthropic-beta", "openai-beta")
"""Request headers that can change an answer."""

_LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
"""Outside of evals: as the SDKs' own."""


class Route(NamedTuple):
    """Whose SDK it is, where a request goes (None: out, to the provider), which paths can be asked
    for, and whether there is a key for going out."""

    protocol: str
    way: Callable[[], Any]
    paths: Sequence[str]
    keyed: bool


def http_client(
    protocol: str, way: Callable[[], Any], *, sync: bool, keyed: bool, paths: Sequence[str]
) -> httpx2.Client | httpx2.AsyncClient:
    """The HTTP client that an SDK's client is made with."""
    route = Route(protocol, way, paths, keyed)
    timeout = httpx2.Timeout(600.0, connect=5.0)
    if sync:
        return httpx2.Client(transport=Waiting(route), timeout=timeout, follow_redirects=True)
    return httpx2.AsyncClient(transport=Awaiting(route), timeout=timeout, follow_redirects=True)


class Awaiting(httpx2.AsyncBaseTransport):
    """For the async clients, on the loop of the cases or any other."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._outside: httpx2.AsyncClient | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            way = self._route.way()
            if way is None:
                self._outside = self._outside or httpx2.AsyncClient(limits=_LIMITS)
                return await self._outside.send(_going_out(self._route, request), stream=True)
            raw = _raw(self._route, request, await request.aread())
            asked = for_case(lambda: way.models.request(raw), way.tally)
            if asyncio.get_running_loop() is way.models.loop:
                return _response(request, await asyncio.create_task(asked))
            future = asyncio.run_coroutine_threadsafe(asked, way.models.loop)
            return _response(request, await asyncio.wrap_future(future))
        except EvalsuiteError as error:
            raise _theirs(self._route.protocol, error, request) from error

    async def aclose(self) -> None:
        if self._outside is not None:
            await self._outside.aclose()


class Waiting(httpx2.BaseTransport):
    """For the sync clients, in any thread but that of the cases' loop."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._outside: httpx2.Client | None = None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            way = self._route.way()
            if way is None:
                self._outside = self._outside or httpx2.Client(limits=_LIMITS)
                return self._outside.send(_going_out(self._route, request), stream=True)
            raw = _raw(self._route, request, request.read())
            completion = wait_for(lambda: way.models.request(raw), way.tally, way.models.loop)
            return _response(request, completion)
        except EvalsuiteError as error:
            raise _theirs(self._route.protocol, error, request) from error

    def close(self) -> None:
        if self._outside is not None:
            self._outside.close()


def _going_out(route: Route, request: httpx2.Request) -> httpx2.Request:
    if not route.keyed:
        variable = f"{route.protocol.upper()}_API_KEY"
        raise EvalsuiteError(f"{route.protocol}_client() needs a key: set {variable}")
    return request


def _raw(route: Route, request: httpx2.Request, content: bytes) -> dict[str, Json]:
    """The request as it is asked and kept: what it says, and neither host nor key."""
    path = request.url.path
    known = next((each for each in route.paths if path.endswith(each)), None)
    if known is None or request.method != "POST":
        raise EvalsuiteError(
            f"{request.method} {path} of {route.protocol}_client() can't go through evalsuite "
            f"(what can: POST {', '.join(route.paths)})"
        )
    try:
        body = strictjson.parse(content.decode())
    except (UnicodeDecodeError, strictjson.Malformed) as error:
        raise EvalsuiteError(f"a request that is no JSON: {error}") from None
    raw: dict[str, Json] = {"protocol": route.protocol, "path": known, "body": body}
    if request.url.query:
        raw["path"] += "?" + request.url.query.decode()
    headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
    return raw | {"headers": headers} if headers else raw


def _response(request: httpx2.Request, completion: Completion) -> httpx2.Response:
    raw = completion.raw or {}
    return httpx2.Response(
        raw["status"], headers=raw["headers"], content=raw["body"].encode(), request=request
    )


def _theirs(protocol: str, error: EvalsuiteError, request: httpx2.Request) -> Exception:
    """The SDK's error for ours: by its status where a provider sent one, else 503. It says that it
    is not to be retried, since that was done. What is no provider's failure is both errors."""
    sdk: Any = import_module(protocol)
    base = sdk.OpenAIError if protocol == "openai" else sdk.AnthropicError
    if not isinstance(error, BackendError):
        return type("Misused", (base, EvalsuiteError), {})(str(error))  # type: ignore[no-any-return]
    status = error.status or 503
    body = {"message": str(error), "type": error.fault}
    headers = {"x-should-retry": "false"}
    response = httpx2.Response(status, headers=headers, json={"error": body}, request=request)
    kinds = {
        kind.status_code: kind
        for kind in sdk.APIStatusError.__subclasses__()
        if isinstance(getattr(kind, "status_code", None), int)
    }
    other = sdk.InternalServerError if status >= 500 else sdk.APIStatusError
    made: Exception = kinds.get(status, other)(str(error), response=response, body=body)
    return made
