"""How long a user's code may take, and what calls it.

Waiting for a provider's limits is nobody's fault, so the clock stands still meanwhile. Code that
ignores its cancellation, or a thread that never returns, is left behind: it must not hold up a run.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

GRACE = 2.0
"""Seconds that cancelled code has to let go of what it holds."""


class Raised(Exception):
    """A user's code raised `error`. Carried so, because some exceptions (SystemExit, StopIteration,
    a cancellation of its own) would end a thread, a task or the whole loop instead."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Deadline:
    """`limit` seconds on the running loop, less all time between `pause` and `resume`; pauses of
    calls that wait side by side may overlap. Used once."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._loop = asyncio.get_running_loop()
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._left = limit
        self._waits = 0
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, work: asyncio.Future[T]) -> T:
        """What `work` gives or raises; TimeoutError once its time is up."""
        self._timer = self._loop.call_later(self._left, self._ring)
        try:
            await asyncio.wait((work, self._up), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            await _end(work)
            raise TimeoutError
        except asyncio.CancelledError:
            await _end(work)
            raise
        finally:
            self._timer.cancel()
            self._up.cancel()

    def pause(self) -> None:
        self._waits += 1
        if self._waits == 1 and self._timer is not None:
            self._timer.cancel()
            self._left = max(0.0, self._timer.when() - self._loop.time())

    def resume(self) -> None:
        self._waits -= 1
        if self._waits == 0 and self._timer is not None and not self._up.done():
            self._timer = self._loop.call_later(self._left, self._ring)

    def _ring(self) -> None:
        if not self._up.done():
            self._up.set_result(None)


async def _end(work: asyncio.Future[Any]) -> None:
    """Cancel, and wait a moment for what it cleans up."""
    work.add_done_callback(lambda done: done.cancelled() or done.exception())
    work.cancel()
    if not work.done():
        await asyncio.wait((work,), timeout=GRACE)


async def call(
    function: Callable[[], Any],
    *,
    context: contextvars.Context,
    threads: Executor,
    deadline: Deadline,
) -> Any:
    """What a user's function returns: an async one runs in a task, a plain one in a thread, both in
    `context`.

    Raises:
        Raised: whatever it raised, of any kind.
        TimeoutError: its time is up.
    """
    if inspect.iscoroutinefunction(function):
        return await deadline.wait(_task(function(), context))
    return await deadline.wait(asyncio.ensure_future(_threaded(function, context, threads)))


def _task(coming: Awaitable[Any], context: contextvars.Context) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(_awaited(coming), context=context)


async def _threaded(
    function: Callable[[], Any], context: contextvars.Context, threads: Executor
) -> Any:
    loop = asyncio.get_running_loop()
    returned = await loop.run_in_executor(threads, context.run, _called, function)
    return await _task(returned, context) if inspect.isawaitable(returned) else returned


def _called(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except BaseException as error:  # noqa: BLE001 (SystemExit and StopIteration too)
        raise Raised(error) from None


async def _awaited(coming: Awaitable[Any]) -> Any:
    try:
        return await coming
    except GeneratorExit:  # nobody waits for it any more
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise Raised(error) from None
