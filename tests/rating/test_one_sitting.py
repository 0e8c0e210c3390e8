"""From a judge without a certificate to a first provisional gate in one sitting, counted: commands,
keys and clicks. The rater is a script that reads the page and presses keys as a person would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from browser import browser
from test_rate_cli import start
from test_rating_browser import at, joined

from evalsuite.calibration.labels import read_items, read_labels

pytest.importorskip("scipy")
pytest.importorskip("krippendorff")
pytestmark = browser

SUITE = """
import evalsuite as ev

@ev.suite(golden="handbook", scorers=[ev.judge("correctness")])
async def handbook(case):
    number = int(case.id[1:])
    weeks, office = case.expected.split("; ")
    if number % 4 == 3:
        return f"Staff take {number % 17 + 4} weeks, which nobody needs to sign."
    if number % 4 == 2:
        return f"It is {weeks}; ask your manager about the rest."
    return f"It is {weeks}, and the {office.split()[1]} office approves it."
"""
LEAVES = "parental sick carer study marriage moving jury training adoption unpaid summer winter"
STAFF = "managers nurses drivers trainees cooks engineers teachers guards clerks"
OFFICES = ("payroll", "people", "site")


def project(root: Path) -> None:
    """108 questions, an answer to each, and a judge that nobody has measured."""
    (root / "pyproject.toml").write_text("[tool.evalsuite]\n", encoding="utf-8")
    (root / "test_handbook.py").write_text(SUITE, encoding="utf-8")
    golden = root / "golden" / "handbook"
    golden.mkdir(parents=True)
    lines = []
    for number in range(108):
        leave, staff = LEAVES.split()[number % 12], STAFF.split()[number // 12]
        case = {
            "id": f"c{number:03}",
            "input": {"question": f"How long is {leave} leave for {staff}, and who approves it?"},
            "expected": f"{number % 17 + 3} weeks; the {OFFICES[number % 3]} office approves it",
            "slices": {"kind": "leave" if number % 2 else "sickness"},
        }
        lines.append(json.dumps(case) + "\n")
    (golden / "cases.jsonl").write_text("".join(lines), encoding="utf-8")


class Terminal:
    """A person's terminal: every command is counted."""

    def __init__(self, root: Path) -> None:
        self.root, self.commands = root, 0

    def run(self, *command: str, status: int = 0) -> str:
        self.commands += 1
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "160"},
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout


def opinion(page: Any) -> tuple[str, str]:
    """The key and the critique of somebody who reads question, expected answer and answer; strict
    with one answer in eight."""
    expected = page.inner_text(".expected .text")
    answer = page.inner_text(".answer .text")
    weeks, office = re.findall(r"(\d+ weeks); the (\w+) office", expected)[0]
    right = (f"is {weeks}" in answer) + (f"the {office} office" in answer)
    if right == 2 and int(weeks.split()[0]) % 8 == 0:
        return "2", ""
    if right == 0:
        return "1", f"it is {weeks}, by {office}"
    return ("3", "") if right == 2 else ("2", "")


def rate_all(page: Any) -> int:
    """Rate until all is rated; the keys that it took."""
    keys = 0
    total = int(page.title().split()[2])
    for number in range(total):
        at(page, f"^{number + 1} of {total} ")
        key, critique = opinion(page)
        page.keyboard.press(key)
        if critique:
            page.keyboard.press("c")
            page.keyboard.type(critique)
            keys += 1 + len(critique)
        page.keyboard.press("Enter")
        keys += 2
    at(page, "^All rated")
    return keys


def test_from_an_uncertified_judge_to_a_provisional_gate_that_blocks(
    chromium: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project(tmp_path)
    terminal, began = Terminal(tmp_path), time.monotonic()
    evals = ("pytest", "--evals", "-q", "-p", "no:cacheprovider")
    first = terminal.run(*evals)
    assert "uncertified" in first
    assert "more labels," in first
    assert "evalsuite rate correctness --from-run last" in first
    terminal.run("evalsuite", "accept", "--from-run", "last", "--reason", "first baseline")
    terminal.commands += 1
    process, links = start(tmp_path, "--from-run", "last", "--raters", "r1")
    try:
        with joined(chromium, links["r1"]) as page:
            rating = time.monotonic()
            keys = rate_all(page)
            rating = time.monotonic() - rating
        with joined(chromium, links["lead"]) as page:
            assert "provisional: enough labels" in page.inner_text("main")
    finally:
        process.send_signal(signal.SIGINT)  # Ctrl-C, which exports
        process.communicate(timeout=20)
    calibrated = terminal.run("evalsuite", "judge", "calibrate", "correctness", "--certify")
    assert "provisional" in calibrated
    worse = SUITE.replace("% 4 == 3", "% 4 == 3 or number % 20 in (0, 1, 4)")
    (tmp_path / "test_handbook.py").write_text(worse, encoding="utf-8")
    gated = terminal.run(*evals, status=1)
    assert "handbook BLOCKED: Merging would regress correctness overall" in gated
    assert "(provisional judge)" in gated
    folder = tmp_path / "judges" / "correctness"
    labels = read_labels(folder)
    assert len(read_items(folder)) == 80
    assert len(labels) == 92
    assert terminal.commands == 5
    minutes = (time.monotonic() - began) / 60
    with capsys.disabled():
        if os.environ.get("EVALSUITE_COUNT"):
            print(
                f"\n{terminal.commands} commands, 1 click (the link), {keys} keys for "
                f"{len(labels)} ratings ({rating:.0f} s by script), {minutes:.1f} minutes"
            )
