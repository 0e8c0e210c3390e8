"""A provider on this machine that fails as told: OpenAI's chat and Anthropic's messages over real
sockets, right answers derived from the prompt, faults by seed and share, every request counted.

    python tests/faults/faulty.py [FAULT SHARE PORT]     say the port, serve until the input ends
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

TRANSIENT = (
    "429", "429 seconds", "429 date", "429 ms", "408", "409", "500", "502", "503", "529", "reset",
    "early reset", "half body", "half stream", "truncated", "not json", "html", "twice", "nan",
    "slow", "hang", "tls",
)  # fmt: skip
"""Faults of one attempt."""

FOR_A_CASE = ("context", "filter", "400", "413", "422")
FOR_ALL = ("quota", "model", "key", "permission", "billing")

_STATUS = {
    "quota": (429, "insufficient_quota", "You exceeded your current quota"),
    "billing": (402, "billing_error", "Your credit balance is too low"),
    "model": (404, "model_not_found", "The model `m` does not exist"),
    "key": (401, "invalid_api_key", "Incorrect API key provided: sk-canary"),
    "permission": (403, "permission_error", "You have no access"),
    "context": (400, "context_length_exceeded", "Maximum context length is 8192 tokens"),
    "filter": (400, "content_filter", "The prompt was filtered"),
    "400": (400, "invalid_request_error", "Unsupported value"),
    "413": (413, "request_too_large", "Too large"),
    "422": (422, "unprocessable", "No such field"),
}


@dataclass
class Bucket:
    """A token bucket: units a second, and how many it holds."""

    rate: float
    size: float
    level: float = math.nan
    time: float = 0.0

    def fill(self, now: float) -> None:
        self.level = self.size if math.isnan(self.level) else self.level
        self.level = min(self.size, self.level + self.rate * (now - self.time))
        self.time = now


@dataclass
class Faulty:
    """`fault` is injected into `share` of the requests, by their order and `seed`; `which` limits
    it to prompts. `delay` seconds pass before each answer, `slow` is how long the slow ones take.
    """

    fault: str = ""
    share: float = 1.0
    seed: int = 1
    delay: float = 0.0
    slow: float = 3.0
    which: Callable[[str], bool] = lambda _: True
    limits: tuple[Bucket, ...] = ()
    unpaid: bool = True  # whether the question for the model is refused too
    told: bool = False  # whether headers tell what is left of the limits
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    keys: dict[str, set[str]] = field(default_factory=dict)
    injected: int = 0
    refused: int = 0
    flows: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    async def start(self, port: int = 0) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *rest = head.split("\r\n")
        headers = {k.lower(): v for k, _, v in (each.partition(": ") for each in rest if each)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = line.split(" ", 2)
        if method == "GET":
            status = _STATUS[self.fault][0] if self.fault in FOR_ALL and self.unpaid else 200
            told = _error(self.fault) if status != 200 else {"id": "m", "object": "model"}
            await self._reply(writer, status, told)
            return True
        asked = json.loads(body)
        prompt = asked["messages"][-1]["content"]
        self.asked[prompt] += 1
        self.keys.setdefault(prompt, set()).add(headers.get("idempotency-key", ""))
        anthropic = path.endswith("/messages")
        if self.limits and not await self._within(writer, len(prompt) // 4 + 10):
            return True
        if self.which(prompt) and self.fault and self.dice.random() < self.share:
            self.injected += 1
            return await self._fail(writer, prompt, anthropic, bool(asked.get("stream")))
        if self.delay:
            await asyncio.sleep(self.delay)
        self.answered[prompt] += 1
        if asked.get("stream"):
            await self._stream(writer, prompt, anthropic)
        else:
            await self._reply(writer, 200, answer(prompt, anthropic), self._left())
        return True

    async def _within(self, writer: asyncio.StreamWriter, tokens: int) -> bool:
        now = time.monotonic()
        for bucket in self.limits:
            bucket.fill(now)
        costs = (1, tokens)
        if all(b.level >= cost for b, cost in zip(self.limits, costs, strict=True)):
            for bucket, cost in zip(self.limits, costs, strict=True):
                bucket.level -= cost
            return True
        self.refused += 1
        await self._reply(writer, 429, {"error": {"message": "slow down"}}, self._left())
        return False

    def _left(self) -> dict[str, str]:
        found = {}
        for bucket, name in zip(self.limits, ("requests", "tokens"), strict=False):
            if self.told:
                reset = (bucket.size - bucket.level) / bucket.rate
                found[f"x-ratelimit-limit-{name}"] = f"{bucket.size:.0f}"
                found[f"x-ratelimit-remaining-{name}"] = f"{math.floor(bucket.level)}"
                found[f"x-ratelimit-reset-{name}"] = f"{reset * 1000:.0f}ms"
        return found

    async def _fail(  # noqa: C901 (one branch for each fault)
        self, writer: asyncio.StreamWriter, prompt: str, anthropic: bool, stream: bool
    ) -> bool:
        fault = self.fault
        good = json.dumps(answer(prompt, anthropic))
        if fault in _STATUS:
            await self._reply(writer, _STATUS[fault][0], _error(fault))
        elif fault[:3].isdigit():
            asks = {
                "429 seconds": {"retry-after": "1"},
                "429 ms": {"retry-after-ms": "40"},
                "429 date": {"retry-after": formatdate(time.time() + 1, usegmt=True)},
            }
            await self._reply(writer, int(fault[:3]), {"error": {"message": "no"}}, asks.get(fault))
        elif fault in ("reset", "early reset"):
            if fault == "reset":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{")
                await writer.drain()
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return False
        elif fault == "tls":
            writer.write(b"\x15\x03\x03\x00\x02\x02\x28")
            await writer.drain()
            return False
        elif fault == "half body":
            await self._raw(writer, good[: len(good) // 2], length=len(good))
            return False
        elif fault == "half stream":
            kind = "text/event-stream" if stream else "application/json"
            head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
            writer.write(head.encode() + b"5\r\ndata:\r\n")
            await writer.drain()
            return False
        elif fault == "hang":
            await asyncio.sleep(3600)
        elif fault == "slow":
            await self._raw(writer, "", length=len(good))
            step = len(good) // 8 + 1
            for start in range(0, len(good), step):
                writer.write(good[start : start + step].encode())
                await asyncio.sleep(self.slow / 8)
            self.answered[prompt] += 1
        else:
            await self._raw(writer, _odd(fault, good), kind="text/html" if fault == "html" else "")
        return True

    async def _stream(self, writer: asyncio.StreamWriter, prompt: str, anthropic: bool) -> None:
        events = list(_events(prompt, anthropic))
        await self._raw(writer, "".join(events), kind="text/event-stream")

    async def _reply(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        value: Any,
        headers: dict[str, str] | None = None,
    ) -> None:
        await self._raw(writer, json.dumps(value), status=status, headers=headers)

    async def _raw(
        self,
        writer: asyncio.StreamWriter,
        text: str,
        *,
        status: int = 200,
        kind: str = "",
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        lines = {
            "content-type": kind or "application/json",
            "content-length": str(len(text.encode()) if length is None else length),
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n{text}".encode())
        await writer.drain()


def right(prompt: str) -> str:
    """The answer to a prompt."""
    return f"word {hashlib.sha256(prompt.encode()).hexdigest()[:8]}"


def answer(prompt: str, anthropic: bool) -> dict[str, Any]:
    tokens = (len(prompt) // 4, 10)
    if anthropic:
        return {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": right(prompt)}],
            "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
        }
    message = {"role": "assistant", "content": right(prompt)}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]},
    }


def _error(fault: str) -> dict[str, Any]:
    _, code, message = _STATUS[fault]
    return {"type": "error", "error": {"message": message, "type": code, "code": code}}


def _odd(fault: str, good: str) -> str:
    return {
        "truncated": good[: len(good) // 2],
        "not json": "upstream connect error",
        "html": "<html><body>Bad gateway</body></html>",
        "twice": good[:-1] + ', "usage": {}}',
        "nan": good[:-1] + ', "score": NaN}',
    }[fault]


def _events(prompt: str, anthropic: bool) -> Iterator[str]:
    whole = answer(prompt, anthropic)
    if not anthropic:
        delta = {"index": 0, "delta": {"content": right(prompt)}, "finish_reason": "stop"}
        chunk = whole | {"object": "chat.completion.chunk", "choices": [delta]}
        yield f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
        return
    start = whole | {"content": [], "stop_reason": None}
    delta = {"type": "text_delta", "text": right(prompt)}
    stop = {"stop_reason": "end_turn"}
    for event in (
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": {"output_tokens": 10}},
        {"type": "message_stop"},
    ):
        yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


@contextmanager
def serving(faulty: Faulty) -> Iterator[Faulty]:
    """The server in a thread of this process."""
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def main() -> None:
        faulty.end = end = asyncio.Event()  # type: ignore[attr-defined]
        server = await faulty.start()
        ready.set()
        await end.wait()
        server.close()
        mine = asyncio.current_task()
        for task in asyncio.all_tasks():
            if task is not mine:
                task.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    ready.wait()
    try:
        yield faulty
    finally:
        loop.call_soon_threadsafe(faulty.end.set)  # type: ignore[attr-defined]
        thread.join()
        loop.close()


async def _alone(fault: str = "", share: str = "0.3", port: str = "0") -> None:
    faulty = Faulty(fault, float(share), unpaid=fault != "quota")
    await faulty.start(int(port))
    print(faulty.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"asked": faulty.asked.total(), "injected": faulty.injected}))


if __name__ == "__main__":
    asyncio.run(_alone(*sys.argv[1:]))
