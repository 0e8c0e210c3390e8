"""How many answers may be under way at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Slots:
    """Like a semaphore, but for who comes next: further trials of the cases that have begun, in
    order, then whoever `freed` starts."""

    def __init__(self, count: int, freed: Callable[[], None] = lambda: None) -> None:
        self.free = count
        self._freed = freed
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take_now(self) -> None:
        """Take one for what can't wait, even if none is free."""
        self.free -= 1

    async def take(self) -> None:
        """Wait for one."""
        if self.free > 0:
            self.free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came at the same moment
                self.give()
            raise

    def give(self) -> None:
        """Give one back."""
        self.free += 1
        while self._waiting and self.free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                self.free -= 1
                turn.set_result(None)
        if self.free > 0:
            self._freed()
