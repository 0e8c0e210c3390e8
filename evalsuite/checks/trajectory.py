"""What the target did on the way: which tools it called, with what, how often, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalsuite.canonical import alike
from evalsuite.checks.bounds import between, require_bounds
from evalsuite.checks.define import Test, define, quoted
from evalsuite.records import Case, Json, Output, ToolCall
from evalsuite.scoring import Outcome, clip


@define(version=1)
def tool_called(name: str) -> Test:
    """The tool was called at least once."""

    def test(case: Case, output: Output) -> Outcome:
        count = len(_calls(output, name))
        evidence = {"called": _names(output)}
        return Outcome(count > 0, f"{quoted(name)} was called {count} times", evidence)

    return test


@define(version=1)
def tool_not_called(name: str) -> Test:
    """The tool was never called."""

    def test(case: Case, output: Output) -> Outcome:
        count = len(_calls(output, name))
        evidence = {"called": _names(output)}
        return Outcome(count == 0, f"{quoted(name)} was called {count} times", evidence)

    return test


@define(version=1)
def tool_order(names: Sequence[str]) -> Test:
    """The tools were called in this order; others may come between."""

    def test(case: Case, output: Output) -> Outcome:
        calls = iter(call.name for call in output.tool_calls)
        missing = next((name for name in names if name not in calls), None)
        evidence = {"called": _names(output), "wanted": [clip(name, 60) for name in names[:20]]}
        if missing is not None:
            said = f"{quoted(missing)} was not called, or not after those before it"
            return Outcome(False, said, evidence)
        return Outcome(True, "the tools were called in the order wanted", evidence)

    return test


@define(version=1)
def tool_count(name: str, *, min: int | None = None, max: int | None = None) -> Test:  # noqa: A002
    """How often the tool was called."""
    require_bounds("tool_count", min, max)

    def test(case: Case, output: Output) -> Outcome:
        count = len(_calls(output, name))
        return between(count, min, max, what=f"{_safe(quoted(name))} was called {{}} times")

    return test


@define(version=1)
def tool_not_repeated(name: str | None = None) -> Test:
    """No call has the name and the arguments of an earlier one; `name` looks at one tool only."""

    def test(case: Case, output: Output) -> Outcome:
        seen: set[str] = set()
        for call in output.tool_calls if name is None else _calls(output, name):
            spelled = _spelled(call)
            if spelled is None:
                return Outcome(None, f"the arguments of {quoted(call.name)} are not plain JSON")
            if spelled in seen:
                evidence = {"repeated": clip(spelled)}
                return Outcome(False, f"{quoted(call.name)} was called twice alike", evidence)
            seen.add(spelled)
        return Outcome(True, "no call was repeated")

    return test


@define(version=1)
def tool_arguments_valid(name: str, *, schema: Mapping[str, Json]) -> Test:
    """The tool was called, and the arguments of every call of it are valid by the schema."""
    from evalsuite.checks.schema import validator_of  # noqa: PLC0415 (slow to import)

    judge = validator_of(schema, "tool_arguments_valid.schema")

    def test(case: Case, output: Output) -> Outcome:
        calls = _calls(output, name)
        if not calls:
            return Outcome(False, f"{quoted(name)} was not called", {"called": _names(output)})
        for place, call in enumerate(calls, 1):
            found = judge(call.arguments)
            if not found.holds:
                reason = f"call {place} of {quoted(name)}: {found.reason}"
                return Outcome(found.holds, reason, found.evidence)
        return Outcome(True, f"the arguments of {len(calls)} calls of {quoted(name)} are valid")

    return test


@define(version=1)
def tool_arguments_equal(name: str, *, arguments: Mapping[str, Json]) -> Test:
    """Some call of the tool has exactly these arguments; 1 and 1.0 are the same number."""
    wanted = _spelled(ToolCall(name, arguments))

    def test(case: Case, output: Output) -> Outcome:
        spelled = [_spelled(call) for call in _calls(output, name)]
        evidence = {
            "wanted": clip(wanted or ""),
            "calls": [clip(each or "?") for each in spelled[:5]],
        }
        if wanted in spelled:
            return Outcome(True, f"{quoted(name)} was called with these arguments", evidence)
        if None in spelled:
            return Outcome(None, f"the arguments of {quoted(name)} are not plain JSON", evidence)
        said = f"{quoted(name)} was called {len(spelled)} times, never with these arguments"
        return Outcome(False, said, evidence)

    return test


@define(version=1)
def steps(*, min: int | None = None, max: int | None = None) -> Test:  # noqa: A002 - golden words
    """How many tool calls the target made in all."""
    require_bounds("steps", min, max)

    def test(case: Case, output: Output) -> Outcome:
        return between(len(output.tool_calls), min, max, what="the target made {} tool calls")

    return test


def _calls(output: Output, name: str) -> list[ToolCall]:
    return [call for call in output.tool_calls if call.name == name]


def _names(output: Output) -> list[str]:
    return [clip(str(call.name), 60) for call in output.tool_calls[:20]]


def _safe(text: str) -> str:
    return text.replace("{", "(").replace("}", ")")


def _spelled(call: ToolCall) -> str | None:
    """Name and arguments in one spelling, None where they are not plain JSON."""
    arguments = alike(call.arguments)
    return None if arguments is None else f"{call.name} {arguments}"
