"""One sqlite file is cache, journal and recording: nothing paid for is lost or paid twice.

One process writes the file, the one that holds its lock. SQLite before 3.51.3 can corrupt a
write-ahead log that two connections write at once, and many Pythons link an older one; so every
further process writes a side file of its own, which the next holder of the lock merges.

Entries are verified when read: what is damaged or foreign is a counted miss, never an answer.
Deleting the folder is always safe: it costs calls, not correctness.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from evalsuite.errors import DataError

Kind = Literal["call", "output", "files", "note"]

_APPLICATION = 0x6576616C  # "eval": tells our file from any other sqlite file
_FORMAT = 1
_MAIN = "store.db"


class Store:
    """Open with `Store(folder)`, close with `close()`; use from one thread at a time.

    `put` queues an entry, `committed` waits until it is on disk: what one turn of the event loop
    finishes is committed together. `reports` holds one line per damage found, for the user.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._open(folder)
        except (OSError, sqlite3.Error) as error:
            raise _unwritable(folder, error) from None

    def _open(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        self.reports: list[str] = []
        self._folder = folder
        self._pending: dict[tuple[str, str], bytes] = {}
        self._flushed: asyncio.Future[None] | None = None
        self._lock = _take(folder / "store.lock")
        self._reader: sqlite3.Connection | None = None
        if self._lock is not None:
            self._file = folder / _MAIN
            self._side_lock: FileLock | None = None
            self._writer = self._open_main()
            self._merge_side_files()
        else:
            self._file = folder / f"side-{os.getpid()}-{secrets.token_hex(4)}.db"
            self._side_lock = _take(self._file.with_suffix(".lock"))
            self._writer = _connect(self._file)
            self._reader = _read_only(folder / _MAIN)

    def get(self, kind: Kind, key: str) -> bytes | None:
        """The value of an entry, or None: absent, or damaged (then counted in `reports`)."""
        if (waiting := self._pending.get((kind, key))) is not None:
            return waiting
        for connection in (self._writer, self._reader):
            if connection is None:
                continue
            try:
                found = connection.execute(
                    "SELECT value, sum FROM entry WHERE kind = ? AND key = ?", (kind, key)
                ).fetchone()
            except sqlite3.DatabaseError as error:
                self._report(f"{self._file.name}: an entry can't be read ({error}); asked again")
                continue
            if found is None:
                continue
            if _sum(kind, key, found[0]) == found[1]:
                return bytes(found[0])
            self._report(f"{self._file.name}: a damaged {kind} entry is ignored and made again")
        return None

    def put(self, kind: Kind, key: str, value: bytes) -> None:
        """Queue an entry; it is committed at the end of this turn of the loop, or by `flush`."""
        self._pending[kind, key] = value

    async def committed(self) -> None:
        """Wait until all that was put so far is committed; many waiters share one commit."""
        if self._flushed is None:
            loop = asyncio.get_running_loop()
            self._flushed = loop.create_future()
            loop.call_soon(self._flush_waiters)
        await asyncio.shield(self._flushed)

    def _flush_waiters(self) -> None:
        waiters, self._flushed = self._flushed, None
        assert waiters is not None
        try:
            self.flush()
        except DataError as error:
            waiters.set_exception(error)
        else:
            waiters.set_result(None)

    def flush(self) -> None:
        """Commit what is queued. An entry that exists is replaced: the newer one is as true."""
        if not self._pending:
            return
        rows = [
            (kind, key, value, _sum(kind, key, value))
            for (kind, key), value in self._pending.items()
        ]
        try:
            with self._writer:
                self._writer.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise _unwritable(self._folder, error) from None
        self._pending.clear()

    def close(self) -> None:
        """Commit, close and give the lock back; a side file stays for the next holder."""
        try:
            self.flush()
        finally:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    connection.close()
            for lock in (self._side_lock, self._lock):
                if lock is not None:
                    lock.release()

    def _report(self, line: str) -> None:
        if line not in self.reports:
            self.reports.append(line)

    def _open_main(self) -> sqlite3.Connection:
        try:
            return _connect(self._file)
        except (sqlite3.DatabaseError, ValueError) as error:
            aside = self._file.with_name(f"store.damaged-{secrets.token_hex(4)}.db")
            self._file.replace(aside)
            for ending in ("-wal", "-shm"):
                self._file.with_name(_MAIN + ending).unlink(missing_ok=True)
            self._report(f"{_MAIN} can't be used ({error}); kept as {aside.name}, a new one begun")
            return _connect(self._file)

    def _merge_side_files(self) -> None:
        """Take over what processes wrote that did not hold the lock and have ended."""
        for side in sorted(self._folder.glob("side-*.db")):
            lock = _take(side.with_suffix(".lock"))
            if lock is None:
                continue
            try:
                rows = list(_entries(side))
                with self._writer:
                    self._writer.executemany(
                        "INSERT OR IGNORE INTO entry VALUES (?, ?, ?, ?)", rows
                    )
            except (sqlite3.DatabaseError, ValueError) as error:
                self._report(f"{side.name} can't be merged: {error}")
                side.replace(side.with_suffix(".damaged"))
            else:
                for ending in ("", "-wal", "-shm"):
                    side.with_name(side.name + ending).unlink(missing_ok=True)
            lock.release()
            side.with_suffix(".lock").unlink(missing_ok=True)


def _unwritable(folder: Path, error: Exception) -> DataError:
    return DataError(
        f"{folder}: what is finished can't be kept there: {error} (make room or allow writing, or "
        "set another folder as state)"
    )


def _take(path: Path) -> FileLock | None:
    """The lock, or None if another process has it; the system frees it when its owner dies."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    return lock


def _connect(file: Path) -> sqlite3.Connection:
    """Open for writing; ValueError or sqlite3.DatabaseError for a file that is not ours."""
    connection = sqlite3.connect(file, check_same_thread=False)
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and (application, version) != (_APPLICATION, _FORMAT):
            raise ValueError("not a store of this version of evalsuite")
        # WAL with synchronous=NORMAL: a killed process loses nothing that was committed, a power
        # cut at most the last moments, and neither leaves the file inconsistent.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        if not tables:
            connection.execute(f"PRAGMA application_id={_APPLICATION}")
            connection.execute(f"PRAGMA user_version={_FORMAT}")
            connection.execute(
                "CREATE TABLE entry (kind TEXT, key TEXT, value BLOB, sum TEXT,"
                " PRIMARY KEY (kind, key)) WITHOUT ROWID"
            )
            connection.commit()
    except (sqlite3.DatabaseError, ValueError):
        connection.close()
        raise
    return connection


def _read_only(file: Path) -> sqlite3.Connection | None:
    try:
        connection = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return None
    return connection


def _entries(file: Path) -> Iterator[tuple[str, str, bytes, str]]:
    connection = _connect(file)
    try:
        for kind, key, value, total in connection.execute("SELECT * FROM entry"):
            if _sum(kind, key, value) == total:
                yield kind, key, value, total
    finally:
        connection.close()


def _sum(kind: str, key: str, value: bytes) -> str:
    return hashlib.sha256(f"{kind}\0{key}\0".encode() + value).hexdigest()[:16]
