"""code.key changes with everything that an answer can depend on, and with nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evalsuite.errors import SuiteError
from evalsuite.runner.fingerprint import fingerprint, input_parts

SALT = b"salt"


def code_key(root: Path, *arguments: str, own: tuple[Path, ...] = ()) -> str:
    return fingerprint(root, own=own, arguments=arguments, salt=SALT).key


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "helper.py").write_text("K = 1\n")
    (folder / "data.txt").write_text("data\n")
    return folder


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


def test_it_is_the_same_for_the_same_files(root: Path) -> None:
    assert code_key(root) == code_key(root)


@pytest.mark.parametrize("in_git", [False, True])
@pytest.mark.parametrize("name", ["package/helper.py", "data.txt", "new.json"])
def test_any_file_under_the_root_counts(root: Path, name: str, in_git: bool) -> None:
    if in_git:
        git(root, "init", "-q")
        git(root, "add", "-A")
    before = code_key(root)
    (root / name).write_text("changed\n")
    assert code_key(root) != before


def test_a_commit_changes_nothing(root: Path) -> None:
    git(root, "init", "-q")
    before = code_key(root)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    assert code_key(root) == before


def test_ignored_files_and_the_harness_own_folders_do_not_count(root: Path) -> None:
    git(root, "init", "-q")
    (root / ".gitignore").write_text("ignored/\n")
    (root / "golden").mkdir()
    before = code_key(root, own=(root / "golden",))
    (root / "ignored").mkdir()
    (root / "ignored" / "x").write_text("x")
    (root / "golden" / "cases.jsonl").write_text("{}")
    assert code_key(root, own=(root / "golden",)) == before


def test_the_environment_counts_but_not_the_terminal(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_key(root)
    monkeypatch.setenv("COLUMNS", "77")
    assert code_key(root) == before
    monkeypatch.setenv("MODEL_MODE", "fast")
    assert code_key(root) != before


def test_arguments_and_the_current_folder_count(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_key(root)
    assert code_key(root, "--mode=x") != before
    monkeypatch.chdir(root)
    assert code_key(root) != before


def test_the_environment_can_not_be_guessed_without_the_salt(root: Path) -> None:
    one = fingerprint(root, own=(), arguments=(), salt=b"one").key
    two = fingerprint(root, own=(), arguments=(), salt=b"two").key
    assert one != two


def test_without_git_virtual_environments_and_caches_are_left_out(root: Path) -> None:
    before = code_key(root)
    (root / "env").mkdir()
    (root / "env" / "pyvenv.cfg").write_text("")
    (root / "env" / "lib.py").write_text("x")
    (root / "__pycache__").mkdir()
    (root / "__pycache__" / "m.cpython-311.pyc").write_bytes(b"x")
    assert code_key(root) == before


def test_a_link_to_nowhere_is_no_error(root: Path) -> None:
    (root / "link").symlink_to(root / "absent")
    assert code_key(root)


def test_an_input_file_is_labelled_with_its_version(tmp_path: Path) -> None:
    (tmp_path / "answer.j2").write_text("{# version: 3 #}\nHello\n")
    parts, files = input_parts("prompt", "answer.j2", tmp_path)
    assert parts["prompt"].label == "answer.j2 v3"
    assert files == [str(tmp_path / "answer.j2")]


def test_an_input_folder_changes_with_any_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "docs" / "deep").mkdir(parents=True)
    (tmp_path / "docs" / "deep" / "a.md").write_text("a")
    before, files = input_parts("docs", "docs", tmp_path)
    (tmp_path / "docs" / "deep" / "a.md").write_text("b")
    after, _ = input_parts("docs", "docs", tmp_path)
    assert list(before) == ["docs/deep/a.md"]
    assert before != after
    assert len(files) == 1


def test_a_version_may_be_text_or_a_function(tmp_path: Path) -> None:
    assert input_parts("index", "2026-11", tmp_path)[0]["index"].label == "2026-11"
    assert input_parts("index", lambda: "v7", tmp_path)[0]["index"].label == "v7"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("prompts/answr.j2", r"there is no file or folder .*\(paths are from the suite's own file"),
        (Path("gone"), "there is no file or folder"),
        (lambda: None, "must return a version"),
        (lambda: 1 / 0, "failed: ZeroDivisionError"),
    ],
)
def test_an_input_that_can_not_be_read_is_an_error(
    tmp_path: Path, value: object, says: str
) -> None:
    with pytest.raises(SuiteError, match=says):
        input_parts("x", value, tmp_path)  # type: ignore[arg-type]


def test_line_ends_are_no_change_of_an_input(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"one\ntwo\n")
    before, _ = input_parts("doc", "a.md", tmp_path)
    (tmp_path / "a.md").write_bytes(b"one\r\ntwo\r\n")
    assert input_parts("doc", "a.md", tmp_path)[0] == before


def test_a_folder_of_very_many_files_is_one_part(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for number in range(201):
        (tmp_path / "docs" / f"{number}.md").write_text(str(number))
    before, files = input_parts("docs", "docs", tmp_path)
    assert list(before) == ["docs"]
    assert len(files) == 201
    (tmp_path / "docs" / "7.md").write_text("changed")
    assert input_parts("docs", "docs", tmp_path)[0] != before
