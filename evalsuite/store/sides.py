"""The files of a store: who writes which one, and how they become one again.

The process that holds the lock writes the main file. Any other writes a side file of its own,
whose lock tells whether it still lives; the next holder merges it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout

from evalsuite.errors import DataError
from evalsuite.store import file as files
from evalsuite.store.file import Unusable
from evalsuite.store.salvage import aside, readable, replaced

MAIN = "store.db"
LOCK = "store.lock"
SIDES = "side-*.db"

Report = Callable[[str], None]


def this_hour() -> int:
    """The hour, counted from 1970."""
    return int(time.time() // 3600)


def made(folder: Path) -> None:
    """Make a store's folder, ignored by git."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


def take(lock_file: Path) -> FileLock | None:
    """The lock, or None if another process has it; the system frees it when its owner dies."""
    lock = FileLock(lock_file, thread_local=False)  # a loop takes it, its caller gives it back
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def opened(file: Path, now: int, report: Report) -> sqlite3.Connection:
    """Open for writing; a damaged file is replaced by what can be read of it, and reported."""
    if file.is_dir():
        raise DataError(f"{file}: a folder is where the store's file belongs (move it away)")
    try:
        return files.writer(file, now)
    except (Unusable, sqlite3.DatabaseError) as error:
        if not files.damaged(error):
            raise
        connection, line = replaced(file, error, now)
        report(line)
        return connection


def is_store(name: str) -> bool:
    return name == MAIN or (name.startswith("side-") and name.endswith(".db"))


def merge_if_free(folder: Path, now: int, report: Report) -> None:
    """Make one file of all, if no process writes the main one; what stands in the way of that is
    said by who opens it next."""
    lock = take(folder / LOCK)
    if lock is None:
        return
    try:
        with closing(opened(folder / MAIN, now, report)) as main:
            merge_sides(folder, main, report)
    except (sqlite3.Error, OSError, DataError):
        return
    finally:
        lock.release()


def merge_sides(folder: Path, main: sqlite3.Connection, report: Report) -> None:
    """Take over what processes wrote that did not hold the lock and have ended."""
    for side in sorted(folder.glob(SIDES)):
        lock = take(side.with_suffix(".lock"))
        if lock is None:
            continue
        try:
            _merge(main, side)
            files.remove(side)
        except Unusable as error:
            kept = aside(side)
            saved = files.merge(main, readable(kept))
            report(
                f"{side.name} is damaged ({error}): {saved} entries of it were saved; it is kept "
                f"as {kept.name}"
            )
        finally:
            lock.release()
        side.with_suffix(".lock").unlink(missing_ok=True)


def _merge(main: sqlite3.Connection, side: Path) -> None:
    """Unusable tells of the side file, sqlite3.DatabaseError of the main one."""
    connection = files.reader(side)
    if connection is None:
        if side.stat().st_size:
            raise Unusable("not a store of this version of evalsuite")
        return  # its process died before it wrote anything
    with closing(connection):
        files.merge(main, files.scan(connection))
