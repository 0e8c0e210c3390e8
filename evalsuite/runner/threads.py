"""Threads for plain functions of a user's; one that never returns holds nothing up.

Python's own pool waits for its threads when the process ends, and once some hang, the others queue
behind them. Here a thread is made whenever none is idle, and all are daemons. How many work at once
is bounded by who calls.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """An executor; asyncio takes no other kind as a loop's default one."""

    def __init__(self) -> None:
        super().__init__(1)
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._calls = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._count = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self._calls.put((future, functools.partial(fn, *args, **kwargs)))
        if not self._idle.acquire(blocking=False):
            self._count += 1
            threading.Thread(target=self._serve, name="evalsuite-target", daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Idle threads end; a call that runs is left alone, whatever `wait` says."""
        for _ in range(self._count):
            self._calls.put(None)
        self._count = 0

    def _serve(self) -> None:
        while (given := self._calls.get()) is not None:
            future, call = given
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 (whoever waits gets it)
                    future.set_exception(error)
            del given, future, call
            self._idle.release()
