"""Between two of pytest's items: whether a suite's run goes on, and what is asked again at its end.

The looks and what they decide are the runner's; here is when they are taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.plugin.deciding import Deciding
from evalsuite.plugin.invocation import Invocation
from evalsuite.plugin.items import CaseItem
from evalsuite.plugin.progress import Progress
from evalsuite.plugin.translate import or_stop, quietly
from evalsuite.runner.course import Course, course_of
from evalsuite.runner.engine import Engine
from evalsuite.runner.plan import Plan
from evalsuite.runner.results import RunWriter
from evalsuite.runner.schedule import Job


class Courses:
    """Of all suites of this process; made once the engine has opened them."""

    def __init__(self, invocation: Invocation, deciding: Deciding, progress: Progress) -> None:
        self.invocation = invocation
        self.deciding = deciding
        self.progress = progress
        self.engine: Engine | None = None
        self.courses: dict[Plan, Course] = {}
        self._last: dict[Plan, CaseItem] = {}

    def start(self, engine: Engine, items: Sequence[CaseItem]) -> list[CaseItem]:
        """The items in the order in which they are to be run, each suite's at its own places."""
        self.engine = engine
        by_plan: dict[Plan, list[CaseItem]] = {}
        for item in items:
            by_plan.setdefault(item.job.plan, []).append(item)
        queues = {plan: iter(self._ordered(engine, plan, each)) for plan, each in by_plan.items()}
        ordered = [next(queues[item.job.plan]) for item in items]
        self._last = {item.job.plan: item for item in ordered}
        return ordered

    def _ordered(self, engine: Engine, plan: Plan, items: Sequence[CaseItem]) -> list[CaseItem]:
        alone = self.invocation.worker is None and not items[0].needs.sequential
        course = self.courses[plan] = course_of(
            engine.benches[plan],
            engine.counts[plan],
            {item.job.case.id for item in items},
            sequential=self.invocation.sequential,
            alone=alone,
        )
        for item in items:
            item.job.look = course.look_of(item.job.case.id)
        return sorted(items, key=lambda item: course.places.get(item.job.case.id, 0))

    def unneeded(self, job: Job) -> str:
        """Why a case need not run, "" if it must; before the first one of a look, the one before
        is taken."""
        course = self.courses[job.plan]
        if job.look > course.open and not course.unneeded:
            assert self.engine is not None
            with quietly():
                decided = not self.engine.halt.reason and course.look(self._writer(job.plan))
            if not decided:
                course.open = job.look
                self.engine.open_look(job.plan, job.look)
        return course.unneeded if job.look > course.open else ""

    def after(self, item: CaseItem) -> None:
        """Once an item has been read: after a suite's last one, while its fixtures live, cases that
        moved are asked again."""
        plan, engine = item.job.plan, self.engine
        if engine is None or self._last.get(plan) is not item:
            return
        del self._last[plan]
        if item.session.shouldfail or item.session.shouldstop or engine.halt.reason:
            return
        course = self.courses[plan]
        if course.straight:  # as xdist's workers always are: what they find is not read here
            return
        writer = self._writer(plan)
        with or_stop(self.invocation.refuse):
            with quietly():
                cases = course.moved(writer)
            if cases:
                self.progress.say(f"{plan.suite.name}: asking {len(cases)} that moved again")
            for each in engine.again(plan, cases) if cases else ():
                writer.repeat(each)

    def _writer(self, plan: Plan) -> RunWriter:
        return self.deciding.writer_of(plan.nodeid)
