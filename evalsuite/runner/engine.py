"""Cases in flight: one event loop in a thread of its own, beside pytest's sequential protocol.

pytest asks for one result after the other; the engine runs ahead of it within a window, so that
`-x` and Ctrl-C stop early and memory stays bounded. This is the only module with a task group.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from evalsuite.backends import open_backend
from evalsuite.backends.base import Backend
from evalsuite.backends.calls import QUIET, Halt
from evalsuite.backends.lane import Lane, Limits, Resilient
from evalsuite.backends.llm import LLM
from evalsuite.backends.metered import Budget, Metered
from evalsuite.backends.recording import Recorded
from evalsuite.canonical import key
from evalsuite.errors import DataError, EvalsuiteError, OptionError, SuiteError
from evalsuite.records import Case, Part
from evalsuite.runner.answer import Bench, base_key, note_written, written_before
from evalsuite.runner.case import CaseResult, run_case
from evalsuite.runner.fingerprint import Fingerprint, fingerprint, salt_from
from evalsuite.runner.plan import Plan
from evalsuite.runner.watch import Watch
from evalsuite.scoring import complaint
from evalsuite.store import Store

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


@dataclass(slots=True)
class Counts:
    """What happened so far, for progress and for the run's manifest."""

    done: int = 0
    failed: int = 0
    running: int = 0
    fresh: int = 0
    stored: int = 0
    reused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0

    def add(self, result: CaseResult) -> None:
        self.done += 1
        self.failed += result.status in ("missed", "error", "failed", "missing")
        self.reused += result.reused
        for tally in result.tallies:
            self.fresh += tally.fresh
            self.stored += tally.stored
            self.input_tokens += tally.usage.input_tokens
            self.output_tokens += tally.usage.output_tokens
            if tally.fresh:
                known = self.cost is not None and tally.cost is not None
                self.cost = self.cost + tally.cost if known else None  # type: ignore[operator]


class Engine:
    """Made and used by one thread (pytest's); the loop runs in another until `close()`."""

    def __init__(
        self,
        *,
        concurrency: int,
        arguments: Sequence[str],
        watch: Watch,
        budget: Mapping[str, float] | None = None,
    ) -> None:
        self.counts: dict[Plan, Counts] = {}
        self.benches: dict[Plan, Bench] = {}
        self.watch = watch
        self._concurrency = concurrency
        self._arguments = arguments
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
        self._stores: dict[Path, Store] = {}
        self._prints: dict[Path, Fingerprint] = {}
        self.halt = Halt()
        self._budget = Budget(budget or {}, self.halt)
        self._lanes: dict[str, Lane] = {}
        self._backends: dict[tuple[Path, str], Backend] = {}
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="evalsuite-target")
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
        return self._call(self._open(plan))

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
        lines = []
        for store in self._stores.values():
            try:
                store.close()
            except DataError as error:  # a full disk: the run has ended for it, or says so now
                lines.append(str(error))
            lines += store.reports
        return lines

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
        for backend in self._backends.values():
            with contextlib.suppress(Exception):
                await backend.close()

    async def _open(self, plan: Plan) -> Bench:
        token = QUIET.set(True)
        try:
            config = plan.config
            if config.state_dir not in self._stores:
                self._stores[config.state_dir] = Store(config.state_dir)
            store = self._stores[config.state_dir]
            found = self._fingerprint(plan, store)
            roles = {role: self._recorded(plan, role, store) for role in plan.specs}
        finally:
            QUIET.reset(token)
        own = (config.report_dir, config.state_dir)
        ignored = (*(os.path.join(each, "") for each in own), *_caches(config.root))  # noqa: PTH118
        self.watch.cover({*found.files, *plan.covered}, ignored)
        identities = {role: each.backend.identity for role, each in sorted(roles.items())}
        bench = Bench(
            plan=plan,
            store=store,
            llm=LLM(roles, self._loop),
            watch=self.watch,
            base=base_key(plan, key("code", [found.key, identities])),
            threads=self._threads,
            sure=all(_sure(each.backend) for each in roles.values()),
            sources=found.files,
            models={
                role: Part(key("model", each.backend.identity), plan.specs[role])
                for role, each in sorted(roles.items())
            },
        )
        self.benches[plan] = bench
        self.counts[plan] = Counts()
        return bench

    def _fingerprint(self, plan: Plan, store: Store) -> Fingerprint:
        config = plan.config
        if config.root not in self._prints:
            salt = salt_from(store.get("note", "salt"))
            store.put("note", "salt", salt)
            store.flush()
            own = [config.golden_dir, config.snapshot_dir, config.report_dir, config.state_dir]
            self._prints[config.root] = fingerprint(
                config.root,
                own=own,
                arguments=self._arguments,
                salt=salt,
                written=written_before(store),
            )
        return self._prints[config.root]

    def _recorded(self, plan: Plan, role: str, store: Store) -> Recorded:
        spec = plan.specs[role]
        place = (plan.config.root, spec)
        if place not in self._backends:
            calls = plan.config.replay != "only"
            try:
                self._backends[place] = self._chain(open_backend(spec, calls=calls), plan)
            except EvalsuiteError as error:
                suite = plan.suite
                where = f'{suite.file}:{suite.line}: suite {suite.name}: backend of role "{role}"'
                raise OptionError(f"{where}: {error}") from None
        return Recorded(self._backends[place], store, plan.config.replay == "only", self.halt)

    def _chain(self, backend: Backend, plan: Plan) -> Backend:
        """The backends around a provider's: each call is priced and budgeted, and goes through
        the lane of its model. What answers in this process needs neither."""
        if backend.capabilities.deterministic:
            return backend
        config, identity = plan.config, backend.identity
        names = [str(identity["provider"]), f"{identity['provider']}:{identity.get('model')}"]
        rates = {k: v for name in names for k, v in config.limits.get(name, {}).items()}
        lane_name = f"{names[1]}@{identity.get('url')}"
        if lane_name not in self._lanes:
            limits = Limits(
                concurrency=int(rates.pop("concurrency", self._concurrency)),
                patience=config.patience,
                **rates,
            )
            self._lanes[lane_name] = Lane(lane_name, limits)
        return Resilient(Metered(backend, self._budget, config.prices), self._lanes[lane_name])

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


def _sure(backend: Backend) -> bool:
    """Whether a further trial is known to give the same answer."""
    return backend.capabilities.deterministic and not backend.capabilities.seed


def _caches(root: Path) -> tuple[str, ...]:
    """Folders below the root that tools write into."""
    names = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")
    return tuple(os.path.join(root, name, "") for name in names)  # noqa: PTH118
