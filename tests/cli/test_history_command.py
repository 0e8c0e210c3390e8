"""`evalsuite history`: what git knows of a suite's snapshots, as figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stored_runs import commit, git, many, repository, store_snapshot

from evalsuite.cli import main


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(tmp_path / "project")
    monkeypatch.chdir(root)
    return root


def test_each_snapshot_has_its_means_and_its_reason(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_snapshot(root, many(10), failing=["c001", "c002"], accepted={"reason": "first | *one*"})
    commit(root, "begin with evals")
    (root / "other.txt").write_text("no snapshot changed")
    commit(root, "something else")
    store_snapshot(root, many(20), accepted={"reason": "better \x1b[31m"})
    commit(root, "second")
    assert main(["history", "askacme", "--format", "json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["snapshots"]
    assert (first["reason"], first["about"]) == ("first | *one*", "begin with evals")
    assert first["means"]["checks"] == {"mean": 0.8, "cases": 10}
    assert second["means"]["checks"] == {"mean": 1.0, "cases": 20}
    assert first["commit"] == git(root, "rev-parse", "HEAD~2")[:8]
    assert main(["history", "askacme", "--last", "1"]) == 0
    told = capsys.readouterr().out
    assert "1.000" in told
    assert "better" in told
    assert "\x1b" not in told
    assert "0.800" not in told


def test_a_suite_that_does_not_exist_is_no_matter_of_history(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_snapshot(root, many(2))
    commit(root)
    assert main(["history", "askacne"]) == 4
    told = capsys.readouterr().err
    assert 'did you mean "askacme"?' in told
    assert "--unshallow" not in told


def test_without_history_it_says_what_to_fetch(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "askacme"]) == 4
    assert "--unshallow" in capsys.readouterr().err
    assert main(["history", "askacme", "--last", "0"]) == 4
