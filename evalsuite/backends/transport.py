"""The connections below the SDKs. Imported with them, since it needs their HTTP library.

httpx's own transport costs half of a call, and its pool looks at each of its connections for each
request, so that 100 at once cost more than twice as much as 20. Here a request is written and a
reply read by h11, which is also what httpx speaks HTTP with, straight on asyncio's streams.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import h11
import httpx2

_IDLE = 5.0
"""Seconds after which a connection that nobody used is not used again: servers close them."""

_CHUNK = 65_536
_HEAD = 100 * 1024
"""Bytes of a reply's head, at most; httpx has the same."""

Origin = tuple[str, str, int]


class Connections(httpx2.AsyncBaseTransport):
    """As many connections as there are requests at once; the lane bounds these. One that is given
    back is taken first by the next request."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._free: dict[Origin, list[_Connection]] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the reply's body is read as it is asked for. Raises httpx's errors."""
        limits = request.extensions.get("timeout", {})
        url = request.url
        secure = url.scheme == "https"
        origin = (url.scheme, url.raw_host.decode("ascii"), url.port or (443 if secure else 80))
        free = self._free.setdefault(origin, [])
        connection = _usable(free) or await self._connected(origin, limits.get("connect"))
        try:
            head = await connection.sent(request, limits.get("read"))
        except BaseException:
            connection.close()
            raise
        return httpx2.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(connection, free, limits.get("read")),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": head.reason},
        )

    async def _connected(self, origin: Origin, seconds: float | None) -> _Connection:
        scheme, host, port = origin
        if scheme not in ("http", "https"):
            raise httpx2.UnsupportedProtocol(f"a URL begins with http or https, not {scheme!r}")
        if scheme == "https" and self._context is None:
            self._context = httpx2.create_ssl_context()
        context = self._context if scheme == "https" else None
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(
                    host, port, ssl=context, happy_eyeballs_delay=0.25
                )
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(f"no connection within {seconds:g} s") from error
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        return _Connection(reader, writer)

    async def aclose(self) -> None:
        for free in self._free.values():
            for connection in free:
                connection.close()
        self._free.clear()
        await asyncio.sleep(0)  # for the loop to let go of them


def _usable(free: list[_Connection]) -> _Connection | None:
    while free:
        connection = free.pop()
        if connection.usable():
            return connection
        connection.close()
    return None


class _Connection:
    """One connection, and where its one request stands."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
        self._since = 0.0

    async def sent(self, request: httpx2.Request, seconds: float | None) -> h11.Response:
        """Send a request; the head of its reply."""
        body = await request.aread()
        asked = h11.Request(
            method=request.method, target=request.url.raw_path, headers=request.headers.raw
        )
        try:
            data = self._http.send(asked) or b""
            data += (self._http.send(h11.Data(data=body)) or b"") if body else b""
            data += self._http.send(h11.EndOfMessage()) or b""
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise httpx2.WriteError(str(error)) from error
        while not isinstance(event := await self.event(seconds), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise httpx2.RemoteProtocolError("no reply")
        return event

    async def event(self, seconds: float | None) -> Any:
        """The next part of the reply."""
        data = None
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                async with asyncio.timeout(seconds):
                    data = await self._reader.read(_CHUNK)
                self._http.receive_data(data)
        except TimeoutError as error:
            raise httpx2.ReadTimeout(f"nothing came within {seconds:g} s") from error
        except OSError as error:
            raise httpx2.ReadError(str(error)) from error
        except h11.RemoteProtocolError as error:
            said = "the server closed the connection" if data == b"" else str(error)
            raise httpx2.RemoteProtocolError(said) from error
        return event

    def again(self) -> bool:
        """Make ready for another request; False if the last one was not read to its end."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self._since = time.monotonic()
        return True

    def usable(self) -> bool:
        fresh = time.monotonic() - self._since < _IDLE
        return fresh and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        self._writer.transport.abort()


class _Body(httpx2.AsyncByteStream):
    """A reply's body; its connection is free once the body was read and is closed."""

    def __init__(
        self, connection: _Connection, free: list[_Connection], seconds: float | None
    ) -> None:
        self._connection, self._free, self._seconds = connection, free, seconds
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._connection.event(self._seconds), h11.Data):
            yield bytes(event.data)

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            if self._connection.again():
                self._free.append(self._connection)
            else:
                self._connection.close()
