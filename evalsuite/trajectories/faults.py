"""The class of what went wrong on the way: the first rule that holds decides. Pure.

Rules over what can be seen, not a guess at what the model thought: docs/tools.md has them as they
are here. A trajectory in which none holds is without fault; its answer may still be wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from evalsuite.scoring import clip
from evalsuite.trajectories import measures
from evalsuite.trajectories.reference import Step

Class = Literal["context_overflow", "tool_misuse", "tool_failure", "planning"]
CLASSES: tuple[Class, ...] = ("context_overflow", "tool_misuse", "tool_failure", "planning")
"""In the order in which they are tried."""

Fault = tuple[Class, str]


def fault_of(
    wanted: Sequence[Step] | None,
    made: Sequence[Step],
    *,
    finish_reason: str | None,
    tools: Collection[str] | None,
    max_calls: int | None,
    arguments: bool,
) -> Fault | None:
    """The class and what was seen; None without a fault.

    1. context overflow: the answer ended with "length".
    2. tool misuse: a tool that was not offered, or one of the reference with other arguments than
       the reference has left for it.
    3. tool failure: the last call of some tool ended in an error, so that it was not made good.
    4. planning: calls missing, too many, in another order, repeated, or over the budget.
    """
    if finish_reason == "length":
        return "context_overflow", 'the answer ended with "length"'
    if misused := _misused(wanted, made, tools, arguments=arguments):
        return "tool_misuse", misused
    ends = {step.name: step for step in made}
    if down := next((step.name for step in ends.values() if step.failed), None):
        return "tool_failure", f'"{clip(down, 60)}" ended in an error'
    if poor := _planned(wanted, made, max_calls, arguments=arguments):
        return "planning", poor
    return None


def _misused(
    wanted: Sequence[Step] | None,
    made: Sequence[Step],
    tools: Collection[str] | None,
    *,
    arguments: bool,
) -> str:
    for step in made:
        if tools is not None and step.name not in tools:
            return f'"{clip(step.name, 60)}" was not offered'
    if wanted is None or not arguments:
        return ""
    asked = {step.spelled for step in wanted}
    done = {step.spelled for step in made}
    left = {step.name for step in wanted if step.spelled not in done}
    for step in made:
        if step.spelled not in asked and step.name in left:
            return f"other arguments than the reference: {clip(step.spelled)}"
    return ""


def _planned(
    wanted: Sequence[Step] | None, made: Sequence[Step], most: int | None, *, arguments: bool
) -> str:
    """What is wrong with the calls as a plan; "" if nothing is."""
    if most is not None and len(made) > most:
        return f"{len(made)} calls, at most {most} are allowed"
    asked, done = names(wanted or (), arguments=arguments), names(made, arguments=arguments)
    value, said = measures.loops([step.spelled for step in wanted or ()], made)
    if value != 1.0:
        return said
    if wanted is None or asked == done:
        return ""
    for measure in (measures.recall, measures.precision, measures.order):
        value, said = measure(asked, done)
        if value != 1.0:
            return said
    return ""


def names(steps: Sequence[Step], *, arguments: bool) -> list[str]:
    """What calls are compared by."""
    return [step.spelled if arguments else step.name for step in steps]
