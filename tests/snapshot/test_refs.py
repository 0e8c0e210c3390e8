"""A run is found by what people type, and a wrong name says what there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_runs import commit, git, many, repository, store_run, store_snapshot

from evalsuite.config import Config, load_config
from evalsuite.errors import EvalsuiteError, OptionError, SnapshotError
from evalsuite.snapshot import open_ref, read_outputs, shown, stored_runs, suites_of


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    root = repository(tmp_path / "project")
    monkeypatch.chdir(root)
    store_snapshot(root, many(2), run="accepted")
    commit(root, "accept")
    store_run(root, many(3), run="r1", created="2026-01-01T00:00:00+00:00")
    store_run(root, many(4), run="r3", created="2026-01-03T00:00:00+00:00")
    store_run(root, many(5), run="r2", created="2026-01-02T00:00:00+00:00")
    return load_config(root)


@pytest.mark.parametrize(
    ("ref", "run"),
    [
        ("last", "r3"),
        ("r1", "r1"),
        ("snapshot", "accepted"),
        ("git:main", "accepted"),
        ("git:HEAD~0", "accepted"),
        ("snapshots/askacme", "accepted"),
        ("snapshots", "accepted"),
        (".evalsuite/runs/r2", "r2"),
        (".evalsuite/runs/r2/askacme/", "r2"),
    ],
)
@pytest.mark.parametrize("suite", [None, "askacme"])
def test_each_way_to_name_a_run(config: Config, ref: str, run: str, suite: str | None) -> None:
    assert open_ref(ref, config, suite)[0].manifest.run == run


def test_of_what_a_job_uploaded_the_run_is_meant_and_not_the_snapshot_beside_it(
    config: Config, tmp_path: Path
) -> None:
    store_snapshot(tmp_path / "files", many(2), run="accepted")
    store_run(tmp_path / "files", many(3), run="r4")
    assert open_ref(str(tmp_path / "files"), config, None)[0].manifest.run == "r4"
    assert suites_of(str(tmp_path / "files"), config) == ["askacme"]


def test_a_revision_is_read_without_a_checkout(config: Config) -> None:
    store_snapshot(config.root, many(1, "changed"), run="newer")
    run, source = open_ref("git:main", config, None)
    name = run.rows["c000"].outputs[0] or ""
    assert read_outputs(source, {name})[name].text == "16 weeks 0"
    assert open_ref("snapshot", config, None)[0].manifest.run == "newer"
    assert git(config.root, "status", "--porcelain", "--untracked-files=no").startswith("M snap")


def test_runs_are_listed_newest_first_and_damaged_ones_left_out(config: Config) -> None:
    (config.state_dir / "runs" / "r1" / "askacme" / "manifest.json").write_text("{")
    assert [head.manifest.run for head, _ in stored_runs(config)] == ["r3", "r2"]


def test_of_several_suites_one_must_be_chosen(config: Config) -> None:
    store_run(config.root, many(1), run="r3", suite="other", created="2026-01-03T00:00:00+00:00")
    with pytest.raises(OptionError, match="--suite: askacme, other"):
        open_ref("last", config, None)
    assert open_ref("last", config, "other")[0].manifest.suite == "other"


def test_a_folder_of_another_suite_is_refused(config: Config) -> None:
    with pytest.raises(SnapshotError, match="is of suite 'askacme', not of 'other'"):
        open_ref("snapshots/askacme", config, "other")


def test_a_deleted_snapshot_is_not_just_absent(config: Config) -> None:
    for file in (config.snapshot_dir / "askacme").iterdir():
        file.unlink()
    (config.snapshot_dir / "askacme").rmdir()
    with pytest.raises(SnapshotError, match="git checkout HEAD"):
        open_ref("snapshot", config, "askacme")


@pytest.mark.parametrize(
    ("ref", "suite", "message"),
    [
        ("r33", None, 'did you mean "r3".*name a run'),
        ("nothing", None, "name a run's id"),
        ("", None, "no run ''"),
        ("a\0b", None, "no run"),
        ("x" * 5000, None, "no run"),
        ("../../etc", None, "no run"),
        ("git:", None, "git:: git knows no such revision"),
        ("git:nowhere", None, "git:nowhere: .*name a branch"),
        ("git:--help", None, "git:--help: "),
        ("git:a\0b", None, "git:.*no such revision"),
        ("git:main:snapshots", None, "no such revision"),
        ("git:main", "../x", "can't be the name of a folder"),
        ("git:main", "other", "other at .*manifest.json: is not there"),
        ("git:main~1", None, "no snapshot in git:main~1"),
        ("last", "other", "no finished run of suite 'other'.*known: askacme"),
        ("last", "askacmee", 'no finished run of suite .*did you mean "askacme"'),
        ("snapshot", "other", "no snapshot of suite 'other'"),
        ("snapshot", "..", "can't be the name of a folder"),
        ("pyproject.toml", None, "no run"),
    ],
)
def test_a_wrong_name_gives_one_clear_error(
    config: Config, ref: str, suite: str | None, message: str
) -> None:
    with pytest.raises(EvalsuiteError, match=message):
        open_ref(ref, config, suite)


def test_of_many_runs_the_newest_are_named_in_place_of_a_wrong_id(config: Config) -> None:
    for number in range(4, 9):
        created = f"2026-01-{number:02}T00:00:00+00:00"
        store_run(config.root, many(1), run=f"r{number}", created=created)
    with pytest.raises(OptionError, match=r"the newest are r8, r7, r6 \(all: evalsuite runs\)"):
        open_ref("nothing", config, None)


def test_a_damaged_run_is_made_again_and_only_a_snapshot_comes_from_git(config: Config) -> None:
    for folder, remedy in (
        (config.state_dir / "runs/r1/askacme", "a run is made again"),
        (config.snapshot_dir / "askacme", "git checkout HEAD -- "),
    ):
        (folder / "scores.jsonl").write_text("{}\n")
        with pytest.raises(SnapshotError, match=remedy) as found:
            open_ref(str(folder), config, None)
        assert ("git checkout" in str(found.value)) == ("git" in remedy)


def test_a_folder_that_is_no_run_says_what_is_missing(config: Config) -> None:
    (config.root / "plain").mkdir()
    (config.root / "plain" / "file.txt").write_text("x")
    with pytest.raises(SnapshotError, match=r"plain/manifest\.json: is missing"):
        open_ref("plain", config, None)


def test_sources_are_shown_as_people_type_them(config: Config) -> None:
    assert shown(open_ref("snapshot", config, None)[1]) == "snapshots/askacme"
    assert shown(open_ref("git:main", config, None)[1]).startswith("snapshots/askacme at ")
