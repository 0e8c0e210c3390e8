"""The log on disk: each submission once, nothing changed or deleted, and export without loss."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from rating_samples import BOTH, CARD, items, make_server, place_at

from evalsuite.calibration.labels import append_items, append_labels, effective, read_labels
from evalsuite.calibration.records import Label
from evalsuite.errors import DataError
from evalsuite.rating.exporting import Exported, export
from evalsuite.rating.log import Event, Log
from evalsuite.rating.queue import Entry
from evalsuite.rating.session import ADJUDICATED, labels_of

TIME = "2026-03-01T12:00:00Z"
LATER = ("2026-03-01T12:00:01Z", "2026-03-01T12:00:02Z")


def rating(number: int, value: str = "pass", **fields: object) -> Event:
    body = {
        "values": {"correctness": value},
        "critiques": {"correctness": "why"},
        "seconds": 12.5,
        "order": "",
        "seed": 7,
    }
    event = Event(
        submission=f"s{number}",
        rater="r1",
        kind="rate",
        time=TIME,
        item=items(number + 1)[number].id,
        body=body,
    )
    return replace(event, **fields)  # type: ignore[arg-type]


def test_a_submission_is_there_once_and_the_first_one_holds(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.db")
    assert log.append(rating(1)) == (rating(1), True)
    assert log.append(rating(1, "fail")) == (rating(1), False)
    assert log.events() == [rating(1)]
    log.close()


def test_what_was_confirmed_is_there_for_the_next_process(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.db")
    log.append(rating(1))
    other = Log(tmp_path / "a.db")  # while the first one is still open, as after kill -9
    assert other.events() == [rating(1)]
    other.close()
    log.close()


@pytest.mark.parametrize("statement", ["UPDATE event SET body = '{}'", "DELETE FROM event"])
def test_events_are_neither_changed_nor_deleted(tmp_path: Path, statement: str) -> None:
    log = Log(tmp_path / "a.db")
    log.append(rating(1))
    log.close()
    database = sqlite3.connect(tmp_path / "a.db")
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        database.execute(statement)
    database.close()


def test_commits_reach_the_disk_before_they_are_confirmed(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.db")
    database = log._database
    assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert database.execute("PRAGMA synchronous").fetchone()[0] == 2
    log.close()


def test_a_foreign_or_damaged_file_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    foreign = sqlite3.connect(tmp_path / "foreign.db")
    foreign.execute("CREATE TABLE x (y)")
    foreign.commit()
    foreign.close()
    (tmp_path / "damaged.db").write_bytes(b"no database at all, but long enough" * 100)
    for name in ("foreign.db", "damaged.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(DataError, match=name):
            Log(tmp_path / name)
        assert (tmp_path / name).read_bytes() == before


def exported(folder: Path) -> list[Label]:
    return read_labels(folder)


def test_export_adds_what_is_new_and_nothing_twice(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    append_items(place.folder, items(5))
    log = Log(place.log)
    for number in (1, 2):
        log.append(rating(number))
    assert export(log, place.folder, CARD) == Exported(2, 2)
    assert export(log, place.folder, CARD) == Exported(0)
    log.append(rating(3, "fail"))
    assert export(log, place.folder, CARD) == Exported(1, 1)
    assert [label.value for label in exported(place.folder)] == ["pass", "pass", "fail"]
    assert exported(place.folder)[0] == Label(
        item=items(5)[1].id,
        rater="r1",
        criterion="correctness",
        value="pass",
        critique="why",
        seconds=12.5,
        seed=7,
        time=TIME,
    )
    log.close()


def test_an_export_that_was_killed_half_way_is_completed(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    append_items(place.folder, items(5))
    log = Log(place.log)
    for number in (1, 2, 3):
        log.append(rating(number))
    append_labels(place.folder, labels_of(log.events())[:2])
    assert export(log, place.folder, CARD) == Exported(1, 1)
    assert exported(place.folder) == labels_of(log.events())
    log.close()


def test_an_undone_rating_is_taken_back_and_an_adjudication_is_nobodys_rating(
    tmp_path: Path,
) -> None:
    place = place_at(tmp_path)
    append_items(place.folder, items(5))
    log = Log(place.log)
    log.append(rating(1))
    log.append(
        rating(1, submission="undo s1", kind="undo", body={"values": {"correctness": "pass"}})
    )
    log.append(rating(2, submission="s9", kind="adjudicate", rater="lead"))
    done = export(log, place.folder, CARD)
    assert (done.added, done.ratings) == (3, 1), "what was taken back is no rating"
    (held,) = effective(exported(place.folder))
    assert (held.rater, held.item) == (ADJUDICATED, items(5)[2].id)
    assert [label.value for label in exported(place.folder)] == ["pass", None, "pass"]
    log.close()


def test_ratings_of_an_earlier_session_count_where_the_log_was_lost(tmp_path: Path) -> None:
    server = make_server(tmp_path, raters=("r1",))
    first = server.session.desks["r1"].pending[0]
    server.log.append(rating(0, item=first.item))
    export(server.log, place_at(tmp_path).folder, CARD)
    server.log.close()
    for file in place_at(tmp_path).state.glob("*.db*"):
        file.unlink()
    again = make_server(tmp_path, raters=("r1",))
    assert Entry(first.item) not in again.session.desks["r1"].places
    assert len(again.session.desks["r1"].pending) == 5
    assert [label.item for label in again.session.labels()] == [first.item]
    again.log.close()


def test_an_opened_session_counts_what_labels_jsonl_counts(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    append_items(place.folder, items(3))
    log = Log(place.log)
    values = {"values": {"correctness": "pass"}}
    log.append(rating(1))
    log.append(rating(1, submission="undo s1", kind="undo", body=values, time=LATER[0]))
    log.append(rating(1, "fail", submission="s9", time=LATER[1]))
    log.append(rating(2))
    export(log, place.folder, CARD)
    log.close()
    again = make_server(tmp_path, rated=(), raters=("r1",))
    assert again.session.labels() == effective(exported(place.folder))
    assert [label.value for label in again.session.labels()] == ["fail", "pass"]
    imported = Label(item=items(3)[2].id, rater="r1", criterion="correctness", value="fail")
    append_labels(place.folder, [imported])
    again.log.close()
    again = make_server(tmp_path, rated=(), raters=("r1",))
    assert again.session.labels() == effective(exported(place.folder))
    again.log.close()


def test_what_fits_neither_items_nor_card_stays_in_the_log_and_is_counted(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    append_items(place.folder, items(3))
    log = Log(place.log)
    log.append(rating(1))
    log.append(rating(2, "splendid"))
    log.append(rating(7))
    assert export(log, place.folder, CARD) == Exported(1, 1, orphans=2)
    append_items(place.folder, items(8))
    assert export(log, place.folder, CARD) == Exported(1, 1, orphans=1)
    assert [label.value for label in exported(place.folder)] == ["pass", "pass"]
    log.close()


def test_an_answer_to_an_earlier_card_is_asked_again(tmp_path: Path) -> None:
    first = make_server(tmp_path, raters=("r1",))
    for entry in list(first.session.desks["r1"].pending)[:3]:
        first.log.append(rating(0, item=entry.item, submission=entry.item))
    first.log.close()
    again = make_server(tmp_path, BOTH, raters=("r1",))
    assert len(again.session.desks["r1"].pending) == 6
    again.log.close()
    same = make_server(tmp_path, raters=("r1",))
    assert len(same.session.desks["r1"].pending) == 3
    same.log.close()
