"""A case and an output as the fields that metrics of other libraries know, and what they lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalsuite.judging.prompt import question_of
from evalsuite.judging.subjects import text_of
from evalsuite.records import Case, Json, Output

OF_CASE = {
    "reference": ("a reference answer", "write it as the case's expected, or its field answer"),
    "reference_contexts": ("reference contexts", "write them as the case's contexts"),
    "trajectory": (
        "a reference trajectory",
        'write "expected": {"trajectory": [{"name": "…", "arguments": {…}}]}',
    ),
}
"""What only a case can have: that no case has it is said before anything is spent."""

_OF_OUTPUT = {
    "input": "the case has no input",
    "messages": "the case has no messages",
    "response": "the output is empty",
    "contexts": "the output has no contexts",
}


def fields_of(case: Case, output: Output) -> dict[str, Json]:
    """All that metrics can be given, as JSON; None or empty where there is none."""
    expected = case.expected
    listed = expected if isinstance(expected, Mapping) else {}
    answer = expected if isinstance(expected, str) else listed.get("answer")
    return {
        "input": question_of(case.input),
        "messages": _messages(case.input),
        "response": text_of(output),
        "contexts": [each.text for each in output.contexts],
        "reference": answer if isinstance(answer, str) else None,
        "reference_contexts": list(case.contexts),
        "tools": [
            {"name": each.name, "arguments": each.arguments, "result": each.result}
            for each in output.tool_calls
        ],
        "trajectory": _steps(listed.get("trajectory")),
        "expected": dict(listed),
    }


def _messages(value: Json) -> list[dict[str, Json]]:
    """The conversation so far; a plain question is one message."""
    given = value.get("messages") if isinstance(value, Mapping) else None
    if isinstance(given, list) and all(isinstance(each, Mapping) for each in given):
        return [{**each, "content": question_of(each.get("content"))} for each in given]
    return [{"role": "user", "content": question_of(value)}]


def _steps(given: Json) -> list[dict[str, Json]] | None:
    """A reference trajectory, or None for what is none; an empty one says that no tool is due."""
    if not isinstance(given, list):
        return None
    named = [each for each in given if isinstance(each, Mapping) and _named(each)]
    if len(named) < len(given):
        return None
    return [{"name": each["name"], "arguments": each.get("arguments")} for each in named]


def _named(step: Mapping[str, Json]) -> bool:
    return isinstance(step.get("name"), str)


def lacking(needs: Sequence[str], fields: Mapping[str, Json]) -> str:
    """Why a metric can't be computed from these fields, "" if it can. Tools may be none: that the
    target called none is what such a metric is about."""
    for need in needs:
        value = value_of(need, fields)
        if need in OF_CASE and not (value or (need == "trajectory" and value is not None)):
            return f"the case has no {OF_CASE[need][0].partition(' ')[2] or need}"
        if need in _OF_OUTPUT and not value:
            return _OF_OUTPUT[need]
        if need.startswith("expected.") and value is None:
            return f'the case has no "{need.partition(".")[2]}" in its expected'
    return ""


def value_of(need: str, fields: Mapping[str, Json]) -> Json:
    """The value of a need: a field, or one of the case's expected ("expected.rubrics")."""
    name, _, inner = need.partition(".")
    return fields.get(name) if not inner else fields["expected"].get(inner)
