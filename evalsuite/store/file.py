"""One sqlite file of entries: how it is opened, what is checked, how two become one.

A file has one writer at a time and any number of readers, which never write to it or its log.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

from evalsuite.errors import DataError, Problem, ProblemsError

Kind = Literal["call", "output", "files", "note"]

FORMAT = 3
_APPLICATION = 0x6576616C  # "eval": tells our file from any other sqlite file
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
HEAD = b"SQLite format 3\0"
LOG_ENDINGS = ("-wal", "-shm")
MAX_VALUE = 64 * 2**20
"""Bytes of the longest value that is taken from another store, as of a recording's line."""

MAX_KEY = 200
"""Characters of the longest key that is taken from another store."""

# Rows are appended and found through an index of short keys: long values don't spread the index,
# and what a damaged page took with it are neighbours in time.
_TABLE = """
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY, kind TEXT, key TEXT, used INTEGER, sum TEXT, value BLOB,
        UNIQUE (kind, key)
    )"""
_COLUMNS = "kind, key, used, sum, value"
_ROW = "SELECT id, used, sum, value FROM entry WHERE kind = ? AND key = ?"
_PUT = f"INSERT OR REPLACE INTO entry ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608


class Entry(NamedTuple):
    """A row. `used` is the hour of its last use, counted from 1970; `sum` covers the rest."""

    kind: str
    key: str
    used: int
    sum: str
    value: bytes

    @property
    def whole(self) -> bool:
        """Whether it is as it was put; a damaged page may hold anything, of any type."""
        typed = isinstance(self.value, bytes) and isinstance(self.used, int)
        typed = typed and isinstance(self.key, str)
        return typed and checksum(self.kind, self.key, self.value) == self.sum

    @staticmethod
    def of(kind: str, key: str, value: bytes, used: int) -> Entry:
        return Entry(kind, key, used, checksum(kind, key, value), value)


class Unusable(Exception):
    """The file is damaged, or not a store at all."""


def checksum(kind: str, key: str, value: bytes) -> str:
    return hashlib.sha256(f"{kind}\0{key}\0".encode() + value).hexdigest()[:16]


