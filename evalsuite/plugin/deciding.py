"""Results as they come, statuses, and after the last one the gates.

Under xdist this half is at work in the controller: it gets the workers' results with their reports.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from evalsuite.config import load_config
from evalsuite.errors import EvalsuiteError
from evalsuite.plugin.invocation import Invocation
from evalsuite.plugin.progress import Progress
from evalsuite.plugin.translate import command_of, or_stop
from evalsuite.runner.ended import Ended, note
from evalsuite.runner.results import Brief, RunWriter
from evalsuite.snapshot import note_begun

if TYPE_CHECKING:
    from evalsuite.runner.conclude import Conclusion

STATUS = {
    "missed": ("missed", "m", ("MISSED", {"yellow": True})),
    "unscored": ("unscored", "u", ("UNSCORED", {"yellow": True})),
    "error": ("errored", "e", ("CASE ERROR", {"red": True})),
    "flaky": ("flaky", "y", ("FLAKY", {"yellow": True})),
    "missing": ("missing", "?", ("MISSING", {"yellow": True})),
    "inconclusive": ("inconclusive", "i", ("INCONCLUSIVE", {"yellow": True})),
    "incomparable": ("incomparable", "i", ("INCOMPARABLE", {"yellow": True})),
    "unneeded": ("not needed", "n", ("NOT NEEDED", {"green": True})),
    "unchanged": ("unchanged", "n", ("UNCHANGED", {"green": True})),
    "undecided": ("undecided", "-", ("NOT DECIDED", {"yellow": True})),
    "observed": ("would block", "o", ("WOULD BLOCK", {"yellow": True})),
}
"""Statuses of ours beside pytest's own: category, letter, word."""


class Deciding:
    """`finished` is how many cases this process has finished, read or not."""

    def __init__(self, invocation: Invocation, progress: Progress) -> None:
        self.invocation = invocation
        self.config = invocation.config
        self.progress = progress
        self.briefs: dict[str, Brief] = {}
        self.writers: dict[str, RunWriter] = {}
        self.conclusions: dict[str, Conclusion] = {}
        self.damage: list[str] = []
        self.finished = 0
        self.started = time.monotonic()

    def pytest_sessionstart(self) -> None:
        """What tells of the last invocation must not tell of one before it, where no suite has to
        run, or nothing could be collected."""
        if self.invocation.worker is None and not self._is_idle():
            with contextlib.suppress(EvalsuiteError):  # collection says what is wrong with settings
                note_begun(load_config(self.config.invocation_params.dir), self.invocation.run)

    def _state_folders(self) -> set[Path]:
        """Those of the collected suites; without any, that of where pytest was started."""
        plans = self.invocation.plans.values()
        return {each.config.state_dir for each in plans} or {
            load_config(self.config.invocation_params.dir).state_dir
        }

    def _is_idle(self) -> bool:
        """Whether nothing is to run, or another session is the one that tells."""
        idle = self.config.option.collectonly or self.config.getoption("evals_plan")
        return bool(idle) or self.config.getoption("evals_afresh", None) is not None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        if self.invocation.worker is None and "evals" in report.__dict__:
            suite, result = report.__dict__.pop("evals")
            with or_stop(self.invocation.refuse):
                self.writer_of(suite).add(result)

    def writer_of(self, suite: str) -> RunWriter:
        if suite not in self.writers:
            settings = self.invocation.settings_of(suite)
            runs = "aa" if settings.afresh else "runs"
            folder = settings.state_dir / runs / self.invocation.run
            self.writers[suite] = RunWriter(folder, suite)
        return self.writers[suite]

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

    def conclude(self, session: pytest.Session) -> None:
        """Decide and report every suite; in the controller, or the only process."""
        if self.invocation.worker is not None:
            return
        with or_stop(self.invocation.refuse):
            self._conclude(session)

    def _conclude(self, session: pytest.Session) -> None:
        from evalsuite.runner.conclude import conclude, keep_apart  # noqa: PLC0415 (loaded by then)

        command = command_of(self.invocation.arguments)
        for nodeid in sorted({*self.briefs, *self.writers}):
            if nodeid not in self.briefs:
                continue  # the worker that ran it has crashed, which pytest reports
            writer = self.writer_of(nodeid)
            plan = self.invocation.plan_of(nodeid)
            brief = self.briefs[nodeid]
            settings = self.invocation.settings_of(nodeid)
            baseline = plan.baseline if plan else None
            run, seconds = self.invocation.run, time.monotonic() - self.started
            if settings.afresh:
                keep_apart(brief, writer, settings, command, run, seconds)
                continue
            done = conclude(
                brief,
                writer,
                settings,
                baseline=baseline,
                dataset=plan.dataset if plan else None,
                command=command,
                run=run,
                seconds=seconds,
            )
            self.conclusions[nodeid] = done
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
        for writer in self.writers.values():
            writer.close()
        if self.invocation.worker is not None:
            output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
            output["evalsuite"] = {name: brief.to_json() for name, brief in self.briefs.items()}
            output["evalsuite_refused"] = self.invocation.refused
            output["evalsuite_said"] = self.progress.said
            return
        if self.invocation.refused and int(session.exitstatus) in (0, 1, 2, 5):
            session.exitstatus = self.invocation.refused
        codes = {done.exit_code for done in self.conclusions.values()}
        if int(session.exitstatus) == 0:
            for code in (11, 10):
                if code in codes:
                    session.exitstatus = code
        if not self._is_idle():
            with contextlib.suppress(EvalsuiteError):  # of settings: pytest itself says it
                ended = Ended(int(session.exitstatus), self.invocation.causes)
                for folder in self._state_folders():
                    note(folder, ended)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self.damage:
            terminalreporter.write_line(f"evalsuite: {line}")
        if not self.conclusions and (self.briefs or self.writers):
            kept = sum(len(writer.rows) for writer in self.writers.values())
            kept = max(kept, self.finished)
            terminalreporter.write_line(
                f"evalsuite: interrupted; {kept} finished cases are kept, the same command goes on"
            )
        width = terminalreporter._tw.fullwidth
        names = Counter(done.suite for done in self.conclusions.values())
        for nodeid, done in self.conclusions.items():
            alone = names[done.suite] == 1  # packages of a repository may share a name
            terminalreporter.section(f"evals: {done.suite if alone else nodeid}")
            colour = terminalreporter._tw.hasmarkup
            terminalreporter.write_line(done.screen(colour=colour, width=width))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["evalsuite"] = {
            "run": self.invocation.run,
            "arguments": self.invocation.arguments,
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        output = getattr(node, "workeroutput", {})
        status = output.get("evalsuite_refused", 0)
        self.invocation.refused = max(self.invocation.refused, status)
        for line in output.get("evalsuite_said", ()):
            if line not in self.progress.said:
                self.progress.say(line)
        sent = output.get("evalsuite", {})
        for nodeid, value in sent.items():
            brief = Brief.from_json(value)
            known = self.briefs.get(nodeid)
            self.briefs[nodeid] = known.joined(brief) if known else brief
