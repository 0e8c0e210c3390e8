"""Stores of others become one with ours: in any order, and without harm from a hostile file."""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.store import Store
from evalsuite.store import file as files
from evalsuite.store.file import Entry
from evalsuite.store.imports import take_in
from evalsuite.store.upkeep import verify
from evalsuite.wording import shown_path

entry = st.builds(
    lambda key, value, used, whole: Entry.of("call", key, value, used)._replace(
        **({} if whole else {"sum": "damaged"})
    ),
    st.sampled_from("abc"),
    st.sampled_from([b"1", b"2", b"3"]),
    st.integers(0, 3),
    st.booleans(),
)
shard = st.lists(entry, max_size=4, unique_by=lambda each: each.key)


def empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    files._bring_up(connection, 0, 0)
    return connection


def merged(*shards: Sequence[Entry], into: Sequence[Entry] = ()) -> list[Entry]:
    """What stands, sorted, after one import of the shards into a store."""
    with closing(empty()) as connection:
        files.put(connection, into)
        files.add(connection, [each for shard in shards for each in shard if each.whole])
        return sorted(files.scan(connection))


@settings(max_examples=100)
@given(shard, shard, shard)
def test_order_grouping_and_repetition_count_for_nothing(
    a: list[Entry], b: list[Entry], c: list[Entry]
) -> None:
    at_once = merged(a, b, c)
    for order in itertools.permutations((a, b, c)):
        assert merged(*order) == at_once
    assert merged(merged(a, b), c) == merged(a, merged(b, c)) == at_once
    assert merged(a, a, b, c, b) == at_once
    assert merged(a, b, c, into=at_once) == at_once
    assert all(each.whole for each in at_once)
    assert {each.key for each in at_once} == {each.key for each in (*a, *b, *c) if each.whole}


@given(shard, shard)
def test_what_is_there_and_whole_stands_as_it_is(mine: list[Entry], theirs: list[Entry]) -> None:
    stands = {each.key: each for each in merged(theirs, into=mine)}
    for each in mine:
        if each.whole:
            assert stands[each.key] == each
    for each in theirs:
        if each.whole:
            assert stands[each.key].whole


def made(folder: Path, replies: Mapping[str, bytes]) -> Path:
    store = Store(folder)
    for key, value in replies.items():
        store.put("call", key, value)
    store.close()
    return folder / "store.db"


