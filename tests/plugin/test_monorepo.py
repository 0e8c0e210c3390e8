"""Two packages with two models each in one repository, run from its root and from a package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from forks import Forks

SUITE = """
import evalsuite as ev

@ev.suite(
    golden="acme",
    gate=ev.Gate(min={{"checks": 0.5}}),
    variants={{
        "small": ev.Variant(backend="embedded?noise=0.4"),
        "large": ev.Variant(backend="embedded?noise=0.1"),
    }},
)
async def acme(case, llm):
    prompt = f'<document id="{name}">\\n{name} says word. {name} says term.\\n</document>\\n'
    said = await llm.chat(prompt + "\\nQuestion: what does {name} say of " + case.input + "?")
    return ev.Output(text=f"{name} word: {{said.text}}")
"""

VOLATILE = ("run", "created", "command", "operations", "notes", "files")
"""What names one run, and hashes of answers in the order in which they came."""
VARIANTS = ("acme@large", "acme@small")
PACKAGES = ("chat", "search")


class Repository:
    """`root` holds pytest's settings, each package those of its evals."""

    def __init__(self, path: Path, forks: Forks, *, ini_in_packages: bool) -> None:
        self.path = path
        self.forks = forks
        path.mkdir()
        self.write("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--strict-markers'\n")
        for name in PACKAGES:
            own = "\n[tool.pytest.ini_options]\n" if ini_in_packages else ""
            folders = 'golden = "evals/golden"\nsnapshots = "evals/snapshots"\n'
            settings = f"[tool.evalsuite]\n{folders}" if name == "chat" else "[tool.evalsuite]\n"
            golden = "evals/golden" if name == "chat" else "golden"
            self.write(f"packages/{name}/pyproject.toml", settings + own)
            self.write(f"packages/{name}/test_{name}.py", SUITE.format(name=name))
            cases = [
                {"id": f"c{n}", "input": f"item {n}", "checks": [{"contains": f"{name} word"}]}
                for n in range(4 if name == "chat" else 3)
            ]
            lines = "".join(json.dumps(case) + "\n" for case in cases)
            self.write(f"packages/{name}/{golden}/acme/cases.jsonl", lines)

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def package(self, name: str) -> Path:
        return self.path / "packages" / name

    def command(self, *words: str, at: str = "") -> Any:
        folder = self.package(at) if at else self.path
        return self.forks.run(words, folder, os.environ, self.path.parent)

    def run(self, *more: str, at: str = "") -> Any:
        return self.command("pytest", "--evals", "-p", "no:cacheprovider", *more, at=at)

    def newest(self, package: str) -> Path:
        return max((self.package(package) / ".evalsuite" / "runs").iterdir())

    def left(self, package: str) -> dict[str, Any]:
        """All of a package's newest run but for what names this one run."""
        found: dict[str, Any] = {}
        for suite in sorted(self.newest(package).iterdir()):
            manifest = json.loads((suite / "manifest.json").read_text())
            found[suite.name] = {
                "manifest": {k: v for k, v in manifest.items() if k not in VOLATILE},
                "scores": (suite / "scores.jsonl").read_text(),
                "answers": sorted(_answers(suite / "outputs.jsonl")),
                "result": self.result(package, suite.name),
            }
        return found

    def result(self, package: str, suite: str) -> Any:
        report = self.package(package) / "reports" / suite / "report.json"
        made = json.loads(report.read_text())
        return made["result"], [[each["name"], each["result"]] for each in made["findings"]]

    def accept(self, package: str) -> Mapping[str, bytes]:
        """Both snapshots of a package, by file, but for the times that answers took."""
        for suite in VARIANTS:
            words = ("accept", suite, "--from-run", "last", "--reason", "first")
            done = self.command("evalsuite", *words, at=package)
            assert done.returncode == 0, done.stderr
        folder = self.package(package) / ("evals/snapshots" if package == "chat" else "snapshots")
        return {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in sorted(folder.rglob("*.jsonl"))
            if file.name != "operations.jsonl"
        }


def _answers(file: Path) -> list[str]:
    lines = map(json.loads, file.read_text().splitlines())
    return [str(line.get("text")) for line in lines]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forks: Forks) -> Any:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "evalsuite.plugin")
    for name in ("CI", "GITHUB_BASE_REF", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)

    def make(name: str = "one", *, ini_in_packages: bool = False) -> Repository:
        return Repository(tmp_path / name, forks, ini_in_packages=ini_in_packages)

    return make


def ids(done: Any) -> list[str]:
    return [line for line in done.stdout.splitlines() if "::acme@" in line]


@pytest.mark.parametrize("ini_in_packages", [False, True])
def test_a_run_leaves_the_same_from_the_root_and_from_a_package(
    repository: Any, ini_in_packages: bool
) -> None:
    above = repository("above", ini_in_packages=ini_in_packages)
    below = repository("below", ini_in_packages=ini_in_packages)
    done = above.run()
    assert done.returncode == 0, done.stdout + done.stderr
    for package in PACKAGES:
        assert below.run(at=package).returncode == 0
        assert above.left(package) == below.left(package)
        assert sorted(above.left(package)) == list(VARIANTS)
        assert above.accept(package) == below.accept(package)
    assert above.left("chat") != above.left("search")


