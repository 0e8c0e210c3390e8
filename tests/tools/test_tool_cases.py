"""AskAcme's conversations with tools: every check can fail, and fails alone on what it is for.

answers.jsonl holds per case a right answer, the same in other words (`also`), and for each of the
case's checks in turn the outputs that it is to fail: another text, or other calls. One of them at
least is wrong in that one way alone. What a wrong output doesn't say is as in the right one, whose
calls are the case's reference.
"""

from __future__ import annotations

import importlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from evalsuite import golden
from evalsuite.checks import compile_checks, problems, score
from evalsuite.golden.lint import lint
from evalsuite.records import Case, Json, Output, ToolCall
from evalsuite.trajectories.naming import trajectory

ROOT = Path(__file__).parents[2]
DATASET = ROOT / "golden" / "askacme-tools"
CASES = {case.id: case for case in golden.load(DATASET).cases}
ANSWERS: Mapping[str, Mapping[str, Json]] = {
    each["id"]: each
    for line in (Path(__file__).parent / "answers.jsonl").read_text("utf-8").splitlines()
    for each in [json.loads(line)]
}
TOOLS: Sequence[Mapping[str, Json]] = json.loads(
    (ROOT / "examples" / "askacme" / "desk" / "tools.json").read_text("utf-8")
)
BARRED = {"approve_leave", "delete_ticket"}
SCORER = trajectory(tools=TOOLS, max_calls=6)

every = pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES.items()]
)


def reference(case: Case) -> list[Mapping[str, Json]]:
    calls: list[Mapping[str, Json]] = case.expected["trajectory"]
    return calls


def output(case: Case, said: Mapping[str, Json]) -> Output:
    calls = [
        ToolCall(call["name"], call["arguments"], "done")
        for call in said.get("calls", reference(case))
    ]
    text = said.get("text", ANSWERS[case.id]["right"])
    return Output(text=text, tool_calls=calls, finish_reason="stop")


def failing(case: Case, made: Output) -> list[int]:
    """The places of the checks that do not hold."""
    compiled = [compile_checks([each])[0] for each in case.checks]
    return [at for at, check in enumerate(compiled) if score(case, made, [check], 1).value != 1.0]


@every
def test_a_right_answer_on_the_reference_way_passes_every_check_and_metric(case: Case) -> None:
    right = output(case, {})
    assert failing(case, right) == []
    scores = SCORER(case, right)
    off = {name for name, each in scores.items() if each.value != 1.0}
    assert off == {name for name in scores if name.rpartition(".")[2] in CLASSES}
    assert not [name for name in off if scores[name].value]


@every
def test_a_right_answer_passes_in_other_words_too(case: Case) -> None:
    for text in ANSWERS[case.id]["also"]:
        assert (text, failing(case, output(case, {"text": text}))) == (text, [])


@every
def test_an_answer_that_says_nothing_fails(case: Case) -> None:
    for text in ("", " ", "ok", "Ok.", "null", "Done."):
        assert (text, failing(case, output(case, {"text": text}))) != (text, [])


