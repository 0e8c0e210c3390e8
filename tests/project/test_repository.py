"""The repository keeps its own promises: pinned, without hosts and foreign paths, consistent."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from evalsuite.config import Config

ROOT = Path(__file__).parents[2]
# Spelled in parts, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.~/-])/(?:" + "|".join(("work", "root")) + r")/"),
    "a package index": re.compile(
        "|".join(("pypi" + r"\.org", "python" + r"hosted\.org", r"/sim" + "ple/")), re.IGNORECASE
    ),
    "a credential": re.compile("-----" + "BEGIN [A-Z ]*PRIVATE KEY"),
}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for file in tracked():
        try:
            yield file, file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_names(what: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file, text in texts()
        if (match := FORBIDDEN[what].search(text))
    ]
    assert found == []


def test_every_constraint_is_one_version_and_no_url() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 50
    assert [line for line in pins if not re.fullmatch(r"[\w.-]+==\d[\w.]*", line)] == []


def test_every_dependency_is_pinned(settings: dict[str, Any]) -> None:
    project = settings["project"]
    extras = [each for group in project["optional-dependencies"].values() for each in group]
    wanted = project["dependencies"] + extras + settings["dependency-groups"]["dev"]
    names = {_normal(re.split(r"[\[<>=!~;]", each)[0]) for each in wanted} - {"evalsuite"}
    files = [ROOT / "constraints.txt", *(ROOT / "tests" / "adapters").glob("constraints-*.txt")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert names <= {_normal(line.partition("==")[0]) for line in lines}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


APART = {"ragas", "deepeval"}
"""They hold other packages back."""


def test_the_extra_all_holds_every_other(settings: dict[str, Any]) -> None:
    extras = settings["project"]["optional-dependencies"]
    (every,) = extras["all"]
    assert (
        set(every.removeprefix("evalsuite[").rstrip("]").split(","))
        == set(extras) - {"all"} - APART
    )


def test_every_entry_point_of_ours_can_be_loaded(settings: dict[str, Any]) -> None:
    for group, points in settings["project"]["entry-points"].items():
        for name, target in points.items():
            (point,) = [each for each in entry_points(group=group) if each.name == name]
            assert point.value == target
            assert point.load() is not None


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    broken = [
        f"{file.relative_to(ROOT)}: {link}"
        for file, text in texts()
        if file.suffix == ".md" and "handbook" not in file.parts
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", re.sub(r"<!--.*?-->|```.*?```", "", text))
        if "://" not in link and not (file.parent / link).exists()
    ]
    assert broken == []


def test_the_readme_lists_every_option_and_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## Options")[2].partition("## Limits")[0]
    help_ = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True
    ).stdout
    options = set(re.findall(r"--evals(?:-[a-z]+)?", help_))
    assert set(re.findall(r"`(--evals(?:-[a-z]+)?)", table)) == options
    cells = re.findall(r"^\|[^|]*\|([^|]*)\|", table, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    only_options = {"release_gates", "afresh"}
    assert named == {each.name for each in dataclasses.fields(Config)} - {"root"} - only_options


def test_the_readme_s_commands_are_those_of_dev_py() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^def (\w+)\(arguments", (ROOT / "dev.py").read_text(), re.MULTILINE))
    assert {"evals", "test"} <= set(re.findall(r"^ +python3 dev\.py (\w+)$", readme, re.MULTILINE))
    assert set(re.findall(r"dev\.py (\w+)", readme)) <= known


def test_the_layer_contract_holds() -> None:
    pytest.importorskip("importlinter")
    if not (ROOT / "evalsuite").is_dir():
        pytest.skip("the sources are not here: an installed wheel is tested")
    code = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
