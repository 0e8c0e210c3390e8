"""`evalsuite store`: look at it, check it, trim it, hand replies on."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from counting import counting

from evalsuite.canonical import canonical
from evalsuite.cli import main
from evalsuite.store import Store
from evalsuite.store.recording import read_recording, write_recording

SUITE = """
import evalsuite as ev

@ev.suite(golden="words")
async def words(case, llm):
    return (await llm.chat("Say " + case.input)).text
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.evalsuite]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(folder: Path, replies: Mapping[str, str], hour: int | None = None) -> None:
    store = Store(folder)
    if hour is not None:
        store._now = hour
    for key, text in replies.items():
        store.put("call", key, canonical({"text": text}))
    store.close()


def held(folder: Path, keys: str) -> dict[str, bytes | None]:
    store = Store(folder)
    found = {key: store.get("call", key) for key in keys}
    store.close()
    return found


def test_stats_count_by_kind(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(here / ".evalsuite", {"a": "x", "b": "y"})
    assert main(["store", "stats"]) == 0
    said = capsys.readouterr().out
    assert "call  2" in said
    assert "on disk:" in said


def test_without_a_store_there_is_nothing_to_look_at(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", "stats"]) == 2
    assert "pytest --evals" in capsys.readouterr().err
    assert not (here / ".evalsuite").exists()


def test_verify_names_what_is_damaged(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(here / ".evalsuite", {"a": "x", "b": "yyyy"})
    assert main(["store", "verify"]) == 0
    file = here / ".evalsuite" / "store.db"
    file.write_bytes(file.read_bytes().replace(b"yyyy", b"zzzz"))
    assert main(["store", "verify"]) == 2
    assert "the call entry b is damaged" in capsys.readouterr().out


def test_gc_lets_go_of_what_was_not_used_for_longest(here: Path) -> None:
    state = here / ".evalsuite"
    fill(state, {"a": "1" * 1000}, hour=100)
    fill(state, {"b": "2" * 1000}, hour=200)
    fill(state, {"c": "3" * 1000})
    assert main(["store", "gc", "--max-size", "3kB", "--dry-run"]) == 0
    assert main(["store", "gc", "--max-size", "3kB"]) == 0
    assert [key for key, value in held(state, "abc").items() if value] == ["b", "c"]
    assert main(["store", "gc", "--older-than", "0d"]) == 0
    assert all(held(state, "bc").values())  # reading b was a use, today
    assert main(["store", "verify"]) == 0


def test_gc_keeps_what_was_used_last_not_what_was_written_last(here: Path) -> None:
    state = here / ".evalsuite"
    fill(state, {"a": "1" * 100_000}, hour=1000)
    fill(state, {"b": "2" * 100_000}, hour=1001)
    store = Store(state)
    store._now = 1002
    assert store.get("call", "a")
    store.close()
    before = (state / "store.db").stat().st_size
    assert main(["store", "gc", "--max-size", f"{before // 2000}kB"]) == 0
    assert [key for key, value in held(state, "ab").items() if value] == ["a"]


def test_gc_wants_to_know_what_and_waits_for_runs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", "gc"]) == 4
    assert main(["store", "gc", "--max-size", "lots"]) == 4
    store = Store(here / ".evalsuite")
    assert main(["store", "gc", "--max-size", "1kB"]) == 2
    store.close()
    assert "a run is using the store" in capsys.readouterr().err


REPLIES = ({"a": "1", "b": "2"}, {"b": "other", "c": "3"}, {"c": "another", "d": "4", "a": "1"})


@pytest.mark.parametrize("packed", ["x.jsonl", "x.jsonl.gz"])
def test_in_whatever_order_files_are_imported_the_same_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: str
) -> None:
    results = []
    for number, order in enumerate(itertools.permutations([*REPLIES, REPLIES[0]])):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "pyproject.toml").write_text("[tool.evalsuite]\n")
        monkeypatch.chdir(folder)
        for place, replies in enumerate(order):
            texts = {key: canonical({"text": text}) for key, text in replies.items()}
            write_recording(Path(f"{place}{packed}"), texts)
        assert main(["store", "import", *(f"{place}{packed}" for place in range(len(order)))]) == 0
        results.append(held(folder / ".evalsuite", "abcd"))
    assert all(each == results[0] for each in results)
    assert all(results[0].values())


def test_what_is_stored_already_stands(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(here / ".evalsuite", {"a": "paid for"})
    mine = held(here / ".evalsuite", "a")
    for number in range(8):  # whichever sum is the lesser one
        fill(here / f"other{number}", {"a": f"forged {number}"})
    assert main(["store", "import", *(f"other{number}" for number in range(8))]) == 0
    assert held(here / ".evalsuite", "a") == mine
    assert "0 replies taken over" in capsys.readouterr().out


def test_one_broken_shard_does_not_lose_the_others(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(here / "one", {"a": "1"})
    Path("two.jsonl").write_text("no recording\n")
    fill(here / "three", {"c": "3"})
    assert main(["store", "import", "one", "two.jsonl", "three"]) == 2
    assert "two.jsonl" in capsys.readouterr().out
    assert all(held(here / ".evalsuite", "ac").values())


def test_importing_a_store_takes_its_replies_alone(here: Path, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    other.put("call", "a", b"{}")
    other.put("note", "salt", b"theirs")
    other.close()
    assert main(["store", "import", str(tmp_path / "other")]) == 0
    mine = Store(here / ".evalsuite")
    assert (mine.get("call", "a"), mine.get("note", "salt")) == (b"{}", None)
    mine.close()


def test_damaged_lines_are_named_and_the_others_taken(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recording(Path("r.jsonl"), {key: canonical({"text": key * 5}) for key in "abc"})
    lines = Path("r.jsonl").read_text().splitlines()
    Path("r.jsonl").write_text(
        "\n".join([lines[0], lines[1], lines[2].replace("bbbbb", "BBBBB"), lines[3], "{", ""])
    )
    assert main(["store", "import", "r.jsonl"]) == 2
    said = capsys.readouterr().out
    assert "r.jsonl:3: sum" in said
    assert "r.jsonl:5:" in said
    assert held(here / ".evalsuite", "abc")["b"] is None
    assert all(held(here / ".evalsuite", "ac").values())


def test_what_is_no_recording_is_one_error(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("x.jsonl").write_text("hello\n")
    assert main(["store", "import", "x.jsonl"]) == 2
    assert main(["store", "import", "nowhere.jsonl"]) == 2
    Path("cut.gz").write_bytes(gzip.compress(b'{"evalsuite":"recording","format":1}\n' * 50)[:30])
    assert main(["store", "import", "cut.gz"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_recording_is_the_same_file_each_time(tmp_path: Path) -> None:
    replies = {key: canonical({"text": key}) for key in "abc"}
    for name in ("x.jsonl", "x.jsonl.gz"):
        write_recording(tmp_path / name, replies)
        first = (tmp_path / name).read_bytes()
        write_recording(tmp_path / name, dict(reversed(replies.items())))
        assert (tmp_path / name).read_bytes() == first
        assert read_recording(tmp_path / name) == (replies, [])


def test_a_fork_runs_from_the_recording_without_key_or_call(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("test_words.py", SUITE)
    project.cases(project.many(12))
    monkeypatch.chdir(project.path)
    with counting() as server:
        settings = f'[tool.evalsuite]\nbackends = {{ default = "{server.spec}" }}\n'
        project.write("pyproject.toml", settings)
        assert project.run_apart("-q").ret == 0
        assert project.run_apart("-q").ret == 0  # answered from stored outputs: as exportable
        rows = project.rows()
        assert main(["store", "export", "--run", "last", "recorded.jsonl"]) == 0
        made = server.asked.total()
    assert made == 12
    assert len(Path("recorded.jsonl").read_text().splitlines()) == 13
    for file in Path(".evalsuite").glob("*.db"):
        file.unlink()
    project.write("pyproject.toml", f'{settings}recordings = ["recorded.jsonl"]\n')
    assert project.run_apart("-q", "--evals-replay=only").ret == 0
    assert project.rows() == rows
    assert project.evalsuite("store", "export", "--run", "last", "again.jsonl").ret == 0
    assert Path("again.jsonl").read_bytes() == Path("recorded.jsonl").read_bytes()
    project.write(
        "pyproject.toml",
        settings.replace('"openai', '"replay:openai') + 'recordings = ["recorded.jsonl"]\n',
    )
    project.cases([*project.many(12), {"id": "new", "input": "unheard"}])
    replayed = project.run_apart("-q")
    assert project.rows().keys() == rows.keys()
    assert "no stored repl" in replayed.stdout.str()


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "can't be read"), ("x\n", "not a recording"), ("cut", "r.jsonl:2")],
)
def test_a_recording_that_can_not_be_used_ends_the_run_with_its_line(
    project: Any, text: str | None, said: str
) -> None:
    project.suite()
    project.cases(project.many(2))
    project.write("pyproject.toml", '[tool.evalsuite]\nrecordings = ["r.jsonl"]\n')
    if text is not None:
        write_recording(project.path / "r.jsonl", {"a": b"{}"})
        whole = (project.path / "r.jsonl").read_text()
        project.write("r.jsonl", whole[:-9] if text == "cut" else text)
    done = project.run()
    assert done.ret == 2
    output = done.stdout.str() + done.stderr.str()
    assert "r.jsonl" in output
    assert said in output
    assert "Traceback" not in output
