"""What a target touches is noticed, except what the harness itself does."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalsuite.backends.recording import QUIET
from evalsuite.runner.watch import Watch


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    made.start()
    yield made
    made.stop()


def test_a_file_that_code_key_does_not_cover_is_listed_with_its_hash(
    watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "outside.txt").write_text("one")
    (tmp_path / "covered.py").write_text("two")
    watch.cover([str(tmp_path / "covered.py")], ())
    (tmp_path / "outside.txt").read_text()
    (tmp_path / "covered.py").read_text()
    key, seen = watch.seen()
    assert str(tmp_path / "outside.txt") in seen["outside"]
    assert seen["used"] == [str(tmp_path / "covered.py")]
    assert watch.seen()[0] == key


def test_what_the_harness_opens_or_reaches_is_not_the_targets(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "golden.jsonl").write_text("x")
    token = QUIET.set(True)
    (tmp_path / "golden.jsonl").read_text()
    subprocess.run([sys.executable, "-c", ""], check=True)
    QUIET.reset(token)
    assert str(tmp_path / "golden.jsonl") not in watch.outside()
    assert watch.unknown() == []


def test_a_connection_is_something_of_which_nothing_can_be_told(watch: Watch) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()):
            pass
    assert any("connects to 127.0.0.1" in phrase for phrase in watch.unknown())


def test_a_subprocess_too(watch: Watch) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)
    assert any(phrase.startswith("starts") for phrase in watch.unknown())


def test_files_below_ignored_folders_and_installed_code_do_not_count(
    watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "x").write_text("x")
    watch.cover([], (f"{tmp_path}/state/",))
    (tmp_path / "state" / "x").read_text()
    Path(pytest.__file__).read_text()
    assert str(tmp_path / "state" / "x") not in watch.outside()
    assert pytest.__file__ not in watch.outside()


def test_a_stopped_watch_sees_nothing(watch: Watch, tmp_path: Path) -> None:
    watch.stop()
    (tmp_path / "late").write_text("x")
    (tmp_path / "late").read_text()
    assert str(tmp_path / "late") not in watch.outside()
