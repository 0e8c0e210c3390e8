"""Versions are derived, releases are lists of hashes, and git gives released cases back."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from evalsuite.errors import GoldenError
from evalsuite.golden import load, load_spec
from evalsuite.golden.release import (
    Release,
    latest_release,
    level,
    next_version,
    read_release,
    write_release,
)

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

OURS = Path(__file__).parents[2] / "golden" / ".gitattributes"
A = {"id": "a", "input": "x", "expected": "1"}
B = {"id": "b", "input": "y", "slices": {"topic": "t"}}


class Golden:
    """A repository with one golden dataset, `set`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dir = root / "golden"
        self.folder = self.dir / "set"
        self.folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, *cases: Mapping[str, Any], file: str = "cases.jsonl") -> None:
        text = "".join(json.dumps(case) + "\n" for case in cases)
        (self.folder / file).write_text(text)

    def release(self) -> str:
        dataset = load(self.folder)
        version = dataset.version.partition("-")[0]
        write_release(self.folder, Release(version, dataset.key, dataset.keys))
        return version

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "golden")


@pytest.fixture
def golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Golden:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    return Golden(tmp_path)


@pytest.mark.parametrize(
    ("cases", "version"),
    [
        ([A, B], "1.4.2"),
        ([B, A], "1.4.2"),
        ([A, B, {"input": "z"}], "1.5.0"),
        ([A], "2.0.0"),
        ([A, {**B, "id": "renamed"}], "2.0.0"),
        ([{**A, "expected": "2"}, B], "2.0.0"),
        ([{**A, "input": "xx"}, B], "2.0.0"),
        ([{**A, "checks": [{"contains": "1"}]}, B], "2.0.0"),
        ([{**A, "relevant": ["d"]}, B], "2.0.0"),
        ([A, {**B, "slices": {"topic": "u"}}], "1.4.3"),
        ([{**A, "must_pass": True}, B], "1.4.3"),
        ([{**A, "provenance": "p", "cluster": "c"}, B], "1.4.3"),
        ([{**A, "must_pass": True}, B, {"input": "z"}], "1.5.0"),
    ],
)
def test_the_version_follows_from_what_changed(
    cases: list[dict[str, Any]], version: str, golden: Golden
) -> None:
    golden.write(A, B)
    released = load(golden.folder)
    write_release(golden.folder, Release("1.4.2", released.key, released.keys))
    golden.write(*cases)
    loaded = load(golden.folder)
    changed = "" if version == "1.4.2" else f"-dev+{loaded.key[:8]}"
    assert loaded.version == version + changed


def test_the_first_release_is_0_1_0() -> None:
    assert next_version(None, "major") == "0.1.0"
    assert level({}, {}) == "same"


def test_the_newest_release_is_the_highest_not_the_last_by_name(golden: Golden) -> None:
    golden.write(A)
    released = load(golden.folder)
    for version in ("1.9.0", "1.10.0", "0.1.0"):
        write_release(golden.folder, Release(version, released.key, released.keys))
    newest = latest_release(golden.folder)
    assert newest is not None
    assert newest.version == "1.10.0"


def test_a_release_is_a_line_of_hashes_per_case(golden: Golden) -> None:
    golden.write(B, {**A, "expected": "a long secret answer"})
    version = golden.release()
    text = (golden.folder / "releases" / f"{version}.json").read_text()
    assert "secret" not in text
    assert [line.split('"')[1] for line in text.splitlines() if ": [" in line] == ["a", "b"]
    assert read_release(golden.folder / "releases" / "0.1.0.json").version == "0.1.0"


