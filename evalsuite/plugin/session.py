"""What `--evals` adds to a pytest session. It translates; `runner` decides.

In one process: items are collected, the engine runs ahead of them, each item's report carries its
result, and after the last one the gates are decided and reported. Under xdist the workers do the
first half and send their results with the reports, the controller does the second.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import threading
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from evalsuite import registry
from evalsuite.backends.budget import run_budget
from evalsuite.errors import DataError, EvalsuiteError
from evalsuite.plugin.collecting import Collecting
from evalsuite.plugin.courses import Courses
from evalsuite.plugin.deciding import Deciding
from evalsuite.plugin.environment import keep_still
from evalsuite.plugin.invocation import Invocation
from evalsuite.plugin.items import CaseItem
from evalsuite.plugin.progress import Progress
from evalsuite.plugin.selecting import Selecting
from evalsuite.plugin.translate import (
    configured,
    or_stop,
    quietly,
    settings_files,
    telling,
    terminated_as_interrupt,
)
from evalsuite.plugin.xdist import dealt
from evalsuite.runner.checkups import Occasions
from evalsuite.runner.engine import Engine
from evalsuite.runner.plan import Plan
from evalsuite.runner.results import RunWriter
from evalsuite.runner.schedule import Job
from evalsuite.runner.watch import Watch
from evalsuite.seeds import derive

LONG = 250
"""Results after which a run is long enough to load meanwhile what its end needs."""

_WATCH = pytest.StashKey[Watch]()


def begin_watch(config: pytest.Config) -> Watch:
    """As early as pytest lets us: conftests read files while they are imported. However the
    session ends, refused options included, nothing of it watches the next one in this process."""
    watch = config.stash[_WATCH] = Watch()
    config.add_cleanup(watch.stop)
    watch.start()
    return watch


def start(config: pytest.Config) -> None:
    """Register all that takes part: in a plain process, a worker or the controller."""
    keep_still(config)
    invocation = Invocation(config)
    progress = Progress(config, invocation.worker is not None)
    deciding = Deciding(invocation, progress)
    running = Running(invocation, deciding, progress)
    collecting = Collecting(invocation, running)
    for name, part in (("collecting", collecting), ("running", running), ("deciding", deciding)):
        config.pluginmanager.register(part, f"evalsuite-{name}")
    # A process that ends need not look for cycles among all that it has imported and made: with an
    # SDK loaded that takes a quarter of a second.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


class Running:
    """The cases of this process, while pytest asks for one after the other."""

    def __init__(self, invocation: Invocation, deciding: Deciding, progress: Progress) -> None:
        config = self.config = invocation.config
        self.invocation = invocation
        self.deciding = deciding
        self.progress = progress
        self.watch = config.stash[_WATCH] if _WATCH in config.stash else begin_watch(config)
        self.engine: Engine | None = None
        self.courses = Courses(invocation, deciding, progress)
        self.items: list[CaseItem] = []
        self.selecting = Selecting(invocation, progress)
        self.begun: dict[Plan, EvalsuiteError | None] = {}
        self.read = 0
        if invocation.controller:
            self.watch.stop()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        if session.testsfailed or self.config.option.collectonly:
            return (yield)
        with terminated_as_interrupt(self.invocation.worker is None):
            try:
                if not self.invocation.controller:
                    self._start(session)
                result = yield
                self._check_judges(session)
            except session.Failed:  # -x: what ran is reported, and decides no gate
                self._stop()
                self.deciding.conclude(session)
                raise
            finally:
                self._stop()
            self.deciding.conclude(session)
        return result

    def _check_judges(self, session: pytest.Session) -> None:
        """After the last case, unless the session ends before its time."""
        if self.engine is None or session.shouldstop or session.shouldfail:
            return
        with or_stop(self.invocation.refuse):
            week = "{}-{}".format(*datetime.now(UTC).isocalendar())
            self.engine.check_judges(Occasions(derive(0, self.invocation.run), derive(0, week)))

    def _start(self, session: pytest.Session) -> None:
        self.invocation.session = session
        self.items = [item for item in session.items if isinstance(item, CaseItem)]
        if not self.items:
            return
        workers = int(self.invocation.worker["workercount"]) if self.invocation.worker else 1
        wanted = max(item.job.plan.config.concurrency for item in self.items)
        self.engine = Engine(
            concurrency=max(1, wanted // workers),
            workers=workers,
            budget=self._budget(workers),
            arguments=telling(
                [*configured(self.config), *self.invocation.arguments],
                self.config.option.file_or_dir,
            ),
            watch=self.watch,
            enough=self.config.getoption("maxfail"),
            calls=not self.selecting.planning,
        )
        with or_stop(self.invocation.refuse):
            for plan in dict.fromkeys(item.job.plan for item in self.items):
                self.engine.open(plan)
        if self.invocation.refused:
            return
        for file in settings_files(self.config, {item.job.plan.config.root for item in self.items}):
            self.watch.touch(file)
        if self.config.getoption("xmlpath", None):
            self.watch.wrote(Path(self.config.option.xmlpath))
        with or_stop(self.invocation.refuse):
            self.items = self.selecting.start(self.engine, self.items, self._budget(1))
        if self.selecting.planning or self.invocation.refused:
            session.items.clear()
            return
        self.items = self.courses.start(self.engine, self.items)
        ordered = iter(self.items)
        session.items[:] = [
            next(ordered)
            if isinstance(item, CaseItem) and not self.left_out(item.job.plan)
            else item
            for item in session.items
        ]
        # What is loaded and collected by now lives as long as the process does: not to be looked
        # through while cases run, nor several times when pytest ends.
        gc.freeze()
        places = dealt(self.config, len(self.items))
        jobs = [self.items[place] for place in places]
        self.engine.ahead([item.job for item in jobs if not item.needs.sequential])
        for item in jobs:
            if item.needs.info is None and not item.job.plan.suite.resources:
                self.begin(item.job.plan, {})
        self.progress.start(self.engine.counts, len(jobs), self.engine.state)

    def _get_ready(self) -> None:
        """Load what only the end of the run needs, while calls are waited for."""
        with quietly(), contextlib.suppress(Exception):  # the end says what can't be loaded
            import_module("evalsuite.runner.conclude")
            import_module("evalsuite.gate.decision")
            import_module("evalsuite.report.building")
            for item in self.items[:1]:
                for name in item.job.plan.config.formats:
                    registry.find("formats", name)

    def _budget(self, workers: int) -> dict[str, float]:
        worker = self.invocation.worker
        place = int(worker["workerid"].removeprefix("gw")) if worker else 0
        return run_budget((item.job.plan.config for item in self.items), place, workers)

    def begin(self, plan: Plan, fixtures: Mapping[str, Any]) -> None:
        """Once per suite: what its cases need is there."""
        assert self.engine is not None
        if plan not in self.begun:
            self.begun[plan] = None
            try:
                self.engine.begin(plan, fixtures)
            except EvalsuiteError as error:
                self.begun[plan] = error
        failed = self.begun[plan]
        if failed is not None:
            raise failed

    def left_out(self, plan: Plan) -> str:
        return self.selecting.left_out(plan)

    def unneeded(self, job: Job) -> str:
        return self.left_out(job.plan) or self.courses.unneeded(job)

    def result(self, job: Job, fixtures: Mapping[str, Any] | None) -> Any:
        assert self.engine is not None
        try:
            result = self.engine.result(job, fixtures, self.progress.show)
        except DataError as error:  # nothing more can be kept: no further case may be paid for
            self.invocation.refuse(str(error), error.exit_code)
            raise
        self.progress.show()
        self.read += 1
        if self.read == LONG:
            threading.Thread(target=self._get_ready, daemon=True).start()
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """A case without fixtures has nothing to set up: one phase, at a third of the cost."""
        if self.invocation.refused:  # xdist's workers start one more item before they look
            return True
        if not isinstance(item, CaseItem) or item.needs.info is not None:
            return None
        if item.job.plan.suite.resources:  # what fails to open is an error of the set-up
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        call = pytest.CallInfo.from_call(
            item.run_alone, when="call", reraise=(KeyboardInterrupt, pytest.exit.Exception)
        )
        report = hook.pytest_runtest_makereport(item=item, call=call)
        hook.pytest_runtest_logreport(report=report)
        if self.config.getoption("xmlpath", None):  # junit closes a case at its teardown
            self._close_case(_closing(report))
        self.courses.after(item)
        stopping = item.session.shouldfail or item.session.shouldstop
        if stopping and self.engine is not None:
            self.engine.cancel()
        item.session._setupstate.teardown_exact(None if stopping else nextitem)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _close_case(self, report: pytest.TestReport) -> None:
        """junit alone waits for it; from a worker, on the way that all reports take."""
        xml = self.config.stash.get(xml_key, None)
        if xml is None:
            self.config.hook.pytest_runtest_logreport(report=report)
        else:
            xml.pytest_runtest_logreport(report)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        report = yield
        if isinstance(item, CaseItem) and call.when == "call" and item.result is not None:
            result, item.result = item.result, None
            report.evals_status = result.status
            report.duration = result.seconds
            report.user_properties.append(("evals_status", result.status))
            if result.message:
                report.user_properties.append(("evals_reason", result.message[:500]))
            suite = item.job.plan.nodeid
            told = RunWriter.payload(result) if self.invocation.worker else result
            report.evals = (suite, told)
        elif isinstance(item, CaseItem) and call.when == "call" and item.unneeded:
            report.evals_status = "unchanged" if self.left_out(item.job.plan) else "unneeded"
            report.user_properties.append(("evals_status", report.evals_status))
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Before fixtures go away under `-x`, nothing may use them any more."""
        if isinstance(item, CaseItem):
            self.courses.after(item)
        stopping = item.session.shouldfail or item.session.shouldstop
        if stopping and self.engine is not None:
            self.engine.cancel()

    def _stop(self) -> None:
        self.progress.stop()
        if self.engine is None or not self.watch.active:
            return
        self.watch.stop()
        self.deciding.damage += self.engine.close()
        for plan, course in self.courses.courses.items():
            brief = course.brief(self.deciding.damage, self.engine.stopped(plan))
            brief = replace(brief, evidence=self.engine.evidence[plan])
            self.deciding.briefs[plan.nodeid] = brief
        self.deciding.finished = sum(each.done for each in self.engine.counts.values())

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self.watch.stop()


def _closing(report: pytest.TestReport) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=report.nodeid,
        location=report.location,
        keywords={},
        outcome="passed",
        longrepr=None,
        when="teardown",
        user_properties=report.user_properties,
    )
