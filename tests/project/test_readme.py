"""The README's suites run as they are written there."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from evalsuite.cli import main
from evalsuite.config import config_from

README = Path(__file__).parents[2] / "README.md"


def block(language: str, number: int) -> str:
    """The n-th fenced block in a language of the section on suites."""
    text = README.read_text(encoding="utf-8")
    section = text.partition("## Write a suite")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)[number]


def test_the_first_suite_is_accepted_broken_and_mended(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    project.write("golden/hr/cases.jsonl", block("json", 0))
    source = block("python", 0)
    file = project.write("tests/test_hr.py", source)
    assert project.run().ret == 0
    assert main(["accept", "--from-run", "last", "--reason", "first reviewed answers"]) == 0
    assert "All 2 compared answers are the stored ones" in project.run().stdout.str()
    file.write_text(source.replace("16 weeks", "12 weeks"), encoding="utf-8")
    done = project.run()
    assert done.ret == 1
    for words in ("The must_pass case", "code tests/test_hr.py", "[-16-] {+12+}"):
        assert words in done.stdout.str()
    file.write_text(source, encoding="utf-8")
    assert project.run().ret == 0


def test_the_fuller_suite_runs_with_the_full_case(project: Any) -> None:
    case = json.loads(block("json", 1))
    assert block("json", 1).count("\n") == 1
    project.write("golden/support/cases.jsonl", block("json", 1))
    project.write("test_support.py", block("python", 1))
    project.write("prompts/answer.j2", "")
    project.write("index.json", "{}")
    project.write(
        "support.py",
        "def search(question): return ['Parental leave is 16 weeks.']\n"
        "def prompt(question, documents):\n"
        "    return f'<document>{documents[0]}</document>\\nQuestion: {question}'\n",
    )
    done = project.run("-v")
    assert done.ret == 0, done.stdout.str()
    done.stdout.fnmatch_lines([f"test_support.py::support?{case['id']}? PASSED*"])
    settings = tomllib.loads(block("toml", 0))["tool"]["evalsuite"]
    assert config_from(settings, Path(), "README").backends["default"].startswith("openai:")
