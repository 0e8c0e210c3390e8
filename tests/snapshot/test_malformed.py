"""A snapshot that is not what it must be gives one clear error: file, line, field, remedy."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored_runs import many, reseal, run_of, store_run, store_snapshot

from evalsuite.cli import main
from evalsuite.errors import SnapshotError
from evalsuite.records import Run
from evalsuite.snapshot import load, read_outputs, write

Damage = Callable[[Path], object]


def sealed(name: str, change: Callable[[bytes], bytes]) -> Damage:
    """Change a file as somebody would who also wrote the hash: only the content can tell."""

    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
        reseal(folder)

    return damage


def line_two(change: Callable[[dict[str, Any]], object]) -> Damage:
    """Change the second row."""

    def rewrite(data: bytes) -> bytes:
        lines = data.splitlines()
        row = json.loads(lines[1])
        change(row)
        lines[1] = json.dumps(row).encode()
        return b"\n".join(lines) + b"\n"

    return sealed("scores.jsonl", rewrite)


def head(change: Callable[[dict[str, Any]], object]) -> Damage:
    def damage(folder: Path) -> None:
        file = folder / "manifest.json"
        manifest = json.loads(file.read_text(encoding="utf-8"))
        change(manifest)
        file.write_text(json.dumps(manifest), encoding="utf-8")

    return damage


def bytes_of(name: str, change: Callable[[bytes], bytes]) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return damage


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data.replace(old, new, 1)


def deep(data: bytes) -> bytes:
    return swap(b'"policy":', b'"policy": ' + b'{"a":' * 120 + b"1" + b"}" * 120 + b', "x":')(data)


def to_folder(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def to_link(name: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).rename(folder / "elsewhere")
        (folder / name).symlink_to(folder / "elsewhere")

    return damage


CONFLICT = b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> main\n"

BAD: dict[str, tuple[Damage, str]] = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "manifest.json: is missing"),
    "no scores": (lambda f: (f / "scores.jsonl").unlink(), "scores.jsonl: is missing"),
    "no outputs": (lambda f: (f / "outputs.jsonl").unlink(), "outputs.jsonl: is missing"),
    "empty manifest": (bytes_of("manifest.json", lambda d: b""), "not JSON"),
    "empty scores": (bytes_of("scores.jsonl", lambda d: b""), "truncated: 0 of 4 lines"),
    "cut manifest": (bytes_of("manifest.json", lambda d: d[:300]), "not JSON"),
    "cut line": (bytes_of("scores.jsonl", lambda d: d[:-40]), "scores.jsonl:4: ends in the middle"),
    "lost lines": (
        bytes_of("scores.jsonl", lambda d: b"".join(d.splitlines(keepends=True)[:2])),
        "truncated: 2 of 4 lines",
    ),
    "edited": (bytes_of("scores.jsonl", swap(b'"checks":[1]', b'"checks":[0]')), "is damaged"),
    "cut outputs": (bytes_of("outputs.jsonl", lambda d: d[:-9]), "outputs.jsonl:5: ends in"),
    "conflict": (bytes_of("scores.jsonl", lambda d: CONFLICT + d), "evalsuite resolve askacme"),
    "manifest conflict": (
        bytes_of("manifest.json", lambda d: CONFLICT + d),
        "manifest.json: holds an unresolved merge conflict",
    ),
    "foreign": (bytes_of("manifest.json", lambda d: b'{"name": "package"}'), "not a run of"),
    "a list": (bytes_of("manifest.json", lambda d: b"[]"), "not a run of evalsuite"),
    "newer": (head(lambda m: m.update(format=2)), "format: is 2.*install a newer evalsuite"),
    "format text": (head(lambda m: m.update(format="1")), "format: must be a whole number"),
    "format true": (head(lambda m: m.update(format=True)), "format: must be a whole number"),
    "no files": (head(lambda m: m.pop("files")), "files: must be an object"),
    "file unnamed": (head(lambda m: m["files"].pop("scores.jsonl")), "files.scores.jsonl"),
    "file elsewhere": (
        head(lambda m: m["files"].update({"../x": m["files"]["scores.jsonl"]})),
        r"files\.\.\./x: is no file of a run",
    ),
    "no suite": (head(lambda m: m.pop("suite")), "manifest.json: suite: is missing"),
    "suite of another type": (head(lambda m: m.update(suite=[1])), "suite: must be text"),
    "suite with escapes": (head(lambda m: m.update(suite="a\x1b[2J")), "suite: must be 1 to 200"),
    "unknown field": (head(lambda m: m.update(sede=1)), 'sede: is not known.*did you mean "seed"'),
    "float trials": (head(lambda m: m.update(trials=1.5)), "trials: must be a whole number"),
    "no trials": (head(lambda m: m.update(trials=0)), "trials: must be at least 1"),
    "negative": (head(lambda m: m.update(expected=-1)), "expected: must not be negative"),
    "mode": (head(lambda m: m.update(outputs="some")), 'outputs: must be "full" or "redacted"'),
    "deep field": (
        head(lambda m: m["subject"]["inputs"]["prompt"].update(key=1)),
        r"subject\.inputs\.prompt\.key: must be text, not 1",
    ),
    "NaN in head": (bytes_of("manifest.json", swap(b'"seed": 0', b'"seed": NaN')), "NaN"),
    "deep": (bytes_of("manifest.json", deep), "more than 100 levels of nesting"),
    "very deep": (bytes_of("manifest.json", lambda d: b"[" * 200_000), "more than 100 levels"),
    "huge head": (bytes_of("manifest.json", lambda d: b" " * (17 << 20)), "larger than 16 MB"),
    "latin-1": (bytes_of("manifest.json", swap(b"askacme", b"ask\xe4cme")), "not UTF-8"),
    "UTF-16": (
        bytes_of("manifest.json", lambda d: d.decode().encode("utf-16")),
        "not UTF-8|byte order",
    ),
    "BOM": (bytes_of("manifest.json", lambda d: b"\xef\xbb\xbf" + d), "byte order mark"),
    "twice in head": (
        bytes_of("manifest.json", swap(b"{", b'{"seed": 1,')),
        "'seed': the key occurs twice",
    ),
    "manifest is a folder": (to_folder("manifest.json"), "not an ordinary file"),
    "scores is a link": (to_link("scores.jsonl"), "scores.jsonl: is not an ordinary file"),
    "row not an object": (sealed("scores.jsonl", lambda d: b"[]\n" + d), "jsonl:1: must be an ob"),
    "blank line": (sealed("scores.jsonl", lambda d: d + b"\n"), "scores.jsonl:5: .*not JSON"),
    "NaN score": (
        sealed("scores.jsonl", swap(b'"checks":[1]', b'"checks":[NaN]')),
        "scores.jsonl:1: .*NaN is not JSON",
    ),
    "infinite score": (
        sealed("scores.jsonl", swap(b'"checks":[1]', b'"checks":[1e999]')),
        "out of range",
    ),
    "large score": (
        line_two(lambda row: row["scores"].update(checks=[10**400])),
        r"jsonl:2: scores\.checks\.0: is too large",
    ),
    "endless digits": (
        sealed("scores.jsonl", swap(b'"checks":[1]', b'"checks":[' + b"9" * 5000 + b"]")),
        "scores.jsonl:1: .*more than 4300 digits",
    ),
    "score text": (
        line_two(lambda row: row["scores"].update(checks=["1"])),
        r'scores.jsonl:2: scores\.checks\.0: must be a number, not "1"',
    ),
    "score true": (line_two(lambda row: row["scores"].update(checks=[True])), "must be a number"),
    "scores a list": (line_two(lambda row: row.update(scores=[1])), "2: scores: must be an object"),
    "no case key": (line_two(lambda row: row.pop("case_key")), "2: case_key: is missing"),
    "unknown in row": (line_two(lambda row: row.update(score=1)), 'score: is not known.*"scores"'),
    "duplicate id": (line_two(lambda row: row.update(id="c000")), "jsonl:2: id: is there twice"),
    "empty id": (line_two(lambda row: row.update(id="")), "2: id: must be 1 to 200 printable"),
    "long id": (line_two(lambda row: row.update(id="x" * 201)), "2: id: must be 1 to 200"),
    "id with escapes": (line_two(lambda row: row.update(id="\x1b[2Jx")), "2: id: must be 1 to"),
    "fact nested": (line_two(lambda row: row.update(facts={"a": [1]})), r"2: facts\.a: must be a"),
    "must_pass 1": (line_two(lambda row: row.update(must_pass=1)), "must_pass: must be true or"),
    "key twice": (
        sealed("scores.jsonl", swap(b"{", b'{"id":"x",')),
        "1: 'id': the key occurs twice",
    ),
    "lone surrogate": (sealed("scores.jsonl", swap(b"c000", b"\\ud800")), "half of a surrogate"),
    "long line": (line_two(lambda row: row.update(cluster="x" * (1 << 20))), "2: is longer than 1"),
    "invalid bytes": (sealed("scores.jsonl", swap(b"c000", b"\xff")), "1: not UTF-8"),
    "policy": (head(lambda m: m.update(policy={"margn": 1})), 'did you mean "margin"'),
    "policy range": (head(lambda m: m.update(policy={"margin": "x"})), "margin"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_folder_gives_one_clear_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = store_snapshot(tmp_path, many(4))
    store_run(tmp_path, many(4))
    assert main(["gate", "last", "snapshots/askacme"]) in (0, 10)
    capsys.readouterr()
    damage, message = BAD[name]
    damage(folder)
    assert main(["gate", "last", "snapshots/askacme"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.startswith("evalsuite: snapshots/askacme")
    assert said.err.count("snapshots/askacme/") == 1
    assert not any(ord(letter) < 32 for letter in said.err.replace("\n", ""))
    assert re.search(message, said.err), said.err
    assert "(" in said.err or "did you mean" in said.err, "a remedy"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap(b'"text":', b'"txet":'), "is not known|is missing"),
        (swap(b'"contexts":["', b'"contexts":["nowhere'), "names a context that is not there"),
        (swap(b'"text":"16', b'"text":["16"],"model":"16'), "twice|must be text"),
    ],
)
def test_bad_outputs_are_found_when_they_are_read(
    tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    run, outputs = run_of(many(4))
    write(tmp_path, run, outputs)
    sealed("outputs.jsonl", change)(tmp_path)
    load(tmp_path)
    with pytest.raises(SnapshotError, match=message):
        read_outputs(tmp_path, {name for name, _ in outputs})


def test_outputs_changed_without_a_change_of_size_are_damaged(tmp_path: Path) -> None:
    run, outputs = run_of(many(4))
    write(tmp_path, run, outputs)
    bytes_of("outputs.jsonl", swap(b"16 weeks 1", b"12 weeks 1"))(tmp_path)
    with pytest.raises(SnapshotError, match=r"outputs\.jsonl: is damaged"):
        read_outputs(tmp_path, {outputs[0][0]})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this platform")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    run, outputs = run_of(many(2))
    write(tmp_path, run, outputs)
    (tmp_path / "scores.jsonl").unlink()
    os.mkfifo(tmp_path / "scores.jsonl")
    with pytest.raises(SnapshotError, match="not an ordinary file"):
        load(tmp_path)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_whatever_a_folder_holds_load_answers_or_refuses(
    tmp_path: Path, data: st.DataObject
) -> None:
    run, outputs = run_of(many(2))
    write(tmp_path, run, outputs)
    name = data.draw(st.sampled_from(["manifest.json", "scores.jsonl", "outputs.jsonl"]))
    old = (tmp_path / name).read_bytes()
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(old)))
        gone = data.draw(st.integers(0, 30))
        new = old[:at] + data.draw(st.binary(max_size=20)) + old[at + gone :]
    else:
        value = json.loads(old if name == "manifest.json" else old.splitlines()[0])
        field = data.draw(st.sampled_from(sorted(value)))
        value[field] = data.draw(json_values)
        new = json.dumps(value).encode() + b"\n"
    (tmp_path / name).write_bytes(new)
    if name != "manifest.json" and data.draw(st.booleans()):
        reseal(tmp_path)
    try:
        found = load(tmp_path)
        read_outputs(tmp_path, {key for key, _ in outputs})
    except SnapshotError as error:
        assert str(error)  # noqa: PT017 - anything else that is raised fails the test
    else:
        assert isinstance(found, Run)
