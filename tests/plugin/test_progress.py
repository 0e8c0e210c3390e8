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
        except OSError:  # Linux says so that the other end is closed
            pass
    os.close(ours)
    return b"".join(parts).decode()


@pytest.fixture
def slow(project: Any) -> Path:
    project.write(
        "test_words.py",
        "import asyncio, evalsuite as ev\n@ev.suite(golden='words')\n"
        "async def words(case):\n    await asyncio.sleep(0.15)\n    return 'word'\n",
    )
    cases = project.many(41)
    cases[0] |= {"must_pass": True, "checks": [{"contains": "absent"}]}
    project.cases(cases)
    return Path(project.path)


def test_one_line_counts_and_no_letter_disturbs_it(slow: Path) -> None:
    text = on_a_terminal(slow)
    drawn = [each for each in text.split("\r") if "/41 cases" in each]
    assert len(drawn) >= 2
    assert "running" in drawn[0]
    assert "s left" in drawn[0]
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
