"""The line on a terminal that says how far a run is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evalsuite.plugin.progress import line
from evalsuite.runner.counts import Counts

pty = pytest.importorskip("pty")

SUITE = """
import asyncio, os
from pathlib import Path
import evalsuite as ev

@ev.suite(golden="words")
async def words(case):
    while case.id == "c040" and "SEEN" in os.environ and not Path(os.environ["SEEN"]).exists():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.15)
    return "word"
"""
"""The last case takes until the line was seen with the time left, however busy the machine is."""


def on_a_terminal(folder: Path, *arguments: str, columns: int = 100, **environment: str) -> str:
    """What pytest --evals writes to a terminal of so many columns."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pytest", "--evals", "-p", "no:cacheprovider", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=theirs,
        stderr=theirs,
        env={**kept, "COLUMNS": str(columns), "PYTHON_COLORS": "0", **environment},
    ):
        os.close(theirs)
        parts = []
        try:
            while part := os.read(ours, 65536):
                parts.append(part)
                if "SEEN" in environment and b"s left" in b"".join(parts):
                    Path(environment["SEEN"]).touch()
        except OSError:  # Linux says so that the other end is closed
            pass
    os.close(ours)
    return b"".join(parts).decode()


@pytest.fixture
def slow(project: Any) -> Path:
    project.write("test_words.py", SUITE)
    cases = project.many(41)
    cases[0] |= {"must_pass": True, "checks": [{"contains": "absent"}]}
    project.cases(cases)
    return Path(project.path)


def test_one_line_counts_and_no_letter_disturbs_it(slow: Path, tmp_path: Path) -> None:
    text = on_a_terminal(slow, SEEN=str(tmp_path / "seen"))
    drawn = [each for each in text.split("\r") if "/41 cases" in each]
    assert len(drawn) >= 2
    assert any("running" in each and "s left" in each for each in drawn)
    assert "%]" not in text
    assert "1 failed, 40 passed" in text


def test_a_narrow_terminal_gets_whole_parts(slow: Path) -> None:
    drawn = [each for each in on_a_terminal(slow, columns=46).split("\r") if "/41 cases" in each]
    assert drawn
    assert [each for each in drawn if len(each.rstrip("\n")) >= 46 or each.endswith("· ")] == []


@pytest.mark.parametrize(("arguments", "environment"), [(["-q"], {}), ([], {"CI": "1"})])
def test_quiet_runs_and_builds_get_letters(
    slow: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    text = on_a_terminal(slow, *arguments, **environment)
    assert "/41 cases" not in text
    assert "F......" in text


def test_what_matters_first_comes_first() -> None:
    counts = Counts(done=5, failed=2, running=3, fresh=7, input_tokens=1200, cost=0.5)
    assert line([counts], 10, 20.0) == [
        "5/10 cases",
        "2 failed",
        "3 running",
        "20 s left",
        "7 calls",
        "1,200 tokens",
        "$0.50",
    ]