@every
def test_every_check_is_decided_on_a_long_answer(case: Case) -> None:
    for part in ("9 left ", "It is not ", ANSWERS[case.id]["right"] + " "):
        long = output(case, {"text": part * (4_000 // len(part))})
        for check in compile_checks(case.checks):
            assert score(case, long, [check], 1).value is not None


CLASSES = ("context_overflow", "tool_misuse", "tool_failure", "planning")


@pytest.mark.parametrize(
    ("case", "at"),
    [
        pytest.param(case, at, id=f"{name}-{at}")
        for name, case in CASES.items()
        for at in range(len(case.checks))
    ],
)
def test_each_check_fails_on_the_wrong_answers_made_for_it_on_one_alone(
    case: Case, at: int
) -> None:
    wrong = ANSWERS[case.id]["wrong"]
    assert len(wrong) == len(case.checks)
    failed = [failing(case, output(case, made)) for made in wrong[at]]
    assert [made for made, places in zip(wrong[at], failed, strict=True) if at not in places] == []
    assert [at] in failed


@every
def test_wrong_calls_fail_the_trajectory_too(case: Case) -> None:
    wrong = [each for made in ANSWERS[case.id]["wrong"] for each in made]
    calls = [each["calls"] for each in wrong if "calls" in each]
    for made in [*calls, [*reference(case), {"name": "guess", "arguments": {}}]]:
        scores = SCORER(case, output(case, {"calls": made}))
        assert scores["trajectory.order"].value < 1.0
        assert scores["trajectory.precision"].value < 1.0
        assert sum(scores[f"trajectory.{name}"].value for name in CLASSES) == 1.0
    assert scores["trajectory.known"].value < 1.0
    assert scores["trajectory.tool_misuse"].value == 1.0
    if reference(case):
        left_out = SCORER(case, output(case, {"calls": reference(case)[1:]}))
        assert left_out["trajectory.recall"].value < 1.0
    flood = SCORER(case, output(case, {"calls": [{"name": "ticket", "arguments": {}}] * 7}))
    assert flood["trajectory.budget"].value == 0.0
    assert flood["trajectory.loops"].value < 1.0
    assert flood["trajectory.steps"].value < 1.0


def test_there_is_an_answer_for_every_case_and_no_other() -> None:
    assert list(ANSWERS) == list(dict.fromkeys(ANSWERS))
    assert set(ANSWERS) == set(CASES)


def test_the_dataset_has_every_kind_often_enough_to_be_gated() -> None:
    assert len(CASES) >= 40
    for name in ("tool", "kind"):
        counts = Counter(case.slices[name] for case in CASES.values())
        assert min(counts.values()) >= 10
    assert set(counts) == {
        *("single", "chain", "multi-turn", "pushback", "outage", "unknown"),
        *("odd-result", "forbidden"),
    }


def test_lint_has_nothing_to_say() -> None:
    assert [str(finding) for finding in lint(DATASET, validate_checks=problems)] == []


@every
def test_references_call_what_is_allowed_as_its_schema_says(case: Case) -> None:
    offered = {tool["name"]: tool["parameters"] for tool in TOOLS}
    for call in reference(case):
        jsonschema.validate(call["arguments"], offered[call["name"]])
        assert call["name"] not in BARRED


@every
def test_roles_alternate_and_the_user_speaks_last(case: Case) -> None:
    roles = [message["role"] for message in case.input["messages"]]
    assert roles[::-1] == ["user", "assistant"] * (len(roles) // 2) + ["user"]
    assert (len(roles) > 1) or case.slices["kind"] not in ("multi-turn", "pushback")


@every
def test_an_outage_is_of_a_tool_that_the_reference_calls_last_and_is_owned_up_to(
    case: Case,
) -> None:
    down = case.input.get("down", {})
    assert bool(down) == (case.slices["kind"] == "outage")
    if down:
        assert [*down] == [reference(case)[-1]["name"]]
        assert set(down.values()) <= {"slow", "down"}
        assert failing(case, output(case, {"text": "I can't find that."}))


def test_must_pass_cases_name_their_incident() -> None:
    strict = [case for case in CASES.values() if case.must_pass]
    assert strict
    for case in strict:
        assert re.match(r"incident 20\d\d-\d\d-\d\d: \w+ ", case.provenance)


@every
def test_what_references_lead_to_holds_what_the_checks_ask_for(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records and the handbook can give the right answer: what a check takes stands in what
    the tools return, or the assistant says it of itself."""
    if not reference(case) or case.slices["kind"] == "outage":
        return
    monkeypatch.syspath_prepend(ROOT / "examples" / "askacme")
    desk: Any = importlib.import_module("desk")
    told = "I can't find that.\n" + "\n".join(answered(desk, call) for call in reference(case))
    for check in case.checks:
        if "regex" in check:
            [compiled] = compile_checks([check])
            assert score(case, output(case, {"text": told}), [compiled], 1).value == 1.0


def answered(desk: Any, call: Mapping[str, Json]) -> str:
    if call["name"] == "search_handbook":
        return str(desk.searched(call["arguments"]["query"], []))
    return str(desk.DONE[call["name"]](*call["arguments"].values()))
