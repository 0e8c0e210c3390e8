"""A chat server whose answers have a size of their own, and which knows what it has been paid."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

RATES = {"input": 3.0, "cached": 0.3, "output": 15.0}
"""US dollars per million tokens."""


class Paid:
    """`asked` counts requests by prompt; `bills` has one (prompt's tokens, answer's tokens) per
    answered request, `pending` those of requests under way when the last one came."""

    def __init__(self, delay: float = 0.0) -> None:
        self.asked: Counter[str] = Counter()
        self.bills: list[tuple[int, int]] = []
        self.pending: list[tuple[int, int]] = []
        self._delay = delay
        self._open: list[tuple[int, int]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                answer = await self._answer(json.loads(await reader.readexactly(length)))
                body = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
                writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, body: dict[str, object]) -> dict[str, object]:
        messages = body["messages"]
        assert isinstance(messages, list)
        prompt = messages[0]["content"]
        self.asked[prompt] += 1
        luck = hashlib.sha256(prompt.encode()).digest()
        bill = (5 + luck[0] // 4, 1 + luck[1] % 100)
        self._open.append(bill)
        self.pending = list(self._open)
        await asyncio.sleep(self._delay * luck[2] / 255)
        self._open.remove(bill)
        self.bills.append(bill)
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "served",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": f"word: {prompt}"},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": bill[0], "completion_tokens": bill[1]},
        }

    def forget(self) -> None:
        self.asked.clear()
        self.bills.clear()
        self.pending.clear()


@asynccontextmanager
async def serving(paid: Paid) -> AsyncIterator[str]:
    """The URL of a server in this loop."""
    server = await asyncio.start_server(paid.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def paid_for(bills: list[tuple[int, int]], unit: str) -> float:
    """What answers took of a budget."""
    if unit == "calls":
        return len(bills)
    if unit == "tokens":
        return sum(map(sum, bills))
    return sum(sent * RATES["input"] + got * RATES["output"] for sent, got in bills) / 1_000_000
