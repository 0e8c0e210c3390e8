"""Cases in flight: one event loop in a thread of its own, beside pytest's sequential protocol.

pytest asks for one result after the other; the engine runs ahead of it within a window, so that
`-x` and Ctrl-C stop early and memory stays bounded. This is the only module with a task group.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from evalsuite.backends.calls import Halt
from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.records import Case
from evalsuite.runner.answer import Bench, note_written
from evalsuite.runner.benches import Benches
from evalsuite.runner.case import CaseResult, run_case
from evalsuite.runner.counts import Counts
from evalsuite.runner.plan import Plan
from evalsuite.runner.watch import Watch
from evalsuite.scoring import complaint

T = TypeVar("T")

SWITCH = 0.0001
"""Seconds after which a waiting thread gets its turn while cases run."""

WINDOW = 4
"""How many cases per slot may be in flight or wait to be read."""

_PATIENCE = 0.2
"""Seconds of waiting for one case between two looks at the others."""


@dataclass(slots=True, eq=False)
class Job:
    """One case that is to run."""

    plan: Plan
    case: Case
    started: bool = False


class Engine:
    """Made and used by one thread (pytest's); the loop runs in another until `close()`."""

    def __init__(
        self,
        *,
        concurrency: int,
        arguments: Sequence[str],
        watch: Watch,
        budget: Mapping[str, float] | None = None,
        workers: int = 1,
    ) -> None:
        self.counts: dict[Plan, Counts] = {}
        self.benches: dict[Plan, Bench] = {}
        self.watch = watch
        self._concurrency = concurrency
        self._jobs: list[Job] = []
        self._next = 0
        self._active = 0
        self._begun = 0  # counted on the loop
        self._read = 0  # counted by pytest's thread
        self._waiting = False
        self._results: dict[Job, CaseResult | Exception] = {}
        self._arrived = threading.Condition()
        self._ready: set[Plan] = set()
        self._cancelled = False
        self._ending = False  # before its time, and `_ended` will be what ended it
        self._ended: BaseException | None = None
        self.halt = Halt()
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="evalsuite-target")
        self._benches = Benches(
            concurrency=concurrency,
            share=1 / workers,
            arguments=arguments,
            watch=watch,
            threads=self._threads,
            halt=self.halt,
            budget=budget or {},
        )
        # pytest's thread works off results while the loop answers timers and sockets: at Python's
        # 5 ms the loop would wait that long for its turn, several times in each round of calls.
        self._switch = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evalsuite-loop", daemon=True)
        self._thread.start()
        self._started.wait()

    # Called by pytest's thread.

    def open(self, plan: Plan) -> Bench:
        """Make a suite's store, backends and identity ready. EvalsuiteError if one can't be."""
        bench = self.benches[plan] = self._call(self._benches.open(plan))
        self.counts[plan] = Counts()
        return bench

    def ahead(self, jobs: Sequence[Job]) -> None:
        """The jobs in the order in which their results will be asked for."""
        self._loop.call_soon_threadsafe(self._add, list(jobs))

    def begin(self, plan: Plan, fixtures: Mapping[str, Any]) -> None:
        """The suite's fixtures are there: enter its resources, and let its cases start."""
        self._call(self._begin(plan, fixtures))

    def result(
        self, job: Job, fixtures: Mapping[str, Any] | None, waiting: Callable[[], None]
    ) -> CaseResult:
        """Wait for one case; `fixtures` are given where each case has its own, and `waiting` is
        called now and then, since others go on meanwhile."""
        if not job.started:
            self._loop.call_soon_threadsafe(self._start_now, job, fixtures)
        while not self._within(job, _PATIENCE):
            waiting()
        with self._arrived:
            result = self._results.pop(job)
        self._read += 1
        if self._waiting and self._begun - self._read <= WINDOW * self._concurrency // 2:
            self._waiting = False
            self._loop.call_soon_threadsafe(self._pump)
        if isinstance(result, Exception):
            raise result
        return result

    def _within(self, job: Job, seconds: float) -> bool:
        with self._arrived:
            if self._arrived.wait_for(lambda: job in self._results, seconds):
                return True
        self._alive()
        return False

    def cancel(self) -> None:
        """Start nothing more and end what runs; what has finished is kept."""
        if not self._cancelled and self._ended is None:
            self._cancelled = True
            self._call(self._cancel())

    def close(self) -> list[str]:
        """End the loop, commit and close everything; the lines that the stores report."""
        self.cancel()
        if self._ended is None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        sys.setswitchinterval(self._switch)
        self._threads.shutdown(wait=False, cancel_futures=True)
        for bench in self.benches.values():
            note_written(bench)
        return self._benches.close_stores()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        while True:
            try:
                return future.result(_PATIENCE)
            except TimeoutError:
                if future.done():
                    raise
                self._alive()

    def _alive(self) -> None:
        """SuiteError if the loop has ended before its time."""
        if self._ended:
            raise SuiteError(
                f"the event loop of the evals was ended by {complaint(self._ended)}, raised in a "
                "task that a target left running: await it, or catch what it raises"
            )

    # On the loop.

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 (SystemExit in a task of a target's own)
            self._ended = error

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        async with AsyncExitStack() as self._stack, asyncio.TaskGroup() as self._group:
            self._started.set()
            await self._stop.wait()
        await self._benches.close()

    async def _begin(self, plan: Plan, fixtures: Mapping[str, Any]) -> None:
        bench = self.benches[plan]
        bench.arguments.update(fixtures)
        for name, resource in plan.suite.resources.items():
            try:
                bench.arguments[name] = await self._stack.enter_async_context(resource())
            except (Exception, SystemExit, GeneratorExit) as error:
                raise EvalsuiteError(
                    f'{plan.suite.file}:{plan.suite.line}: resource "{name}" of suite '
                    f"{plan.suite.name} failed: {complaint(error)}"
                ) from error
        self._ready.add(plan)
        self._pump()

    def _add(self, jobs: list[Job]) -> None:
        self._jobs += jobs
        self._pump()

    def _pump(self) -> None:
        """Start what the slots and the window allow, in order."""
        while self._next < len(self._jobs) and not self._cancelled and not self._ending:
            job = self._jobs[self._next]
            if self._active >= self._concurrency or job.plan not in self._ready:
                return
            if self._begun - self._read >= WINDOW * self._concurrency:
                self._waiting = True
                return
            self._next += 1
            if not job.started:
                self._start(job)

    def _start_now(self, job: Job, fixtures: Mapping[str, Any] | None) -> None:
        if fixtures is not None:
            self.benches[job.plan].arguments.update(fixtures)
        if not job.started:
            self._start(job)

    def _start(self, job: Job) -> None:
        job.started = True
        self._active += 1
        self._begun += 1
        self.counts[job.plan].running += 1
        task = self._group.create_task(self._work(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, job: Job) -> None:
        counts = self.counts[job.plan]
        held = True

        def release() -> None:
            nonlocal held
            if held:
                held = False
                counts.running -= 1
                self._active -= 1
                self._pump()

        result: CaseResult | Exception | None = None
        try:
            result = await run_case(self.benches[job.plan], job.case, release)
            counts.add(result)
        except asyncio.CancelledError:
            if self._cancelled:
                result = EvalsuiteError("the run was stopped")
            else:
                self._ending = True
            raise
        except Exception as error:  # noqa: BLE001 (a bug of ours is shown at its item)
            result = error
        except BaseException as error:  # noqa: BLE001 (would end the loop, and all other cases)
            result = EvalsuiteError(complaint(error))
        finally:
            if result is not None:
                with self._arrived:
                    self._results[job] = result
                    self._arrived.notify()
            release()

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
