"""How far a suite's run has come: the looks that it takes, the cases that it asks again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from evalsuite.records import Case, Looks, Run
from evalsuite.runner.answer import Bench
from evalsuite.runner.counts import Counts
from evalsuite.runner.order import taken
from evalsuite.runner.plan import Plan, further
from evalsuite.runner.results import Brief, RunWriter, brief_of


@dataclass(slots=True, eq=False)
class Course:
    """One suite's. `looks` is None where the run goes to its end in any case, `again` how many
    further trials cases that moved may get; `open` is the look that is under way."""

    bench: Bench
    counts: Counts
    looks: Looks | None = None
    again: int = 0
    open: int = 1
    places: dict[str, int] = field(default_factory=dict)

    @property
    def straight(self) -> bool:
        """Whether the run takes no look and asks nothing again."""
        return self.looks is None and not self.again

    def look_of(self, case: str) -> int:
        """The look by which a case is read, from 1; 0 where there are none."""
        if self.looks is None:
            return 0
        return 1 + bisect_left(self.looks.sizes, self.places[case] + 1)

    @property
    def unneeded(self) -> str:
        """Why the cases that were not read by now are not needed; "" if they are."""
        if self.looks is None or not self.looks.reason:
            return ""
        looks = self.looks
        return f"not needed, decided after {looks.read} of {len(looks.order)} cases: {looks.reason}"

    def look(self, writer: RunWriter) -> bool:
        """Look at what was read; whether it decides the run."""
        from evalsuite.diff import compare  # noqa: PLC0415 (arrays: loaded while models answer)
        from evalsuite.gate.stopping import decided  # noqa: PLC0415

        assert self.looks is not None
        here = replace(self.looks, ended=self.open)
        run = self._so_far(writer, here)
        reason = decided(compare(self.bench.plan.baseline, run), self.bench.plan.suite.gate)
        if reason:
            self.looks = replace(here, reason=reason)
        return bool(reason)

    def moved(self, writer: RunWriter) -> list[Case]:
        """After the last case: those that are to be asked again before the verdict."""
        from evalsuite.diff import compare  # noqa: PLC0415 (as above)
        from evalsuite.gate.stopping import ask_again  # noqa: PLC0415

        plan = self.bench.plan
        if self.looks is not None and not self.looks.ended:
            self.looks = replace(self.looks, ended=len(self.looks.sizes))
        if not self.again or writer.missing:
            return []
        run = self._so_far(writer, self.looks)
        wanted = set(ask_again(compare(plan.baseline, run), plan.suite.gate))
        return [case for case in plan.dataset.cases if case.id in wanted]

    def brief(self, damage: Collection[str] = (), stopped: str = "") -> Brief:
        """The suite's run summed up."""
        return brief_of(
            self.bench, self.counts, list(damage), stopped, looks=self.looks, again=self.again
        )

    def _so_far(self, writer: RunWriter, looks: Looks | None) -> Run:
        from evalsuite.runner.conclude import manifest_of  # noqa: PLC0415 (as above)

        brief = replace(self.brief(), looks=looks)
        return Run(manifest_of(brief, writer), dict(writer.rows))


def course_of(
    bench: Bench, counts: Counts, asked: Collection[str], *, sequential: bool, alone: bool
) -> Course:
    """A suite's course; `asked` are the ids of the cases of this run, `alone` says that one process
    has them all, and that they don't need fixtures of their own.

    What can't be had is a note of the run.
    """
    plan = bench.plan
    course = Course(bench, counts)
    course.again = 0 if bench.sure else further(plan)  # what never varies need not be asked again
    if course.again and not alone:
        course.again = 0
        plan.notes.append(
            "cases that moved were not asked again: xdist's workers (-n) have a part of them each, "
            "or a fixture is made anew for each case"
        )
    if sequential:
        course.looks = _looks(plan, asked)
        order = course.looks.order if course.looks else ()
        course.places = {case: place for place, case in enumerate(order)}
    return course


def _looks(plan: Plan, asked: Collection[str]) -> Looks | None:
    from evalsuite.gate.stopping import look_sizes  # noqa: PLC0415 (as above)

    cases = plan.dataset.cases
    if plan.baseline is None:
        plan.notes.append("not sequential: there is no snapshot to compare with")
        return None
    if len(asked) < len(cases):
        plan.notes.append("not sequential: only a part of the cases was asked for")
        return None
    order = taken(cases, plan.config.seed)
    return Looks(tuple(order), look_sizes(len(order), sum(case.must_pass for case in cases)))
