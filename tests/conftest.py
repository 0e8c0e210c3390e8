"""Shared fixtures. Plugin tests build a small project of a user and run pytest in it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import driven, listening
from forks import Forks

# pytester forgets the modules that a run inside this process loads; numpy can't be loaded twice.
import evalsuite.plugin.session
import evalsuite.runner.conclude  # noqa: F401

with contextlib.suppress(ImportError):  # the oldest pytest is tried without it
    from hypothesis import HealthCheck, settings

    # The same examples in every run, and no verdict on how busy the machine is.
    settings.register_profile(
        "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("steady")

pytest_plugins = ["pytester"]

ECHO = """
    import evalsuite as ev

    @ev.suite(golden="words"{arguments})
    async def words(case):
        return ev.Output(text={text})
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a module's tests."""
    with driven() as running:
        yield running


class Project:
    """A user's project with one suite, `words`, whose target answers with its input."""

    def __init__(self, pytester: pytest.Pytester, forks: Forks) -> None:
        self.pytester = pytester
        self.forks = forks
        self.path = pytester.path
        self.write("pyproject.toml", "[tool.evalsuite]\n")
        self.write("golden/words/.keep", "")

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def suite(self, text: str = "case.input", arguments: str = "", name: str = "words") -> Path:
        """Write test_words.py; `text` is the expression that the target answers with."""
        source = ECHO.format(text=text, arguments=arguments).replace("words", name)
        return self.write(f"test_{name}.py", "\n".join(line[4:] for line in source.splitlines()))

    def cases(self, cases: Sequence[Mapping[str, Any]], name: str = "words") -> Path:
        lines = "".join(json.dumps(case) + "\n" for case in cases)
        return self.write(f"golden/{name}/cases.jsonl", lines)

    def many(self, count: int = 20, **fields: Any) -> list[dict[str, Any]]:
        """Cases c000, c001, ... that an echoing target passes."""
        return [
            {
                "id": f"c{number:03}",
                "input": f"word {number}",
                "checks": [{"contains": "word"}],
                **fields,
            }
            for number in range(count)
        ]

    def run(self, *arguments: str) -> pytest.RunResult:
        """pytest --evals in this process: fast; each run sees the modules anew."""
        return self.pytester.runpytest("--evals", "-p", "no:cacheprovider", *arguments)

    def run_apart(self, *arguments: str) -> pytest.RunResult:
        """The same in a process of its own, with no other plugin than ours."""
        scratch = self.path / f"runpytest-{len(list(self.path.glob('runpytest-*')))}"
        return self._fork("pytest", f"--basetemp={scratch}", "--evals", *arguments)

    def report(self, name: str = "words") -> dict[str, Any]:
        text = (self.path / "reports" / name / "report.json").read_text(encoding="utf-8")
        loaded: dict[str, Any] = json.loads(text)
        return loaded

    def runs(self) -> list[Path]:
        return sorted((self.path / ".evalsuite" / "runs").iterdir())

    def rows(self, name: str = "words") -> dict[str, dict[str, Any]]:
        """The newest run's rows by id."""
        text = (self.runs()[-1] / name / "scores.jsonl").read_text(encoding="utf-8")
        return {row["id"]: row for row in map(json.loads, text.splitlines())}

    def manifest(self, name: str = "words") -> dict[str, Any]:
        text = (self.runs()[-1] / name / "manifest.json").read_text(encoding="utf-8")
        loaded: dict[str, Any] = json.loads(text)
        return loaded

    def evalsuite(self, *arguments: str) -> pytest.RunResult:
        """The command line, in a process of its own."""
        return self._fork("evalsuite", *arguments)

    def accept(self) -> None:
        done = self.evalsuite("accept", "words", "--from-run", "last", "--reason", "test")
        assert done.ret == 0, done.stderr.str()

    def _fork(self, *command: str) -> pytest.RunResult:
        """`python -m` in the current folder, which both kinds of path to modules begin with."""
        began = time.monotonic()
        paths = [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        done = self.forks.run(command, Path.cwd(), environment, self.path)
        print(*command, done.stdout, done.stderr, sep="\n")  # shown where a test fails
        said = done.stdout.splitlines(), done.stderr.splitlines()
        return pytest.RunResult(done.returncode, *said, time.monotonic() - began)


EXAMPLE = Path(__file__).parents[1] / "examples" / "askacme"
EXAMPLE_MODULES = {each.stem for each in EXAMPLE.glob("*.py")}


@pytest.fixture(autouse=True)
def the_example_is_imported_anew() -> Iterator[None]:
    """Copies of the example in tests' projects have modules of the same names."""
    yield
    for name in EXAMPLE_MODULES & sys.modules.keys():
        del sys.modules[name]


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    found = Forks()
    yield found
    found.close()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, forks: Forks) -> Project:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "evalsuite.plugin")
    return Project(pytester, forks)


@pytest.fixture
def server() -> Iterator[tuple[int, list[str]]]:
    """A port on this machine, and every request that came to it."""
    with listening() as found:
        yield found
