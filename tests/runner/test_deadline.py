"""How long a user's code may take, whatever it does about it."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from evalsuite.runner import deadline as timing
from evalsuite.runner.deadline import Deadline, Raised, call
from evalsuite.runner.threads import Threads

HERE: contextvars.ContextVar[str] = contextvars.ContextVar("here", default="")


def run(function: Callable[[], Any], limit: float = 5.0) -> Any:
    async def main() -> Any:
        context = contextvars.copy_context()
        context.run(HERE.set, "case")
        threads = Threads()
        try:
            return await call(function, context=context, threads=threads, deadline=Deadline(limit))
        finally:
            threads.shutdown()

    return asyncio.run(main())


async def coming() -> str:
    await asyncio.sleep(0)
    return HERE.get()


def around() -> Any:
    return coming()


@pytest.mark.parametrize("function", [coming, HERE.get, around])
def test_async_and_plain_functions_and_plain_ones_around_async_ones(
    function: Callable[[], Any],
) -> None:
    assert run(function) == "case"


@pytest.mark.parametrize(
    "error", [ValueError(), SystemExit(3), StopIteration(), KeyboardInterrupt()]
)
def test_whatever_is_raised_is_carried(error: BaseException) -> None:
    def plain() -> None:
        raise error

    async def waiting() -> None:
        raise error

    for function in (plain, waiting):
        with pytest.raises(Raised) as raised:
            run(function)
        if not isinstance(error, StopIteration):
            assert raised.value.error is error


def test_a_pause_stops_the_clock_until_all_who_wait_go_on() -> None:
    async def main() -> None:
        deadline = Deadline(0.05)
        released = asyncio.Event()

        async def work() -> str:
            deadline.pause()
            deadline.pause()
            deadline.resume()
            await asyncio.sleep(0.2)  # four times what it may take
            deadline.resume()
            released.set()
            return "done"

        assert await deadline.wait(asyncio.create_task(work())) == "done"
        assert released.is_set()

    asyncio.run(main())


def test_after_a_pause_what_was_left_is_left() -> None:
    async def main() -> None:
        deadline = Deadline(0.05)

        async def work() -> None:
            deadline.pause()
            await asyncio.sleep(0.1)
            deadline.resume()
            await asyncio.sleep(30)

        with pytest.raises(TimeoutError):
            await deadline.wait(asyncio.create_task(work()))
        deadline.pause()  # of a call that nobody waits for
        deadline.resume()

    asyncio.run(main())


def test_code_that_ignores_its_cancellation_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "GRACE", 0.05)

    async def main() -> None:
        enough = asyncio.Event()

        async def stubborn() -> None:
            while not enough.is_set():
                try:
                    await asyncio.sleep(30)
                except asyncio.CancelledError:
                    if len(asyncio.all_tasks()) == 1:
                        return

        work = asyncio.create_task(stubborn())
        with pytest.raises(TimeoutError):
            await Deadline(0.01).wait(work)
        assert not work.done()
        enough.set()
        work.cancel()
        await asyncio.wait((work,), timeout=5)
        assert work.done()

    asyncio.run(main())


def test_cancelled_code_may_clean_up() -> None:
    log = []

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.01)
            log.append("cleaned")

    with pytest.raises(TimeoutError):
        run(work, limit=0.01)
    assert log == ["cleaned"]


def test_threads_are_used_again_and_never_waited_for() -> None:
    threads = Threads()
    names = {threads.submit(threading.current_thread).result(5).ident}
    stuck = threading.Event()
    hanging = threads.submit(stuck.wait, 30)
    names.add(threads.submit(threading.get_ident).result(5))
    assert threads.submit(threading.current_thread).result(5).daemon
    assert len(names) <= 2  # whichever is free, and never the one that hangs
    threads.shutdown()
    assert not hanging.done()
    stuck.set()
    assert hanging.result(5) is True


def test_a_thread_that_never_returns_does_not_hold_up_the_exit() -> None:
    source = (
        "import asyncio, time\nfrom evalsuite.runner.threads import Threads\n"
        "async def main():\n"
        "    loop = asyncio.get_running_loop()\n"
        "    loop.set_default_executor(Threads())\n"
        "    loop.run_in_executor(None, time.sleep, 600)\n"
        "asyncio.run(main())\nprint('ended')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "ended\n"
    assert done.stderr == ""
