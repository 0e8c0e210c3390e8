"""Several processes on one store: the same results, no lock error, and no call made twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counting import Counting, counting

from evalsuite.cli import main

SUITE = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat("Say " + case.input)).text
"""


@pytest.fixture
def served() -> Iterator[Counting]:
    with counting() as server:
        yield server


@pytest.fixture
def asking(project: Any, served: Counting) -> Any:
    """A project whose 60 cases each make one call."""
    project.write("pyproject.toml", f'[tool.evalsuite]\nbackends = {{ default = "{served.spec}" }}')
    project.write("test_words.py", SUITE)
    project.cases(project.many(60))
    return project


def start(project: Any, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--evals", "-q", "-p", "no:cacheprovider", *options],
        cwd=project.path,
        env={**os.environ, "PYTEST_PLUGINS": "evalsuite.plugin,xdist.plugin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    said = process.communicate(timeout=100)[0]
    assert process.returncode == 0, said[-3000:]
    assert "locked" not in said
    return said


def rows(run: Path) -> list[Any]:
    text = (run / "words" / "scores.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def verified(project: Any, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.chdir(project.path)
    return main(["store", "verify"]) == 0


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["two runs", "two runs of two workers"])
def test_runs_at_once_ask_once_and_say_the_same(
    asking: Any, served: Counting, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [start(asking, *options) for _ in range(2)]
    for process in both:
        ended(process)
    assert (len(served.asked), served.again()) == (60, 0)
    one, two = asking.runs()
    assert rows(one) == rows(two)
    assert verified(asking, monkeypatch)
    ended(start(asking))
    assert served.asked.total() == 60
    assert not list(asking.path.glob(".evalsuite/side-*"))


def test_a_request_that_two_workers_make_is_asked_once(asking: Any, served: Counting) -> None:
    """Without a seed of its own, equal questions of different cases are one call."""
    spec = f"{served.spec}?seed=false"
    asking.write("pyproject.toml", f'[tool.evalsuite]\nbackends = {{ default = "{spec}" }}')
    asking.write("test_words.py", SUITE.replace('"Say " + case.input', '"Say word"'))
    served.latency = 0.3
    ended(start(asking, "-n2"))
    assert served.asked.total() == 1


def test_who_waits_for_a_process_that_dies_asks_itself(asking: Any, served: Counting) -> None:
    served.latency = 3.0
    first = start(asking)
    while len(served.asked) < 20:
        assert first.poll() is None
    second = start(asking)
    first.kill()
    first.communicate()
    served.latency = 0.02
    ended(second)
    assert len(served.asked) == 60
    assert served.again() <= 20
