"""Unchanged code run against itself, a pinned release, and cases that flip: real runs on the
embedded model, whose answers slip by seed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stored_runs import commit, git

from evalsuite.records import CHECKS, Metric
from evalsuite.runner.itself import (
    Found,
    Itself,
    measure_of,
    place_of,
    read_itself,
    write_itself,
)

SUITE = """
import pathlib
import evalsuite as ev

PROMPT = (pathlib.Path(__file__).parent / "prompt.txt").read_text()

@ev.suite(golden="words", inputs={"prompt": "prompt.txt"})
async def words(case, llm):
    team = case.input["team"]
    floor = f"Team {team} sits on floor {team % 9}."
    lost = PROMPT.startswith("broken") and team % 3 == 0
    text = floor if lost else f"Team {team} gets {10 + team} days of leave. {floor}"
    said = await llm.chat([
        {"role": "system", "content": "Answer only from the documents. " + RULE + PROMPT},
        {"role": "user", "content": f'<document id="teams">\\\\n{text}\\\\n</document>'
         f"\\\\n\\\\nQuestion: How many days of leave does team {team} get?"},
    ])
    return said.text

RULE = 'If the answer is not in the documents, say exactly: "I do not know." '
"""
CASES = 60


@pytest.fixture
def teams(project: Any) -> Any:
    settings(project)
    project.write("test_words.py", SUITE.replace("\\\\", "\\"))
    project.write("prompt.txt", "Be brief.")
    project.cases(
        [
            {
                "id": f"team-{team:03}",
                "input": {"team": team},
                "checks": [{"contains": f"{10 + team} days"}],
            }
            for team in range(CASES)
        ]
    )
    return project


def settings(project: Any, noise: float = 0.5, more: str = "") -> None:
    backends = f'backends = {{ default = "embedded?noise={noise}" }}'
    project.write("pyproject.toml", f"[tool.evalsuite]\n{backends}\nformats = ['json']\n{more}")


def checks(project: Any) -> list[dict[str, Any]]:
    """The manifests of the check's runs, as they were numbered."""
    files = (project.path / ".evalsuite" / "aa").glob("*/words/manifest.json")
    found = [json.loads(each.read_text()) for each in files]
    return sorted(found, key=lambda each: each["afresh"])


def check(project: Any, *arguments: str) -> Any:
    done = project.evalsuite("aa", "words", "--runs", "3", "--draws", "5", *arguments)
    assert done.ret == 0, done.stderr.str()
    return done


def test_each_run_of_a_check_asks_anew_and_none_is_a_run_of_the_suite(teams: Any) -> None:
    assert teams.run_apart().ret == 0
    done = check(teams)
    runs = checks(teams)
    assert [each["afresh"] for each in runs] == [1000, 2000, 3000]
    assert [each["operations"]["fresh_calls"] for each in runs] == [CASES] * 3
    folders = {each["afresh"]: each["run"] for each in runs}
    answers = [
        (teams.path / ".evalsuite/aa" / run / "words/scores.jsonl").read_text()
        for run in folders.values()
    ]
    assert len(set(answers)) == 3
    said = done.stdout.str()
    assert "3 runs of words, 60 cases" in said
    assert "of 3 pairs of runs" in said
    assert "of 5 exchanges of trials" in said
    assert "Commit snapshots/words.aa.json" in said
    assert len(teams.runs()) == 1
    place = f".evalsuite/aa/{folders[1000]}/words"
    done = teams.evalsuite("accept", "words", "--from-run", place, "--reason", "no")
    assert done.ret != 0
    assert "evalsuite aa made it" in done.stderr.str()
    listed = teams.evalsuite("runs", "--unstable").stdout.str()
    assert "of 4" in listed  # the run's answer and those of the check
    assert checks(teams)[0]["shocks"] == {}


def test_a_check_that_was_interrupted_goes_on_and_begins_anew_where_code_changed(
    teams: Any,
) -> None:
    check(teams)
    folder = teams.path / ".evalsuite" / "aa"
    assert json.loads((folder / "words.json").read_text()) == {"first": 4}  # the next one is new
    last = interrupted(teams)
    done = check(teams)
    assert "3 runs of words, 2 of them there already" in done.stdout.str()
    again = checks(teams)
    assert [each["afresh"] for each in again] == [1000, 2000, 3000]
    assert (again[-1]["operations"]["fresh_calls"], again[-1]["run"] != last) == (0, True)
    interrupted(teams)
    teams.write("prompt.txt", "Be very brief.")
    done = teams.evalsuite("aa", "words", "--runs", "3", "--draws", "5")
    assert done.ret == 2
    assert "subject changed since the first run of this check" in done.stderr.str()
    assert json.loads((folder / "words.json").read_text()) == {"first": 3}


