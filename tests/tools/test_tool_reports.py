"""What reports say of repeated tries and of how answers failed, out of a real run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import evalsuite.report

SUITE = """
import evalsuite as ev

CALLS = {{"stop": ["find"], "none": [], "wrong": ["guess"], "length": ["find"]}}
seen = {{}}

@ev.suite(golden="words", trials={trials}, scorers=[ev.trajectory(tools=["find"])])
async def words(case):
    nth = seen[case.id] = seen.get(case.id, 0) + 1
    said = case.input["tries"][nth - 1]
    way, _, text = said.partition(" ")
    if way == "crash":
        raise RuntimeError("no index")
    calls = [ev.ToolCall(name, {{}}) for name in CALLS[way]]
    finish = "length" if way == "length" else "stop"
    return ev.Output(text=text, tool_calls=calls, finish_reason=finish)
"""
SCHEMA = json.loads(
    (Path(evalsuite.report.__file__).parent / "report.schema.json").read_text("utf-8")
)


@pytest.fixture
def ran(project: Any) -> Any:
    def run(trials: int, **cases: list[str]) -> dict[str, Any]:
        project.write("pyproject.toml", "[tool.evalsuite]\nconcurrency = 1\n")
        project.write("test_words.py", SUITE.format(trials=trials))
        reference = {"trajectory": [{"name": "find"}]}
        project.cases(
            [
                {
                    "id": name,
                    "input": {"tries": tries},
                    "expected": reference,
                    "checks": [{"contains": "yes"}],
                }
                for name, tries in cases.items()
            ]
        )
        project.run()
        report: dict[str, Any] = project.report()
        jsonschema.validate(report, SCHEMA)
        return report

    return run


def text(project: Any, name: str) -> str:
    return str((project.path / "reports" / "words" / name).read_text("utf-8"))


def test_tries_are_told_per_k_in_every_report(ran: Any, project: Any) -> None:
    report = ran(3, a=["stop yes"] * 3, b=["stop yes", "stop no", "stop yes"], c=["none no"] * 3)
    found = {each["k"]: each for each in report["tries"]}
    assert [each["pass_at_k"]["value"] for each in found.values()] == pytest.approx(
        [(1 + 2 / 3) / 3, 2 / 3, 2 / 3]
    )
    assert [each["pass_all_k"]["value"] for each in found.values()] == pytest.approx(
        [(1 + 2 / 3) / 3, (1 + 1 / 3) / 3, 1 / 3]
    )
    assert found[1]["pass_at_k"] == found[1]["pass_all_k"]
    [line] = [each["text"] for each in report["lines"] if each["label"] == "answers"]
    assert line.endswith("variance 0.111, pass^3 33.3%")
    for name in ("report.html", "report.md"):
        said = text(project, name)
        assert "Repeated tries" in said
        assert "pass^k" in said


def test_a_case_that_lacks_a_trial_takes_the_figures_of_that_k_away(ran: Any) -> None:
    """A crash is no score of the checks, so two scored trials are left."""
    report = ran(3, a=["stop yes"] * 3, b=["stop yes", "crash", "stop yes"])
    first, second, third = report["tries"]
    assert first["pass_all_k"]["n"] == second["pass_all_k"]["n"] == 2
    assert (third["pass_at_k"], third["pass_all_k"], third["lack"]) == (None, None, 1)


def test_with_one_trial_there_are_no_tries(ran: Any, project: Any) -> None:
    assert ran(1, a=["stop yes"])["tries"] == []
    assert "Repeated tries" not in text(project, "report.html")


def test_answers_that_failed_are_counted_once_by_the_class_of_their_failure(
    ran: Any, project: Any
) -> None:
    report = ran(
        2,
        right=["stop yes", "stop yes"],
        lucky=["none yes", "none yes"],
        astray=["none no", "wrong no"],
        cut=["length no", "stop no"],
    )
    counts = {each["class"]: each["after"] for each in report["failures"]}
    assert counts == {
        "trajectory.context_overflow": 1,
        "trajectory.tool_misuse": 1,
        "trajectory.tool_failure": 0,
        "trajectory.planning": 1,
        "none of these": 1,
    }
    for name in ("report.html", "report.md"):
        assert "How answers failed" in text(project, name)
        assert "context overflow" in text(project, name)
    assert "trajectory.planning" not in report["metrics"]


def test_without_failures_or_classes_there_is_no_such_table(ran: Any, project: Any) -> None:
    assert ran(1, a=["stop yes"])["failures"] == []
    assert "How answers failed" not in text(project, "report.md")


def test_a_reference_that_is_none_stops_the_collection(project: Any) -> None:
    project.write("test_words.py", SUITE.format(trials=1))
    project.cases(
        [{"id": "a", "input": {"tries": []}, "expected": {"trajectory": [{"name": "x"}]}}]
    )
    done = project.run()
    assert done.ret != 0
    done.stdout.fnmatch_lines(
        ["*golden/words/*:1: trajectory: case 'a': expected.trajectory: 'x' is not offered*"]
    )
