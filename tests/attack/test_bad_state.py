"""Damaged snapshots, stores, runs and folders: one error with its place and remedy, status 2 or 4.

What can be made again (the store) is set aside and said; what was reviewed (a snapshot) is not.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from one_error import assert_one_error

from evalsuite.cli import main

Damage = Callable[[Path], object]
SNAPSHOT = Path("snapshots/words")


def put(name: str, data: bytes | str) -> Damage:
    content = data.encode() if isinstance(data, str) else data
    return lambda root: (root / name).write_bytes(content)


def cut(name: str) -> Damage:
    def damage(root: Path) -> None:
        data = (root / name).read_bytes()
        (root / name).write_bytes(data[: len(data) // 2])

    return damage


def lose(name: str) -> Damage:
    return lambda root: (root / name).unlink()


def folder_for(name: str) -> Damage:
    def damage(root: Path) -> None:
        (root / name).unlink()
        (root / name).mkdir()

    return damage


def link(name: str) -> Damage:
    def damage(root: Path) -> None:
        (root / name).rename(root / "moved")
        (root / name).symlink_to(root / "moved")

    return damage


def manifest(**changes: object) -> Damage:
    def damage(root: Path) -> None:
        file = root / SNAPSHOT / "manifest.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return damage


def whole_folder_is_file(root: Path) -> None:
    for each in (root / SNAPSHOT).iterdir():
        each.unlink()
    (root / SNAPSHOT).rmdir()
    (root / SNAPSHOT).write_text("x")


MANIFEST, SCORES = "snapshots/words/manifest.json", "snapshots/words/scores.jsonl"

SNAPSHOTS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "manifest cut off": (cut(MANIFEST), ("manifest.json", "JSON")),
    "manifest lost": (lose(MANIFEST), ("snapshots/words",)),
    "manifest empty": (put(MANIFEST, ""), ("manifest.json",)),
    "manifest of another kind": (put(MANIFEST, "[]"), ("manifest.json",)),
    "manifest of the future": (manifest(format=99), ("manifest.json", "format")),
    "manifest of a field too many": (manifest(colour="red"), ("manifest.json", "colour")),
    "manifest with NaN": (put(MANIFEST, '{"seed": NaN}'), ("manifest.json", "NaN")),
    "manifest 100,000 deep": (put(MANIFEST, "[" * 100_000), ("manifest.json", "nesting")),
    "manifest of 1 MB in one key": (put(MANIFEST, '{"%s": 1}' % ("x" * 10**6)), ("manifest",)),
    "manifest of another suite": (manifest(suite="other"), ("manifest.json", "other")),
    "manifest with conflict marks": (put(MANIFEST, "<<<<<<< ours\n"), ("resolve",)),
    "manifest with a byte order mark": (
        lambda root: put(MANIFEST, b"\xef\xbb\xbf" + (root / MANIFEST).read_bytes())(root),
        ("manifest.json", "byte order mark"),
    ),
    "manifest is a folder": (folder_for(MANIFEST), ("manifest.json",)),
    "scores cut off": (cut(SCORES), ("scores.jsonl",)),
    "scores lost": (lose(SCORES), ("scores.jsonl",)),
    "scores edited": (
        lambda root: put(SCORES, (root / SCORES).read_bytes().replace(b"1", b"0", 1))(root),
        ("scores.jsonl",),
    ),
    "scores are a folder": (folder_for(SCORES), ("scores.jsonl",)),
    "scores in UTF-16": (put(SCORES, "{}".encode("utf-16")), ("scores.jsonl",)),
    "the folder is a file": (whole_folder_is_file, ("snapshots/words",)),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "project"


@pytest.fixture
def accepted(project: Any, kept: Path) -> Any:
    """A project with a snapshot, and a run in its state folder; made once, then copied."""
    if kept.exists():
        shutil.copytree(kept, project.path, dirs_exist_ok=True)
        return project
    project.suite()
    project.cases(project.many(3))
    assert project.run("-q").ret == 0
    run = project.runs()[-1].name
    here = Path.cwd()
    os.chdir(project.path)
    assert main(["accept", "words", "--from-run", run, "--reason", "test"]) == 0
    os.chdir(here)
    shutil.copytree(project.path, kept)
    return project


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_damaged_snapshot_ends_the_collection_with_its_file(accepted: Any, name: str) -> None:
    damage, said = SNAPSHOTS[name]
    damage(accepted.path)
    done = accepted.run()
    assert_one_error(done.stdout.str() + done.stderr.str(), done.ret, 2, said)


STORES: dict[str, Damage] = {
    "text": put(".evalsuite/store.db", "not a database" * 100),
    "cut off": cut(".evalsuite/store.db"),
    "empty": put(".evalsuite/store.db", ""),
    "a damaged side file": put(".evalsuite/side-1-aa.db", "x" * 5000),
    "of another program": put(".evalsuite/store.db", b"SQLite format 3\0" + bytes(4080)),
    "with a foreign log": put(".evalsuite/store.db-wal", b"\x37\x7f\x06\x82" + bytes(5000)),
}


@pytest.mark.parametrize("name", STORES)
def test_a_damaged_store_is_said_and_made_again(accepted: Any, name: str) -> None:
    STORES[name](accepted.path)
    done = accepted.run()
    output = done.stdout.str() + done.stderr.str()
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    assert done.ret == 0
    done.assert_outcomes(passed=5)


PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "the state folder is a file": (".evalsuite", (".evalsuite", "state")),
    "the runs folder is a file": (".evalsuite/runs", ("runs",)),
    "the reports folder is a file": ("reports", ("reports",)),
    "the report is a folder": ("reports/words/report.html/x", ("report.html",)),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_can_not_be_written_is_one_error(project: Any, name: str) -> None:
    project.suite()
    project.cases(project.many(3))
    place, said = PLACES[name]
    project.write(place, "x")
    done = project.run()
    assert_one_error(done.stdout.str() + done.stderr.str(), done.ret, 2, said)


@pytest.mark.parametrize("size", [100, 8_000, 45_000, 90_000])
def test_a_full_disk_is_one_error_and_what_was_kept_stays(project: Any, size: int) -> None:
    """A limit on the size of files stands in for the disk; what fails first depends on it."""
    resource = pytest.importorskip("resource")
    project.suite(text="case.input * 200")
    project.cases(project.many(60))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--evals", "-p", "no:cacheprovider"],
        cwd=project.path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    assert_one_error(done.stdout + done.stderr, done.returncode, 2, (".evalsuite",))
    again = project.run()
    again.assert_outcomes(passed=60)
    assert again.ret == 0


# the arguments, the status, what the message says
COMMANDS: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "nothing": ((), 4, ("COMMAND",)),
    "an unknown command": (("dif",), 4, ("dif",)),
    "an unknown option": (("runs", "--sute", "x"), 4, ("--sute",)),
    "an unknown run": (("diff", "last", "20990101-000000"), 4, ("20990101", "last")),
    "a run that climbs": (("diff", "last", "../../../etc"), 4, ("no run",)),
    "a run of NUL": (("diff", "last", "a\0b"), 4, ("no run",)),
    "a run of 1 MB": (("diff", "last", "x" * 10**6), 4, ("no run",)),
    "a folder that is no run": (("diff", "last", "golden"), 2, ("golden", "manifest.json")),
    "an unknown revision": (("diff", "git:nowhere", "last"), 2, ("git", "nowhere")),
    "a revision that is an option": (("diff", "git:--help", "last"), 2, ("git",)),
    "an empty revision": (("diff", "git:", "last"), 2, ("git",)),
    "an unknown suite": (("diff", "last", "last", "--suite", "wrods"), 4, ("wrods",)),
    "a suite that climbs": (("diff", "last", "last", "--suite", "../x"), 4, ("../x",)),
    "an unknown format": (("diff", "last", "last", "--format", "htm"), 4, ("html",)),
    "an unknown gate": (("explain", "topic=nowhere"), 4, ("topic=nowhere",)),
    "a plan of an unknown suite": (("plan", "wrods"), 4, ("wrods",)),
    "no reason": (("accept", "--from-run", "last", "--reason", " "), 4, ("--reason",)),
    "a reason with an escape": (
        ("accept", "--from-run", "last", "--reason", "\x1b[2J"),
        4,
        ("--reason",),
    ),
    "an unknown kind": (
        ("accept", "--from-run", "last", "--reason", "x", "--only", "nwe"),
        4,
        ('mean "new"?',),
    ),
    "nothing to resolve": (("resolve", "words"), 2, ("git",)),
    "an unknown dataset": (("golden", "stats", "wrods"), 2, ("wrods", '"words"?')),
    "a dataset that climbs": (("golden", "stats", "../x"), 2, ("../x",)),
    "a dataset with an escape": (("golden", "lint", "\x1b[2J"), 2, (r"\x1b",)),
    "a check that is no JSON": (
        ("golden", "add", "words", "--input", "x", "--check", "{"),
        4,
        ("--check",),
    ),
    "a slice without a value": (
        ("golden", "add", "words", "--input", "x", "--slice", "topic"),
        4,
        ("--slice", "KEY=VALUE"),
    ),
    "a dataset of a device": (("golden", "add", "nul", "--input", "x"), 2, ("Windows",)),
    "a release of nothing": (("golden", "release", "wrods"), 2, ("wrods",)),
    "a diff of a file": (("golden", "diff", "words", "./test_words.py"), 2, ("test_words.py",)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bad_command_is_one_error(
    accepted: Any, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, status, said = COMMANDS[name]
    monkeypatch.chdir(accepted.path)
    capsys.readouterr()
    found = main(arguments)
    captured = capsys.readouterr()
    assert_one_error(captured.out + captured.err, found, status, said)


RUNS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    name.replace("manifest", "run's head").replace("scores", "run's scores"): each
    for name, each in SNAPSHOTS.items()
    if name in ("manifest cut off", "scores cut off", "scores lost", "scores are a folder")
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("command", ["diff", "gate"])
def test_a_damaged_run_is_one_error_of_the_command_line(
    accepted: Any,
    name: str,
    command: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damage, said = RUNS[name]
    monkeypatch.chdir(accepted.path)
    run = accepted.runs()[-1]
    (accepted.path / SNAPSHOT).rename(accepted.path / "kept")
    (run / "words").rename(accepted.path / SNAPSHOT)
    damage(accepted.path)
    (accepted.path / SNAPSHOT).rename(run / "words")
    (accepted.path / "kept").rename(accepted.path / SNAPSHOT)
    capsys.readouterr()
    found = main([command, "snapshot", run.name])
    captured = capsys.readouterr()
    said = tuple(each for each in said if each != "snapshots/words")
    assert_one_error(captured.out + captured.err, found, 2, said)


# name -> (what is done to the project, arguments, status, what the message says)
SPREAD: dict[str, tuple[Damage, tuple[str, ...], int, tuple[str, ...]]] = {
    "a setting": (put("evalsuite.toml", 'seed = "x"'), (), 4, ("evalsuite.toml", "seed")),
    "a golden file": (put("golden/words/b.jsonl", "{"), (), 2, ("b.jsonl:1",)),
    "a backend": (put("x", ""), ("--evals-backend=opennai:x",), 4, ('mean "openai"?',)),
    "a state folder": (put(".evalsuite", ""), (), 2, (".evalsuite", "set another folder")),
}


@pytest.mark.parametrize("name", SPREAD)
def test_under_xdist_the_controller_says_it_with_the_same_status(project: Any, name: str) -> None:
    damage, arguments, status, said = SPREAD[name]
    project.suite()
    project.cases(project.many(3))
    damage(project.path)
    done = project.run_apart("-p", "xdist", "-n", "2", *arguments)
    assert_one_error(done.stdout.str() + done.stderr.str(), done.ret, status, said)