def interrupted(project: Any) -> str:
    """As if the check had ended within its third run; that run's id."""
    folder = project.path / ".evalsuite" / "aa"
    last: str = checks(project)[-1]["run"]
    (folder / last / "words" / "manifest.json").unlink()
    (folder / "words.json").write_text('{"first": 1}')
    return last


def test_a_shock_widens_the_margin_until_the_model_changes(teams: Any) -> None:
    teams.run()
    teams.accept()
    models = {role: part["key"] for role, part in teams.manifest()["subject"]["models"].items()}
    file = place_of(teams.path / "snapshots", "words")
    shock = Found(
        measure=measure_of(Metric(CHECKS)), sd=0.2, low=0.1, high=0.4, upper=0.5, cases=60
    )
    found = Itself(
        suite="words", created="2026-01-02", runs=5, models=models, shocks={CHECKS: shock}
    )
    write_itself(file, found)
    assert read_itself(file) == found
    teams.write("prompt.txt", "broken")
    done = teams.run("-v")
    assert done.ret == 0, done.stdout.str()
    said = " ".join(done.stdout.str().split())
    assert "margin 52.0 points, 50.0 of them for shocks between runs" in said
    done = teams.run("--evals-backend", "embedded?noise=0.4")
    assert done.ret == 1, done.stdout.str()
    assert "the model is another one: evalsuite aa words" in str(teams.manifest()["notes"])
    file.write_text("{")
    done = teams.run()
    assert "words.aa.json" in done.stdout.str()
    assert "measure anew: evalsuite aa words" in done.stdout.str()


@pytest.mark.parametrize("options", [["--runs", "2"], ["--runs", "41"], ["--draws", "0"]])
def test_options_of_a_check_that_can_not_be_used(teams: Any, options: list[str]) -> None:
    assert teams.evalsuite("aa", "words", *options).ret == 4


def test_a_release_informs_as_a_setting_and_gates_as_an_option(teams: Any) -> None:
    git(teams.path, "init", "--quiet", "--initial-branch=main")
    teams.write(".gitignore", ".evalsuite/\nreports/\n")
    settings(teams, noise=0.1, more='release = "git:v1.2"\n')
    done = teams.run_apart()
    assert done.ret != 0
    assert "git knows no such revision" in done.stdout.str()  # before anything is spent
    settings(teams, noise=0.1)
    teams.run_apart()
    teams.accept()
    commit(teams.path, "release")
    git(teams.path, "tag", "v1.2")
    teams.write("prompt.txt", "broken")
    teams.run_apart()
    teams.accept()  # the rolling baseline moves along
    settings(teams, noise=0.1, more='release = "git:v1.2"\n')
    done = teams.run_apart("-v")
    assert done.ret == 0, done.stdout.str()
    assert "gate[checks (since v1.2)] NOT DECIDED" in done.stdout.str()
    settings(teams, noise=0.1)
    done = teams.run_apart("--evals-release", "git:v1.2")
    assert done.ret == 1, done.stdout.str()
    assert "Worse than the release: checks (since v1.2)" in done.stdout.str()
    assert teams.manifest()["policy"]["level"] == 0.025
    git(teams.path, "tag", "v0.1", git(teams.path, "commit-tree", "-m", "none", EMPTY))
    done = teams.run_apart("--evals-release", "git:v0.1")
    assert done.ret == 0, done.stdout.str()
    assert "no release to compare with" in str(teams.manifest()["notes"])


EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""git's empty tree."""


def test_cases_that_flip_between_runs_of_one_subject_are_in_the_report(teams: Any) -> None:
    teams.run_apart("--evals-trials", "3")
    flipped = [
        case
        for case, row in teams.rows().items()
        if 0 < sum(row["scores"]["checks"]) < len(row["scores"]["checks"])
    ]
    assert flipped
    listed = teams.evalsuite("runs", "--unstable").stdout.str()
    assert all(case in listed for case in flipped)
    shown = teams.evalsuite("diff", "last", "last", "--format", "markdown").stdout.str()
    assert "Unstable cases" in shown
