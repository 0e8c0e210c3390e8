"""Kills runs of 500 cases at random moments, lets each go on, and compares it with an undisturbed
one: the same scores, no finished call asked again, a store that verifies.

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


def run(root: Path, kill_after: float | None = None) -> int:
    """The exit status, negative if it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--evals", "-q", "-p", "no:cacheprovider"],
        cwd=root,
        env=os.environ
        | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "evalsuite.plugin"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if kill_after is not None:
        try:
            return process.wait(kill_after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def scores(root: Path) -> list[Any]:
    newest = max((root / ".evalsuite" / "runs").iterdir())
    text = (newest / "words" / "scores.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def once(root: Path, server: Counting, moment: float, undisturbed: list[Any]) -> tuple[int, int]:
    """How many calls had been made at the kill, and how many were made again; -1 if it had ended.
    AssertionError if anything was lost."""
    shutil.rmtree(root / ".evalsuite", ignore_errors=True)
    server.asked.clear()
    killed = run(root, moment) < 0
    made = server.asked.total() if killed else -1
    status = run(root)
    assert status == 0, f"killed after {moment:.3f} s, the next run ended with {status}"
    assert scores(root) == undisturbed, f"killed after {moment:.3f} s: other scores"
    count = len(server.asked)
    assert count == len(undisturbed), f"killed after {moment:.3f} s: {count} calls"
    damage = verify(root / ".evalsuite")[1]
    assert not damage, damage
    return made, server.again()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    chance = random.Random(args.seed)  # noqa: S311
    found = []
    with tempfile.TemporaryDirectory() as folder, counting(args.latency) as server:
        root = Path(folder)
        project(root, args.cases, server.spec)
        began = time.monotonic()
        assert run(root) == 0, "the undisturbed run failed"
        life, undisturbed = time.monotonic() - began, scores(root)
        while len(found) < args.kills:
            made, again = once(root, server, chance.uniform(0, 1.1 * life), undisturbed)
            if made >= 0:
                found.append((made, again))
    calling = [again for made, again in found if 0 < made < args.cases]
    sys.stdout.write(
        f"{len(found)} kills, {len(calling)} of them while calls were made; the same scores each "
        f"time, every store verifies; asked again: {sum(calling)} calls, at most {max(calling)} "
        f"after one kill ({IN_FLIGHT} in flight)\n"
    )
    return 0 if max(calling) <= IN_FLIGHT else 1


if __name__ == "__main__":
    sys.exit(main())
