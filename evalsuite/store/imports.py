"""Replies from elsewhere: shards of a matrix, a colleague's store, a recording.

What is read is another's file: nothing in it is run, what is damaged or foreign is named and left
out, and what the store has already stands. A reply that was forged with a right checksum can't be
told from a true one, so whose files are imported is for people to decide.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from evalsuite.errors import Problem, ProblemsError
from evalsuite.store import file as files
from evalsuite.store.file import Entry
from evalsuite.store.recording import read_recording
from evalsuite.store.sides import MAIN, Report, is_store, this_hour
from evalsuite.store.upkeep import main_file
from evalsuite.wording import shown_path


def take_in(folder: Path, sources: Sequence[Path], report: Report) -> tuple[int, list[Problem]]:
    """Add the replies of recordings and of other stores, in whatever order they are named: of two
    that differ under one key the same one stands. Notes and outputs stay, since they hold for their
    own folder alone.

    All of it is committed at once. Returns how many keys are new, and what could not be used.
    DataError while a run writes the store.
    """
    problems: list[Problem] = []
    with main_file(folder, report) as main:
        entries = (entry for each in sources for entry in _replies(each, problems))
        return files.add(main, entries), problems


def _replies(source: Path, problems: list[Problem]) -> Iterator[Entry]:
    """The whole replies of one source; a use of theirs is not one of the future."""
    now = this_hour()
    place = source / MAIN if source.is_dir() else source
    path = shown_path(place)
    if not place.is_file():  # there may be a pipe, which never ends
        missing = "not a file" if place.exists() else "there is no such file"
        problems.append(Problem(path, 0, "", missing))
        return
    try:
        if is_store(place.name) or _is_database(place):
            for entry in _of_store(place, problems):
                yield entry._replace(used=min(entry.used, now))
            return
        found, wrong = read_recording(place)
    except ProblemsError as error:
        problems += error.problems
    except OSError as error:
        problems.append(Problem(path, 0, "", f"it can't be read: {error.strerror}"))
    else:
        problems += wrong
        yield from (Entry.of("call", key, value, now) for key, value in found.items())


def _is_database(file: Path) -> bool:
    with file.open("rb") as handle:
        return handle.read(len(files.HEAD)) == files.HEAD


def _of_store(place: Path, problems: list[Problem]) -> Iterator[Entry]:
    path = shown_path(place)
    try:
        connection = files.checked_reader(place)
    except (files.Unusable, sqlite3.Error):
        problems.append(Problem(path, 0, "", "not a store of this version of evalsuite"))
        return
    with closing(connection):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, files.MAX_VALUE)
        try:
            for entry in files.scan(connection, "call"):
                if entry.whole and len(entry.key) <= files.MAX_KEY:
                    yield entry
                else:
                    problems.append(
                        Problem(path, 0, "", f"the call {str(entry.key)[:80]} is damaged")
                    )
        except files.Unusable as error:
            problems.append(Problem(path, 0, "", f"it can't be read to its end: {error}"))