def changed(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for each in statements:
            connection.execute(each)
        connection.commit()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
HOSTILE = {
    "a view in the table's place": (
        "ALTER TABLE entry RENAME TO kept",
        (
            f"CREATE VIEW entry AS {ENDLESS} i AS id, 'call' AS kind, 'k' || i AS key, 1 AS used, "
            "'' AS sum, x'00' AS value FROM n"
        ),
    ),
    "a trigger": (
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM entry WHERE key = 'mine'; END",
    ),
    "a table beside it": ("CREATE TABLE more (x)",),
    "a column that is computed": ("ALTER TABLE entry ADD COLUMN x AS (hex(zeroblob(1000000)))",),
    "another format": ("PRAGMA user_version=-1",),
}


@pytest.mark.parametrize("statements", HOSTILE.values(), ids=HOSTILE)
def test_a_file_that_acts_is_not_read(tmp_path: Path, statements: Sequence[str]) -> None:
    made(tmp_path / "main", {"mine": b"1"})
    theirs = made(tmp_path / "theirs", {"a": b"2"})
    changed(theirs, *statements)
    fine = made(tmp_path / "fine", {"b": b"3"})
    new, problems = take_in(tmp_path / "main", [theirs, fine], print)
    assert (new, len(problems)) == (1, 1)
    assert "not a store" in str(problems[0])
    store = Store(tmp_path / "main")
    assert [store.get("call", key) for key in ("mine", "a", "b")] == [b"1", None, b"3"]
    store.close()


@pytest.mark.parametrize("statements", HOSTILE.values(), ids=HOSTILE)
def test_in_the_place_of_our_own_file_it_is_put_aside(
    tmp_path: Path, statements: Sequence[str]
) -> None:
    changed(made(tmp_path, {"a": b"2"}), *statements)
    store = Store(tmp_path)
    assert store.reports
    store.put("call", "b", b"3")
    store.close()
    assert verify(tmp_path)[1] == []


def test_a_store_is_known_by_its_content_not_by_its_name(tmp_path: Path) -> None:
    theirs = made(tmp_path / "theirs", {"a": b"1"})
    shard = theirs.rename(tmp_path / "shard.jsonl")
    new, problems = take_in(tmp_path / "main", [shard], print)
    assert (new, problems) == (1, [])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a named pipe")
@pytest.mark.parametrize("name", ["pipe.db", "store.db", "pipe.jsonl"])
def test_a_pipe_is_named_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    new, problems = take_in(tmp_path / "main", [tmp_path / name], print)
    assert new == 0
    assert [str(each) for each in problems] == [f"{shown_path(tmp_path / name)}: not a file"]


def test_a_newer_format_names_the_remedy(tmp_path: Path) -> None:
    theirs = made(tmp_path / "theirs", {"a": b"1"})
    changed(theirs, "PRAGMA user_version=9")
    _, problems = take_in(tmp_path / "main", [theirs], print)
    (said,) = map(str, problems)
    assert "a store of format 9, written by a newer evalsuite" in said
    assert "upgrade evalsuite" in said
    assert said.count("store.db") == 1


def test_a_file_that_is_neither_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("x")
    _, problems = take_in(tmp_path / "main", [tmp_path / "other.txt", tmp_path / "none"], print)
    foreign, absent = map(str, problems)
    assert "not a recording of evalsuite" in foreign
    assert foreign.count("other.txt") == 1
    assert absent.endswith("none: there is no such file")


def test_damaged_and_oversized_entries_are_named_and_the_others_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = made(tmp_path / "theirs", {"a": b"1", "b": b"2", "k" * 201: b"3", "d": b"4"})
    changed(
        theirs,
        "UPDATE entry SET value = x'00' WHERE key = 'b'",
        "INSERT INTO entry (kind, key, used, sum, value) VALUES ('call', NULL, 'x', 7, 1.5)",
        "INSERT INTO entry (kind, key, used, sum, value) VALUES ('call', 'e', 1, '', x'00')",
        "INSERT INTO entry (kind, key, used, sum, value) "
        "VALUES ('call', 'huge', 1, '', zeroblob(100000))",
    )
    monkeypatch.setattr(files, "MAX_VALUE", 50_000)
    new, problems = take_in(tmp_path / "main", [theirs], print)
    assert new == 2
    told = "\n".join(map(str, problems))
    assert "the call b is damaged" in told
    assert "the call None is damaged" in told
    assert "can't be read to its end" in told
    assert verify(tmp_path / "main") == (2, [])


def test_another_s_clock_does_not_keep_an_entry_for_ever(tmp_path: Path) -> None:
    theirs = made(tmp_path / "theirs", {"a": b"1"})
    changed(theirs, "UPDATE entry SET used = 9000000000")
    take_in(tmp_path / "main", [theirs], print)
    with closing(sqlite3.connect(tmp_path / "main" / "store.db")) as connection:
        assert connection.execute("SELECT max(used) FROM entry").fetchone()[0] < 10**6


FORGED = [b'{"forged": true}', b"[" * 100_000, b"[1]", b'{"output": {"text": 5}}', b"\xff"]


def test_stored_outputs_and_lists_that_are_none_are_made_again(project: Any) -> None:
    project.suite()
    project.cases(project.many(6))
    assert project.run_apart("-q").ret == 0
    file = project.path / ".evalsuite" / "store.db"
    with closing(files.writer(file, 0)) as connection:
        found = list(files.scan(connection))
        outputs = [each for each in found if each.kind == "output"]
        for each, value in zip(outputs[1:], FORGED, strict=True):  # the first one names its list
            files.put(connection, [Entry.of("output", each.key, value, each.used)])
        for each in found:
            if each.kind == "files":
                ring = b'{"after": "%s"}' % each.key.encode()
                files.put(connection, [Entry.of("files", each.key, ring, each.used)])
    again = project.run_apart("-q")
    assert again.ret == 0
    assert "is not one of a target" in again.stdout.str()
    assert "Traceback" not in again.stdout.str()
    assert project.manifest()["operations"]["reused_outputs"] == 0
    assert project.run_apart("-q").ret == 0
    assert project.manifest()["operations"]["reused_outputs"] == 6
