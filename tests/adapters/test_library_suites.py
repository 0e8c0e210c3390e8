"""Whole suites with metrics of ragas and deepeval: asked once, and nobody else is told."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from judged import deepeval, ragas
from serving import Served

pytestmark = pytest.mark.filterwarnings("ignore")

DENIED = Path(__file__).with_name("denied.py")
METRICS = {
    "ragas": ["faithfulness", "answer_relevancy", "context_precision", "context_recall"],
    "deepeval": ["faithfulness", "answer_relevancy", "contextual_precision", "contextual_recall"],
}
SUITE = """
import os
import evalsuite as ev

@ev.suite(golden="words", scorers=[{scorers}])
async def words(case, llm):
    assert "CANARY" not in os.environ
    contexts = ["Leave is 16 weeks.", "Cats sleep.", "Dogs bark.", "Leave is paid."]
    return ev.Output(text=f"It is {{case.id}} weeks.", contexts=contexts)
"""
CONFTEST = """
import runpy
from importlib.util import find_spec
from pathlib import Path
denied = runpy.run_path({denied!r})
denied["deny"](Path(__file__).with_name("reached.txt"))
"""
HABITS = {
    "ragas": """
import asyncio, openai
from ragas.llms import llm_factory
from ragas.metrics.collections import Faithfulness
model = llm_factory("m", client=openai.AsyncOpenAI(base_url={url!r}, api_key="x"))
metric = Faithfulness(llm=model)
asyncio.run(metric.ascore(user_input="x", response="y", retrieved_contexts=["z"]))
import ragas._analytics as analytics
analytics._analytics_batcher.flush()
""",
    "deepeval": """
from deepeval.metrics import FaithfulnessMetric
from deepeval.models import OpenAIModel
from deepeval.test_case import LLMTestCase
model = OpenAIModel(model="gpt-4o", base_url={url!r}, api_key="x")
metric = FaithfulnessMetric(model=model)
metric.measure(LLMTestCase(input="x", actual_output="y", retrieval_context=["z"]))
""",
}
LIBRARIES = [pytest.param("ragas", marks=ragas), pytest.param("deepeval", marks=deepeval)]


def write(project: Any, served: Served, library: str, count: int, python: str = "") -> None:
    given = f"(python={python!r})" if python else "()"
    scorers = ", ".join(f"ev.{library}.{each}{given}" for each in METRICS[library][:count])
    project.write("test_words.py", SUITE.format(scorers=scorers))
    project.cases([{"input": "How long?", "expected": f"{n} weeks", "id": f"c{n}"} for n in "123"])
    spec = f'"openai:m@{served.url}"'
    backends = f"{{ default = {spec}, embed = {spec} }}"
    project.write("pyproject.toml", f"[tool.evalsuite]\nbackends = {backends}\n")
    project.write("conftest.py", CONFTEST.format(denied=str(DENIED)))
    project.write(".env", "CANARY=loaded\n")


def environment(home: Path) -> dict[str, str]:
    """Ours, as somebody has it who switched nothing off."""
    off = ("RAGAS_DO_NOT_TRACK", "DEEPEVAL_", "CONFIDENT_", "CI")
    kept = {name: each for name, each in os.environ.items() if not name.startswith(off)}
    return {**kept, "HOME": str(home), "XDG_DATA_HOME": str(home)}


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_suite_asks_once_and_nobody_but_the_model(
    library: str, project: Any, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, served, library, 4)
    for name in list(os.environ):
        if name not in environment(project.path):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CONFIDENT_API_KEY", "with which deepeval uploads test cases")
    before = {each.name for each in project.path.iterdir()}
    project.run_apart().assert_outcomes(passed=3)
    rows = project.rows()
    names = [f"{library}.{each}" for each in METRICS[library]]
    assert all(row["scores"][name][0] is not None for row in rows.values() for name in names)
    asked = len(served.bodies)
    assert asked >= 3 * 4
    project.run_apart().assert_outcomes(passed=3)
    assert len(served.bodies) == asked
    assert {row["id"]: row["scores"] for row in project.rows().values()} == {
        row["id"]: row["scores"] for row in rows.values()
    }
    made = {each.name for each in project.path.iterdir()} - before
    pytests = {"__pycache__", ".pytest_cache", "stdout", "stderr"}
    ours = {each for each in made - pytests if not each.startswith("runpytest")}
    assert ours == {".evalsuite", "reports"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_denies_connections_catches_the_librarys_telemetry(
    library: str, served: Served, tmp_path: Path
) -> None:
    """The control of the tests here: used as it comes, the library does try."""
    program = tmp_path / "habit.py"
    program.write_text(HABITS[library].format(url=served.url))
    log = tmp_path / "reached.txt"
    command = [sys.executable, DENIED, log, program]
    subprocess.run(command, env=environment(tmp_path), cwd=tmp_path, timeout=120, check=False)
    told = {"ragas": "t.explodinggradients.com", "deepeval": "us.i.posthog.com"}
    assert served.bodies
    assert told[library] in log.read_text().splitlines()


@pytest.mark.parametrize("library", LIBRARIES)
def test_in_a_process_of_its_own_it_gives_the_same_and_tells_nobody(
    library: str, project: Any, served: Served, tmp_path: Path
) -> None:
    write(project, served, library, 2)
    project.run_apart().assert_outcomes(passed=3)
    here, asked = project.rows(), len(served.bodies)
    log = project.path / "child.txt"
    wrapper = project.write(
        "python", f'#!/bin/sh\nshift\nexec {sys.executable} -I {DENIED} {log} "$@"\n'
    )
    wrapper.chmod(0o755)
    write(project, served, library, 2, python="python")
    project.run_apart().assert_outcomes(passed=3)
    assert {name: row["scores"] for name, row in project.rows().items()} == {
        name: row["scores"] for name, row in here.items()
    }
    assert len(served.bodies) == asked  # the same calls, which the store has
    assert not log.exists()
    assert not (project.path / "reached.txt").exists()


@pytest.mark.parametrize("library", ["ragas", "deepeval"])
def test_a_library_that_is_missing_is_said_at_collection(
    library: str, project: Any, served: Served
) -> None:
    if find_spec(library) is not None:
        pytest.skip(f"{library} is here")
    write(project, served, library, 1)
    result = project.run()
    assert result.ret != 0
    result.stdout.no_fnmatch_line("*Traceback*")
    said = (
        f"*a metric of {library} needs an optional package: pip install 'evalsuite[[]{library}]'*"
    )
    result.stdout.fnmatch_lines([said])
    assert not served.bodies