def test_nothing_of_evals_lies_at_the_root(repository: Any) -> None:
    above = repository()
    assert above.run().returncode == 0
    assert sorted(each.name for each in above.path.iterdir() if each.name != ".gitignore") == [
        "packages",
        "pyproject.toml",
    ]
    for package in PACKAGES:
        assert (above.package(package) / ".evalsuite" / "store.db").is_file()


def test_a_run_at_the_root_is_the_baseline_of_one_in_the_package_and_back(repository: Any) -> None:
    above = repository()
    above.run()
    for package in PACKAGES:
        above.accept(package)
    assert above.run(at="chat").returncode == 0
    assert above.result("chat", "acme@small")[0] == "unchanged"
    assert above.run("packages/search").returncode == 0
    assert above.result("search", "acme@large")[0] == "unchanged"
    manifest = json.loads((above.newest("chat") / "acme@small" / "manifest.json").read_text())
    assert manifest["operations"]["fresh_calls"] == 0  # each package's store has what was asked


def test_a_floor_that_breaks_in_one_package_is_red_from_both_places(repository: Any) -> None:
    above = repository()
    broken = SUITE.format(name="chat").replace("chat word: ", "nothing: ")
    above.write("packages/chat/test_chat.py", broken)
    golden = above.package("chat") / "evals/golden/acme/cases.jsonl"
    case = json.loads(golden.read_text().splitlines()[0])
    golden.write_text(
        "".join(json.dumps({**case, "id": f"c{n}", "input": f"{n}"}) + "\n" for n in range(12))
    )
    assert above.run().returncode == 1
    assert above.result("chat", "acme@small")[0] == "below"
    assert above.result("search", "acme@small")[0] == "no baseline"
    assert above.run(at="chat").returncode == 1
    assert above.run(at="search").returncode == 0


def test_ids_are_those_of_pytests_root(repository: Any) -> None:
    """pytest takes the nearest settings of its own as the root: one table at the repository's root
    gives the same ids everywhere, a table in each package shortens them there."""
    for own, start in ((False, "packages/chat/"), (True, "")):
        made = repository(f"ini-{own}", ini_in_packages=own)
        above = ids(made.run("--collect-only", "-q"))
        below = ids(made.run("--collect-only", "-q", at="chat"))
        assert len(above) == 2 * (4 + 3)
        assert "packages/chat/test_chat.py::acme@small[c0]" in above
        assert below == [
            f"{start}test_chat.py::acme@{v}[c{n}]" for v in ("small", "large") for n in range(4)
        ]


def test_commands_hold_where_they_are_shown(repository: Any) -> None:
    made = repository()
    above = made.run()
    line = next(each for each in above.stdout.splitlines() if "baseline" in each and "chat" in each)
    assert line.split("baseline", 1)[1].strip().startswith("cd packages/chat && evalsuite accept ")
    command = line.split("baseline", 1)[1].strip()
    evalsuite = f"{sys.executable} -m evalsuite"
    done = subprocess.run(
        command.replace("evalsuite accept", f"{evalsuite} accept"),
        shell=True,
        cwd=made.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (made.package("chat") / "evals" / "snapshots" / "acme@large").is_dir() or (
        made.package("chat") / "evals" / "snapshots" / "acme@small"
    ).is_dir()
    below = made.run(at="search")
    assert "cd " not in below.stdout


def test_suites_of_one_name_are_told_apart_on_the_screen(repository: Any) -> None:
    said = repository().run().stdout
    assert "evals: packages/chat/test_chat.py::acme@small" in said
    assert "evals: packages/search/test_search.py::acme@small" in said


def test_the_command_lines_backend_holds_for_every_package(repository: Any) -> None:
    made = repository()
    made.run("--evals-backend=embedded")
    for package in PACKAGES:
        for each in made.left(package).values():
            models = each["manifest"]["subject"]["models"]
            assert models["default"]["label"] == "embedded"


def test_a_setting_of_one_package_is_not_the_other_ones(repository: Any) -> None:
    made = repository()
    settings = made.package("search") / "pyproject.toml"
    settings.write_text('[tool.evalsuite]\nseed = 7\noutputs = "redacted"\n')
    made.run()
    seeds = {p: made.left(p)["acme@small"]["manifest"]["seed"] for p in PACKAGES}
    assert seeds == {"chat": 0, "search": 7}


def test_workers_give_the_same(repository: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xdist")
    alone, shared = repository("alone"), repository("shared")
    alone.run()
    monkeypatch.setenv("PYTEST_PLUGINS", "evalsuite.plugin,xdist.plugin")
    done = shared.run("-n2")
    assert done.returncode == 0, done.stdout + done.stderr
    for package in PACKAGES:
        assert alone.left(package) == shared.left(package)


def test_a_selected_file_is_no_change_of_the_command(repository: Any) -> None:
    made = repository()
    made.run("packages/chat")
    made.run("packages/chat/test_chat.py")
    made.run(str(made.package("chat")))
    manifest = json.loads((made.newest("chat") / "acme@small" / "manifest.json").read_text())
    assert manifest["operations"]["reused_outputs"] == 4
