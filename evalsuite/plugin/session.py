"""What `--evals` adds to a pytest session. It translates; `runner` decides.

In one process: items are collected, the engine runs ahead of them, each item's report carries its
result, and after the last one the gates are decided and reported. Under xdist the workers do the
first half and send their results with the reports, the controller does the second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, EvalsuiteError, SuiteError
from evalsuite.plugin.items import CaseItem, FixtureNeeds
from evalsuite.plugin.progress import Progress
from evalsuite.plugin.translate import (
    arguments_of,
    command_of,
    configured,
    options_of,
    or_stop,
    plain_message,
    quietly,
    telling,
    terminated_as_interrupt,
)
from evalsuite.plugin.xdist import dealt
from evalsuite.runner.conclude import Conclusion, conclude, run_id
from evalsuite.runner.engine import Engine, Job
from evalsuite.runner.plan import Plan, make_plan, unreachable, with_options
from evalsuite.runner.results import Brief, RunWriter, brief_of
from evalsuite.runner.watch import Watch
from evalsuite.suites import Suite

STATUS = {
    "missed": ("missed", "m", ("MISSED", {"yellow": True})),
    "unscored": ("unscored", "u", ("UNSCORED", {"yellow": True})),
    "error": ("errored", "e", ("CASE ERROR", {"red": True})),
    "flaky": ("flaky", "y", ("FLAKY", {"yellow": True})),
    "missing": ("missing", "?", ("MISSING", {"yellow": True})),
    "inconclusive": ("inconclusive", "i", ("INCONCLUSIVE", {"yellow": True})),
    "incomparable": ("incomparable", "i", ("INCOMPARABLE", {"yellow": True})),
    "undecided": ("undecided", "-", ("NOT DECIDED", {"yellow": True})),
    "observed": ("would block", "o", ("WOULD BLOCK", {"yellow": True})),
}
"""Statuses of ours beside pytest's own: category, letter, word."""


class EvalsWarning(UserWarning):
    """Something about a suite that its author should know."""


_WATCH = pytest.StashKey[Watch]()


def begin_watch(config: pytest.Config) -> Watch:
    """As early as pytest lets us: conftests read files while they are imported. However the
    session ends, refused options included, nothing of it watches the next one in this process."""
    watch = config.stash[_WATCH] = Watch()
    config.add_cleanup(watch.stop)
    watch.start()
    return watch


