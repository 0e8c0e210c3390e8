"""`evalsuite ci summary`: what a job page shows of a run, and marks on lines of golden files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from evalsuite.cli import main
from evalsuite.hub import step

HOSTILE = "x\n::error file=a.py::owned\r\n%0A::set-output name=a::b\n##[error]y, z: 100%"


@pytest.fixture
def summary(project: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = project.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    return file


def broken(project: Any) -> None:
    """A run in which two must_pass cases fail, by checks that quote hostile text."""
    project.cases(project.many(12, must_pass=True, checks=[{"contains": HOSTILE}]))
    project.suite(repr(HOSTILE))
    project.run("-q")
    assert main(["accept", "words", "--from-run", "last", "--reason", "first"]) == 0
    project.suite(f"'word' if case.id in ('c003', 'c005') else {HOSTILE!r}")
    project.run("-q")


def test_the_summary_has_the_report_and_each_blocking_case_is_marked_on_its_line(
    project: Any, summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(project)
    capsys.readouterr()
    assert main(["ci", "summary"]) == 0
    text = summary.read_text(encoding="utf-8")
    assert "[!CAUTION]" in text
    said = capsys.readouterr().out.splitlines()
    commands = [line for line in said if line.lstrip().startswith("::")]
    places = {re.match(r"::error file=(golden/words/cases.jsonl),line=(\d+),", c) for c in commands}
    assert None not in places
    assert sorted(int(each[2]) for each in places if each) == [4, 6]
    assert all("owned" in each for each in commands)
    assert "title=words%3A c003 fails::" in commands[0]
    assert "%0A" not in commands[0]
    assert "%250A" in commands[0]


def test_where_no_suite_had_to_run_the_summary_says_so(project: Any, summary: Path) -> None:
    assert main(["ci", "summary"]) == 0
    assert "no suite was run" in summary.read_text(encoding="utf-8")
    assert main(["ci", "summary", "--run", "20260101-000000-0000000"]) == 4


def test_a_run_before_the_last_invocation_is_not_told_of(project: Any, summary: Path) -> None:
    project.suite()
    project.cases(project.many(12))
    project.run_apart("-q")
    project.accept()
    project.run_apart("-q")
    project.suite("'nothing'")
    assert project.run_apart("-q").ret == 1
    project.suite()
    assert "left out" in project.run_apart("-q", "--evals-changed").stdout.str()
    project.run_apart("-q", "--evals-plan")  # runs nothing
    assert main(["ci", "summary"]) == 0
    assert "no suite was run" in summary.read_text(encoding="utf-8")
    assert "words" not in summary.read_text(encoding="utf-8")
    project.run_apart("-q")
    assert main(["ci", "summary"]) == 0
    assert "words" in summary.read_text(encoding="utf-8")


def test_what_the_step_wrote_before_stays_and_too_much_is_refused(
    project: Any, summary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project.suite()
    project.cases(project.many(3))
    project.run("-q")
    summary.write_text("before\n", encoding="utf-8")
    assert main(["ci", "summary"]) == 0
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n\n")
    assert "words" in text
    summary.write_text("x" * step.LIMIT, encoding="utf-8")
    assert main(["ci", "summary"]) == 4
    assert "not shown" in capsys.readouterr().err


def test_outside_of_a_step_it_says_so(
    project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    assert main(["ci", "summary"]) == 4
    assert "GITHUB_STEP_SUMMARY" in capsys.readouterr().err
