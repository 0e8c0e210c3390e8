"""Suites and their golden cases as pytest's items. Every error in data is found here."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any

import pytest

from evalsuite.config import load_config
from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.plugin.invocation import Invocation
from evalsuite.plugin.items import CaseItem, Evals, FixtureNeeds
from evalsuite.plugin.translate import or_stop, plain_message, quietly
from evalsuite.runner.fitting import fitting
from evalsuite.runner.forecast import beforehand
from evalsuite.runner.plan import Plan, make_plans, unnamed_roles, with_options
from evalsuite.runner.reach import unreachable
from evalsuite.runner.schedule import Job
from evalsuite.runner.tiers import planned, with_tiers
from evalsuite.suites import Suite


class EvalsWarning(UserWarning):
    """Something about a suite that its author should know."""


class Collecting:
    """The hooks of collection; `evals` is what the items will ask for their results."""

    def __init__(self, invocation: Invocation, evals: Evals) -> None:
        self.invocation = invocation
        self.config = invocation.config
        self.evals = evals
        self.suites: set[int] = set()
        self.marks: dict[str, pytest.Mark] = {}
        self.words: dict[str, str] = {}
        self.lines: list[str] = []

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
                plans = self._plans(obj, collector)
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
        return [
            self._item(collector, Job(plan, case), needs)
            for plan in plans
            for case in plan.dataset.cases
        ]

    def _item(self, collector: pytest.Module, job: Job, needs: FixtureNeeds) -> CaseItem:
        name = f"{job.plan.suite.name}[{job.case.id}]"
        # The id is given, so that it is split as pytest splits one that it reads (for --lf).
        item: CaseItem = CaseItem.from_parent(
            collector,
            name=name,
            nodeid=f"{collector.nodeid}::{name}",
            evals=self.evals,
            job=job,
            needs=needs,
        )
        if job.case.slices:
            item.extra_keyword_matches.update(self._words(job.case.slices))
            item.own_markers.append(self._mark(job.case.slices))
        return item

    def _plans(self, suite: Suite, collector: pytest.Module) -> list[Plan]:
        settings = with_options(load_config(suite.file.parent), self.invocation.options)
        chosen = self.invocation.options["backends"]
        made = make_plans(suite, settings, module=collector.nodeid, chosen=chosen)
        plans = [with_tiers(plan) for plan in made]
        for plan in plans:
            other = self.invocation.plans.setdefault((settings.root, plan.suite.name), plan)
            if other is not plan:
                raise SuiteError(
                    f"{suite.file}:{suite.line}: another suite is called {plan.suite.name} "
                    f"({other.suite.file}:{other.suite.line}), and both would share a snapshot; "
                    "rename one of the functions"
                )
        return plans

    def _mark(self, slices: Mapping[str, str]) -> pytest.Mark:
        """One mark for all cases with the same slices."""
        place = json.dumps(slices, sort_keys=True)
        if place not in self.marks:
            named = {name: value for name, value in slices.items() if name.isidentifier()}
            self.marks[place] = pytest.mark.evals_slice(**named).mark
        return self.marks[place]

    def _words(self, slices: Mapping[str, str]) -> list[str]:
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
            # Words of ours are clean; what others raise may hold anything.
            why = message or f"could not be collected ({call.excinfo.typename})"
            report.evals_cause = f"{report.nodeid}: {why}"
        return report

    def pytest_collectreport(self, report: Any) -> None:
        status = getattr(report, "evals_exit", 0)
        self.invocation.refused = max(self.invocation.refused, status)
        if cause := getattr(report, "evals_cause", ""):
            self.invocation.causes.append(cause)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        self.invocation.session = session
        with or_stop(self.invocation.refuse):
            kept = [item for item in items if isinstance(item, CaseItem)]
            if not session.testsfailed:  # else a suite is missing, and nothing will run
                kept = self._in_tiers(kept)
            others = {*items} - {*kept}
            if others:
                self.config.hook.pytest_deselected(items=[each for each in items if each in others])
                items[:] = kept

    def _in_tiers(self, items: list[CaseItem]) -> list[CaseItem]:
        """Those that the tiers have which are run, each with the plan of its tier."""
        plans = self.invocation.plans
        told = {plan: len(plan.notes) for plan in plans.values()}
        chosen = None
        if self.invocation.deadline is not None:
            with quietly():
                chosen, self.lines = fitting(list(plans.values()), self.invocation.deadline)
        found = planned(list(plans.values()), chosen)
        for place, plan in plans.items():
            plans[place] = found[plan]
            self.lines += found[plan].notes[told[plan] :]
        cases = {plan: {case.id for case in plan.dataset.cases} for plan in plans.values()}
        kept = []
        for item in items:
            plan = found[item.job.plan]
            if item.job.case.id in cases[plan]:
                item.job = Job(plan, item.job.case)
                kept.append(item)
        return kept

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """What no run of these cases could decide, and what they take; said before anything is
        spent."""
        plans = self.invocation.plans.values()
        lines = unnamed_roles(plans, self.invocation.options["backends"] or {}) if plans else []
        lines += [
            *dict.fromkeys(self.lines),
            *(line for plan in plans for line in unreachable(plan)),
        ]
        with quietly():  # it reads what earlier runs left, which is no doing of a target's
            chosen = [item.job.plan for item in items if isinstance(item, CaseItem)]
            planned = self.config.getoption("evals_plan")  # which says more
            return lines if planned else lines + beforehand(chosen)