class EvalSession:
    """One pytest session with `--evals`: in a plain process, a worker or the controller."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self.controller = bool(config.getoption("numprocesses", None) or config.getoption("tx", []))
        self.controller = self.controller and self.worker is None
        self.options = options_of(config)
        self.run = self.worker["evalsuite"]["run"] if self.worker else run_id()
        self.arguments = arguments_of(config, self.worker)
        self.watch = config.stash[_WATCH] if _WATCH in config.stash else begin_watch(config)
        self.engine: Engine | None = None
        self.items: list[CaseItem] = []
        self.begun: dict[Plan, EvalsuiteError | None] = {}
        self.plans: dict[tuple[Path, str], Plan] = {}
        self.suites: set[int] = set()
        self.marks: dict[str, pytest.Mark] = {}
        self.words: dict[str, str] = {}
        self.briefs: dict[str, Brief] = {}
        self.writers: dict[str, RunWriter] = {}
        self.conclusions: list[Conclusion] = []
        self.damage: list[str] = []
        self.refused = 0
        self.progress = Progress(config, self.worker is not None)
        self.started = time.monotonic()
        if self.controller:
            self.watch.stop()

    # Collection.

    def pytest_pycollect_makeitem(
        self, collector: pytest.Module, name: str, obj: object
    ) -> list[CaseItem] | None:
        if not isinstance(obj, Suite) or not isinstance(collector, pytest.Module):
            return None
        if id(obj) in self.suites:  # imported by another module too
            return []
        self.suites.add(id(obj))
        try:
            with quietly():
                plan = self._plan(obj, collector)
            needs = FixtureNeeds(obj, collector)
        except EvalsuiteError as error:  # said without the source of each frame
            raise collector.CollectError(str(error)) from error
        if needs.sequential:
            collector.warn(
                EvalsWarning(
                    f"suite {obj.name} runs one case at a time: fixture {needs.narrow} is made "
                    "anew for each case; with session, package or module scope many run at once"
                )
            )
        # The id is given, so that it is split as pytest splits one that it reads (for --lf).
        return [
            CaseItem.from_parent(
                collector,
                name=f"{obj.name}[{case.id}]",
                nodeid=f"{collector.nodeid}::{obj.name}[{case.id}]",
                evals=self,
                job=Job(plan, case),
                needs=needs,
            )
            for case in plan.dataset.cases
        ]

    def _plan(self, suite: Suite, collector: pytest.Module) -> Plan:
        settings = with_options(load_config(suite.file.parent), self.options)
        nodeid = f"{collector.nodeid}::{suite.name}"
        plan = make_plan(suite, settings, nodeid=nodeid, chosen=self.options["backends"])
        other = self.plans.setdefault((settings.root, suite.name), plan)
        if other is not plan:
            raise SuiteError(
                f"{suite.file}:{suite.line}: another suite is called {suite.name} "
                f"({other.suite.file}:{other.suite.line}), and both would share a snapshot; "
                "rename one of the functions"
            )
        return plan

    def slice_mark(self, slices: Mapping[str, str]) -> pytest.Mark:
        """One mark for all cases with the same slices."""
        place = json.dumps(slices, sort_keys=True)
        if place not in self.marks:
            named = {name: value for name, value in slices.items() if name.isidentifier()}
            self.marks[place] = pytest.mark.evals_slice(**named).mark
        return self.marks[place]

    def slice_words(self, slices: Mapping[str, str]) -> list[str]:
        """What `-k` finds a case by: each text once, however many cases have it."""
        words = [*slices.values(), *(f"{name}:{value}" for name, value in slices.items())]
        return [self.words.setdefault(word, word) for word in words]

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, Any]:
        report = yield
        call = getattr(report, "call", None)
        if report.failed and call is not None and call.excinfo is not None:
            message, status = plain_message(call.excinfo.value)
            if message:
                report.longrepr = message
                report.evals_exit = status
        return report

    def pytest_collectreport(self, report: Any) -> None:
        self.refused = max(self.refused, getattr(report, "evals_exit", 0))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        others = [item for item in items if not isinstance(item, CaseItem)]
        if others:
            self.config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if isinstance(item, CaseItem)]

    def pytest_report_collectionfinish(self) -> list[str]:
        """What no run of these cases could decide; said before anything is spent."""
        return [line for plan in self.plans.values() for line in unreachable(plan)]

    # Running.

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        if session.testsfailed or self.config.option.collectonly:
            return (yield)
        with terminated_as_interrupt(self.worker is None):
            try:
                if not self.controller:
                    self._start(session)
                result = yield
            except session.Failed:  # -x: what ran is reported, and decides no gate
                self._stop()
                self._conclude_or_exit(session)
                raise
            finally:
                self._stop()
            self._conclude_or_exit(session)
        return result

    def _start(self, session: pytest.Session) -> None:
        self.session = session
        self.items = [item for item in session.items if isinstance(item, CaseItem)]
        if not self.items:
            return
        workers = int(self.worker["workercount"]) if self.worker else 1
        wanted = max(item.job.plan.config.concurrency for item in self.items)
        self.engine = Engine(
            concurrency=max(1, wanted // workers),
            workers=workers,
            arguments=telling([*configured(self.config), *self.arguments]),
            watch=self.watch,
        )
        with or_stop(self._refuse):
            for plan in dict.fromkeys(item.job.plan for item in self.items):
                self.engine.open(plan)
        if self.refused:
            return
        if self.config.inipath is not None:  # it may lie above the root of the evals
            self.watch.touch(self.config.inipath)
        if self.config.getoption("xmlpath", None):
            self.watch.wrote(Path(self.config.option.xmlpath))
        places = dealt(self.config, len(self.items))
        jobs = [self.items[place] for place in places]
        self.engine.ahead([item.job for item in jobs if not item.needs.sequential])
        for item in jobs:
            if item.needs.info is None and not item.job.plan.suite.resources:
                self.begin(item.job.plan, {})
        self.progress.start(self.engine.counts, len(jobs))

    def _refuse(self, message: str, status: int) -> None:
        """End the session with a message and a status; a worker leaves both to its controller,
        for which a worker that exits has crashed."""
        self.refused = max(self.refused, status)
        if self.worker is None:
            pytest.exit(message, returncode=status)
        self.session.shouldstop = message

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

    def result(self, job: Job, fixtures: Mapping[str, Any] | None) -> Any:
        assert self.engine is not None
        try:
            result = self.engine.result(job, fixtures, self.progress.show)
        except DataError as error:  # nothing more can be kept: no further case may be paid for
            self._refuse(str(error), error.exit_code)
            raise
        self.progress.show()
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        """A case without fixtures has nothing to set up: one phase, at a third of the cost."""
        if self.refused:  # xdist's workers start one more item before they look whether to stop
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
            report.evals = (suite, RunWriter.payload(result)) if self.worker else (suite, result)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        if self.worker is None and "evals" in report.__dict__:
            suite, result = report.__dict__.pop("evals")
            with or_stop(self._refuse):
                self._writer(suite, report).add(result)

    def _writer(self, suite: str, report: Any) -> RunWriter:
        if suite not in self.writers:
            plan = next((plan for plan in self.plans.values() if plan.nodeid == suite), None)
            settings = plan.config if plan else self._settings_of(suite)
            self.writers[suite] = RunWriter(settings.state_dir / "runs" / self.run, suite)
        return self.writers[suite]

    def _settings_of(self, suite: str) -> Config:
        file = self.config.rootpath / suite.split("::", maxsplit=1)[0]
        return with_options(load_config(file.parent), self.options)

    @pytest.hookimpl(trylast=True, specname="pytest_runtest_logreport")
    def pytest_evals_remember_failed(self, report: Any) -> None:
        """`--lf` means cases whose checks failed or that errored; gates are no items."""
        plugin: Any = self.config.pluginmanager.get_plugin("lfplugin")
        if plugin is None or report.when != "call":
            return
        place = getattr(report, "id", report.nodeid)
        if getattr(report, "evals_gate", False):
            plugin.lastfailed.pop(place, None)
        elif getattr(report, "evals_status", "") in ("missed", "error", "failed", "missing"):
            plugin.lastfailed[place] = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Before fixtures go away under `-x`, nothing may use them any more."""
        stopping = item.session.shouldfail or item.session.shouldstop
        if stopping and self.engine is not None:
            self.engine.cancel()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Any:
        status = getattr(report, "evals_status", None)
        if report.when != "call" or status is None:
            return None
        if report.outcome == "failed":
            return self.progress.quiet(("failed", "F", "FAILED"))
        category, letter, word = STATUS.get(status, ("passed", ".", "PASSED"))
        if getattr(report, "evals_gate", False) and self.config.get_verbosity() <= 0:
            return category, "", ""  # what the gates say is on the screen below
        return self.progress.quiet((category, letter, word))

    def _stop(self) -> None:
        self.progress.stop()
        if self.engine is None or not self.watch.active:
            return
        self.watch.stop()
        self.damage += self.engine.close()
        for plan, bench in self.engine.benches.items():
            self.briefs[plan.nodeid] = brief_of(bench, self.engine.counts[plan], self.damage)

    # Deciding, in the controller or the only process.

    def _conclude_or_exit(self, session: pytest.Session) -> None:
        if self.worker is not None:
            return
        with or_stop(self._refuse):
            self._conclude(session)

    def _conclude(self, session: pytest.Session) -> None:
        command = command_of(self.arguments)
        for nodeid in sorted({*self.briefs, *self.writers}):
            if nodeid not in self.briefs:
                continue  # the worker that ran it has crashed, which pytest reports
            writer = self.writers.get(nodeid)
            plan = next((plan for plan in self.plans.values() if plan.nodeid == nodeid), None)
            brief = self.briefs[nodeid]
            settings = plan.config if plan else self._settings_of(nodeid)
            if writer is None:
                writer = RunWriter(settings.state_dir / "runs" / self.run, nodeid)
            baseline = plan.baseline if plan else None
            done = conclude(
                brief,
                writer,
                settings,
                baseline=baseline,
                dataset=plan.dataset if plan else None,
                command=command,
                run=self.run,
                seconds=time.monotonic() - self.started,
            )
            self.conclusions.append(done)
            for report in done.gates:
                if self.config.get_verbosity() > 0:
                    session.testscollected += 1  # one more, one done: progress stays at 100 %
                self._emit(report, nodeid, brief)

    def _emit(self, gate: Any, nodeid: str, brief: Brief) -> None:
        """One gate as a test report of its own: terminal, junit and exit status alike."""
        name = f"{nodeid.rsplit('::', maxsplit=1)[-1]}::gate[{gate.name}]"
        failed = gate.status == "failed"
        for when, outcome in (("call", "failed" if failed else "passed"), ("teardown", "passed")):
            report = pytest.TestReport(
                nodeid=f"{nodeid}::gate[{gate.name}]",
                location=(nodeid.split("::", maxsplit=1)[0], brief.line - 1, name),
                keywords={},
                outcome=outcome,  # type: ignore[arg-type]
                longrepr=gate.text if outcome == "failed" else None,
                when=when,  # type: ignore[arg-type]
                evals_gate=True,
                evals_status=gate.status,
                user_properties=[("evals_result", gate.result), ("evals_says", gate.text)],
            )
            self.config.hook.pytest_runtest_logreport(report=report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.watch.stop()
        for writer in self.writers.values():
            writer.close()
        if self.worker is not None:
            output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
            output["evalsuite"] = {name: brief.to_json() for name, brief in self.briefs.items()}
            output["evalsuite_refused"] = self.refused
            return
        if self.refused and int(session.exitstatus) in (0, 1, 2, 5):
            session.exitstatus = self.refused
        codes = {done.exit_code for done in self.conclusions}
        if int(session.exitstatus) == 0:
            for code in (11, 10):
                if code in codes:
                    session.exitstatus = code

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self.damage:
            terminalreporter.write_line(f"evalsuite: {line}")
        if not self.conclusions and (self.briefs or self.writers):
            kept = sum(len(writer.rows) for writer in self.writers.values())
            if self.engine is not None:  # it was ahead of what was read
                kept = sum(counts.done for counts in self.engine.counts.values())
            terminalreporter.write_line(
                f"evalsuite: interrupted; {kept} finished cases are kept, the same command goes on"
            )
        width = terminalreporter._tw.fullwidth
        for done in self.conclusions:
            terminalreporter.section(f"evals: {done.suite}")
            colour = terminalreporter._tw.hasmarkup
            terminalreporter.write_line(done.screen(colour=colour, width=width))

    # xdist.

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["evalsuite"] = {"run": self.run, "arguments": self.arguments}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        output = getattr(node, "workeroutput", {})
        self.refused = max(self.refused, output.get("evalsuite_refused", 0))
        sent = output.get("evalsuite", {})
        for nodeid, value in sent.items():
            brief = Brief.from_json(value)
            known = self.briefs.get(nodeid)
            self.briefs[nodeid] = known.joined(brief) if known else brief


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