def test_a_release_is_never_overwritten(golden: Golden) -> None:
    golden.write(A)
    golden.release()
    with pytest.raises(FileExistsError):
        write_release(golden.folder, Release("0.1.0", "", {}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"a": ["', '"c": ["'),
        lambda text: text.replace('"version": "0.1.0"', '"version": "0.2.0"'),
        lambda text: text.replace('"key"', '"keys"'),
        lambda text: text.replace('["', '["0'),
        lambda text: "[]",
        lambda text: "\xff",
    ],
)
def test_a_damaged_release_is_an_error(damage: Callable[[str], str], golden: Golden) -> None:
    golden.write(A)
    golden.release()
    file = golden.folder / "releases" / "0.1.0.json"
    file.write_bytes(damage(file.read_text()).encode("latin-1"))
    with pytest.raises(GoldenError, match=r"0\.1\.0\.json.*restore the file from git"):
        load(golden.folder)
    with pytest.raises(GoldenError, match=r"0\.1\.0\.json"):
        load_spec("set@0.1.0", golden.dir)


def test_an_unchanged_release_needs_no_git(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jsonl").write_text(json.dumps(A))
    dataset = load(folder)
    write_release(folder, Release("0.1.0", dataset.key, dataset.keys))
    assert load_spec("set@0.1.0", tmp_path).version == "0.1.0"
    assert load_spec("set", tmp_path).version == "0.1.0"


def test_a_release_is_restored_from_git(golden: Golden) -> None:
    golden.write(A, B, file="old.jsonl")
    golden.release()
    golden.commit()
    released = load(golden.folder)
    (golden.folder / "old.jsonl").unlink()
    golden.write({**A, "expected": "2"}, {"input": "z"})
    golden.commit()
    golden.write({**A, "expected": "3"})
    before = golden.git("status", "--porcelain")

    restored = load_spec("set@0.1.0", golden.dir)

    assert restored.cases == released.cases
    assert (restored.key, restored.version) == (released.key, "0.1.0")
    assert restored.path == golden.folder
    assert restored.cases[0].source is not None
    assert restored.cases[0].source.path == "set@0.1.0/old.jsonl"
    assert golden.git("status", "--porcelain") == before
    assert load_spec("set", golden.dir).version.startswith("1.0.0-dev+")


def test_a_release_is_restored_when_the_working_set_does_not_load(golden: Golden) -> None:
    golden.write(A, B)
    golden.release()
    golden.commit()
    (golden.folder / "cases.jsonl").write_text("broken")
    assert len(load_spec("set@0.1.0", golden.dir).cases) == 2


def test_a_hook_of_another_repository_does_not_mislead(
    golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden.write(A)
    golden.release()
    golden.commit()
    golden.write(B)
    monkeypatch.setenv("GIT_DIR", "elsewhere/.git")
    assert [case.id for case in load_spec("set@0.1.0", golden.dir).cases] == ["a"]


def test_a_release_that_was_committed_late_is_found_in_an_earlier_commit(golden: Golden) -> None:
    golden.write(A)
    golden.commit()
    golden.release()
    golden.write(A, B)
    golden.commit()
    golden.write(B)
    assert [case.id for case in load_spec("set@0.1.0", golden.dir).cases] == ["a"]


def test_links_in_the_history_are_not_followed(golden: Golden) -> None:
    golden.write(A)
    golden.release()
    golden.commit()
    (golden.folder / "cases.jsonl").unlink()
    (golden.folder / "cases.jsonl").symlink_to("/etc/hostname")
    golden.commit()
    golden.git("rm", "-q", "--cached", "golden/set/cases.jsonl")
    assert len(load_spec("set@0.1.0", golden.dir).cases) == 1


def test_a_release_that_git_does_not_hold_is_an_error(golden: Golden) -> None:
    golden.write(A)
    golden.release()
    golden.write(B)
    golden.commit()
    with pytest.raises(GoldenError, match=r"set@0\.1\.0: the working set differs.*--unshallow"):
        load_spec("set@0.1.0", golden.dir)


def test_without_a_repository_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jsonl").write_text(json.dumps(A))
    dataset = load(folder)
    write_release(folder, Release("0.1.0", dataset.key, dataset.keys))
    (folder / "a.jsonl").write_text(json.dumps(B))
    with pytest.raises(GoldenError, match=r"set@0\.1\.0: git: .*not a git repository"):
        load_spec("set@0.1.0", tmp_path)


def test_restored_checks_are_validated(golden: Golden) -> None:
    golden.write({**A, "checks": [{"contains": "1"}]})
    golden.release()
    golden.commit()
    golden.write(B)
    with pytest.raises(GoldenError, match=r"set@0\.1\.0/cases\.jsonl:1: checks\[0\]: unknown"):
        load_spec("set@0.1.0", golden.dir, validate_checks=lambda _: [("checks[0]", "unknown", "")])


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("sat", 'did you mean "set"'),
        ("sat@0.1.0", 'did you mean "set"'),
        ("set@0.2.0", 'did you mean "0.1.0"'),
        ("set@latest", "not a released version"),
        ("set@", "not a released version"),
        ("set@../../x", "not a released version"),
        ("../set", "not usable as a name"),
        ("", "not usable as a name"),
        ("a\x1b[2J", r"a\\x1b\[2J"),
    ],
)
def test_a_wrong_spec_is_one_error(spec: str, says: str, golden: Golden) -> None:
    golden.write(A)
    golden.release()
    with pytest.raises(GoldenError, match=says) as caught:
        load_spec(spec, golden.dir)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("name", ["cases.jsonl", "other.jsonl"])
def test_branches_that_each_add_a_case_merge(name: str, golden: Golden) -> None:
    shutil.copy(OURS, golden.dir)
    golden.write(A)
    golden.commit()
    for branch in ("one", "two"):
        golden.git("checkout", "-qb", branch, "main")
        file = golden.folder / name
        before = file.read_text() if file.exists() else ""
        file.write_text(before + json.dumps({"input": branch}) + "\n")
        golden.commit()
    golden.git("merge", "-q", "one", "-m", "merge")
    assert sorted(str(case.input) for case in load(golden.folder).cases) == ["one", "two", "x"]


def test_branches_that_edit_one_case_are_told_by_its_id(golden: Golden) -> None:
    shutil.copy(OURS, golden.dir)
    golden.write(A)
    golden.commit()
    for branch in ("one", "two"):
        golden.git("checkout", "-qb", branch, "main")
        golden.write({**A, "expected": branch})
        golden.commit()
    golden.git("merge", "-q", "one", "-m", "merge")
    with pytest.raises(GoldenError, match="a is also the id at"):
        load(golden.folder)
