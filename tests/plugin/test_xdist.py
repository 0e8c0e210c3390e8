"""Under xdist: the same results, verdict, gates and junit as in one process."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("xdist")

SUITE = """
import asyncio
import os
import pytest
import evalsuite as ev

@pytest.fixture(scope="module")
def word():
    return "word"

@ev.suite(golden="words", gate=ev.Gate(slices={{"topic=b": ev.Slice()}}))
async def words(case, word):
    number = int(case.id[1:])
    await asyncio.sleep(0)
    {body}
    return f"{{word}} {{number}}"
"""

BROKEN = 'if number % 3 == 0 and case.slices["topic"] == "b": return "nothing"'


@pytest.fixture
def parallel(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project with an accepted snapshot of 60 cases, half of them in each of two slices."""
    monkeypatch.setenv("PYTEST_PLUGINS", "evalsuite.plugin,xdist.plugin")
    project.write("test_words.py", SUITE.format(body=""))
    cases = project.many(60)
    for number, case in enumerate(cases):
        case["slices"] = {"topic": "ab"[number % 2]}
    project.cases(cases)
    assert project.run_apart().ret == 0
    project.accept()
    return project


def facts(project: Any, junit: Path) -> dict[str, Any]:
    """What must not depend on the number of processes."""
    report = project.report()
    return {
        "result": report["result"],
        "findings": report["findings"],
        "rows": project.rows(),
        "subject": project.manifest()["subject"],
        "notes": project.manifest()["notes"],
        "junit": sorted(
            (case.get("classname"), case.get("name"), case.find("failure") is not None)
            for case in ET.parse(junit).iter("testcase")
        ),
    }


@pytest.mark.parametrize("body", ["", BROKEN], ids=["unchanged", "broken"])
def test_two_workers_give_what_one_process_gives(parallel: Any, body: str) -> None:
    parallel.write("test_words.py", SUITE.format(body=body))
    junit = parallel.path / "junit.xml"
    alone = parallel.run_apart(f"--junitxml={junit}")
    expected = facts(parallel, junit)
    both = parallel.run_apart("-n2", f"--junitxml={junit}")
    assert both.ret == alone.ret == (1 if body else 0)
    assert facts(parallel, junit) == expected
    red = [name for _, name, failed in expected["junit"] if failed]
    assert red == (["gate[checks, topic=b]", "gate[checks]"] if body else [])


def test_k_and_x_work_on_workers_too(parallel: Any) -> None:
    parallel.run_apart("-n2", "-k", "c00").assert_outcomes(passed=10)
    cases = parallel.many(60, must_pass=True, checks=[{"contains": "absent"}])
    parallel.cases(cases)
    done = parallel.run_apart("-n2", "-x")
    assert done.ret != 0
    assert len(done.outlines) < 200


def test_a_worker_that_crashes_fails_the_run_and_decides_no_gate(parallel: Any) -> None:
    parallel.write("test_words.py", SUITE.format(body="if number == 7: os._exit(3)"))
    done = parallel.run_apart("-n2")
    assert done.ret == 1
    assert "crashed" in done.stdout.str()
    rows = parallel.rows()
    assert "c007" not in rows
    assert len(rows) >= 50  # what was in flight beside it goes with the worker
    assert parallel.manifest()["partial"]


def test_a_re_run_on_workers_takes_its_outputs_from_the_store(parallel: Any) -> None:
    command = [sys.executable, "-m", "pytest", "--evals", "-q", "-n2"]
    for _ in range(2):
        subprocess.run(command, cwd=parallel.path, check=True, stdout=subprocess.DEVNULL)
    assert parallel.manifest()["operations"]["reused_outputs"] == 60
