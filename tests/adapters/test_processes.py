"""A library in an environment of its own: every question comes back, nothing leaks, it ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from judged import CASES, judged, setting
from pretended import environment
from serving import Served

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.records import Output

pytest.importorskip("openai")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="environments here have links")


@pytest.fixture
def python(tmp_path: Path) -> str:
    return environment(tmp_path / "apart")


def test_questions_are_asked_here_once(served: Served, tmp_path: Path, python: str) -> None:
    metric = ev.ragas.metric("Asks", python=python)
    scores = judged(metric, served, tmp_path / "state")
    assert all(0.2 <= each.value <= 1.0 for each in scores if each.value is not None)
    assert None not in [each.value for each in scores]
    assert len(served.bodies) == 2 * len(CASES)
    assert [each["asked for"] for each in scores[0].evidence] == ["Said", "Said"]
    assert judged(metric, served, tmp_path / "state") == scores
    assert len(served.bodies) == 2 * len(CASES)


def test_a_reply_that_is_none_is_no_score(served: Served, tmp_path: Path, python: str) -> None:
    served.broken = 1
    (score,) = judged(ev.ragas.metric("Asks", python=python), served, tmp_path, CASES[:1])
    assert (score.value, score.reason) == (None, "Said: the reply is no JSON object")


@pytest.mark.parametrize("text", ["half a letter: \ud800", "\x00\n\r\u2028", "x" * 3_000_000])
def test_any_text_goes_over_the_line(
    text: str, served: Served, tmp_path: Path, python: str
) -> None:
    output = [Output(text=text)]
    metric = ev.ragas.metric("Repeats", python=python)
    (score,) = judged(metric, served, tmp_path, CASES[:1], output)
    assert (score.value, score.reason) == (None, str(len(text)))


def test_the_process_is_told_no_secret(
    served: Served, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "canary")
    (score,) = judged(ev.ragas.metric("Tells", python=python), served, tmp_path, CASES[:1])
    assert score.value is None
    named = set(score.reason.split())
    assert "OPENAI_API_KEY" in os.environ
    assert not named & {"OPENAI_API_KEY", "SOME_TOKEN"}
    assert {"PATH", "RAGAS_DO_NOT_TRACK"} <= named


def test_a_process_that_ends_is_no_score_and_its_last_words_hold_no_secret(
    served: Served, tmp_path: Path, python: str
) -> None:
    scores = judged(ev.ragas.metric("Ends", python=python), served, tmp_path, CASES[:2])
    assert [each.value for each in scores] == [None, None]
    said = "the process of ragas has ended: out of memory, says key [OPENAI_API_KEY]"
    assert [each.reason for each in scores] == [said, said]


def test_metrics_share_a_process_and_runs_do_not(served: Served, python: str) -> None:
    names = ("Numbers", "NumbersToo")
    scorers = [ev.ragas.metric(name, python=python).bind(setting(served.url)) for name in names]

    async def run() -> list[str]:
        asked = [each(CASES[0], Output(text="x"), None) for each in scorers]
        return [each.reason for each in await asyncio.gather(*asked)]

    first, second = asyncio.run(run()), asyncio.run(run())
    assert len(set(first)) == len(set(second)) == 1
    assert first != second


def test_it_is_killed_with_the_run(
    served: Served, tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    scorer = ev.ragas.metric("Hangs", python=python).bind(setting(served.url))

    class Nobody:
        def __getitem__(self, role: str) -> Any:
            raise AssertionError("nothing is asked")

    async def run() -> None:
        hanging = asyncio.create_task(scorer(CASES[0], Output(text="x"), Nobody()))
        while not (tmp_path / "pid").exists():  # noqa: ASYNC110 (another process makes it)
            await asyncio.sleep(0.01)
        hanging.cancel()
        await asyncio.wait((hanging,))
        assert hanging.cancelled()

    asyncio.run(run())
    assert gone(tmp_path / "pid")


KILLED = """
import asyncio, sys
sys.path[:0] = {paths!r}
import evalsuite as ev
from evalsuite.records import Output
from judged import CASES, setting
scorer = ev.ragas.metric("Hangs", python={python!r}).bind(setting("http://127.0.0.1:1/v1"))
asyncio.run(scorer(CASES[0], Output(text="x"), None))
"""


def test_it_ends_with_a_run_that_is_killed(
    tmp_path: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    program = KILLED.format(paths=[str(Path(__file__).parent)], python=python)
    run = subprocess.Popen([sys.executable, "-c", program])
    until = time.monotonic() + 20
    while not (tmp_path / "pid").exists() and time.monotonic() < until:
        time.sleep(0.01)
    run.kill()
    run.wait()
    assert gone(tmp_path / "pid")


def gone(noted: Path) -> bool:
    """Whether a process ends, soon."""
    number = int(noted.read_text())
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{number}/stat").exists():
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":  # ended, and nobody asked how
                return True
        time.sleep(0.01)
    return False


def refused(served: Served, python: str, name: str = "Asks") -> str:
    with pytest.raises(SuiteError) as raised:
        ev.ragas.metric(name, python=python).bind(setting(served.url))
    return str(raised.value)


def test_what_is_wrong_with_an_environment_is_said_before_the_run(
    served: Served, tmp_path: Path
) -> None:
    assert "can't be started" in refused(served, str(tmp_path / "none"))
    assert "answered nothing that can be read" in refused(served, "/bin/false")
    old = environment(tmp_path / "old", version="0.3.9")
    assert "ragas 0.3.9 is installed, and its metrics are known from 0.4.3 to below 0.5" in refused(
        served, old
    )
    broken = environment(tmp_path / "broken", ragas__metrics__collections="import vertexai_gone")
    said = refused(served, broken)
    assert "ragas 0.4.3 can't be imported: ModuleNotFoundError" in said
    assert "langchain-community below 0.4.2" in said
    assert "did you mean" in refused(served, environment(tmp_path / "new"), "Ask")


def test_an_environment_without_the_library_names_the_extra(served: Served, tmp_path: Path) -> None:
    import venv

    venv.create(tmp_path / "empty", symlinks=True)
    said = refused(served, str(tmp_path / "empty" / "bin" / "python"))
    assert "pip install 'evalsuite[ragas]'" in said


def test_the_key_covers_version_metric_parameters_and_model(
    served: Served, tmp_path: Path, python: str
) -> None:
    def key(name: str = "Asks", of: str = python, url: str = served.url) -> str:
        return ev.ragas.metric(name, python=of).bind(setting(url)).key

    other = environment(tmp_path / "next", version="0.4.4")
    assert key() == key()
    assert len({key(), key("Tells"), key(of=other), key(url="http://127.0.0.1:1/v1")}) == 4
