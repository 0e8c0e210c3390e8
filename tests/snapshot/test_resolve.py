"""Two branches that each accepted a snapshot merge per case, with real git."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_runs import answer, commit, git, many, repository, run_of, store_snapshot

from evalsuite.cli import main
from evalsuite.records import Run
from evalsuite.snapshot import load, merge, output_key, read_outputs

BASE = many(8)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.setenv("GIT_EDITOR", "true")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "tester@example.invalid")
    store_snapshot(root, BASE, run="r0")
    commit(root, "first")
    return root


def branches(root: Path, ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    """`work` (checked out) accepts one snapshot, `main` another."""
    git(root, "checkout", "--quiet", "-b", "work")
    store_snapshot(root, ours, run="ours", prompt="v2")
    commit(root, "accept ours")
    git(root, "checkout", "--quiet", "main")
    store_snapshot(root, theirs, run="theirs")
    commit(root, "accept theirs")
    git(root, "checkout", "--quiet", "work")


def stored(root: Path) -> tuple[Run, dict[str, str]]:
    """The snapshot, and the text of each case's stored output."""
    folder = root / "snapshots" / "askacme"
    run = load(folder)
    keys = {name: row.outputs[0] or "" for name, row in run.rows.items()}
    found = read_outputs(folder, set(keys.values()))
    return run, {name: found[key].text for name, key in keys.items()}


OURS = {**BASE, "c001": "ours", "new-ours": "added by ours", "c005": "ours too"}
THEIRS = {**BASE, "c003": "theirs", "new-theirs": "added by theirs", "c005": "theirs too"}
del OURS["c007"]
BOTH = {
    **BASE,
    "c001": "ours",
    "new-ours": "added by ours",
    "c003": "theirs",
    "new-theirs": "added by theirs",
}
del BOTH["c007"]


def test_one_command_resolves_a_merge_per_case(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    branches(root, OURS, THEIRS)
    git(root, "merge", "main", fails=True)
    assert main(["resolve"]) == 0
    said = capsys.readouterr().out
    assert "askacme: 9 cases merged" in said
    assert "3 changed by ours alone, 2 by theirs alone" in said
    assert "1 changed by both; these lines are theirs: c005" in said
    git(root, "commit", "--quiet", "--no-edit")
    run, texts = stored(root)
    assert texts == {**BOTH, "c005": "theirs too"}
    assert run.manifest.expected == 9
    assert run.manifest.accepted["run"] == ["ours", "theirs"]
    # c005 is theirs alone, so the next run must name ours, the new prompt, as a change.
    assert run.manifest.subject.inputs["prompt"].key == "v1"
    assert git(root, "status", "--porcelain") == ""


def test_the_other_side_can_be_preferred(root: Path) -> None:
    branches(root, OURS, THEIRS)
    git(root, "merge", "main", fails=True)
    assert main(["resolve", "askacme", "--prefer", "ours"]) == 0
    assert stored(root)[1] == {**BOTH, "c005": "ours too"}


def test_in_a_rebase_the_branch_that_is_rebased_on_is_preferred(root: Path) -> None:
    branches(root, OURS, THEIRS)
    git(root, "rebase", "main", fails=True)
    assert main(["resolve"]) == 0
    git(root, "rebase", "--continue")
    assert stored(root)[1] == {**BOTH, "c005": "theirs too"}


def test_a_cherry_pick_resolves_too(root: Path) -> None:
    branches(root, OURS, THEIRS)
    git(root, "cherry-pick", "main", fails=True)
    assert main(["resolve"]) == 0
    assert stored(root)[1] == {**BOTH, "c005": "theirs too"}


def test_lines_that_git_merged_by_itself_are_merged_the_same_way(root: Path) -> None:
    ours = {**BASE, "c000": "ours at the start"}
    theirs = {**BASE, "c007": "theirs at the end"}
    branches(root, ours, theirs)
    git(root, "merge", "main", fails=True)
    unmerged = git(root, "diff", "--name-only", "--diff-filter=U").splitlines()
    assert "snapshots/askacme/scores.jsonl" not in unmerged
    assert main(["resolve"]) == 0
    assert stored(root)[1] == {**BASE, "c000": "ours at the start", "c007": "theirs at the end"}


def test_two_first_snapshots_have_no_common_base(root: Path) -> None:
    git(root, "rm", "-r", "--quiet", "snapshots")
    commit(root, "never had one")
    branches(root, {"a": "1", "b": "ours"}, {"b": "theirs", "c": "3"})
    git(root, "merge", "main", fails=True)
    assert main(["resolve"]) == 0
    assert stored(root)[1] == {"a": "1", "b": "theirs", "c": "3"}


def test_a_side_that_deleted_the_snapshot_is_for_people_to_decide(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(root, "checkout", "--quiet", "-b", "work")
    git(root, "rm", "-r", "--quiet", "snapshots")
    commit(root, "delete")
    git(root, "checkout", "--quiet", "main")
    store_snapshot(root, THEIRS)
    commit(root, "accept")
    git(root, "checkout", "--quiet", "work")
    git(root, "merge", "main", fails=True)
    assert main(["resolve"]) == 2
    assert "was deleted on one side (ours)" in capsys.readouterr().err


@pytest.mark.parametrize("suites", [[], ["askacme"]])
def test_without_a_conflict_there_is_nothing_to_resolve(
    root: Path, suites: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (root / "snapshots/askacme/manifest.json").read_bytes()
    assert main(["resolve", *suites]) == 2
    assert "conflict" in capsys.readouterr().err
    assert (root / "snapshots/askacme/manifest.json").read_bytes() == before


def test_outside_git_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path / "plain")
    assert main(["resolve"]) == 2
    assert "git can't tell what is in conflict" in capsys.readouterr().err


def test_the_stricter_privacy_of_both_sides_holds(root: Path) -> None:
    git(root, "checkout", "--quiet", "-b", "work")
    store_snapshot(root, {"a": "secret"}, failing=["a"], outputs="hash", run="ours")
    commit(root, "hash")
    git(root, "checkout", "--quiet", "main")
    store_snapshot(root, {"a": "other"}, run="theirs")
    commit(root, "full")
    git(root, "merge", "work", fails=True)
    assert main(["resolve"]) == 0
    folder = root / "snapshots" / "askacme"
    assert load(folder).manifest.outputs == "hash"
    assert not read_outputs(folder, {output_key(answer("other")), output_key(answer("secret"))})
    assert b"secret" not in b"".join(file.read_bytes() for file in folder.iterdir())


answers = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2", "3"]))


@given(answers, answers, answers)
def test_a_merge_never_invents_and_never_drops_what_one_side_changed(
    base: dict[str, str], ours: dict[str, str], theirs: dict[str, str]
) -> None:
    old, left, right = (run_of(each)[0] for each in (base, ours, theirs))
    done = merge(old, left, right, "theirs")
    mirrored = merge(old, right, left, "ours")
    assert done.run.rows == mirrored.run.rows
    assert done.both == mirrored.both
    for name in {*base, *ours, *theirs}:
        sides = (base.get(name), ours.get(name), theirs.get(name))
        result = done.run.rows.get(name)
        wanted = sides[1] if sides[2] == sides[0] else sides[2]
        assert result == (run_of({name: wanted})[0].rows[name] if wanted else None)
        assert (name in done.both) == (len({*sides}) == 3)
