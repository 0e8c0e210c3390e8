"""A server that dies under a run, a run that dies over a server, and two that share one."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from real_server import LAUNCH, TINY, Served, gone, hold

from evalsuite.backends import open_backend
from evalsuite.backends.base import Request
from evalsuite.errors import BackendError

if TYPE_CHECKING:
    from conftest import Project

CASES = 40


def asked(folder: Path) -> int:
    """How many requests a server's log speaks of."""
    log = folder / "server.log"
    return log.read_text("utf-8", "replace").count("POST /v1/chat") if log.exists() else 0


def mid_run(run: subprocess.Popen[bytes], state: Path) -> Path:
    """Wait until the run's server has answered a part of the cases; its folder."""
    until = time.monotonic() + 240
    while time.monotonic() < until and run.poll() is None:
        for folder in (state / "vllm").glob("*"):
            if asked(folder) >= CASES // 4:
                return folder
        time.sleep(0.05)
    raise AssertionError("the run ended, or did not come to its cases")


@pytest.fixture
def suite(project: Project) -> Project:
    spec = f"vllm:{TINY}?{LAUNCH}&temperature=1&max_tokens=120"
    project.write(
        "pyproject.toml",
        f'[tool.evalsuite]\nconcurrency = 2\nbackends.default = "{spec}"\n',
    )
    project.write(
        "test_words.py",
        "import evalsuite as ev\n\n"
        '@ev.suite(golden="words")\n'
        "async def words(case, llm):\n"
        "    return (await llm.chat(case.input)).text\n",
    )
    project.cases(project.many(CASES, checks=[{"regex": "[a-m]"}]))
    return project


def test_two_processes_share_a_server_and_the_last_one_to_be_killed_ends_it(
    served: Served,
) -> None:
    began, group = time.monotonic(), served.group
    with hold(f"vllm:{TINY}?{LAUNCH}", served.state) as second:
        assert second.group == group
        assert time.monotonic() - began < 15  # it did not start another
    assert not gone(group, 1.0)
    served.holder.send_signal(signal.SIGKILL)
    served.holder.wait()
    assert gone(group)


def test_an_engine_that_crashes_is_an_error_with_its_cause(tmp_path: Path) -> None:
    """On a CPU, a seeded request that is prefilled in two parts ends vLLM's engine: the reason why
    a server of ours does not do that, and a crash as they come."""
    chunked = "--enable-chunked-prefill%20--max-num-batched-tokens%20256%20--max-num-seqs%2032"
    long = [{"role": "user", "content": "word " * 600}]
    request = Request(messages=long, params={"temperature": 1, "max_tokens": 8}, seed=1)

    async def crash() -> BackendError:
        spec = f"vllm:{TINY}?{LAUNCH}&flags={chunked}"
        backend = open_backend(spec, state=tmp_path)
        try:
            while True:
                with pytest.raises(BackendError) as caught:
                    await backend.complete(request)
                if caught.value.fault == "provider":
                    return caught.value
                assert caught.value.fault == "transient"
                await asyncio.sleep(0.2)
        finally:
            await backend.close()

    assert "RuntimeError: CPU Generator does not use offset" in str(asyncio.run(crash()))


def test_a_server_that_is_killed_fails_no_case_and_a_resumed_run_completes(
    suite: Project,
) -> None:
    command = [sys.executable, "-m", "pytest", "--evals", "-q"]
    with subprocess.Popen(command, cwd=suite.path, stdout=subprocess.PIPE) as run:
        folder = mid_run(run, suite.path / ".evalsuite")
        group = int((folder / "server.pid").read_text("utf-8"))
        os.killpg(group, signal.SIGKILL)
        output = run.communicate(timeout=120)[0].decode()
    assert run.returncode == 10, output
    assert "the server has ended" in output
    kept = {name: row for name, row in suite.rows().items() if row["outputs"] != [None]}
    assert 0 < len(kept) < CASES
    for name, row in suite.rows().items():
        if name not in kept:
            assert row["scores"].get("checks", [None]) == [None], "a failure was scored"

    done = suite.run_apart()
    rows = suite.rows()
    assert len(rows) == CASES, done.stdout.str()
    assert all(row["outputs"] != [None] for row in rows.values())
    assert {name: rows[name]["scores"] for name in kept} == {
        name: row["scores"] for name, row in kept.items()
    }
    assert suite.manifest()["operations"]["stored_calls"] >= CASES // 4 - 2
    assert gone(int((folder / "server.pid").read_text("utf-8")), 5.0), "it outlived its run"
