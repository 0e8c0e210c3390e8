"""What a person does with a store between runs: look at it, check it, let go of the oldest, hand
replies on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from evalsuite.errors import DataError
from evalsuite.store import file as files
from evalsuite.store.sides import (
    LOCK,
    MAIN,
    Report,
    is_store,
    made,
    merge_sides,
    opened,
    take,
    this_hour,
)
from evalsuite.wording import shown_path

ROW = 200
"""Bytes that an entry takes beside its value, about."""

_OWN = 10
"""Pages that a file takes beside its entries, at most."""


@dataclass(frozen=True, slots=True)
class Share:
    """The entries of one kind; hours count from 1970."""

    kind: str
    entries: int
    bytes: int
    oldest: int
    newest: int


@dataclass(frozen=True, slots=True)
class Stats:
    """What lies in a store's folder. `bytes` is what its files take, `in_use` whether a process
    writes the main file now."""

    shares: Sequence[Share]
    bytes: int
    sides: int
    damaged: Sequence[str]
    in_use: bool


def stats(folder: Path) -> Stats:
    """Count the entries of all files; DataError if there is no store."""
    found: dict[str, list[tuple[int, int, int, int]]] = {}
    with readers(folder) as opened_files:
        for connection in opened_files.values():
            for kind, *figures in connection.execute(
                "SELECT kind, count(*), sum(length(value)), min(used), max(used) FROM entry"
                " GROUP BY kind"
            ):
                found.setdefault(kind, []).append(tuple(figures))
        sides = sum(name != MAIN for name in opened_files)
    shares = []
    for kind in sorted(found):
        counts, sizes, oldest, newest = zip(*found[kind], strict=True)
        shares.append(Share(kind, sum(counts), sum(sizes), min(oldest), max(newest)))
    lock = take(folder / LOCK)
    if lock is not None:
        lock.release()
    named = [each for each in folder.iterdir() if is_store(each.name.removesuffix("-wal"))]
    size = sum(each.stat().st_size for each in (*named, *set_aside(folder)))
    return Stats(shares, size, sides, [each.name for each in set_aside(folder)], lock is None)


def verify(folder: Path) -> tuple[int, list[str]]:
    """How many entries were looked at, and one line per damage; nothing is changed."""
    count, lines = 0, []
    for name in _names(folder):
        connection = files.reader(folder / name)
        if connection is None:
            lines.append(f"{name}: not a store of this version, or its head is damaged")
            continue
        with closing(connection):
            try:
                for (line,) in connection.execute("PRAGMA integrity_check"):
                    if line != "ok":
                        lines.append(f"{name}: {line}")
                for entry in files.scan(connection):
                    count += 1
                    if not entry.whole:
                        lines.append(f"{name}: the {entry.kind} entry {entry.key} is damaged")
            except (files.Unusable, sqlite3.DatabaseError) as error:
                lines.append(f"{name}: {error}")
    return count, lines


def let_go(
    folder: Path, report: Report, *, max_bytes: int | None, before: int, dry: bool
) -> tuple[int, int, list[str]]:
    """Delete what was last used before an hour, then the least recently used until the file is
    of at most a size.

    Files that were set aside as damaged go too. Returns the entries and bytes that are freed, and
    those files' names. DataError while a run writes the store.
    """
    with main_file(folder, report) as main:
        limit = max_bytes if max_bytes is not None else 2**63 - 1
        gone = """
            SELECT id, size FROM (
                SELECT id, used, length(value) + ? AS size,
                    sum(length(value) + ?) OVER (ORDER BY used DESC, id DESC) AS kept
                FROM entry WHERE kind != 'note'
            ) WHERE kept > ? OR used < ?"""
        rows = main.execute(gone, (ROW, ROW, limit / _spread(main), before)).fetchall()
        aside = set_aside(folder)
        freed = sum(size for _, size in rows) + sum(each.stat().st_size for each in aside)
        if not dry:
            with main:
                main.executemany("DELETE FROM entry WHERE id = ?", ((row,) for row, _ in rows))
            if rows:
                main.execute("VACUUM")
            for each in aside:
                each.unlink()
    return len(rows), freed, [each.name for each in aside]


def _spread(main: sqlite3.Connection) -> float:
    """How many bytes of the file a counted byte of an entry takes: pages are not quite full, and
    a few are there in any case."""
    pages, free, size = (
        main.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    counted = main.execute("SELECT sum(length(value) + ?) FROM entry", (ROW,)).fetchone()[0]
    return max(1.0, (pages - free - _OWN) * size / counted) if counted else 1.0


def replies(folder: Path, keys: Iterable[str]) -> dict[str, bytes]:
    """The stored replies of some calls; what is not there, or damaged, is left out."""
    found = {}
    with readers(folder) as opened_files:
        for key in keys:
            for connection in opened_files.values():
                entry = files.find(connection, "call", key)
                if entry is not None and entry.whole:
                    found[key] = entry.value
                    break
    return found


def set_aside(folder: Path) -> list[Path]:
    """The damaged files that were put out of the way, with their logs."""
    return sorted(folder.glob("*.damaged-*"))


@contextmanager
def readers(folder: Path) -> Iterator[dict[str, sqlite3.Connection]]:
    """All files that can be read, those of processes that run now included."""
    with ExitStack() as stack:
        found = {}
        for name in _names(folder):
            connection = files.reader(folder / name)
            if connection is not None:
                found[name] = stack.enter_context(closing(connection))
        yield found


def _names(folder: Path) -> list[str]:
    names = sorted(each.name for each in folder.glob("*.db") if is_store(each.name))
    if not names:
        raise DataError(f"{shown_path(folder)}: no store here (run pytest --evals first)")
    return names


@contextmanager
def main_file(folder: Path, report: Report) -> Iterator[sqlite3.Connection]:
    """The main file, for writing, with all that has ended merged into it."""
    made(folder)
    lock = take(folder / LOCK)
    if lock is None:
        raise DataError(f"{shown_path(folder)}: a run is using the store; try again when it ended")
    try:
        with closing(opened(folder / MAIN, this_hour(), report)) as main:
            merge_sides(folder, main, report)
            yield main
    except sqlite3.Error as error:
        raise DataError(f"{shown_path(folder)}: the store can't be changed: {error}") from None
    finally:
        lock.release()
