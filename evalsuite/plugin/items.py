"""One pytest item per case: it sets up its fixtures and waits for its result."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
from _pytest.fixtures import TopRequest

from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.report.escape import terminal
from evalsuite.runner.case import CaseResult
from evalsuite.runner.plan import Plan
from evalsuite.runner.schedule import Job
from evalsuite.suites import Suite


class Evals(Protocol):
    """What an item needs of the session that runs the cases."""

    def left_out(self, plan: Plan) -> str: ...

    def begin(self, plan: Plan, fixtures: Mapping[str, Any]) -> None: ...

    def unneeded(self, job: Job) -> str: ...

    def result(self, job: Job, fixtures: Mapping[str, Any] | None) -> CaseResult: ...


class MustPassFailed(Exception):
    """A must_pass case did not hold."""


class CaseItem(pytest.Item):
    """`test_x.py::suite[case-id]`; `result` is there once it ran, `unneeded` why it did not."""

    def __init__(self, *, evals: Evals, job: Job, needs: FixtureNeeds, **rest: Any) -> None:
        super().__init__(**rest)
        self.evals = evals
        self.job = job
        self.needs = needs
        # Named here although it comes later: a new name would cost each of thousands a dictionary.
        self.result: CaseResult | None = None
        self.unneeded = ""
        if needs.info is not None:
            self._fixtureinfo = needs.info
            self.fixturenames = needs.info.names_closure
            self._initrequest()

    def _initrequest(self) -> None:
        self.funcargs: dict[str, Any] = {}
        self._request = TopRequest(self, _ispytest=True)  # type: ignore[arg-type]

    def setup(self) -> None:
        if self.evals.left_out(self.job.plan):  # its fixtures may be dear
            return
        values = None
        if self.needs.info is not None:
            self._request._fillfixtures()
            values = {name: self.funcargs[name] for name in self.job.plan.suite.fixtures}
        try:
            self.evals.begin(self.job.plan, values or {})
        except EvalsuiteError as error:  # pytest asks an item for words only if its call failed
            raise pytest.fail.Exception(str(error), pytrace=False) from None

    def runtest(self) -> None:
        self.unneeded = self.evals.unneeded(self.job)
        if self.unneeded:
            pytest.skip(self.unneeded)
        own = self.funcargs if self.needs.sequential else None
        fixtures = own and {name: own[name] for name in self.job.plan.suite.fixtures}
        self.result = self.evals.result(self.job, fixtures)
        if self.result.status == "failed":
            raise MustPassFailed(self.result.message)

    def run_alone(self) -> None:
        """Set-up and call in one, for a case that has no fixtures."""
        if not self.evals.left_out(self.job.plan):
            self.evals.begin(self.job.plan, {})
        self.runtest()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *rest: Any) -> Any:
        if isinstance(excinfo.value, MustPassFailed):
            source = self.job.case.source
            where = f"\n{source.path}:{source.line}" if source else ""
            return f"must_pass case {self.job.case.id}: {terminal(str(excinfo.value))}{where}"
        if isinstance(excinfo.value, EvalsuiteError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, *rest)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.job.plan.suite.line - 1, self.name


class FixtureNeeds:
    """What pytest must set up for a suite's cases.

    `info` is pytest's closure, None if it is empty; `sequential` that some fixture is made anew for
    each case, so that cases can't run at once; `narrow` names it.
    """

    def __init__(self, suite: Suite, module: pytest.Module) -> None:
        manager = module.session._fixturemanager
        names = suite.fixtures

        def stub() -> None: ...

        parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
        stub.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        info = manager.getfixtureinfo(node=module, func=stub, cls=None)  # type: ignore[arg-type]
        closure = [name for name in info.names_closure if name != "request"]
        self.info = info if closure else None
        where = f"{suite.file}:{suite.line}: suite {suite.name}"
        narrow = []
        for name in closure:
            found = info.name2fixturedefs.get(name)
            if not found:
                raise SuiteError(
                    f'{where}: parameter "{name}" is neither `llm`, a resource nor a fixture'
                )
            function: Callable[..., Any] = found[-1].func
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                raise SuiteError(
                    f'{where}: fixture "{name}" is async, and would live on another event loop; '
                    f'make it an async context manager and pass resources={{"{name}": ...}}'
                )
            if found[-1].scope in ("function", "class"):
                narrow.append(f"{name} ({found[-1].scope} scope)")
        self.narrow = ", ".join(narrow)
        self.sequential = bool(narrow)
