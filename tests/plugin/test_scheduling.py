"""What runs at once, what waits for what, and when nothing more starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

HEAD = """
import asyncio, threading
import evalsuite as ev

running = []
most = []

def note(name, text):
    with open(name, "a") as file:
        file.write(text + chr(10))

class Under:
    def __enter__(self):
        running.append(1)
        most.append(len(running))
    def __exit__(self, *_):
        running.pop()
        with open("most.txt", "w") as file:
            file.write(str(max(most)))
"""


def most(project: Any) -> int:
    return int((project.path / "most.txt").read_text())


def ran(project: Any, name: str = "ran.txt") -> list[str]:
    file = project.path / name
    return file.read_text().split() if file.exists() else []


def test_the_trials_of_a_case_run_side_by_side_within_the_bound(project: Any) -> None:
    project.write(
        "test_words.py",
        HEAD + "@ev.suite(golden='words', trials=5)\nasync def words(case):\n"
        "    with Under():\n        await asyncio.sleep(0.02)\n    return 'word'\n",
    )
    project.cases(project.many(1))
    project.run().assert_outcomes(passed=1)
    assert most(project) == 5
    project.cases(project.many(6))
    project.run("--evals-concurrency=3").assert_outcomes(passed=6)
    assert most(project) == 3
    assert [len(row["outputs"]) for row in project.rows().values()] == [5] * 6


def test_one_slow_case_holds_nothing_up(project: Any) -> None:
    project.write(
        "test_words.py",
        HEAD + "last = asyncio.Event()\n@ev.suite(golden='words', timeout=30)\n"
        "async def words(case):\n    if case.id == 'c000':\n        await last.wait()\n"
        "    if case.id == 'c299':\n        last.set()\n    return 'word'\n",
    )
    project.cases(project.many(300))
    project.run("--evals-concurrency=2").assert_outcomes(passed=300)


def test_a_scorer_starts_as_soon_as_its_output_is_there(project: Any) -> None:
    """A barrier between trials, or between targets and scorers, would make this wait for ever."""
    project.write(
        "test_words.py",
        HEAD + "scored = asyncio.Event()\nturns = []\n"
        "async def first(case, output):\n    scored.set()\n    return 1\n"
        "@ev.suite(golden='words', trials=2, scorers=[first], timeout=30)\n"
        "async def words(case):\n    turns.append(1)\n"
        "    if len(turns) == 1:\n        return 'word'\n"
        "    await scored.wait()\n    return 'word'\n",
    )
    project.cases(project.many(1))
    project.run().assert_outcomes(passed=1)
    assert project.rows()["c000"]["scores"]["first"] == [1, 1]


def test_scorers_run_side_by_side_and_are_listed_in_their_order(project: Any) -> None:
    project.write(
        "test_words.py",
        HEAD + "met = asyncio.Event()\n"
        "async def waits(case, output):\n    await met.wait()\n    return 1\n"
        "async def comes(case, output):\n    met.set()\n    return 0.5\n"
        "@ev.suite(golden='words', scorers=[waits, comes], timeout=30)\n"
        "def words(case):\n    return 'word'\n",
    )
    project.cases(project.many(1))
    project.run().assert_outcomes(passed=1)
    scores = project.rows()["c000"]["scores"]
    assert (scores["waits"], scores["comes"]) == ([1], [0.5])


def test_a_suite_on_a_slow_provider_keeps_no_other_provider_waiting(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    project.write(
        "test_words.py",
        HEAD + "done = []\nall_done = asyncio.Event()\n"
        "@ev.suite(golden='words', backend='openai:slow', timeout=30)\n"
        "async def words(case):\n    await all_done.wait()\n    return 'word'\n"
        "@ev.suite(golden='words', backend='openai:fast')\n"
        "async def others(case):\n    done.append(case.id)\n"
        "    if len(done) == 6:\n        all_done.set()\n    return 'word'\n",
    )
    project.cases(project.many(6))
    project.run_apart("--evals-concurrency=2").assert_outcomes(passed=12)


def test_a_suite_that_waits_for_its_fixture_holds_up_no_other(project: Any) -> None:
    project.write(
        "test_words.py",
        HEAD + "import pytest\nhere = asyncio.Event()\n"
        "@pytest.fixture(scope='module')\ndef thing():\n    yield 'word'\n"
        "@ev.suite(golden='words', timeout=30)\n"
        "async def aaa(case):\n    await here.wait()\n    return 'word'\n"
        "@ev.suite(golden='words')\nasync def bbb(case, thing):\n    return thing\n"
        "@ev.suite(golden='words')\nasync def ccc(case):\n    here.set()\n    return 'word'\n",
    )
    project.cases(project.many(2))
    project.run("--evals-concurrency=3").assert_outcomes(passed=6)


def test_with_x_a_failed_case_ends_the_run_wherever_it_stands(project: Any) -> None:
    project.write(
        "test_words.py",
        HEAD + "@ev.suite(golden='words')\nasync def words(case):\n"
        "    note('ran.txt', case.id)\n"
        "    await asyncio.sleep(0.3 if case.id == 'c000' else 0.01)\n    return 'no'\n",
    )
    cases = project.many(200, checks=[])
    cases[5] |= {"must_pass": True, "checks": [{"contains": "word"}]}
    project.cases(cases)
    done = project.run("-x", "--evals-concurrency=4")
    assert done.ret == 1
    # c000 is still under way, and pytest waits for it, when c005 has failed for good.
    assert len(set(ran(project))) < 30
    assert set(ran(project)) >= {f"c00{n}" for n in range(6)}


def test_a_target_that_ignores_its_end_is_left_behind(project: Any) -> None:
    project.write(
        "test_words.py",
        HEAD + "@ev.suite(golden='words', timeout=0.05)\nasync def words(case):\n"
        "    for _ in range(100 if case.id == 'c001' else 0):\n"
        "        try:\n            await asyncio.sleep(0.1)\n"
        "        except asyncio.CancelledError:\n            pass\n"
        "    return 'word'\n",
    )
    project.cases(project.many(4))
    project.run_apart().assert_outcomes(passed=3)
    assert project.rows()["c001"]["errors"] == ["timeout: no answer within 0.05 s"]


def test_threads_that_hang_take_no_place_of_others_and_do_not_hold_up_the_exit(
    project: Any,
) -> None:
    project.write(
        "test_words.py",
        "import time\nimport evalsuite as ev\n"
        "@ev.suite(golden='words', timeout=0.2)\ndef words(case):\n"
        "    if case.id < 'c004':\n        time.sleep(600)\n    return 'word'\n",
    )
    project.cases(project.many(12))
    began = time.monotonic()
    done = project.run_apart("--evals-concurrency=2")
    done.assert_outcomes(passed=8)
    assert time.monotonic() - began < 60
    assert "Traceback" not in done.stdout.str() + done.stderr.str()


KINDS = {
    "async def words(case):\n    await asyncio.sleep(0)\n    return case.input": "async",
    "def words(case):\n    return case.input": "plain",
    "async def words(case):\n"
    "    process = await asyncio.create_subprocess_exec(sys.executable, '-c',\n"
    "        'import sys; print(sys.argv[1])', case.input, stdout=asyncio.subprocess.PIPE)\n"
    "    said, _ = await process.communicate()\n"
    "    return said.decode().strip() + f' {process.returncode}'": "child of the loop",
    "def words(case):\n"
    "    command = [sys.executable, '-c', 'import sys; print(sys.argv[1])', case.input]\n"
    "    return subprocess.run(command, capture_output=True, text=True, check=True).stdout":
        "child of a thread",
    "async def words(case, llm):\n"
    "    return await asyncio.to_thread(lambda: llm.chat(case.input).result().text + case.input)":
        "asyncio's threads",
    "def words(case, llm):\n"
    "    with ThreadPoolExecutor(2) as pool:\n"
    "        context = contextvars.copy_context()\n"
    "        found = pool.submit(context.run, lambda: llm.chat(case.input).result().text)\n"
    "        return found.result() + case.input": "a pool of its own",
}  # fmt: skip


@pytest.mark.parametrize("source", KINDS, ids=list(KINDS.values()))
def test_targets_of_any_kind(project: Any, source: str) -> None:
    imports = "import asyncio, contextvars, subprocess, sys\n"
    imports += "from concurrent.futures import ThreadPoolExecutor\nimport evalsuite as ev\n"
    project.write("test_words.py", f"{imports}@ev.suite(golden='words')\n{source}\n")
    project.cases(project.many(5))
    done = project.run_apart("-W", "error")
    done.assert_outcomes(passed=5)
    assert "Warning" not in done.stdout.str() + done.stderr.str()


START = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_interrupt_waits_for_no_target(project: Any, kind: str) -> None:
    wait = "time.sleep(600)" if kind == "def" else "await asyncio.sleep(600)"
    project.write(
        "test_words.py",
        f"import asyncio, time\nimport evalsuite as ev\n@ev.suite(golden='words')\n"
        f"{kind} words(case):\n    open('began-' + case.id, 'w').close()\n    {wait}\n",
    )
    project.cases(project.many(4))
    process = subprocess.Popen(
        [sys.executable, "-c", START, "--evals"],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ),
    )
    deadline = time.monotonic() + 30
    while len(list(project.path.glob("began-*"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "interrupted; 0 finished cases are kept" in said
    assert "Traceback" not in said
    assert "destroyed" not in said


def test_the_trials_of_a_case_with_a_fixture_of_its_own_run_one_after_the_other(
    project: Any,
) -> None:
    project.write(
        "test_words.py",
        HEAD + "import pytest\n@pytest.fixture\ndef thing():\n    return 'word'\n"
        "@ev.suite(golden='words', trials=3)\nasync def words(case, thing):\n"
        "    with Under():\n        await asyncio.sleep(0.01)\n    return thing\n",
    )
    project.cases(project.many(2))
    project.run("-W", "ignore").assert_outcomes(passed=2)
    assert most(project) == 1


def test_after_its_minutes_a_run_starts_no_target_that_asks_nobody(project: Any) -> None:
    project.write(
        "test_words.py",
        HEAD + "@ev.suite(golden='words')\nasync def words(case):\n"
        "    note('ran.txt', case.id)\n    await asyncio.sleep(0.2)\n    return 'word'\n",
    )
    project.cases(project.many(40))
    done = project.run("--evals-budget=0.02minutes", "--evals-concurrency=2", "-v")
    assert done.ret == 10, done.stdout.str()
    begun = len(ran(project))
    assert begun < 40
    assert done.stdout.str().count("] MISSING") == 40 - begun
    assert "minutes" in project.manifest()["stopped"]
    assert project.run().ret == 0
    assert len(set(ran(project))) == 40
