"""A run whose backend starts its own server: once, when it is first needed, and gone with the run.

The server here is a stand-in; tests/vllm has the real one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

FAKE = Path(__file__).parents[1] / "backends" / "fake_vllm.py"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a server is started on POSIX alone")


@pytest.fixture
def managed(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("openai")
    monkeypatch.setenv("VLLM_COMMAND", f"{sys.executable} {FAKE}")
    monkeypatch.setenv("FAKE_STARTS", str(project.path / "starts"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "VLLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    project.write("pyproject.toml", '[tool.evalsuite]\nbackends.default = "vllm:tiny"\n')
    for name in ("words", "others"):
        project.write(
            f"test_{name}.py",
            "import evalsuite as ev\n\n"
            f'@ev.suite(golden="words")\nasync def {name}(case, llm):\n'
            "    return (await llm.chat(case.input)).text\n",
        )
    project.cases(project.many(30))
    return project


def starts(project: Any) -> int:
    file = project.path / "starts"
    return file.read_text("utf-8").count("started") if file.exists() else 0


def ended(project: Any) -> bool:
    return not list((project.path / ".evalsuite" / "vllm").glob("*/server.json"))


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_one_server_serves_all_suites_and_ends_with_the_run(
    managed: Any, workers: tuple[str, ...]
) -> None:
    if workers:
        pytest.importorskip("xdist")
    plugins = ("-p", "xdist") if workers else ()
    done = managed.run_apart(*plugins, *workers)
    assert done.ret == 0, done.stdout.str()
    assert len(managed.rows()) == len(managed.rows("others")) == 30
    assert all(row["scores"]["checks"] == [1.0] for row in managed.rows().values())
    assert starts(managed) == 1
    assert ended(managed)
    if not workers:
        done.stdout.fnmatch_lines(["evalsuite: the model's server starts: * s"])


def test_a_run_that_is_answered_from_the_store_starts_no_server(managed: Any) -> None:
    assert managed.run_apart().ret == 0
    managed.write("test_words.py", (managed.path / "test_words.py").read_text() + "\n# edited\n")
    assert managed.run_apart().ret == 0
    assert managed.manifest()["operations"]["stored_calls"] == 30
    assert starts(managed) == 1


def test_a_server_that_cannot_start_ends_the_run_with_its_log_and_scores_nothing(
    managed: Any,
) -> None:
    managed.write("pyproject.toml", '[tool.evalsuite]\nbackends.default = "vllm:m?flags=--die"\n')
    done = managed.run_apart("test_words.py")
    said = done.stdout.str()
    assert "Out of memory: no room for MODEL" in said
    values = [row["scores"].get("checks", [None]) for row in managed.rows().values()]
    assert all(each == [None] for each in values)
    assert starts(managed) == 1


def test_a_server_that_changed_between_stored_and_fresh_replies_is_a_note_of_the_run(
    managed: Any,
) -> None:
    assert managed.run_apart("test_words.py").ret == 0
    assert managed.manifest()["versions"]["model tiny"] == "fake-1"
    managed.cases(managed.many(31))
    os.environ["FAKE_FINGERPRINT"] = "fake-2"
    try:
        assert managed.run_apart("test_words.py").ret == 0
    finally:
        del os.environ["FAKE_FINGERPRINT"]
    [note] = [each for each in managed.manifest()["notes"] if "has changed" in each]
    assert "calls itself fake-2, and stored replies are of fake-1" in note
    assert json.dumps(note)[1:-1] in json.dumps(managed.report())
