"""The connections below the SDKs. Imported with them, since it needs their HTTP library.

httpcore's pool looks at each of its connections for each request, which at 100 connections costs
more than the request itself. Pools of one connection each need no looking: the last one that was
given back is taken first.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import httpx2

_ONE = httpx2.Limits(max_connections=1, max_keepalive_connections=1)


class Connections(httpx2.AsyncBaseTransport):
    """As many connections as there are requests at once; the lane bounds these. Proxies are taken
    from the environment, as the SDKs do."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._free: list[httpx2.AsyncHTTPTransport] = []
        self._all: list[httpx2.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        one = self._free.pop() if self._free else self._another()
        try:
            response = await one.handle_async_request(request)
        except BaseException:
            self._free.append(one)
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _GivenBack(response.stream, one, self._free)
        return response

    def _another(self) -> httpx2.AsyncHTTPTransport:
        if self._context is None:
            self._context = httpx2.create_ssl_context()
        one = httpx2.AsyncHTTPTransport(verify=self._context, limits=_ONE)
        self._all.append(one)
        return one

    async def aclose(self) -> None:
        for one in self._all:
            await one.aclose()


class _GivenBack(httpx2.AsyncByteStream):
    """A body whose connection is free once it is closed."""

    def __init__(
        self,
        body: httpx2.AsyncByteStream,
        one: httpx2.AsyncHTTPTransport,
        free: list[httpx2.AsyncHTTPTransport],
    ) -> None:
        self._body, self._one, self._free = body, one, free
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._body:
            yield part

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                await self._body.aclose()
            finally:
                self._free.append(self._one)
