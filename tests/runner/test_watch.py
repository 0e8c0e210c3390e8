"""What a target touches is noticed, except what the harness itself does."""

from __future__ import annotations

import gc
import os
import platform
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalsuite.backends.calls import QUIET
from evalsuite.runner.callers import Callers
from evalsuite.runner.look import STAT, look
from evalsuite.runner.watch import Watch, same


def outside(watch: Watch) -> dict[str, str]:
    """All that was touched and is not hashed by code.key."""
    watch.seen()
    return {place: found for link in watch.links for place, found in link.outside.items()}


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:  # tmp_path first: what pytest makes is no source
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
    key = watch.seen()
    assert f"read {tmp_path}/outside.txt" in outside(watch)
    assert watch.links[-1].used == [str(tmp_path / "covered.py")]
    assert watch.seen() == key


def test_what_the_harness_opens_or_reaches_is_not_the_targets(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "golden.jsonl").write_text("x")
    before = watch.unknown()
    token = QUIET.set(True)
    look("read", str(tmp_path / "golden.jsonl"))
    subprocess.run([sys.executable, "-c", ""], check=True)
    QUIET.reset(token)
    assert f"read {tmp_path}/golden.jsonl" not in outside(watch)
    assert watch.unknown() == before


def test_what_a_users_function_reads_for_the_harness_is_the_targets_too(
    watch: Watch, tmp_path: Path
) -> None:
    """A function among a suite's inputs may import the module that the target answers from."""
    (tmp_path / "index.version").write_text("x")
    token = QUIET.set(True)
    (tmp_path / "index.version").read_text()
    QUIET.reset(token)
    assert f"read {tmp_path}/index.version" in outside(watch)


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
    assert f"read {tmp_path}/state/x" not in outside(watch)
    assert f"read {pytest.__file__}" not in outside(watch)


def test_a_stopped_watch_sees_nothing(watch: Watch, tmp_path: Path) -> None:
    watch.stop()
    (tmp_path / "late").write_text("x")
    (tmp_path / "late").read_text()
    assert f"read {tmp_path}/late" not in outside(watch)


def test_what_is_touched_later_is_a_link_more_that_names_only_what_is_new(
    watch: Watch, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    (tmp_path / "one").read_text()
    first = watch.seen()
    (tmp_path / "two").read_text()
    watch.seen()
    assert watch.links[-1].after == first
    assert list(watch.links[-1].outside) == [f"read {tmp_path}/two"]


def test_absent_files_folders_listed_and_paths_asked_for_are_remembered(
    watch: Watch, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        (tmp_path / "absent").read_text()
    list(tmp_path.iterdir())
    (tmp_path / "flag").exists()
    os.access(tmp_path / "allowed", os.R_OK)
    found = outside(watch)
    assert found[f"read {tmp_path}/absent"] == ""
    assert found[f"test {tmp_path}/flag"] == ""
    assert found[f"test {tmp_path}/allowed"] == ""
    assert same(f"list {tmp_path}", found[f"list {tmp_path}"])
    (tmp_path / "flag").touch()
    assert not same(f"list {tmp_path}", found[f"list {tmp_path}"])
    assert not same(f"test {tmp_path}/flag", "")


def test_asking_for_a_path_is_watched_only_as_long_as_the_watch_lasts(watch: Watch) -> None:
    assert os.stat in os.supports_fd
    watch.stop()
    assert os.stat is STAT
    assert os.stat in os.supports_fd
    assert len(os.supports_fd) == len(set(os.supports_fd))


def test_temporary_files_of_this_process_are_no_dependency(watch: Watch) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x").write_text("x")
        Path(folder, "x").read_text()
        with tempfile.NamedTemporaryFile("w+") as file:
            file.read()
        found = outside(watch)
    assert not [place for place in found if folder in place or file.name in place]


def test_a_log_that_a_target_appends_to_is_no_dependency(watch: Watch, tmp_path: Path) -> None:
    with (tmp_path / "log").open("a") as log:
        log.write("x")
    (tmp_path / "started").touch()
    assert not [place for place in outside(watch) if str(tmp_path) in place]
    assert str(tmp_path / "log") in watch.written


@pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
def test_a_pipe_can_not_be_looked_at_again(watch: Watch, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    descriptor = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.close(descriptor)
    watch.seen()
    assert any("which is no file" in phrase for phrase in watch.unknown())


def test_asking_about_the_machine_reaches_nothing(watch: Watch) -> None:
    before = watch.unknown()
    platform._uname_cache = None  # type: ignore[attr-defined]
    assert isinstance(platform.processor(), str)
    assert watch.unknown() == before


def test_files_beside_an_interpreter_of_the_system_are_seen(tmp_path: Path) -> None:
    """With the system's Python, /usr is its prefix, and a project may lie below it."""
    callers = Callers()
    assert not callers.installed(str(Path(sys.base_prefix, "share", "index.bin")))
    assert callers.installed(os.__file__)
    assert callers.installed(pytest.__file__)


def test_a_watch_that_has_ended_leaves_nothing_in_the_process() -> None:
    watch = Watch()
    watch.start()
    watch.stop()
    left = weakref.ref(watch)
    del watch
    gc.collect()
    assert left() is None
