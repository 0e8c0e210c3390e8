"""What a target touches is noticed, except what the harness itself does."""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evalsuite.backends.calls import QUIET
from evalsuite.runner import places
from evalsuite.runner.callers import Callers
from evalsuite.runner.look import STAT, look, same
from evalsuite.runner.presence import NAMES
from evalsuite.runner.watch import Watch


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


LINKS = pytest.mark.skipif(sys.platform == "win32", reason="needs links and open folders")

Step = Callable[[Path], object]


def _opened_below(folder: Path) -> bytes:
    number = os.open(folder / "now", os.O_RDONLY)
    try:
        file = os.open("file", os.O_RDONLY, dir_fd=number)
        try:
            return os.read(file, 100)
        finally:
            os.close(file)
    finally:
        os.close(number)


def _read_after_chdir(folder: Path) -> str:
    with contextlib.chdir(folder / "now"):
        return Path("file").read_text()


def _listed_by_number(folder: Path) -> list[str]:
    number = os.open(folder / "v1", os.O_RDONLY)
    try:
        return os.listdir(number)  # noqa: PTH208 (a path has no number)
    finally:
        os.close(number)


def _size_by_number(folder: Path) -> int:
    number = os.open(folder / "v1" / "file", os.O_WRONLY)
    try:
        return os.fstat(number).st_size
    finally:
        os.close(number)


def _grow(folder: Path) -> None:
    (folder / "v1" / "file").write_text("longer")


def _move(folder: Path) -> None:
    (folder / "now").unlink()
    (folder / "now").symlink_to("v2")


def _time(folder: Path) -> None:
    os.utime(folder / "v1" / "file", (1, 1))


def _add(folder: Path) -> None:
    (folder / "v1" / "more").touch()


def _link(folder: Path) -> None:
    (folder / "absent").symlink_to("nowhere")


def _allow(folder: Path) -> None:
    (folder / "v1" / "file").chmod(0o700)


@LINKS
@pytest.mark.parametrize(
    ("asks", "change"),
    [
        (lambda at: (at / "now").resolve(), _move),
        (lambda at: os.path.realpath(at / "now" / "file"), _move),
        (lambda at: (at / "now").readlink(), _move),
        (lambda at: (at / "now").samefile(at / "v1"), _move),
        (lambda at: (at / "now" / ".." / "now" / "file").read_text(), _move),
        (_opened_below, _move),
        (_read_after_chdir, _move),
        (_opened_below, _grow),
        (_listed_by_number, _add),
        (_size_by_number, _grow),
        (lambda at: os.path.lexists(at / "absent"), _link),
        (lambda at: (at / "absent").is_symlink(), _link),
        (lambda at: (at / "v1" / "file").stat(), _grow),
        (lambda at: (at / "v1" / "file").lstat(), _grow),
        (lambda at: os.path.getsize(at / "now" / "file"), _grow),  # noqa: PTH202
        (lambda at: os.path.getmtime(at / "v1" / "file"), _time),  # noqa: PTH204
        (lambda at: [each.stat() for each in os.scandir(at / "v1")], _time),
        (lambda at: os.access(at / "v1" / "file", os.X_OK), _allow),
    ],
)
def test_what_is_asked_of_a_path_is_seen_to_change(
    watch: Watch, tmp_path: Path, asks: Step, change: Step
) -> None:
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "now").symlink_to("v1")
    asks(tmp_path)
    found = outside(watch)
    assert all(same(*each) for each in found.items())
    change(tmp_path)
    assert not all(same(*each) for each in found.items())
    assert not [phrase for phrase in watch.unknown() if "number" in phrase]


@LINKS
def test_a_path_above_a_links_target_is_that_of_the_target(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "far" / "v1").mkdir(parents=True)
    (tmp_path / "far" / "file").write_text("one")
    (tmp_path / "now").symlink_to("far/v1")
    assert (tmp_path / "now" / ".." / "file").read_text() == "one"
    found = outside(watch)
    (tmp_path / "far" / "file").write_text("two")
    assert not all(same(*each) for each in found.items())


def test_who_only_asks_whether_a_file_is_there_does_not_depend_on_its_size_and_time(
    watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("one")
    assert (tmp_path / "file").is_file()
    assert [each.name for each in os.scandir(tmp_path) if each.is_file()] == ["file"]
    assert list(os.walk(tmp_path)) == [(str(tmp_path), [], ["file"])]
    assert (tmp_path / "file").resolve()
    found = outside(watch)
    (tmp_path / "file").write_text("longer")
    assert all(same(*each) for each in found.items())


@LINKS
def test_a_source_that_is_hashed_may_still_be_asked_for_its_time(
    watch: Watch, tmp_path: Path
) -> None:
    (tmp_path / "source").write_text("x")
    watch.cover([str(tmp_path / "source")], ())
    os.path.getmtime(tmp_path / "source")  # noqa: PTH204
    found = outside(watch)
    os.utime(tmp_path / "source", (1, 1))
    assert not all(same(*each) for each in found.items())


@LINKS
def test_what_lies_below_an_open_folder_that_no_system_names_can_not_be_told(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setattr(places, "opened", lambda number: None)
    number = os.open(tmp_path, os.O_RDONLY)
    os.stat("file", dir_fd=number)
    os.close(number)
    assert "looks at a file by the number of an open one" in watch.unknown()


def test_a_folders_entries_are_as_ever(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one")
    with os.scandir(tmp_path) as entries:
        (entry,) = entries
    assert isinstance(entry, os.DirEntry)
    assert (os.fspath(entry), entry.name, entry.stat().st_size) == (entry.path, "file", 3)
    assert repr(entry) == "<DirEntry 'file'>"


@LINKS
def test_a_folder_that_is_deleted_is_no_dependency(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "cache" / "old").mkdir(parents=True)
    shutil.rmtree(tmp_path / "cache")
    assert not [place for place in outside(watch) if "cache" in place]


def test_asking_for_a_path_is_watched_only_as_long_as_the_watch_lasts(watch: Watch) -> None:
    assert os.stat in os.supports_fd
    watch.stop()
    assert os.stat is STAT
    assert all(not hasattr(getattr(os, name), "__wrapped__") for name in NAMES)
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
