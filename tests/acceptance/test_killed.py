"""kill -9 at any moment leaves nothing half-written, and the same command goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from counting import counting

from evalsuite import snapshot
from evalsuite.runner import conclude
from evalsuite.store.upkeep import verify

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

SUITE = """
import asyncio, json, time
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    note("start", case)
    await llm.chat("<document id='a'>The word is blue.</document> Which? " + case.id)
    await asyncio.sleep(0.03)
    note("end", case)
    return f"word {{case.input}}" if int(case.input) % 5 else "no"

def note(what, case):
    with open({log!r}, "a") as log:
        log.write(json.dumps([what, case.id, time.time()]) + chr(10))
"""
CALLING = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat("Say " + case.input)).text
"""
SETTINGS = """
[tool.evalsuite]
concurrency = 20
backends = {{ default = "{spec}" }}
"""
SETTLED = 0.25
"""Seconds after which an answer must have been kept, on a busy machine too."""


class Killable:
    def __init__(self, project: Any, options: list[str], *, cases: bool = True) -> None:
        self.project = project
        self.root: Path = project.path
        self.log = self.root.parent / f"{self.root.name}-ran.jsonl"
        self.command = [sys.executable, "-m", "pytest", "--evals", "-q", *options]
        if cases:
            project.cases([{**case, "input": str(n)} for n, case in enumerate(project.many(100))])
            project.write("test_words.py", SUITE.format(log=str(self.log)))

    def notes(self) -> Iterator[tuple[str, str, float]]:
        for line in self.log.read_text().splitlines() if self.log.exists() else ():
            what, case, at = json.loads(line)
            yield what, case, at

    def run(
        self, kill_after: float | None = None, kill_when: Callable[[], bool] | None = None
    ) -> int:
        process = subprocess.Popen(
            self.command,
            cwd=self.root,
            env={**os.environ, "PYTEST_PLUGINS": "evalsuite.plugin,xdist.plugin"},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        if kill_when is not None:
            while not kill_when():
                assert process.poll() is None
                time.sleep(0.005)
        if kill_after is not None:
            time.sleep(kill_after)
        if kill_after is not None or kill_when is not None:
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()

    def decided(self) -> list[Any]:
        report = self.project.report()
        names = ("name", "result", "before", "after", "p", "n")
        return [report["result"], [[each.get(n) for n in names] for each in report["findings"]]]


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["one process", "two workers"])
def test_the_same_command_gives_the_same_verdict_and_runs_no_finished_trial_again(
    project: Any, options: list[str]
) -> None:
    killable = Killable(project, options)
    began = time.monotonic()
    assert killable.run() == 0
    life = time.monotonic() - began
    verdict = killable.decided()
    for part in range(1, 4):
        for file in (killable.root / ".evalsuite").glob("store.db*"):
            file.unlink()
        killable.log.unlink()
        killable.run(kill_after=life * random.uniform(part - 1, part) / 3)
        killed = time.time()
        before = list(killable.notes())
        finished = {c for what, c, at in before if what == "end" and at < killed - SETTLED}
        for manifest in (killable.root / ".evalsuite" / "runs").glob("*/words/manifest.json"):
            snapshot.load(manifest.parent)
        assert killable.run() == 0
        later = list(killable.notes())[len(before) :]
        assert not finished & {case for what, case, _ in later if what == "start"}
        assert killable.decided() == verdict


def test_calls_that_were_answered_are_never_made_again(project: Any) -> None:
    """20 calls are in flight whenever it is killed, and the next run goes on."""
    project.write("test_words.py", CALLING)
    project.cases(project.many(150))
    with counting(0.05) as server:
        project.write("pyproject.toml", SETTINGS.format(spec=server.spec))
        killable = Killable(project, [], cases=False)
        assert killable.run() == 0
        undisturbed = project.rows()
        for answered in (1, 40, 130):
            shutil.rmtree(killable.root / ".evalsuite")
            server.asked.clear()
            killable.run(kill_when=lambda: len(server.asked) > answered)  # noqa: B023
            assert killable.run() == 0
            assert len(server.asked) == 150
            assert server.again() <= 20
            assert project.rows() == undisturbed
            assert verify(killable.root / ".evalsuite")[1] == []


def test_a_report_is_replaced_as_a_whole(
    project: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "reports" / "words" / "report.json"
    file.parent.mkdir(parents=True)
    file.write_text("the old one")

    def killed(self: Path, text: str, **options: Any) -> int:
        with self.open("w") as half:
            half.write(text[: len(text) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", killed)
    monkeypatch.setattr(conclude.registry, "find", lambda kind, name: lambda report: "the new one")
    with pytest.raises(KeyboardInterrupt):
        conclude._write_reports(None, {"json": file})  # type: ignore[arg-type]
    assert file.read_text() == "the old one"
