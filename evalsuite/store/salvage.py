"""A damaged file: what can still be read goes into a new one, the damaged one is kept aside."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from evalsuite.store.file import LOG_ENDINGS, Entry, Unusable, connect, damaged, merge, writer

_FARTHEST = 2**40
"""How many entries may be missing in a row before the search for further ones ends."""


def replaced(file: Path, cause: Exception, now: int) -> tuple[sqlite3.Connection, str]:
    """A new file in the place of a damaged one, and the line that says so."""
    kept = aside(file)
    connection = writer(file, now)
    try:
        saved = merge(connection, readable(kept))
    except BaseException:
        connection.close()
        raise
    return connection, (
        f"{file.name} is damaged ({cause}): {saved} entries of it were saved, what is lost is made "
        f"again; the damaged file is kept as {kept.name}"
    )


def aside(file: Path) -> Path:
    """Put a damaged file out of the way, with its log."""
    kept = file.with_name(f"{file.stem}.damaged-{secrets.token_hex(4)}")
    log, index = (file.with_name(file.name + ending) for ending in LOG_ENDINGS)
    index.unlink(missing_ok=True)
    if log.exists():
        log.rename(kept.with_name(kept.name + LOG_ENDINGS[0]))
    return file.rename(kept)


def readable(file: Path) -> Iterator[Entry]:
    """The entries that can be read of a damaged file, wherever in it they are."""
    yield from _readable(file)
    log, index = (file.with_name(file.name + ending) for ending in LOG_ENDINGS)
    index.unlink(missing_ok=True)
    if log.exists() and not log.stat().st_size:  # reading made it
        log.unlink()


def _readable(file: Path) -> Iterator[Entry]:
    with closing(connect(f"{file.absolute().as_uri()}?mode=ro")) as connection:
        connection.execute("PRAGMA writable_schema=ON")  # else a file that was cut off isn't read
        if not _safe(connection):
            return
        last, step = 0, 1
        while step < _FARTHEST:
            try:
                for place, *row in _from(connection, last + step):
                    if place <= last:
                        raise Unusable("its pages go round in a circle")
                    last, step = place, 1
                    yield Entry(*row)
                return
            except (Unusable, sqlite3.DatabaseError) as error:
                if not damaged(error):
                    return  # without its table there is nothing to be found
                step *= 2  # past the pages that can't be read


def _safe(connection: sqlite3.Connection) -> bool:
    """Whether reading runs nothing of another's: what can't tell is damaged, and is looked into."""
    try:
        views = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'view'")
        return not views.fetchone()[0]
    except sqlite3.DatabaseError:
        return True


def _from(connection: sqlite3.Connection, first: int) -> sqlite3.Cursor:
    return connection.execute(
        "SELECT id, kind, key, used, sum, value FROM entry WHERE id >= ? ORDER BY id", (first,)
    )
