"""What has to run before a backend can be asked: a server, an engine. Minutes may pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.backends.calls import TALLY, Halt
from evalsuite.backends.recording import paused
from evalsuite.errors import BackendError


class Started:
    """A backend that is started before its first call, by `start`, which all calls wait for.

    Starting is no attempt of a call, so it stands outside of retries and their deadlines, and the
    clocks of the cases stand still. What can't be started ends the run.
    """

    def __init__(self, backend: Backend, start: Callable[[], Awaitable[None]], halt: Halt) -> None:
        self._backend = backend
        self.identity = backend.identity
        self.capabilities = backend.capabilities
        self._start = start
        self._halt = halt

    async def complete(self, request: Request) -> Completion:
        """The reply; RunStopped where there is nothing that could be asked."""
        tally = TALLY.get(None)
        with paused(tally.clock if tally else None):
            try:
                await self._start()
            except BackendError as error:
                self._halt.pull(str(error))
        self._halt.check()
        return await self._backend.complete(request)

    async def close(self) -> None:
        await self._backend.close()
