"""A file of JSON lines that only grows: what was once written stays, whoever else writes.

A line is on disk before `append` returns. One that a crash cut off was never confirmed: reading
names it, and the next writer takes it away.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from evalsuite.errors import Problem, ProblemsError
from evalsuite.records import Json
from evalsuite.snapshot.codec import dump, parse
from evalsuite.strictjson import Malformed
from evalsuite.wording import shown_path

T = TypeVar("T")

MAX_LINE = 16 << 20
"""Bytes of one line."""

LISTED = 50
"""Problems of a file that are listed; the last line counts the rest."""

_MARKS = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
_LOCK = ".write.lock"
_BESIDE = {
    ".gitattributes": "# Lines are only ever added: where two branches add some, all stay.\n"
    "*.jsonl merge=union\n",
    ".gitignore": f"{_LOCK}\n",
}


def read_lines(file: Path, decode: Callable[[Json], T]) -> list[tuple[int, T]]:
    """What each line holds, by line number; ProblemsError lists every line that is refused."""
    found: list[tuple[int, T]] = []
    problems: list[Problem] = []
    path = shown_path(file)
    marked = False
    data = content(file)
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line or line.isspace():
            continue
        if line.startswith(_MARKS):
            marked = True
            problems.append(Problem(path, number, "", *_conflict()))
            continue
        try:
            found.append((number, decode(_parsed(line))))
        except Malformed as bad:
            torn = _torn(data, number, line)
            message, remedy = torn or (bad.message, bad.remedy or _remedy(bad.message))
            problems.append(Problem(path, number, "" if torn else bad.field, message, remedy))
    if marked:  # what else is refused is the other side of the conflict
        problems = [each for each in problems if "conflict" in each.message][:1]
    refuse(problems)
    return found


def refuse(problems: Sequence[Problem]) -> None:
    """ProblemsError if there are any."""
    if len(problems) > LISTED:
        more = f"{len(problems) - LISTED} further problems"
        remedy = "the first ones often explain them"
        problems = [*problems[:LISTED], Problem(problems[0].path, 0, "", more, remedy)]
    if problems:
        raise ProblemsError(problems)


def append_lines(file: Path, values: Sequence[Json]) -> None:
    """Add a line for each value, all on disk when it returns; several processes may do so."""
    if not values:
        return
    data = b"".join(dump(value) + b"\n" for value in values)
    with locked(file.parent):
        _mend(file)
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY, 0o644)
        try:
            _write(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)


def mend(file: Path) -> bool:
    """Take away an unfinished last line, which was never confirmed; whether there was one."""
    if not file.exists():
        return False
    with locked(file.parent):
        return _mend(file)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Alone among those who write into a judge's folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _BESIDE.items():
        beside = folder.parent / name
        if not beside.exists():
            beside.write_text(text, encoding="utf-8", newline="\n")
    with FileLock(folder / _LOCK):
        yield


def replace_file(file: Path, data: bytes) -> None:
    """The file's whole content at once: a crash leaves the old one or the new one."""
    with locked(file.parent):
        new = file.with_name(f"{file.name}.{os.getpid()}.new")
        try:
            with new.open("wb") as handle:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)


_BINARY = getattr(os, "O_BINARY", 0)


def content(file: Path) -> bytes:
    """All of an ordinary file, empty where there is none; ProblemsError if it can't be read."""
    try:
        # A link or a device in a checked-out folder could name anything on this machine.
        if not stat.S_ISREG(file.lstat().st_mode):
            refuse([Problem(shown_path(file), 0, "", "is not an ordinary file", "replace it")])
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        message = f"can't be read: {error.strerror}"
        raise ProblemsError([Problem(shown_path(file), 0, "", message)]) from None


def _parsed(line: bytes) -> Json:
    if len(line) > MAX_LINE:
        raise Malformed(f"is longer than {MAX_LINE >> 20} MB", "leave out what nobody needs to see")
    return parse(line)


def _conflict() -> tuple[str, str]:
    message = "holds conflict markers of git"
    return message, "lines are only ever added: keep those of both sides, delete the markers"


def _remedy(message: str) -> str:
    if message.startswith("not JSON"):
        return "restore the line from git: nobody writes it by hand"
    return ""


def _torn(data: bytes, number: int, line: bytes) -> tuple[str, str] | None:
    """What to say of a last line that is cut off, if this is one."""
    if not data.endswith(line) or data.count(b"\n") != number - 1:
        return None
    try:
        parse(line)
    except Malformed:
        return "ends in the middle of a line", "a crash cut it off: delete it, and rate it again"
    return None


def _mend(file: Path) -> bool:
    """Of a file whose lock is held."""
    data = content(file)
    if not data or data.endswith(b"\n"):
        return False
    start = data.rfind(b"\n") + 1
    torn = _torn(data, data.count(b"\n") + 1, data[start:]) is not None
    with file.open("r+b") as handle:
        if torn:
            handle.truncate(start)
        else:
            handle.seek(0, os.SEEK_END)
            handle.write(b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    return torn


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
