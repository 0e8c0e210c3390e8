"""What need not run, what the rest will ask, and whether the budget covers it: before anything is
asked. The proofs and the forecasts are the runner's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from evalsuite.plugin.invocation import Invocation
from evalsuite.plugin.items import CaseItem
from evalsuite.plugin.progress import Progress
from evalsuite.plugin.translate import quietly
from evalsuite.runner.checkups import Occasions
from evalsuite.runner.engine import Engine
from evalsuite.runner.forecast import Forecast, short, summed, told
from evalsuite.runner.plan import Plan
from evalsuite.runner.planned import Outlook, plan_suite
from evalsuite.runner.unchanged import why_it_runs
from evalsuite.seeds import derive

LEFT_OUT = "left out: proven unchanged, its snapshot says what it would say"


class Selecting:
    """Of the suites of this process. `unchanged` are left out."""

    def __init__(self, invocation: Invocation, progress: Progress) -> None:
        self.config = invocation.config
        self.invocation = invocation
        self.progress = progress
        self.unchanged: set[Plan] = set()

    @property
    def planning(self) -> bool:
        """Whether it is only told what would run."""
        return bool(self.config.getoption("evals_plan"))

    def start(
        self, engine: Engine, items: Sequence[CaseItem], budget: Mapping[str, float]
    ) -> list[CaseItem]:
        """The items that run: none where they are only planned, or the budget can't cover them."""
        why = self._leave_out(engine) if self.config.getoption("evals_changed") else {}
        kept = [item for item in items if item.job.plan not in self.unchanged]
        if self.planning:
            made = self._forecasts(engine, kept, setting_up=True)
            for plan in engine.benches:
                said = self._told(made[plan]) if plan in made else LEFT_OUT
                reason = f" ({why[plan]})" if why.get(plan) else ""
                self.progress.say(f"{plan.suite.name}: {said}{reason}")
            total = summed([each for each, _ in made.values()])
            self.progress.say(f"in all: {told(total)}")
            if short(total, budget):
                self.progress.say(short(total, budget))
            return []
        for plan, reason in why.items():
            said = f"runs: {reason}" if reason else LEFT_OUT
            self.progress.say(f"{plan.suite.name}: {said}")
        self._check_budget(engine, kept, budget)
        return kept

    def left_out(self, plan: Plan) -> str:
        """Why no case of a suite runs, "" if they do."""
        return LEFT_OUT if plan in self.unchanged else ""

    def _leave_out(self, engine: Engine) -> dict[Plan, str]:
        """Why each suite runs, "" for one that is proven unchanged."""
        with quietly():
            why = {plan: why_it_runs(bench) for plan, bench in engine.benches.items()}
        self.unchanged = {plan for plan, reason in why.items() if not reason}
        return why

    def _check_budget(
        self, engine: Engine, items: Sequence[CaseItem], budget: Mapping[str, float]
    ) -> None:
        """Refuse a run of which more is sure to be asked than its budget has. One that may end
        early needs less than all of it, and a worker knows only its part."""
        early = self.invocation.sequential or self.config.getoption("maxfail")
        if early or self.invocation.worker is not None or not budget.keys() - {"minutes"}:
            return
        made = self._forecasts(engine, items, setting_up=False)
        total = summed([each for each, _ in made.values()])
        self.progress.say(f"the run takes {told(total)}")
        if short(total, budget):
            self.invocation.refuse(short(total, budget), 10)

    def _forecasts(
        self, engine: Engine, items: Iterable[CaseItem], *, setting_up: bool
    ) -> dict[Plan, tuple[Forecast, int]]:
        """What each suite takes, and how many of its cases ask something."""
        by_plan: dict[Plan, list[CaseItem]] = {}
        for item in items:
            by_plan.setdefault(item.job.plan, []).append(item)
        week = "{}-{}".format(*datetime.now(UTC).isocalendar())
        occasions = Occasions(derive(0, self.invocation.run), derive(0, week))
        found, outlook = {}, Outlook()
        for plan, own in by_plan.items():
            still = not self._set_up(own[0], setting_up=setting_up)
            cases = [item.job.case for item in own]
            found[plan] = plan_suite(engine, plan, cases, occasions, outlook, still=still)
        if setting_up:
            session: Any = self.invocation.session
            session._setupstate.teardown_exact(None)
        return found

    def _set_up(self, item: CaseItem, *, setting_up: bool) -> bool:
        """Whether the target can be called: its fixtures and resources are there, or it has none.

        A run sets them up when pytest reaches the suite, and not before for a look at it.
        """
        if item.needs.info is None and not item.job.plan.suite.resources:
            return True
        if not setting_up or item.needs.sequential:
            return False
        state: Any = item.session._setupstate
        try:
            state.teardown_exact(item)  # what the suite before had, and this one has not
            state.setup(item)
        except (Exception, pytest.fail.Exception, pytest.skip.Exception):  # noqa: BLE001
            return False  # a run will say what is wrong with it
        return True

    def _told(self, made: tuple[Forecast, int]) -> str:
        forecast, asking = made
        if not forecast.calls and forecast.whole:
            return "runs without a call"
        return f"{asking} of its cases ask, {told(forecast)}"
