"""`ev.trajectory`: an output's tool calls against the case's reference, as a suite names it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from evalsuite.canonical import key
from evalsuite.errors import SuiteError
from evalsuite.records import Case, Json, Metric, Output, Score
from evalsuite.scoring import clip
from evalsuite.trajectories import measures
from evalsuite.trajectories.faults import CLASSES, Fault, fault_of, names
from evalsuite.trajectories.reference import FIELD, MOST, Step, reference_of, steps
from evalsuite.wording import shown

VERSION = 1
"""Raised with every change that changes a value."""

COMPARED = {
    "order": measures.order,
    "precision": measures.precision,
    "recall": measures.recall,
    "steps": measures.economy,
}
"""What takes a reference."""

SHOWN = 20
"""Calls of a trajectory that evidence shows."""

NO_REFERENCE = "the case has no reference trajectory"

VOID = (NO_REFERENCE, measures.NO_CALL)
"""Why a metric has nothing to judge."""


class Setting(Protocol):
    """What a suite says of itself when it is made ready."""

    @property
    def cases(self) -> Sequence[Case]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The scorer. `tools` None: which tools were offered is not known."""

    tools: frozenset[str] | None
    arguments: bool
    max_calls: int | None

    @property
    def key(self) -> str:
        tools = None if self.tools is None else sorted(self.tools)
        return key("scorer", ["trajectory", VERSION, tools, self.arguments, self.max_calls])

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All metrics that it gives; the classes of faults are counted, never compared."""
        own = [*COMPARED, "loops"]
        own += ["known"] if self.tools is not None else []
        own += ["budget"] if self.max_calls is not None else []
        return (
            *(Metric(f"trajectory.{name}") for name in own),
            *(Metric(f"trajectory.{name}", role="class") for name in CLASSES),
        )

    @property
    def metric(self) -> Metric:
        return self.metrics[0]

    def bind(self, setting: Setting) -> Trajectory:
        """Check every case's reference before anything is spent.

        Raises:
            SuiteError: a reference is malformed, names a tool that is not offered, or is longer
                than the budget; or no case has one.
        """
        found = [self._checked(case) for case in setting.cases]
        if not any(found):
            remedy = 'write "expected": {"trajectory": [{"name": "…", "arguments": {…}}]}'
            raise SuiteError(f"trajectory: no case has a reference trajectory ({remedy})")
        return self

    def _checked(self, case: Case) -> bool:
        where = f"{case.source.path}:{case.source.line}: " if case.source else ""
        where += f"trajectory: case {shown(case.id)}"
        try:
            wanted = reference_of(case)
        except ValueError as error:
            raise SuiteError(f"{where}: {error}") from None
        for step in wanted or ():
            if self.tools is not None and step.name not in self.tools:
                offered = ", ".join(sorted(self.tools))
                there = f"({offered} are)" if offered else "(tools= names none: leave it out)"
                raise SuiteError(f"{where}: {FIELD}: {shown(step.name)} is not offered {there}")
        if wanted and self.max_calls is not None and len(wanted) > self.max_calls:
            said = f"{FIELD} has {len(wanted)} calls, max_calls is {self.max_calls}"
            raise SuiteError(f"{where}: {said}: raise it, or shorten the reference")
        return wanted is not None

    def __call__(self, case: Case, output: Output) -> Mapping[str, Score]:
        """A score per metric."""
        wanted, made = reference_of(case), steps(output.tool_calls)
        fault = fault_of(
            wanted,
            made,
            finish_reason=output.finish_reason,
            tools=self.tools,
            max_calls=self.max_calls,
            arguments=self.arguments,
        )
        found = self._measured(wanted, made, len(output.tool_calls))
        scores = {
            f"trajectory.{name}": Score(case.id, 1, "", value, said, void=said in VOID)
            for name, (value, said) in found.items()
        }
        order = scores["trajectory.order"]
        scores["trajectory.order"] = replace(order, evidence=[_evidence(wanted, made, fault)])
        for name in CLASSES:
            hit = fault is not None and fault[0] == name
            said = fault[1] if fault and hit else ""
            scores[f"trajectory.{name}"] = Score(case.id, 1, "", float(hit), said)
        return scores

    def _measured(
        self, wanted: Sequence[Step] | None, made: Sequence[Step], count: int
    ) -> dict[str, measures.Measured]:
        asked = names(wanted or (), arguments=self.arguments)
        done = names(made, arguments=self.arguments)
        flood = f"{count} calls, more than {MOST}, are not compared" if count > MOST else ""
        lack = NO_REFERENCE if wanted is None else flood
        found: dict[str, measures.Measured] = {
            name: (None, lack) if lack else measure(asked, done)
            for name, measure in COMPARED.items()
        }
        repeats = measures.loops([step.spelled for step in wanted or ()], made)
        found["loops"] = (None, flood) if flood else repeats
        if self.tools is not None:
            found["known"] = (None, flood) if flood else measures.known(made, self.tools)
        if self.max_calls is not None:
            found["budget"] = measures.budget(count, self.max_calls)
        return found


def _evidence(
    wanted: Sequence[Step] | None, made: Sequence[Step], fault: Fault | None
) -> Mapping[str, Json]:
    evidence = {"called": _way(made)}
    if wanted is not None:
        evidence["reference"] = _way(wanted)
    if fault is not None:
        evidence["fault"] = f"{fault[0].replace('_', ' ')}: {fault[1]}"
    return evidence


def _way(taken: Sequence[Step]) -> str:
    more = [f"{len(taken) - SHOWN} more"] if len(taken) > SHOWN else []
    return " → ".join([*(clip(step.spelled) for step in taken[:SHOWN]), *more]) or "nothing"


def trajectory(
    *,
    tools: Sequence[str | Mapping[str, Json]] | None = None,
    arguments: bool = True,
    max_calls: int | None = None,
) -> Trajectory:
    """The tool calls of an output against `expected["trajectory"]` of its case, without a model.

    Args:
        tools: what the target may call: names, or the definitions that it offers. Without them
            nothing is said of tools that do not exist.
        arguments: whether calls are equal only with equal arguments; False compares names.
        max_calls: how many calls a case may take at most.

    Raises:
        SuiteError: at import, naming the argument.
    """
    if max_calls is not None and (type(max_calls) is not int or max_calls < 0):
        raise SuiteError(f"trajectory: max_calls must be 0 or more, not {shown(max_calls)}")
    if type(arguments) is not bool:
        raise SuiteError(f"trajectory: arguments must be True or False, not {shown(arguments)}")
    return Trajectory(None if tools is None else _named(tools), arguments, max_calls)


def _named(tools: Sequence[str | Mapping[str, Json]]) -> frozenset[str]:
    remedy = 'write tools=["search"], or the definitions that the model is given'
    if isinstance(tools, str | Mapping) or not isinstance(tools, Iterable):
        wrong = f"tools must be a list of names or definitions, not {shown(tools)}"
        raise SuiteError(f"trajectory: {wrong}: {remedy}")
    found = [each.get("name") if isinstance(each, Mapping) else each for each in tools]
    for place, each in enumerate(found):
        if not isinstance(each, str) or not each:
            raise SuiteError(f"trajectory: tools[{place}] has no name: {shown(each)}: {remedy}")
    return frozenset(each for each in found if isinstance(each, str))
