"""Cases in flight: one event loop in a thread of its own, beside pytest's sequential protocol.

pytest asks for one result after the other; the engine runs ahead of it (`runner.schedule` says how
far). Suites that share models share their slots; a suite on another provider has slots of its own,
so that a slow provider keeps only its own suites waiting.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, TypeVar

from evalsuite.backends.calls import Halt
from evalsuite.backends.rehearsing import Rehearsal
from evalsuite.backends.together import together
from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.records import Case
from evalsuite.runner.again import Again, ask_again
from evalsuite.runner.answer import Bench, note_written
from evalsuite.runner.benches import Benches
from evalsuite.runner.case import CaseResult, run_case
from evalsuite.runner.checkups import Occasions, check_judges
from evalsuite.runner.counts import Counts
from evalsuite.runner.deadline import GRACE
from evalsuite.runner.plan import Plan
from evalsuite.runner.rehearsal import Gone, Walk, rehearse, rehearse_checks
from evalsuite.runner.schedule import HELD, Job, Schedule
from evalsuite.runner.slots import Slots
from evalsuite.runner.threads import Threads
from evalsuite.runner.unchanged import Evidence, evidence_of
from evalsuite.runner.watch import Watch
from evalsuite.scoring import complaint

T = TypeVar("T")

TOGETHER = 0.005
"""Seconds for which results are gathered while other cases run."""

SWITCH = 0.0001
"""Seconds after which a waiting thread gets its turn while cases run."""

NEAR = 4
"""How many cases per slot may start even if too many results wait to be read."""

_PATIENCE = 0.2
"""Seconds of waiting for one case between two looks at the others."""


class Group:
    """Suites whose calls go to the same models, and the slots that they share."""

    def __init__(self, count: int, pump: Callable[[], None]) -> None:
        self.plans: list[Plan] = []
        self.slots = Slots(count, pump)


class Engine:
    """Made and used by one thread (pytest's); the loop runs in another until `close()`.

    `concurrency` is how many answers are under way at once for each group of suites that share
    their models; `workers` how many processes share the run's limits; after `enough` cases that
    fail (0: never) nothing more starts. Without `calls` no key is needed, and none can be made.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        arguments: Sequence[str],
        watch: Watch,
        budget: Mapping[str, float] | None = None,
        workers: int = 1,
        enough: int = 0,
        calls: bool = True,
    ) -> None:
        self.counts: dict[Plan, Counts] = {}
        self.benches: dict[Plan, Bench] = {}
        self.evidence: dict[Plan, Evidence] = {}
        self.watch = watch
        self._concurrency = concurrency
        self._schedule = Schedule(near=NEAR * concurrency, enough=enough)
        self._groups: dict[frozenset[str], Group] = {}
        self._results: dict[Job, tuple[CaseResult | Exception, int]] = {}
        self._arrived = threading.Condition()
        self._telling: asyncio.TimerHandle | None = None
        self._cancelled = False
        self._idle = False
        self._ending = False  # before its time, and `_ended` will be what ended it
        self._ended: BaseException | None = None
        self.halt = Halt()
        self._threads = Threads()
        self._benches = Benches(
            concurrency=concurrency,
            share=1 / workers,
            arguments=arguments,
            watch=watch,
            threads=self._threads,
            halt=self.halt,
            budget=budget or {},
            calls=calls,
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
        if bench.lanes not in self._groups:
            self._groups[bench.lanes] = Group(self._concurrency, self._pump)
        self._groups[bench.lanes].plans.append(plan)
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
        if job.place >= 0:
            self._schedule.reading = job.place
        if not job.started:
            self._loop.call_soon_threadsafe(self._start_now, job, fixtures)
        while not self._within(job, _PATIENCE):
            waiting()
        with self._arrived:
            result, size = self._results.pop(job)
            full = self._schedule.held >= HELD
            self._schedule.held -= size
        if full:
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

    def rehearse(
        self, plan: Plan, cases: Sequence[Case], rehearsal: Rehearsal, *, still: bool
    ) -> list[Walk]:
        """What cases would ask, without a call; see `rehearsal.rehearse`."""
        slots = Slots(self._concurrency)
        return self._call(rehearse(self.benches[plan], cases, slots, rehearsal, still=still))

    def rehearse_checks(
        self, plan: Plan, occasions: Occasions, rehearsal: Rehearsal
    ) -> dict[str, Gone]:
        """What checking its judges afterwards would ask."""
        return self._call(rehearse_checks(self.benches[plan], occasions, rehearsal))

    def open_look(self, plan: Plan, look: int) -> None:
        """A look did not decide a sequential run: the cases up to the next one may start."""
        self._loop.call_soon_threadsafe(self._open_look, plan, look)

    def again(self, plan: Plan, cases: Sequence[Case]) -> list[Again]:
        """Ask these cases again, while nothing of their suite has been torn down."""
        return self._call(self._again(plan, cases))

    def check_judges(self, occasions: Occasions) -> None:
        """Once the cases are through; see `checkups.check_judges`."""
        for plan, counts in self.counts.items():
            if counts.judged and not self.halt.reason and not self._cancelled:
                work = check_judges(self.benches[plan], counts, occasions)
                counts.standings = self._call(work)

    def state(self) -> str:
        """What a backend waits for, a server that starts say; "" for nothing."""
        return self._benches.state

    def cancel(self) -> None:
        """Start nothing more and end what runs; what has finished is kept."""
        if not self._cancelled and self._ended is None:
            self._cancelled = True
            asyncio.run_coroutine_threadsafe(self._cancel(), self._loop)
            with self._arrived:
                self._arrived.wait_for(lambda: self._idle or self._ended, 2 * GRACE)

    def close(self) -> list[str]:
        """End the loop, commit and close everything; the lines that are to be reported."""
        self.cancel()
        if self._ended is None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(2 * GRACE)
        sys.setswitchinterval(self._switch)
        self._threads.shutdown()
        for plan, bench in self.benches.items():
            note_written(bench)
            self.evidence[plan] = evidence_of(bench)
        lines = self._benches.close_stores()
        if self._thread.is_alive():
            lines.append("a target did not end when it was cancelled: it was left behind")
        return lines

    def stopped(self, plan: Plan) -> str:
        """Why the run ended before this suite was complete, "" if it did not."""
        return self.halt.reason if self.counts[plan].missing else ""

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
        self._loop.set_default_executor(self._threads)
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
        self._schedule.ready(plan)
        self._pump()

    def _add(self, jobs: list[Job]) -> None:
        self._schedule.add(jobs)
        self._pump()

    def _open_look(self, plan: Plan, look: int) -> None:
        self._schedule.open_look(plan, look)
        self._pump()

    async def _again(self, plan: Plan, cases: Sequence[Case]) -> list[Again]:
        bench, counts = self.benches[plan], self.counts[plan]
        slots = self._groups[bench.lanes].slots
        made = await together([ask_again(bench, case, slots) for case in cases])
        for each in made:
            counts.repeated(each)
            if each.missing and plan.config.replay != "only":
                self.halt.pull(each.missing)
        return made

    def _pump(self) -> None:
        """Start what may start; a loop that is ended cancels cases, which give their slots back."""
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            return
        for group in self._groups.values():
            while group.slots.free > 0 and not self._cancelled and not self._ending:
                job = self._schedule.next(group.plans)
                if job is None:
                    break
                self._start(job, group.slots)

    def _start_now(self, job: Job, fixtures: Mapping[str, Any] | None) -> None:
        """Its result is waited for. With fixtures of its own its trials don't run side by side."""
        bench = self.benches[job.plan]
        slots = self._groups[bench.lanes].slots
        if fixtures is not None:
            bench.arguments.update(fixtures)
            slots = Slots(1)
        if not job.started:
            self._start(job, slots)

    def _start(self, job: Job, slots: Slots) -> None:
        slots.take_now()
        job.started = True
        self.counts[job.plan].running += 1
        task = self._group.create_task(self._work(job, slots))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, job: Job, slots: Slots) -> None:
        counts = self.counts[job.plan]
        result: CaseResult | Exception | None = None
        try:
            result = await run_case(self.benches[job.plan], job.case, slots)
            counts.add(result)
            if result.status == "missing" and job.plan.config.replay != "only":
                self.halt.pull(result.message)  # whoever refused the call, the run has ended
            result = replace(result, tallies=())
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
            counts.running -= 1
            if result is not None:
                self._arrive(job, result)

    def _arrive(self, job: Job, result: CaseResult | Exception) -> None:
        if isinstance(result, Exception) or result.status == "failed":
            self._schedule.failed(job)
        size = result.size if isinstance(result, CaseResult) else 0
        with self._arrived:
            self._results[job] = result, size
            self._schedule.held += size
        if len(self._tasks) <= 1:
            self._tell()
        elif self._telling is None:
            self._telling = self._loop.call_later(TOGETHER, self._tell)

    def _tell(self) -> None:
        """Wake pytest's thread, for all results that have arrived together: each change of threads
        costs as much as a tenth of a case."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        with self._arrived:
            self._arrived.notify()

    async def _cancel(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with self._arrived:
            self._idle = True
            self._arrived.notify()