def damaged(error: BaseException) -> bool:
    """Whether an error tells of the file's content, not of the disk or of rights."""
    if isinstance(error, sqlite3.DatabaseError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE
    return isinstance(error, Unusable)


def writer(file: Path, now: int) -> sqlite3.Connection:
    """Open for writing, made or brought to this format where needed.

    Unusable or sqlite3.DatabaseError tells of damage, DataError of a newer format.
    """
    if not file.exists() or not file.stat().st_size:
        _made(file, now)
    connection = connect(file)
    try:
        if _short(file) and not _logged(file, connection):
            raise Unusable("it was cut off")
        version = _version(connection, file)
        # WAL with synchronous=NORMAL: a killed process loses nothing that was committed, a power
        # cut at most the last moments, and neither leaves the file inconsistent.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-6000")  # KiB: the index of some 100,000 entries
        connection.execute("PRAGMA wal_autocheckpoint=4000")  # pages: fewer waits for the disk
        if version != FORMAT:
            _bring_up(connection, version, now)
    except BaseException:
        connection.close()
        raise
    return connection


def _made(file: Path, now: int) -> None:
    """A file without entries, whole from the moment that others can see it."""
    new = file.with_name(file.name + ".new")
    remove(new)
    with closing(connect(new)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        _bring_up(connection, 0, now)
    for ending in LOG_ENDINGS:  # of a file that was deleted alone
        file.with_name(file.name + ending).unlink(missing_ok=True)
    new.replace(file)


def reader(file: Path) -> sqlite3.Connection | None:
    """Open a file that another process may be writing; None while it is not one of this format."""
    try:
        return checked_reader(file)
    except (sqlite3.Error, Unusable, DataError):
        return None


def checked_reader(file: Path) -> sqlite3.Connection:
    """As `reader`; Unusable or sqlite3.Error tells of damage or another format, ProblemsError of a
    newer one."""
    connection = connect(f"{file.absolute().as_uri()}?mode=ro")
    try:
        if _version(connection, file) != FORMAT:
            raise Unusable("it is of an older format")
    except BaseException:
        connection.close()
        raise
    return connection


def connect(place: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(place, check_same_thread=False, uri=isinstance(place, str))
    connection.text_factory = lambda data: data.decode(errors="replace")  # of a damaged page
    connection.execute("PRAGMA trusted_schema=OFF")  # a file's own triggers and views call nothing
    connection.execute("PRAGMA cell_size_check=ON")
    return connection


def find(connection: sqlite3.Connection, kind: str, key: str) -> Entry | None:
    """The row as it is, unchecked."""
    row = connection.execute(_ROW, (kind, key)).fetchone()
    return None if row is None else Entry(kind, key, *row[1:])


def scan(connection: sqlite3.Connection, kind: str | None = None) -> Iterator[Entry]:
    """All rows as they are, in the order in which they were put; Unusable where one can't be
    read."""
    only = ("WHERE +kind = ?", (kind,)) if kind else ("", ())
    query = f"SELECT {_COLUMNS} FROM entry {only[0]} ORDER BY id"  # noqa: S608
    try:
        for row in connection.execute(query, only[1]):
            yield Entry(*row)
    except sqlite3.DatabaseError as error:
        raise Unusable(str(error)) from None


def put(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Commit entries; one that exists is replaced: the newer one is as true."""
    with connection:
        connection.executemany(_PUT, entries)


def mark(connection: sqlite3.Connection, names: Iterable[tuple[str, str]], now: int) -> None:
    """Note the hour of their last use, so that what was not used for longest can be let go."""
    with connection:
        connection.executemany(
            "UPDATE entry SET used = ? WHERE kind = ? AND key = ?", ((now, *each) for each in names)
        )


def joined(ours: Entry | None, theirs: Entry) -> Entry:
    """One entry of two under the same key: whatever is merged first, the same stands in the end.
    Of two whole values that with the lesser sum does; notes are each folder's own."""
    if ours is None or not ours.whole:
        return theirs
    if ours.kind == "note":
        return ours
    return min(ours, theirs, key=lambda each: each.sum)._replace(used=max(ours.used, theirs.used))


def merge(connection: sqlite3.Connection, entries: Iterable[Entry]) -> int:
    """Commit the whole ones of entries from elsewhere; how many of them changed something.

    They are on the disk when it returns, so that their source may be deleted.
    """
    changed = 0
    with connection:
        for theirs in entries:
            ours = find(connection, theirs.kind, theirs.key) if theirs.whole else None
            if theirs.whole and (new := joined(ours, theirs)) != ours:
                connection.execute(_PUT, new)
                changed += 1
    connection.execute("PRAGMA wal_checkpoint")
    return changed


def add(connection: sqlite3.Connection, entries: Iterable[Entry]) -> int:
    """Commit whole entries of others' files, all or none; how many keys are new.

    What was there before stands. Of two that are new under one key the one that `joined` names
    does, so that neither their order nor how they were grouped counts.
    """
    last = connection.execute("SELECT max(id) FROM entry").fetchone()[0] or 0
    new = 0
    with connection:
        for theirs in entries:
            row = connection.execute(_ROW, theirs[:2]).fetchone()
            ours = Entry(*theirs[:2], *row[1:]) if row else None
            whole = ours is not None and ours.whole
            new += not whole
            stands = whole and row[0] <= last
            if not stands and (made := joined(ours, theirs)) != ours:
                connection.execute(_PUT, made)
    connection.execute("PRAGMA wal_checkpoint")
    return new


def remove(file: Path) -> None:
    """Delete a file with its log; killed in between, it is merged again and deleted then."""
    for ending in (*LOG_ENDINGS, ""):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def _short(file: Path) -> bool:
    """Whether the file lacks pages that its head counts."""
    try:
        with file.open("rb") as handle:
            head = handle.read(100)
            size = handle.seek(0, 2)
    except OSError:
        return False
    if len(head) < 100 or not head.startswith(HEAD):
        return False
    page, changed, pages, counted_at = struct.unpack(">16xH6xII60xI4x", head)
    whole: int = pages * (65536 if page == 1 else page)
    return counted_at == changed and size < whole


def _logged(file: Path, connection: sqlite3.Connection) -> bool:
    """Whether the log holds what the file lacks: its process was killed before it moved there."""
    log = file.with_name(file.name + LOG_ENDINGS[0])
    if not log.exists() or not log.stat().st_size:
        return False
    said: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    return said == "ok"


def _version(connection: sqlite3.Connection, file: Path) -> int:
    """The format, 0 for a new file."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    schema = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    if schema and application != _APPLICATION:
        raise Unusable("it is of another program")
    if schema and version > FORMAT:
        found = f"a store of format {version}, written by a newer evalsuite than this one, "
        remedy = "upgrade evalsuite, or delete the file: it costs calls"
        raise ProblemsError([Problem(str(file), 0, "", f"{found}which knows {FORMAT}", remedy)])
    if schema and version < 1:
        raise Unusable("its format is unknown")
    if schema and version == FORMAT and not ours(schema):
        raise Unusable("it holds more than a store's one table")
    return version if schema else 0


def ours(schema: Iterable[tuple[str, str, str | None]]) -> bool:
    """Whether a file has the one table of a store and nothing that acts when it is read: in a view
    or a trigger, what looks like a lookup is another's program."""
    return set(schema) == {
        ("table", "entry", _TABLE.strip()),
        ("index", "sqlite_autoindex_entry_1", None),
    }


_USED = {1: "{now}", 2: "24 * day"}
"""What tells the hour of an older format's rows."""


def _bring_up(connection: sqlite3.Connection, version: int, now: int) -> None:
    """Make the table, or take an older format over, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        if version:
            connection.execute("ALTER TABLE entry RENAME TO old")
        connection.execute(_TABLE)
        if version:
            used = _USED[version].format(now=now)
            connection.execute(
                f"INSERT INTO entry ({_COLUMNS}) SELECT kind, key, {used}, sum, value FROM old"  # noqa: S608
            )
            connection.execute("DROP TABLE old")
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={FORMAT}")
