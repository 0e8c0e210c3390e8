"""The connections below the SDKs, against a server that says byte by byte what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

pytest.importorskip("openai")

import httpx2

from evalsuite.backends.transport import Connections

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood"
Reply = list[bytes | float | None]
Script = list[Reply]


@contextlib.asynccontextmanager
async def saying(*scripts: Script) -> AsyncIterator[tuple[str, list[int]]]:
    """A server; its n-th connection answers each request with the next reply of the n-th script:
    bytes, seconds to wait, None to close. Yields its URL and the requests per connection."""
    counts: list[int] = []
    ended = asyncio.Semaphore(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = len(counts)
        counts.append(0)
        script = iter(scripts[mine])
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                counts[mine] += 1
                for part in next(script, [None]):
                    if part is None:
                        raise ConnectionError
                    if isinstance(part, float):
                        await asyncio.sleep(part)
                    else:
                        writer.write(part)
                        await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.release()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x", counts
    for _ in counts:
        await ended.acquire()
    server.close()


Get = Callable[[httpx2.AsyncClient, str], Awaitable[None]]


def run(get: Get, *scripts: Script) -> list[int]:
    """Requests per connection while `get` did what it does."""

    async def main() -> list[int]:
        async with saying(*scripts) as (url, counts):
            timeout = httpx2.Timeout(0.2, connect=5.0)
            async with httpx2.AsyncClient(transport=Connections(), timeout=timeout) as client:
                await get(client, url)
        return counts

    return asyncio.run(main())


async def good(client: httpx2.AsyncClient, url: str) -> None:
    assert (await client.get(url)).text == "good"


@pytest.mark.parametrize(
    "reply",
    [
        [OK],
        [b"HTTP/1.1 103 Early Hints\r\n\r\n", OK],
        [CHUNKED + b"2\r\ngo", b"\r\n2\r\nod\r\n0\r\n\r\n"],
        [b"HTTP/1.0 200 OK\r\n\r\ngo", 0.01, b"od", None],
        [part for byte in OK for part in (bytes([byte]), 0.001)],
    ],
    ids=["plain", "informational", "chunked", "until it closes", "byte by byte"],
)
def test_a_reply_is_read_to_its_end(reply: Reply) -> None:
    assert run(good, [reply]) == [1]


def test_a_connection_is_used_again_once_its_reply_was_read() -> None:
    async def thrice(client: httpx2.AsyncClient, url: str) -> None:
        for _ in range(3):
            await good(client, url)

    assert run(thrice, [[OK], [OK], [OK]]) == [3]


@pytest.mark.parametrize(
    "ending",
    [[OK, 0.02, None], [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\ngood"]],
    ids=["closed while idle", "said to close"],
)
def test_a_connection_that_the_server_closed_is_not_used_again(ending: Reply) -> None:
    async def twice(client: httpx2.AsyncClient, url: str) -> None:
        await good(client, url)
        await asyncio.sleep(0.1)
        await good(client, url)

    assert run(twice, [ending], [[OK]]) == [1, 1]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ([None], httpx2.RemoteProtocolError),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ngo", None], httpx2.RemoteProtocolError),
        ([CHUNKED + b"2\r\ngo\r\n", None], httpx2.RemoteProtocolError),
        ([b"220 smtp.example ESMTP\r\n\r\n", None], httpx2.RemoteProtocolError),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, None], httpx2.RemoteProtocolError),
        ([1.0], httpx2.ReadTimeout),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ngo", 1.0, None], httpx2.ReadTimeout),
    ],
    ids=["nothing", "half", "half in chunks", "no HTTP", "endless head", "hangs", "half, hangs"],
)
def test_what_is_no_whole_reply_is_httpxs_error_and_the_next_request_is_well(
    reply: Reply, kind: type[Exception]
) -> None:
    async def failing(client: httpx2.AsyncClient, url: str) -> None:
        with pytest.raises(kind):
            await client.get(url)
        await good(client, url)

    assert run(failing, [reply], [[OK]])[-1] == 1


def test_a_request_that_is_cancelled_leaves_no_half_read_connection_behind() -> None:
    async def cancelled(client: httpx2.AsyncClient, url: str) -> None:
        task = asyncio.create_task(client.get(url))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await good(client, url)

    assert run(cancelled, [[0.1, OK]], [[OK]]) == [1, 1]


def test_a_stream_that_is_left_early_closes_its_connection() -> None:
    async def left(client: httpx2.AsyncClient, url: str) -> None:
        async with client.stream("GET", url) as response:
            assert response.status_code == 200
        await good(client, url)

    half = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ngo"
    assert run(left, [[half, 0.1, None]], [[OK]]) == [1, 1]


def test_no_server_and_no_http_are_httpxs_errors() -> None:
    async def nowhere(client: httpx2.AsyncClient, url: str) -> None:
        with pytest.raises(httpx2.ConnectError):
            await client.get("http://127.0.0.1:1/")
        with pytest.raises(httpx2.UnsupportedProtocol):
            await client.get("ftp://127.0.0.1/")

    assert run(nowhere) == []
