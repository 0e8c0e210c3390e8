"""`replay:SPEC`: the backend that SPEC names, as far as its replies are stored.

It has the identity of the other one and makes no call, so that a fork's pull request is evaluated
without a key, and without the option that would let every backend only replay.
"""

from __future__ import annotations

from urllib.parse import quote

from evalsuite.backends import open_backend
from evalsuite.backends.base import Completion, Request
from evalsuite.backends.recording import MissingReply


class Replay:
    """`model` is the other backend's spec up to its URL or parameters, which follow."""

    def __init__(self, *, model: str, url: str | None = None, **params: str) -> None:
        asked = "&".join(f"{name}={quote(value)}" for name, value in params.items())
        where = f"@{url}" if url else ""
        inner = open_backend(f"{model}{where}{f'?{asked}' if asked else ''}", calls=False)
        self.identity = inner.identity
        self.capabilities = inner.capabilities

    async def complete(self, request: Request) -> Completion:
        """MissingReply: what is stored was given before it came to this."""
        raise MissingReply("no stored reply, and replay: makes no call")

    async def close(self) -> None: ...
