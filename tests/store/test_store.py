"""The store keeps what was paid for, through crashes, damage and other processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from evalsuite.store import Store
from evalsuite.store.upkeep import stats, verify


def test_an_entry_is_there_again_after_closing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("call", "k", b"answer")
    store.close()
    again = Store(tmp_path)
    assert again.get("call", "k") == b"answer"
    assert again.get("output", "k") is None
    again.close()


def test_what_is_queued_is_readable_before_it_is_committed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("call", "k", b"1")
    assert store.get("call", "k") == b"1"
    store.close()


def test_waiters_of_one_turn_share_one_commit(tmp_path: Path) -> None:
    store = Store(tmp_path)
    commits = []
    flush = store.flush
    store.flush = lambda: (commits.append(1), flush())[1]  # type: ignore[func-returns-value]

    async def one(number: int) -> None:
        store.put("call", str(number), b"x")
        await store.committed()

    async def all_of_them() -> None:
        await asyncio.gather(*map(one, range(50)))

    asyncio.run(all_of_them())
    assert len(commits) == 1
    assert all(store.get("call", str(number)) == b"x" for number in range(50))
    store.close()


def test_a_damaged_entry_is_a_reported_miss(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("call", "k", b"right")
    store.close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE entry SET value = ?", (b"wrong",))
    connection.close()
    again = Store(tmp_path)
    assert again.get("call", "k") is None
    assert "damaged" in again.reports[0]
    again.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database at all, but long enough" * 50, b"SQLite format 3\0" + b"\0" * 90],
)
def test_a_file_that_is_no_store_is_put_aside_or_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.db").write_bytes(content)
    store = Store(tmp_path)
    store.put("call", "k", b"v")
    store.flush()
    assert store.get("call", "k") == b"v"
    kept = list(tmp_path.glob("store.damaged-*"))
    assert len(kept) == len(store.reports) == (1 if content else 0)
    store.close()


def test_a_foreign_database_is_not_written_to(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    store = Store(tmp_path)
    store.put("call", "k", b"v")
    store.close()
    (kept,) = tmp_path.glob("store.damaged-*")
    with sqlite3.connect(kept) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    connection.close()


def test_a_truncated_file_never_answers_wrongly(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(2000):
        store.put("call", f"k{number}", f"value {number}".encode())
    store.close()
    data = (tmp_path / "store.db").read_bytes()
    (tmp_path / "store.db").write_bytes(data[: len(data) // 2])
    again = Store(tmp_path)
    answers = [again.get("call", f"k{number}") for number in range(2000)]
    assert all(a in (None, f"value {n}".encode()) for n, a in enumerate(answers))
    assert None in answers
    assert again.reports
    again.close()


def _write_beside(folder: Path, name: str, ready: object) -> None:
    store = Store(folder)
    store.put("call", name, name.encode())
    store.flush()
    ready.set()  # type: ignore[attr-defined]
    signal.pause()


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_second_process_writes_beside_and_is_merged_when_it_has_died(tmp_path: Path) -> None:
    first = Store(tmp_path)
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    other = spawn.Process(target=_write_beside, args=(tmp_path, "theirs", ready), daemon=True)
    other.start()
    assert ready.wait(30)
    first.put("call", "ours", b"ours")
    first.close()
    third = Store(tmp_path)  # holds the lock now, but the other still lives: read, not merged
    assert third.get("call", "theirs") == b"theirs"
    third.close()
    assert list(tmp_path.glob("side-*.db"))
    assert other.pid is not None
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    last = Store(tmp_path)
    assert last.get("call", "theirs") == b"theirs"
    assert last.get("call", "ours") == b"ours"
    assert not list(tmp_path.glob("side-*"))
    last.close()


def test_a_side_writer_reads_what_the_main_file_holds(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.put("call", "k", b"v")
    first.flush()
    second = Store(tmp_path)
    assert second.get("call", "k") == b"v"
    second.put("call", "mine", b"m")
    second.close()
    first.close()


def test_the_folder_ignores_itself_in_git(tmp_path: Path) -> None:
    Store(tmp_path / "state").close()
    assert (tmp_path / "state" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("beside", [False, True], ids=["its writer", "a process beside it"])
def test_what_is_used_is_young_again(tmp_path: Path, beside: bool) -> None:
    old = Store(tmp_path)
    old._now -= 50 * 24
    for name in ("used", "unused"):
        old.put("call", name, b"v")
    old.close()
    first = Store(tmp_path)
    reading = Store(tmp_path) if beside else first
    assert reading.get("call", "used") == b"v"
    first.close()
    if beside:
        reading.close()
    (share,) = stats(tmp_path).shares
    assert (share.entries, share.newest - share.oldest) == (2, 50 * 24)


def test_what_another_process_begins_later_is_found_when_looked_for_anew(tmp_path: Path) -> None:
    first = Store(tmp_path)
    second = Store(tmp_path)
    second.put("call", "theirs", b"t")
    second.flush()
    assert first.get("call", "theirs") is None
    assert first.get("call", "theirs", anew=True) == b"t"
    first.put("call", "ours", b"o")
    first.flush()
    assert second.get("call", "ours") == b"o"
    second.close()
    assert first.get("call", "theirs") == b"t"
    first.close()
    assert [each.name for each in tmp_path.glob("*.db*")] == ["store.db"]


def test_a_process_beside_merges_its_file_if_it_is_the_last(tmp_path: Path) -> None:
    first = Store(tmp_path)
    second = Store(tmp_path)
    second.put("call", "k", b"v")
    first.close()
    second.close()
    assert not list(tmp_path.glob("side-*"))
    assert verify(tmp_path) == (1, [])


def _hold(folder: Path, held: object) -> None:
    async def forever() -> None:
        async with Store(folder).claim("k"):
            held.set()  # type: ignore[attr-defined]
            await asyncio.sleep(600)

    asyncio.run(forever())


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_claim_is_free_once_its_process_is_killed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, held), daemon=True)
    other.start()
    assert held.wait(60)
    looks = []

    def waiting() -> None:
        looks.append(other.is_alive())
        if len(looks) == 3:
            other.kill()

    async def claim() -> None:
        async with store.claim("another"):
            assert not looks
        async with store.claim("k", waiting):
            assert len(looks) >= 3

    asyncio.run(claim())
    other.join()
    store.close()
