"""Who goes next: calls wait for a slot, the pace and the breaker, first come first served."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass

from evalsuite.backends.calls import TALLY
from evalsuite.backends.lane.breaker import Breaker
from evalsuite.backends.lane.bucket import Ticket
from evalsuite.backends.lane.limits import Counts
from evalsuite.backends.lane.pace import Pace
from evalsuite.errors import RunStopped


@dataclass(slots=True, eq=False, order=False)
class _Waiter:
    """A call that waits for its turn, in the order in which calls were made."""

    order: int
    tokens: float
    turn: asyncio.Future[Ticket]

    def __lt__(self, other: _Waiter) -> bool:
        return self.order < other.order


class Turns:
    """The slots of one lane and who waits for them; used on one loop.

    `at_once` slots at most. Where most attempts come too late there are fewer, since a server that
    is asked for too much at once answers nobody in time. Of attempts that went together the late
    ones end last and in a row, so that twice as many are remembered as go at once.
    """

    def __init__(self, at_once: int, pace: Pace, breaker: Breaker, counts: Counts) -> None:
        self.under_way = 0
        self._pace = pace
        self._breaker = breaker
        self._counts = counts
        self._most = self.slots = float(at_once)
        self._narrowed = 0.0
        self._late = 0.0  # share of attempts lately that came too late
        self._waiting: list[_Waiter] = []
        self._sleeping: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def next(self, order: int, tokens: float) -> Ticket:
        """Wait until the call may go; what it is given back with is `free`."""
        now = time.monotonic()
        free = not self._waiting and self.under_way < self.slots
        if free and not self._breaker.delay(now) and not self._pace.delay(now, tokens):
            return self._grant(now, tokens)
        waiter = _Waiter(order, tokens, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, waiter)
        self.pump()
        with self.held():
            try:
                return await waiter.turn
            except asyncio.CancelledError:
                if waiter.turn.done() and not waiter.turn.cancelled():
                    self._pace.lost(waiter.turn.result())
                    self._breaker.gone()
                    self.free()
                raise

    def free(self) -> None:
        """A call that had its turn has ended."""
        self.under_way -= 1
        self.pump()

    def pump(self) -> None:
        """Let those go whose turn it is, and wake up when the next one's comes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self.under_way < self.slots:
            waiter = self._waiting[0]
            if waiter.turn.done():
                heapq.heappop(self._waiting)
                continue
            now = time.monotonic()
            wait = max(self._breaker.delay(now), self._pace.delay(now, waiter.tokens))
            if wait > 0.0:
                if wait < float("inf"):
                    loop = asyncio.get_running_loop()
                    self._timer = loop.call_later(wait, self.pump)
                return
            heapq.heappop(self._waiting)
            waiter.turn.set_result(self._grant(now, waiter.tokens))

    def _grant(self, now: float, tokens: float) -> Ticket:
        self.under_way += 1
        self._breaker.sent()
        return self._pace.send(now, tokens)

    def in_time(self) -> None:
        """An attempt was answered."""
        self._remember(0.0)
        if self.slots < self._most:
            self.slots = min(self._most, self.slots + 1.0 / self.slots)

    def too_late(self, began: float) -> None:
        """An attempt that began then had no answer in time. Half the slots go if most attempts end
        so; once for all that were under way together."""
        self._remember(1.0)
        if self._late > 0.5 and began > self._narrowed:
            self._narrowed = time.monotonic()
            self.slots = max(1.0, self.slots / 2.0)

    def _remember(self, late: float) -> None:
        self._late += min(0.1, 0.5 / self.slots) * (late - self._late)

    async def sleep(self, seconds: float) -> None:
        """A wait between two attempts; RunStopped once the run ends."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        self._sleeping.add(over)
        timer = loop.call_later(seconds, _finish, over)
        try:
            with self.held():
                await over
        finally:
            timer.cancel()
            self._sleeping.discard(over)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The case's clock stands still: it is not its own time."""
        tally = TALLY.get(None)
        clock = tally.clock if tally else None
        began = time.monotonic()
        if clock:
            clock.pause()
        try:
            yield
        finally:
            self._counts.waited += time.monotonic() - began
            if clock:
                clock.resume()

    def stop(self, reason: str) -> None:
        """The run has ended: what waits is not asked any more."""
        for waiter in self._waiting:
            if not waiter.turn.done():
                waiter.turn.set_exception(RunStopped(reason))
        self._waiting.clear()
        for over in self._sleeping:
            if not over.done():
                over.set_exception(RunStopped(reason))


def _finish(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
