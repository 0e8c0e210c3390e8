"""Damage is found, told in one line, and costs what it hit, not the rest."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evalsuite.errors import DataError
from evalsuite.store import Store
from evalsuite.store.place import network
from evalsuite.store.upkeep import stats, verify

COUNT = 3000
PAGE = 4096


def value(number: int) -> bytes:
    return f"value {number} ".encode() * 30


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    store = Store(folder)
    for number in range(COUNT):
        store.put("call", f"k{number}", value(number))
    store.close()
    return (folder / "store.db").read_bytes()


def survivors(folder: Path) -> tuple[int, list[str]]:
    """How many entries are still found; none may be wrong. And what was reported."""
    store = Store(folder)
    found = [store.get("call", f"k{number}") for number in range(COUNT)]
    assert all(each in (None, value(number)) for number, each in enumerate(found))
    for number in range(0, COUNT, 7):
        store.put("call", f"k{number}", value(number))
    store.put("call", "new", b"x")
    store.close()
    assert verify(folder)[1] == []
    again = Store(folder)
    assert again.get("call", "new") == b"x"
    assert again.get("call", "k7") == value(7)
    assert again.reports == []
    again.close()
    return sum(each is not None for each in found), store.reports


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9, 0.999])
def test_a_cut_off_file_keeps_what_is_before_the_cut(
    tmp_path: Path, whole: bytes, share: float
) -> None:
    (tmp_path / "store.db").write_bytes(whole[: int(len(whole) * share)])
    found, reports = survivors(tmp_path)
    assert COUNT * share - 100 <= found < COUNT
    (line,) = reports
    assert f"{found} entries of it were saved" in line
    (kept,) = tmp_path.glob("store.damaged-*")
    assert kept.name in line


def test_a_file_that_lost_one_byte_lost_one_page(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "store.db").write_bytes(whole[:-1])
    assert survivors(tmp_path)[0] >= COUNT - 200


@pytest.mark.parametrize("seed", range(8))
def test_garbage_in_the_middle_costs_the_pages_that_it_hit(
    tmp_path: Path, whole: bytes, seed: int
) -> None:
    chance = random.Random(seed)
    data = bytearray(whole)
    for _ in range(3):
        first = chance.randrange(10, len(data) // PAGE) * PAGE
        data[first : first + PAGE] = chance.randbytes(PAGE)
    (tmp_path / "store.db").write_bytes(bytes(data))
    found, reports = survivors(tmp_path)
    assert found >= COUNT * 0.9
    assert len(reports) <= 2


def test_flipped_bits_are_never_an_answer(tmp_path: Path, whole: bytes) -> None:
    chance = random.Random(1)
    data = bytearray(whole)
    for _ in range(40):
        data[chance.randrange(3 * PAGE, len(data))] ^= 1 << chance.randrange(8)
    (tmp_path / "store.db").write_bytes(bytes(data))
    assert survivors(tmp_path)[0] >= COUNT * 0.8


def test_verify_finds_what_was_hit_and_changes_nothing(tmp_path: Path, whole: bytes) -> None:
    data = bytearray(whole)
    data[200 * PAGE : 201 * PAGE] = bytes(PAGE)
    (tmp_path / "store.db").write_bytes(bytes(data))
    assert verify(tmp_path)[1]
    assert (tmp_path / "store.db").read_bytes() == bytes(data)


def test_a_damaged_side_file_gives_what_can_be_read(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / "side-1-aa.db").write_bytes(whole[: len(whole) // 2])
    found, reports = survivors(tmp_path)
    assert found >= COUNT // 2 - 100
    assert "side-1-aa.db" in reports[0]
    assert not list(tmp_path.glob("side-*.db"))


def test_a_store_of_format_1_is_taken_over_in_place(tmp_path: Path) -> None:
    current = Store(tmp_path)
    current.put("call", "k", b"v")
    current.put("note", "salt", b"s")
    current.close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as old:
        old.execute("ALTER TABLE entry RENAME TO newer")
        old.execute(
            "CREATE TABLE entry (kind TEXT, key TEXT, value BLOB, sum TEXT,"
            " PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )
        old.execute("INSERT INTO entry SELECT kind, key, value, sum FROM newer")
        old.execute("DROP TABLE newer")
        old.execute("PRAGMA user_version=1")
        old.commit()
    store = Store(tmp_path)
    assert (store.get("call", "k"), store.get("note", "salt")) == (b"v", b"s")
    assert store.reports == []
    store.close()
    assert verify(tmp_path) == (2, [])


def test_a_store_of_format_2_keeps_the_days_of_its_last_use(tmp_path: Path) -> None:
    made = Store(tmp_path)
    made.put("call", "k", b"v")
    made.close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as old:
        old.execute("ALTER TABLE entry RENAME COLUMN used TO day")
        old.execute("UPDATE entry SET day = day / 24 - 10")
        old.execute("PRAGMA user_version=2")
        old.commit()
    store = Store(tmp_path)
    store.close()
    (share,) = stats(tmp_path).shares
    assert 240 <= store._now - share.newest <= 263
    assert verify(tmp_path) == (1, [])


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as newer:
        newer.execute("PRAGMA user_version=99")
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(DataError, match=r"store\.db.*format 99.*upgrade"):
        Store(tmp_path)
    assert (tmp_path / "store.db").read_bytes() == before


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "store.db").mkdir()
    with pytest.raises(DataError, match=r"store\.db: a folder"):
        Store(tmp_path)


MOUNTS = r"""
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/vdb /home/local ext4 rw 0 0
//nas/team /mnt/the\040team cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/x", None),
        ("/home/me/x", "nfs4"),
        ("/home/local/x", None),
        ("/homes/x", None),
        ("/mnt/the team/x", "cifs"),
    ],
)
def test_a_network_drive_is_known_by_the_list_of_mounts(folder: str, kind: str | None) -> None:
    assert network(MOUNTS.strip(), Path(folder)) == kind
