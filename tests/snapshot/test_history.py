"""A deleted snapshot is an error, a first run is none: told apart in real git repositories."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stored_runs import commit, git, many, repository, store_snapshot

from evalsuite.config import load_config
from evalsuite.errors import OptionError
from evalsuite.snapshot import expected_snapshot, remember


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    monkeypatch.chdir(tmp_path)
    return repository(tmp_path / "project")


def expected(root: Path) -> str | None:
    return expected_snapshot(load_config(root), "askacme")


def with_snapshot(root: Path) -> Path:
    folder = store_snapshot(root, many(2))
    commit(root, "accept")
    return folder


def test_a_project_that_never_had_one_expects_none(root: Path) -> None:
    (root / "snapshots").mkdir()
    assert expected(root) is None


def test_outside_git_none_is_expected(tmp_path: Path) -> None:
    assert expected(tmp_path) is None


def test_without_a_commit_none_is_expected(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert expected(tmp_path) is None


@pytest.mark.parametrize("staged", [False, True])
def test_deleted_in_the_work_tree(root: Path, staged: bool) -> None:
    shutil.rmtree(with_snapshot(root))
    if staged:
        git(root, "add", "--all")
    said = expected(root) or ""
    assert "the current commit has it" in said
    assert "git checkout HEAD -- project/snapshots/askacme" in said
    git(root, "checkout", "HEAD", "--", "snapshots/askacme")
    assert (root / "snapshots/askacme/manifest.json").is_file()


def test_a_hook_of_another_repository_does_not_mislead(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(with_snapshot(root))
    monkeypatch.setenv("GIT_DIR", "elsewhere/.git")
    assert "the current commit has it" in (expected(root) or "")


def test_deleted_by_a_commit_of_a_branch(root: Path) -> None:
    shutil.rmtree(with_snapshot(root))
    git(root, "checkout", "--quiet", "-b", "work")
    commit(root, "delete")
    (root / "other.txt").write_text("x", encoding="utf-8")
    commit(root, "and go on")
    said = expected(root) or ""
    assert "main, where this branch began" in said
    fork = said.partition("git checkout ")[2].partition(" ")[0]
    git(root, "checkout", fork, "--", "snapshots/askacme")


def test_deleted_on_purpose_on_main_itself_is_over_with_the_next_commit(root: Path) -> None:
    shutil.rmtree(with_snapshot(root))
    commit(root, "retire the suite")
    assert expected(root) is None


def test_deleted_by_a_pull_request_that_is_checked_out_as_a_merge(root: Path) -> None:
    with_snapshot(root)
    git(root, "checkout", "--quiet", "-b", "work")
    git(root, "rm", "-r", "--quiet", "snapshots")
    commit(root, "delete")
    git(root, "checkout", "--quiet", "--detach", "main")
    git(root, "merge", "--quiet", "--no-ff", "--message", "merge", "work")
    git(root, "branch", "--quiet", "-D", "main", "work")
    assert "the commit that was merged into has it" in (expected(root) or "")


def test_deleted_against_the_base_that_the_build_host_names(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_snapshot(root)
    git(root, "branch", "release")
    git(root, "rm", "-r", "--quiet", "snapshots")
    commit(root, "delete")
    git(tmp_path, "clone", "--quiet", str(root), "clone")
    assert expected(tmp_path / "clone") is None
    monkeypatch.setenv("GITHUB_BASE_REF", "release")
    assert "the pull request's base release has it" in (expected(tmp_path / "clone") or "")


def test_a_shallow_clone_of_a_pull_request_can_not_tell(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_snapshot(root)
    git(root, "checkout", "--quiet", "-b", "work")
    git(root, "rm", "-r", "--quiet", "snapshots")
    commit(root, "delete")
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=work", f"file://{root}", "clone")
    assert expected(tmp_path / "clone") is None
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    assert "fetch-depth: 2" in (expected(tmp_path / "clone") or "")


def test_a_branch_from_before_the_snapshot_expects_none(root: Path) -> None:
    git(root, "branch", "old")
    folder = with_snapshot(root)
    remember(load_config(root), "askacme", "key")
    git(root, "checkout", "--quiet", "old")
    assert not folder.exists()
    assert expected(root) is None


def test_one_that_git_never_saw_is_remembered(root: Path) -> None:
    folder = store_snapshot(root, many(2))
    config = load_config(root)
    assert expected(root) is None
    remember(config, "askacme", "key")
    shutil.rmtree(folder)
    said = expected(root) or ""
    assert "it was here before" in said
    assert expected_snapshot(config, "other") is None
    note = root / said.partition("delete the note ")[2].removeprefix("project/")
    note.unlink()
    assert expected(root) is None


def test_a_package_below_the_top_of_the_repository(root: Path) -> None:
    package = root / "packages" / "bot"
    folder = store_snapshot(package, many(2))
    (package / "evalsuite.toml").write_text("", encoding="utf-8")
    commit(root)
    shutil.rmtree(folder)
    said = expected(package) or ""
    assert "git checkout HEAD -- project/packages/bot/snapshots/askacme" in said


def test_a_repository_that_git_refuses_is_not_taken_for_a_first_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_snapshot(root)
    (root / ".git" / "config").write_text("[core\n", encoding="utf-8")
    assert "git can't say whether it was deleted" in (expected(root) or "")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "-x", "a\0b", "a\n", "x" * 201, "C:"])
def test_a_suite_is_no_path(root: Path, name: str) -> None:
    with pytest.raises(OptionError, match="can't be the name of a folder"):
        expected_snapshot(load_config(root), name)
