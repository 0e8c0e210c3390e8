"""Two pull requests change one snapshot, one is merged after the other: real git, real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stored_runs import commit, git

SUITE = """
from pathlib import Path
import evalsuite as ev

@ev.suite(golden="words", inputs={"leave": "leave.txt", "travel": "travel.txt"})
async def words(case, llm):
    text = Path(__file__).with_name(case.slices["topic"] + ".txt").read_text()
    return (await llm.chat(f"<document>{text}</document>\\nQuestion: {case.input}")).text
"""
CASES = [
    {
        "id": f"{topic}-{number:02}",
        "input": f"{question} (asked by employee {number})",
        "checks": [{"contains": wanted}],
        "slices": {"topic": topic},
    }
    for topic, question, wanted in (
        ("leave", "How long is parental leave?", "16 weeks"),
        ("travel", "Who approves travel?", "manager"),
    )
    for number in range(30)
]


@pytest.fixture
def repository(project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project on main whose snapshot says 12 weeks of leave, which its checks find wrong."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "tester@example.invalid")
    monkeypatch.chdir(project.path)
    project.write("test_words.py", SUITE)
    project.cases(CASES)
    project.write("pyproject.toml", "[tool.evalsuite]\n")
    project.write(
        ".gitignore",
        ".evalsuite/\nreports/\n__pycache__/\nrunpytest-*/\nstdout\nstderr\nbasetemp*/\n",
    )
    project.write("leave.txt", "Parental leave is 12 weeks, paid.\n")
    project.write("travel.txt", "Travel is approved by your manager.\n")
    git(project.path, "init", "--quiet", "--initial-branch=main")
    accepted(project, "first answers")
    return project


def accepted(project: Any, reason: str) -> None:
    assert project.run("-q").ret == 0
    done = project.evalsuite("accept", "--from-run", "last", "--reason", reason)
    assert done.ret == 0, done.stderr.str()
    commit(project.path, reason)


def pull_request(project: Any, branch: str, file: str, text: str, reason: str) -> None:
    git(project.path, "checkout", "--quiet", "-b", branch, "main")
    project.write(file, text)
    accepted(project, reason)


def scores(root: Path) -> dict[str, list[float]]:
    lines = (root / "snapshots/words/scores.jsonl").read_text().splitlines()
    return {row["id"]: row["scores"]["checks"] for row in map(json.loads, lines)}


def test_the_second_is_resolved_without_a_call_and_judged_against_the_new_main(
    repository: Any,
) -> None:
    root = repository.path
    pull_request(
        repository, "leave", "leave.txt", "Parental leave is 16 weeks, paid.\n", "law of May"
    )
    told = git(root, "diff", "main", "--", "snapshots/words/manifest.json")
    assert '-  "reason": "first answers"' in told
    assert '+  "reason": "law of May"' in told
    pull_request(
        repository, "travel", "travel.txt", "Travel is approved by the manager.\n", "shorter"
    )
    git(root, "checkout", "--quiet", "main")
    git(root, "merge", "--quiet", "--no-edit", "leave")

    git(root, "checkout", "--quiet", "travel")
    git(root, "merge", "main", fails=True)
    store = (root / ".evalsuite/store.db").read_bytes()
    done = repository.evalsuite("resolve")
    assert done.ret == 0
    assert "30 changed by ours alone, 30 by theirs alone" in done.stdout.str()
    assert (root / ".evalsuite/store.db").read_bytes() == store
    git(root, "commit", "--quiet", "--no-edit")
    reason = json.loads((root / "snapshots/words/manifest.json").read_text())["accepted"]["reason"]
    assert reason == "merged: shorter; law of May"
    assert set(map(tuple, scores(root).values())) == {(1,)}

    assert repository.run("-q").ret == 0  # both changes together are what the snapshot says
    report = repository.report()
    assert (report["result"], report["counts"]["changed"], report["changes"]) == (
        "unchanged",
        0,
        [],
    )
    assert report["run"]["operations"]["fresh_calls"] == 0

    # What main has gained meanwhile must not be lost: against the old main this was no change.
    git(root, "checkout", "main~1", "--", "leave.txt")
    assert repository.run("-q").ret == 1
    report = repository.report()
    assert report["blocked"]
    assert "checks, topic=leave" in [each["name"] for each in report["findings"] if each["blocks"]]
