"""How long an attempt may take: learned from how long answers took, so that a connection that
hangs costs seconds and a slow model is left its time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_KNOWN = 20
"""Answers from which on it can be said how long they take."""

_TIMES = 20.0
"""How many times as long as the longest answer so far an attempt may take."""

_MORE = 1.5
"""How much longer each further attempt of a call may take: its answer may be slow indeed."""

_LOOK = 1.0
"""Seconds between two looks at the attempts under way, since answers shorten what they may take."""


@dataclass(frozen=True, slots=True, eq=False)
class _Attempt:
    began: float
    most: float
    late: int


class Hangs:
    """Ends attempts that take too long, those under way when it is learned included; one timer for
    all of them. `least` are the seconds that any attempt may take; used on one loop."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._answers = 0
        self._longest = 0.0
        self._under_way: dict[asyncio.Timeout, _Attempt] = {}
        self._timer: asyncio.TimerHandle | None = None

    def answered(self, seconds: float) -> None:
        """An answer took so long."""
        self._answers += 1
        self._longest = max(self._longest, seconds)

    def limit(self, most: float, late: int) -> float:
        """The seconds of an attempt of a call that was too late `late` times before; never more
        than `most`."""
        if self._answers < _KNOWN:
            return most
        return min(most, max(self._least, _TIMES * self._longest) * _MORE**late)

    @contextmanager
    def watch(self, scope: asyncio.Timeout, most: float, late: int) -> Iterator[None]:
        """Inside, `scope` expires once the attempt has taken too long."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._under_way[scope] = _Attempt(now, most, late)
        self._wake(loop, now + self.limit(most, late))
        try:
            yield
        finally:
            self._under_way.pop(scope, None)

    def _wake(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        when = min(when, loop.time() + _LOOK)
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        until = {
            scope: each.began + self.limit(each.most, each.late)
            for scope, each in self._under_way.items()
        }
        for scope, when in until.items():
            if when <= now:
                del self._under_way[scope]
                scope.reschedule(now)
        if self._under_way:
            self._wake(loop, min(until[scope] for scope in self._under_way))
