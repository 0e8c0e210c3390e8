"""A project in which a suite ran once, for the commands on judges."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_server import Chat, chatting
from words_project import SUITE, Made, Say, verdict

from evalsuite.cli import main


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chat, Path]]:
    """One run of the suite, which every test has a copy of."""
    pytest.importorskip("openai")
    with pytest.MonkeyPatch.context() as patch, chatting(verdict) as chat:
        patch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        patch.setenv("PYTEST_PLUGINS", "evalsuite.plugin")
        patch.delenv("CI", raising=False)
        path = tmp_path_factory.mktemp("project")
        backends = f'{{ judge = "openai:j@{chat.url}" }}'
        settings = f"[tool.evalsuite]\nbackends = {backends}\nconcurrency = 4\n"
        (path / "pyproject.toml").write_text(settings)
        (path / "golden" / "words").mkdir(parents=True)
        cases = [
            {
                "id": f"c{n:03}",
                "input": f"which word is {n}?",
                "expected": f"c{n:03}",
                "slices": {"parity": "odd" if n % 2 else "even"},
            }
            for n in range(150)
        ]
        lines = "".join(json.dumps(each) + "\n" for each in cases)
        (path / "golden" / "words" / "cases.jsonl").write_text(lines)
        (path / "test_words.py").write_text(SUITE)
        Made(path).evals()
        yield chat, path


@pytest.fixture
def project(first: tuple[Chat, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    path = tmp_path / "project"
    shutil.copytree(first[1], path)
    monkeypatch.chdir(path)
    return Made(path)


@pytest.fixture
def chat(first: tuple[Chat, Path]) -> Chat:
    first[0].answer = verdict
    first[0].asked.clear()
    return first[0]


@pytest.fixture
def say(project: Made, capsys: pytest.CaptureFixture[str]) -> Say:
    """The command line in this process: exit status and what it wrote."""

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        status = main(arguments)
        done = capsys.readouterr()
        return status, done.out + done.err

    return run
