"""The store of one process: what it puts, and what it finds in its own file and in others'."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from evalsuite.errors import DataError
from evalsuite.store import file as files
from evalsuite.store.claims import Claims
from evalsuite.store.file import Entry, Kind
from evalsuite.store.place import check_place
from evalsuite.store.recording import load_recordings
from evalsuite.store.salvage import replaced
from evalsuite.store.sides import (
    LOCK,
    MAIN,
    is_store,
    made,
    merge_if_free,
    merge_sides,
    opened,
    take,
    this_hour,
)


class Store:
    """Open with `Store(folder)`, close with `close()`; use from one thread at a time.

    `put` queues an entry, `committed` waits until it is on disk: what one turn of the event loop
    finishes is committed together. `recordings` are files that answer where the store can't.
    `reports` holds one line per damage found, for the user. A DataError names what can't be used.
    """

    def __init__(self, folder: Path, recordings: Sequence[Path] = ()) -> None:
        self.reports: list[str] = []
        self._folder = folder
        self._now = this_hour()
        self._recorded = load_recordings(recordings)
        self._pending: dict[tuple[str, str], bytes] = {}
        self._used: set[tuple[str, str]] = set()
        self._flushed: asyncio.Future[None] | None = None
        self._readers: dict[str, sqlite3.Connection] = {}
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            raise _unwritable(folder, error) from None

    def _open(self) -> None:
        check_place(self._folder)
        made(self._folder)
        self._claims = Claims(self._folder / "claims.lock")
        self._lock = take(self._folder / LOCK)
        self.holds_main = self._lock is not None
        self._file = self._folder / MAIN
        if not self.holds_main:
            self._file = self._folder / f"side-{os.getpid()}-{secrets.token_hex(4)}.db"
            self._lock = take(self._file.with_suffix(".lock"))
        self._writer = opened(self._file, self._now, self.report)
        if self.holds_main:
            self._merge_sides()
        self._look_around()

    def get(self, kind: Kind, key: str, *, anew: bool = False) -> bytes | None:
        """The value of an entry, or None: absent, or damaged (then counted in `reports`).

        With `anew` also files are looked into that other processes have begun meanwhile.
        """
        if (waiting := self._pending.get((kind, key))) is not None:
            return waiting
        if anew:
            self._look_around()
        entry = self._own(kind, key)
        if entry is not None:
            if entry.used < self._now:
                self._used.add((kind, key))
            return entry.value
        for name, connection in self._readers.items():
            entry = self._whole(name, connection, kind, key)
            if entry is not None:
                if entry.used < self._now:
                    self.put(kind, key, entry.value)  # its file is another's to mark
                return entry.value
        return self._recorded.get(key) if kind == "call" else None

    def claim(
        self, key: str, waiting: Callable[[], None] = lambda: None
    ) -> AbstractAsyncContextManager[None]:
        """Wait until nobody else asks for `key`, in this process or another; then look `anew`
        whether it is answered by now. `waiting` is called now and then, and may raise."""
        return self._claims.claim(key, waiting)

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
        """Commit what is queued; DataError if it can't be kept."""
        if not self._pending:
            return
        entries = [Entry.of(*name, value, self._now) for name, value in self._pending.items()]
        try:
            try:
                files.put(self._writer, entries)
            except sqlite3.DatabaseError as error:
                self._repair(error)
                files.put(self._writer, entries)
        except (sqlite3.Error, OSError) as error:
            raise _unwritable(self._folder, error) from None
        self._pending.clear()

    def close(self) -> None:
        """Commit and close. Side files are merged by whoever closes or opens with the lock free."""
        try:
            self.flush()
            if self.holds_main:
                files.mark(self._writer, self._used, self._now)
                self._merge_sides()
        except (sqlite3.Error, OSError) as error:
            raise _unwritable(self._folder, error) from None
        finally:
            for connection in (*self._readers.values(), self._writer):
                connection.close()
            self._readers.clear()
            self._claims.close()
            if self._lock is not None:
                self._lock.release()
        if not self.holds_main:
            merge_if_free(self._folder, self._now, self.report)

    def report(self, line: str) -> None:
        """Say something of the store's state to the user, once."""
        if line not in self.reports:
            self.reports.append(line)

    def _own(self, kind: str, key: str) -> Entry | None:
        try:
            return self._whole(self._file.name, self._writer, kind, key)
        except sqlite3.DatabaseError as error:
            self._repair(error)
            return self._whole(self._file.name, self._writer, kind, key)

    def _whole(
        self, name: str, connection: sqlite3.Connection, kind: str, key: str
    ) -> Entry | None:
        try:
            entry = files.find(connection, kind, key)
        except sqlite3.DatabaseError as error:
            if connection is self._writer:
                raise
            self.report(f"{name}: an entry can't be read ({error}); made again")
            return None
        if entry is None or entry.whole:
            return entry
        self.report(f"{name}: a damaged {kind} entry is ignored and made again")
        return None

    def _repair(self, error: sqlite3.DatabaseError) -> None:
        """Go on with a new file and what can be read of the damaged one; else raise `error`."""
        if not files.damaged(error):
            raise error
        self._writer.close()
        self._writer, line = replaced(self._file, error, self._now)
        self.report(line)

    def _merge_sides(self) -> None:
        try:
            merge_sides(self._folder, self._writer, self.report)
        except sqlite3.DatabaseError as error:
            self._repair(error)
            merge_sides(self._folder, self._writer, self.report)

    def _look_around(self) -> None:
        """Open what others write. The main file comes last: what vanishes from beside it while
        this process looks is in it by then."""
        try:
            names = sorted(filter(is_store, os.listdir(self._folder)))  # noqa: PTH208 (each ask)
        except FileNotFoundError:  # deleted while it is in use: its files are there till the end
            return
        names = [name for name in names if name != self._file.name]
        if names == list(self._readers):
            return
        before, self._readers = self._readers, {}
        for name in names:
            connection = before.pop(name, None) or files.reader(self._folder / name)
            if connection is not None:
                self._readers[name] = connection
        for connection in before.values():
            connection.close()


def _unwritable(folder: Path, error: Exception) -> DataError:
    return DataError(
        f"{folder}: what is finished can't be kept there: {error} (make room or allow writing, or "
        "set another folder as state)"
    )
