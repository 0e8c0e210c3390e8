"""`evalsuite ci propose`: data of a workflow becomes a bot's pull request, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from github_server import GitHub
from stored_runs import commit, git, repository

from evalsuite.cli import main

BRANCH = "evalsuite/baseline"


@pytest.fixture
def checkout(tmp_path: Path, hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = repository(tmp_path / "work")
    (root / "snapshots").mkdir()
    (root / "snapshots" / "a.json").write_text("1\n", encoding="utf-8")
    commit(root, "more")
    git(tmp_path, "clone", "--quiet", "--bare", "work", "origin.git")
    git(root, "remote", "add", "origin", str(tmp_path / "origin.git"))
    (tmp_path / "body.md").write_text("Five repeats.\n", encoding="utf-8")
    monkeypatch.chdir(root)
    monkeypatch.setenv("GITHUB_API_URL", hub.url)
    monkeypatch.setenv("GITHUB_TOKEN", hub.token)
    monkeypatch.setenv("GITHUB_REPOSITORY", hub.repository)
    monkeypatch.setattr("evalsuite.hub.api._SETTLED", 0.0)
    return root


def propose(*paths: str, branch: str = BRANCH, title: str = "More repeats") -> int:
    words = ["--branch", branch, "--title", title, "--body-file", "../body.md", "--paths"]
    return main(["ci", "propose", *words, *paths])


def origin(root: Path, *words: str) -> str:
    return git(root.parent / "origin.git", *words)


def test_the_files_and_nothing_else_are_proposed_on_a_branch(checkout: Path, hub: GitHub) -> None:
    before = origin(checkout, "rev-parse", "main")
    (checkout / "snapshots" / "a.json").write_text("2\n", encoding="utf-8")
    (checkout / "pyproject.toml").write_text("[tool.other]\n", encoding="utf-8")
    assert propose("snapshots") == 0
    changed = origin(checkout, "diff", "--name-only", "main", BRANCH)
    assert changed == "snapshots/a.json"
    assert origin(checkout, "rev-parse", "main") == before
    [pull] = hub.pulls.values()
    assert (pull["base"]["ref"], pull["title"]) == ("main", "More repeats")
    assert pull["body"] == "Five repeats.\n"
    assert git(checkout, "diff", "--cached", "--name-only") == ""


def test_the_same_again_changes_nothing_and_more_updates_the_same_pull_request(
    checkout: Path, hub: GitHub
) -> None:
    file = checkout / "snapshots" / "a.json"
    file.write_text("2\n", encoding="utf-8")
    propose("snapshots")
    first = origin(checkout, "rev-parse", BRANCH)
    propose("snapshots")
    assert origin(checkout, "rev-parse", BRANCH) == first
    file.write_text("3\n", encoding="utf-8")
    assert propose("snapshots", title="Other repeats") == 0
    assert origin(checkout, "show", f"{BRANCH}:snapshots/a.json") == "3"
    assert origin(checkout, "rev-list", "--count", f"main..{BRANCH}") == "1"
    assert [each["title"] for each in hub.pulls.values()] == ["Other repeats"]


def test_a_topic_s_data_is_proposed_to_the_topic(checkout: Path, hub: GitHub) -> None:
    git(checkout, "checkout", "--quiet", "-b", "topic")
    (checkout / "snapshots" / "a.json").write_text("2\n", encoding="utf-8")
    words = ["--branch", BRANCH, "--base", "topic", "--title", "x", "--body-file", "../body.md"]
    assert main(["ci", "propose", *words, "--paths", "snapshots"]) == 0
    [pull] = hub.pulls.values()
    assert (pull["head"]["ref"], pull["base"]["ref"]) == (BRANCH, "topic")


def test_nothing_new_is_no_pull_request(
    checkout: Path, hub: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propose("snapshots") == 0
    assert "nothing to propose" in capsys.readouterr().out
    assert not hub.pulls


@pytest.mark.parametrize("fault", ["lost", "502", "reset", "garbage"])
def test_a_lost_reply_opens_no_second_pull_request(
    checkout: Path, hub: GitHub, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "snapshots" / "a.json").write_text("2\n", encoding="utf-8")
    post = 3  # after the repository, the branch and the list
    hub.faults = {post: fault}
    assert propose("snapshots") == 0
    assert hub.asked[post][0] == "POST"
    assert len(hub.pulls) == 1


@pytest.mark.parametrize("branch", ["main", "evalsuite/", "evalsuite/../main", "evalsuite/A b"])
def test_only_branches_of_its_own_are_written(checkout: Path, hub: GitHub, branch: str) -> None:
    (checkout / "snapshots" / "a.json").write_text("2\n", encoding="utf-8")
    assert propose("snapshots", branch=branch) == 4
    assert origin(checkout, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_a_protected_branch_is_not_written(
    checkout: Path, hub: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "snapshots" / "a.json").write_text("2\n", encoding="utf-8")
    hub.branches[BRANCH] = True
    assert propose("snapshots") == 4
    assert "protected" in capsys.readouterr().err
    assert origin(checkout, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../body.md", ".github", ".git/config", "gone.json", "link", "link/x"]
)
def test_what_is_no_data_of_the_checkout_is_refused(checkout: Path, hub: GitHub, path: str) -> None:
    (checkout / "link").symlink_to(checkout.parent)
    assert propose(path) == 4
    assert not hub.asked


def test_a_push_that_is_refused_is_one_error_without_the_token(
    checkout: Path, hub: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "snapshots" / "a.json").write_text("2\n", encoding="utf-8")
    git(checkout, "remote", "set-url", "origin", str(checkout.parent / "gone.git"))
    assert propose("snapshots") == 12
    said = capsys.readouterr().err
    assert "contents: write" in said
    assert hub.token not in said
    assert not hub.pulls
