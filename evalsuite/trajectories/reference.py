"""A case's reference trajectory, and when two calls are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.canonical import alike
from evalsuite.records import Case, Json, ToolCall
from evalsuite.wording import shown

FIELD = "expected.trajectory"
MOST = 1_000
"""Calls of a reference or of an output that are compared; their alignment takes the product."""


@dataclass(frozen=True, slots=True)
class Step:
    """A call as it is compared: its name, and name and arguments in one spelling. An argument that
    is no JSON makes a call that equals no other."""

    name: str
    spelled: str
    failed: bool = False


def reference_of(case: Case) -> tuple[Step, ...] | None:
    """The reference trajectory; None where the case has none. An empty one is a reference: no tool
    should be called.

    Raises:
        ValueError: it is malformed; the message names the field and the remedy.
    """
    if not isinstance(case.expected, Mapping) or case.expected.get("trajectory") is None:
        return None
    given = case.expected["trajectory"]
    remedy = 'write [{"name": "…", "arguments": {…}}]'
    if not isinstance(given, list):
        raise ValueError(f"{FIELD} must be a list, not {shown(given)} ({remedy})")
    if len(given) > MOST:
        raise ValueError(f"{FIELD} has {len(given)} calls, more than {MOST}")
    return tuple(_step(f"{FIELD}[{place}]", each, remedy) for place, each in enumerate(given))


def _step(where: str, given: Json, remedy: str) -> Step:
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        raise ValueError(f"{where} must be an object with a name, not {shown(given)} ({remedy})")
    if strange := sorted(map(str, set(given) - {"name", "arguments"})):
        raise ValueError(f"{where}: unknown field {shown(strange[0])} ({remedy})")
    arguments = given.get("arguments", {})
    if not isinstance(arguments, Mapping):
        raise ValueError(f"{where}.arguments must be an object, not {shown(arguments)} ({remedy})")
    return _spell(given["name"], arguments, where)


def steps(calls: Sequence[ToolCall]) -> tuple[Step, ...]:
    """An output's calls, in order; of a flood of them the first `MOST` are compared."""
    return tuple(
        _spell(
            str(call.name), {} if call.arguments is None else call.arguments, str(place), call.error
        )
        for place, call in enumerate(calls[:MOST])
    )


def _spell(name: str, arguments: Json, place: str, error: str | None = None) -> Step:
    spelled = alike(arguments)
    if spelled is None:
        spelled = f"not JSON at {place}"
    return Step(name, f"{name} {spelled}", error is not None)
