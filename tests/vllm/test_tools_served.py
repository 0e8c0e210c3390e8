"""AskAcme's suite with tools on a real server: offered tools, conversations, results sent back.

The tiny model says noise, so that nearly every check fails; what is held here is that the way
there and back works, that every case is scored, and that a second run pays nothing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from real_server import LAUNCH, TINY, hold

ROOT = Path(__file__).parents[2]
TOOLS = "flags=--enable-auto-tool-choice%20--tool-call-parser%20pythonic"
SUITE = "examples/askacme/test_tools.py"

Run = Callable[[], "Ran"]


@dataclass(frozen=True)
class Ran:
    printed: str
    report: dict[str, Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run the suite in a copy of the project against a server that takes tools."""
    project = tmp_path_factory.mktemp("project")
    for name in ("examples", "golden", "snapshots"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copyfile(ROOT / "pyproject.toml", project / "pyproject.toml")
    spec = f"vllm:{TINY}?{LAUNCH}&{TOOLS}"
    with hold(spec, tmp_path_factory.mktemp("state")) as served:
        backend = f"default=vllm:{TINY}@{served.url}?{LAUNCH}&{TOOLS}&max_tokens=24"

        def run() -> Ran:
            command = [sys.executable, "-m", "pytest", "--evals", SUITE, "--evals-backend", backend]
            done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
            written = project / "reports" / "askacme_tools" / "report.json"
            assert written.exists(), done.stdout + done.stderr
            return Ran(done.stdout, json.loads(written.read_text("utf-8")))

        yield run


def test_the_tool_suite_runs_on_a_server_and_a_second_run_asks_nothing(run: Run) -> None:
    first = run()
    cases = {each["id"]: each["after"] for each in first.report["cases"]}
    assert len(cases) == 92
    assert first.report["counts"]["by_kind"].get("error", 0) == 0, first.printed
    assert {scores["checks"] for scores in cases.values()} <= {0, 1}
    assert sum(scores["checks"] for scores in cases.values()) < 20
    assert all(scores["trajectory.order"] is not None for scores in cases.values())
    assert first.report["result"] == "regression"  # beside the embedded model's snapshot
    assert first.report["run"]["operations"]["fresh_calls"] >= 92
    failed = {each["class"]: each["after"] for each in first.report["failures"]}
    assert failed["trajectory.context_overflow"] > 0  # 24 tokens cut the noise short
    assert sum(failed.values()) == sum(scores["checks"] == 0 for scores in cases.values())

    second = run()
    assert second.report["run"]["operations"]["fresh_calls"] == 0
    assert [each["after"] for each in second.report["cases"]] == [
        each["after"] for each in first.report["cases"]
    ]
