"""Kills runs of 500 cases at random moments while calls are in flight, lets each go on, and
compares it with an undisturbed one: the same scores, no finished call asked again, a store that
verifies at the kill and after it.

    python benchmarks/kill.py [--kills 100] [--cases 500] [--latency 0.05] [--seed 0]

Needs openai. The model is a server on this machine that counts what it is asked.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from counting import Counting, counting

from evalsuite.store.upkeep import verify

IN_FLIGHT = 20
SUITE = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat("Say " + case.input)).text
"""


def project(root: Path, cases: int, spec: str) -> None:
    golden = root / "golden" / "words" / "cases.jsonl"
    golden.parent.mkdir(parents=True)
    lines = [
        {"id": f"c{n:04}", "input": f"word {n}", "checks": [{"contains": f"{n % 7}"}]}
        for n in range(cases)
    ]
    golden.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    settings = f'[tool.evalsuite]\nconcurrency = {IN_FLIGHT}\nbackends = {{ default = "{spec}" }}\n'
    (root / "pyproject.toml").write_text(settings, encoding="utf-8")
    (root / "test_words.py").write_text(SUITE, encoding="utf-8")


def started(root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--evals", "-q", "-p", "no:cacheprovider"],
        cwd=root,
        env=os.environ
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "evalsuite.plugin"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def killed(root: Path, server: Counting, after: int, delay: float) -> bool:
    """Whether a run was killed, some seconds after it had made so many calls, or had ended."""
    process = started(root)
    while server.asked.total() < after and process.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait() < 0


def scores(root: Path) -> list[Any]:
    newest = max((root / ".evalsuite" / "runs").iterdir())
    text = (newest / "words" / "scores.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def once(
    root: Path, server: Counting, after: int, delay: float, undisturbed: list[Any]
) -> tuple[int, int] | None:
    """How many calls had been made at the kill, and how many were made again; None if it came
    after the last call. AssertionError if anything was lost."""
    shutil.rmtree(root / ".evalsuite", ignore_errors=True)
    server.asked.clear()
    was_killed = killed(root, server, after, delay)
    made = server.asked.total()
    if not was_killed or made >= len(undisturbed):
        return None
    damage = verify(root / ".evalsuite")[1]
    assert not damage, f"killed after {made} calls: {damage}"
    status = started(root).wait()
    assert status == 0, f"killed after {made} calls, the next run ended with {status}"
    assert scores(root) == undisturbed, f"killed after {made} calls: other scores"
    count = len(server.asked)
    assert count == len(undisturbed), f"killed after {made} calls: {count} different ones"
    damage = verify(root / ".evalsuite")[1]
    assert not damage, f"killed after {made} calls, then ended: {damage}"
    return made, server.again()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    chance = random.Random(args.seed)
    found = []
    with tempfile.TemporaryDirectory() as folder, counting(args.latency) as server:
        root = Path(folder)
        project(root, args.cases, server.spec)
        assert started(root).wait() == 0, "the undisturbed run failed"
        undisturbed = scores(root)
        while len(found) < args.kills:
            after, delay = chance.randrange(1, args.cases), chance.uniform(0, args.latency)
            if (one := once(root, server, after, delay, undisturbed)) is not None:
                found.append(one)
    made, again = (sorted(each) for each in zip(*found, strict=True))
    sys.stdout.write(
        f"{len(found)} kills, after {made[0]} to {made[-1]} of {args.cases} calls (median "
        f"{statistics.median(made):g}); the same scores each time, every store verifies; asked "
        f"again after a kill: {again[0]} to {again[-1]} calls (median "
        f"{statistics.median(again):g}), {IN_FLIGHT} in flight\n"
    )
    return 0 if again[-1] <= IN_FLIGHT else 1


if __name__ == "__main__":
    sys.exit(main())
