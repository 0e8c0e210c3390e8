"""Ctrl-C and SIGTERM end a run within seconds and lose nothing that was finished."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

SUITE = """
import asyncio
import evalsuite as ev

@ev.suite(golden="words")
async def words(case):
    with open({log!r}, "a") as log:
        log.write(case.id + "\\n")
    await asyncio.sleep(0.05)
    return "word"
"""

# What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
START = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, []), (signal.SIGTERM, []), (signal.SIGINT, ["-p", "xdist", "-n", "2"])],
)
def test_an_interrupted_run_says_what_is_kept_and_goes_on(
    project: Any, number: signal.Signals, workers: list[str]
) -> None:
    if workers:
        pytest.importorskip("xdist")
    log = project.path.parent / f"{project.path.name}-ran.txt"
    project.write("test_words.py", SUITE.format(log=str(log)))
    project.cases(project.many(80))
    command = [sys.executable, "-c", START, "--evals", "--evals-concurrency=4", *workers]
    process = subprocess.Popen(
        command,
        cwd=project.path,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if log.exists() and len(log.read_text().split()) >= 20:
            break
        time.sleep(0.01)
    os.killpg(process.pid, number)  # as a terminal does
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    kept = re.search(r"interrupted; (\d+) finished cases are kept", said)
    assert kept is not None, said
    assert "Traceback" not in said
    before = log.read_text().split()
    assert len(before) < 80
    subprocess.run(command, cwd=project.path, check=True, stdout=subprocess.DEVNULL)
    again = len(log.read_text().split()) - 80
    assert again <= 4  # only what was in flight
    # A controller knows of what its workers have told it.
    assert int(kept.group(1)) >= (1 if workers else len(before) - 4)
