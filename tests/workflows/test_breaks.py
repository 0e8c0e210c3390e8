"""Each documented break of the real example, as a pull request: its comment says in three lines
what got worse, and its report which part was broken."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from github_server import GitHub
from hosted import Ended, Hosted
from pulls import Pull

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the steps are bash's, of Linux")

SAYS = {
    "narrow": [
        r"comes from +checks: of -\S+ points, retrieval -\S+ \(95% CI .*\), generation 0\.0 \(",
        r"also red .*checks -\S+ points \(retrieval -\S+, generation 0\.0\)",
    ],
    "silent": [
        r"comes from +retrieval returned the same documents: the change is the generation's"
    ],
}


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "examples" / "askacme")
    return importlib.import_module("acts")


@pytest.fixture
def example(host: Hosted, acts: Any) -> Hosted:
    """The example on main, with the snapshots that this repository has, and fewer pages."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for part in (*acts.NEEDED, ".gitignore"):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, host.work / part, ignore=ignored)
        else:
            shutil.copyfile(ROOT / part, host.work / part)
    settings = host.work / "pyproject.toml"
    table = "[tool.evalsuite]\n"
    fewer = settings.read_text("utf-8").replace(table, f'{table}formats = ["json"]\n')
    settings.write_text(fewer, "utf-8")
    host.commit("main")
    return host


@pytest.mark.parametrize("name", ["concise", "silent", "narrow", "uncited", "mistyped"])
def test_a_break_is_told_in_three_lines(example: Hosted, hub: GitHub, acts: Any, name: str) -> None:
    change = acts.changes()[name]
    chosen = f"{acts.FOLDER}/{acts.MODULES[change.suite]}"
    pull = Pull(example, hub, arguments=f"--evals-changed\n{chosen}\n")
    text = (ROOT / change.file).read_text("utf-8").replace(change.line, change.becomes)
    run = pull.told(pull.push({change.file: text}))
    assert run.conclusion == "failure"
    assert hub.checks[-1]["conclusion"] == "failure"
    first = " ".join(pull.screen[:3])
    assert "[!CAUTION]" in first
    assert any(all(part in first for part in gate.split(", ")) for gate in change.red), first
    if name in SAYS:
        is_attributed(acts, change, run.jobs["pull-request"])


def test_no_break_is_left_out(acts: Any) -> None:
    [marks] = [each for each in test_a_break_is_told_in_three_lines.pytestmark if each.args]
    assert set(marks.args[1]) == set(acts.changes())


def is_attributed(acts: Any, change: Any, job: Ended) -> None:
    written = job.workspace / "reports" / change.suite / "report.json"
    screen = acts.first_screen(job.said, change.suite)
    report = json.loads(written.read_text("utf-8"))
    played = acts.Played(exit=1, printed="", screen=screen, report=report, red=frozenset())
    assert acts.attributed(played, change) == []
    assert all(re.search(line, "\n".join(screen)) for line in SAYS[change.name])
    assert len(screen) <= acts.SCREEN
    wrong = {"retrieval": "generation", "generation": "retrieval"}[change.part]
    assert acts.attributed(played, acts.Change(**{**fields(change), "part": wrong}))
    [overall] = [
        each
        for each in report["attributions"]
        if each["metric"] == "checks" and each["slice"] == "overall"
    ]
    narrow = change.name == "narrow"
    assert (overall["n"], overall["missing"]) == (len(report["cases"]), 0)
    assert overall["documents"] == (overall["n"] if narrow else 0)
    other = overall[wrong]  # the model's noise is the same on the same documents
    assert other["effect"] == 0.0 < other["high"] < 0.01


def fields(change: Any) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.__slots__}
