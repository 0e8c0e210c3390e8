"""The sqlite file of a session: an event per submit, which is never changed or deleted.

What was confirmed to a rater is on disk. A submission has an id of its own, so one that is sent
again - after a crash, by a second click, by somebody who recorded it - is there once.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evalsuite.errors import DataError
from evalsuite.rating.queue import Entry
from evalsuite.records import Json
from evalsuite.wording import shown_path

KIND, FORMAT = 0x65767261, 1  # "evra"

_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS rater (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS queue (
    place INTEGER PRIMARY KEY, rater TEXT NOT NULL, item TEXT NOT NULL, occasion INTEGER NOT NULL,
    UNIQUE (rater, item, occasion)
);
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY AUTOINCREMENT, submission TEXT NOT NULL UNIQUE, rater TEXT NOT NULL,
    kind TEXT NOT NULL, item TEXT NOT NULL, occasion INTEGER NOT NULL, body TEXT NOT NULL,
    time TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS event_stays BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_kept BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
PRAGMA application_id = 1702261345;
PRAGMA user_version = 1;
COMMIT;
"""

EventKind = Literal["rate", "undo", "adjudicate", "amend"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One submit. `time` is ISO 8601 in UTC; `body` is what the kind of event needs."""

    submission: str
    rater: str
    kind: EventKind
    time: str
    item: str = ""
    occasion: int = 0
    body: Mapping[str, Json] = field(default_factory=dict)


class Log:
    """The open file. Its methods may be called from any thread."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        try:
            self._database = _opened(file)
            # Each page asks for an epoch, and must not wait for another's rating to reach the disk.
            self._reader = _opened(file)
        except sqlite3.Error as error:
            raise _trouble(file, error) from None

    def close(self) -> None:
        with self._lock, self._asking:
            self._reader.close()
            self._database.close()

    def append(self, event: Event) -> tuple[Event, bool]:
        """The event as it is on disk, and whether it is new: the first of its submission holds."""
        row = (
            event.submission,
            event.rater,
            event.kind,
            event.item,
            event.occasion,
            json.dumps(event.body, ensure_ascii=False),
            event.time,
        )
        with self._lock:
            done = self._database.execute(
                "INSERT INTO event (submission, rater, kind, item, occasion, body, time)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (submission) DO NOTHING",
                row,
            )
            if done.rowcount == 1:
                return event, True
            found = self._database.execute(
                f"SELECT {_COLUMNS} FROM event WHERE submission = ?",  # noqa: S608
                (event.submission,),
            ).fetchone()
        return _event(found), False

    def events(self) -> list[Event]:
        """All, in the order in which they were confirmed."""
        with self._lock:
            rows = self._database.execute(
                f"SELECT {_COLUMNS} FROM event ORDER BY number"  # noqa: S608
            ).fetchall()
        return [_event(row) for row in rows]

    def raters(self) -> dict[str, int]:
        """Their names, and how often the links of each were revoked."""
        with self._lock:
            rows = self._database.execute("SELECT name, epoch FROM rater ORDER BY rowid").fetchall()
        return dict(rows)

    def epoch(self, name: str) -> int | None:
        """How often the links of a rater were revoked; None for nobody."""
        with self._asking:
            row = self._reader.execute("SELECT epoch FROM rater WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(row[0])

    def add_raters(self, names: Iterable[str]) -> None:
        with self._lock:
            self._database.executemany(
                "INSERT INTO rater (name) VALUES (?) ON CONFLICT DO NOTHING",
                [(name,) for name in names],
            )

    def revoke(self, name: str) -> None:
        """From now on no link and no session that the rater has is worth anything."""
        with self._lock:
            self._database.execute("UPDATE rater SET epoch = epoch + 1 WHERE name = ?", (name,))

    def queues(self) -> dict[str, list[Entry]]:
        """Each rater's whole queue, what is done included."""
        with self._lock:
            rows = self._database.execute(
                "SELECT rater, item, occasion FROM queue ORDER BY place"
            ).fetchall()
        queues: dict[str, list[Entry]] = {}
        for rater, item, occasion in rows:
            queues.setdefault(rater, []).append(Entry(item, occasion))
        return queues

    def add_to_queues(self, added: Mapping[str, Sequence[Entry]]) -> None:
        """All of it or nothing."""
        rows = [
            (rater, entry.item, entry.occasion)
            for rater, entries in added.items()
            for entry in entries
        ]
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "INSERT INTO queue (rater, item, occasion) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                rows,
            )
            self._database.execute("COMMIT")


_COLUMNS = "submission, rater, kind, item, occasion, body, time"


def _event(row: Sequence[Json]) -> Event:
    submission, rater, kind, item, occasion, body, time = row
    return Event(
        submission=submission,
        rater=rater,
        kind=kind,
        time=time,
        item=item,
        occasion=occasion,
        body=json.loads(body),
    )


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = sqlite3.connect(file, timeout=10, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA trusted_schema = OFF")
        with closing(database.execute("PRAGMA application_id")) as cursor:
            kind = cursor.fetchone()[0]
        with closing(database.execute("PRAGMA user_version")) as cursor:
            version = cursor.fetchone()[0]
        with closing(database.execute("SELECT count(*) FROM sqlite_master")) as cursor:
            tables = cursor.fetchone()[0]
        if not tables and not kind:
            database.executescript(_SCHEMA)
        elif kind != KIND or version > FORMAT:
            newer = "of a newer evalsuite" if kind == KIND else "no rating session"
            raise DataError(f"{shown_path(file)}: is {newer} (move it away, or update evalsuite)")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
    except BaseException:
        database.close()
        raise
    return database


def _trouble(file: Path, error: sqlite3.Error) -> DataError:
    return DataError(
        f"{shown_path(file)}: can't be read as a rating session: {error} (restore it, or move it "
        "away: ratings that were exported are in labels.jsonl)"
    )
