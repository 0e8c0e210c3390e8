"""Bad golden data through the whole `pytest --evals`: one error with its place, status 2."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from one_error import assert_one_error

Damage = Callable[[Path], object]


def file(data: bytes | str, name: str = "cases.jsonl") -> Damage:
    content = data.encode() if isinstance(data, str) else data
    return lambda folder: (folder / name).write_bytes(content)


def folder_for_file(folder: Path) -> None:
    (folder / "cases.jsonl").mkdir()


def folder_is_file(folder: Path) -> None:
    (folder / ".keep").unlink()
    folder.rmdir()
    folder.write_text("{}")


def link(target: str) -> Damage:
    def make(folder: Path) -> None:
        (folder / "cases.jsonl").symlink_to(target)

    return make


def linked_folder(folder: Path) -> None:
    (folder / ".keep").unlink()
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")


def gone(folder: Path) -> None:
    (folder / ".keep").unlink()
    folder.rmdir()


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "cases.jsonl")


def two_files(folder: Path) -> None:
    file('{"id": "a", "input": "x"}\n')(folder)
    file("- {id: a, input: y}\n", "more.yaml")(folder)


def release(text: str) -> Damage:
    def make(folder: Path) -> None:
        file('{"id": "a", "input": "x"}\n')(folder)
        (folder / "releases").mkdir()
        (folder / "releases" / "1.0.0.json").write_text(text)

    return make


PLACE = "golden/words/cases.jsonl:1"

# name -> (what is done to golden/words, what the message says)
GOLDEN: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "cut off": (file('{"input": "How lo'), (PLACE, "column 11", "cut off")),
    "not an object": (file("[1, 2]"), (PLACE, "a case is an object")),
    "a JSON array": (file('[\n{"input": "x"}\n]'), (PLACE, "one case per line")),
    "NaN": (file('{"input": "x", "expected": NaN}'), (PLACE, "NaN", "null")),
    "a number out of range": (file('{"input": {"x": 1e999}}'), (PLACE, "out of range")),
    "a number of 5,000 digits": (file('{"input": {"x": %s}}' % ("9" * 5000)), (PLACE, "as text")),
    "a key twice": (file('{"input": "x", "input": "y"}'), (PLACE, "'input'", "twice")),
    "100,000 levels": (file('{"input": {"x": %s}}' % ("[" * 100_000)), (PLACE, "nesting")),
    "one line of 1 MB": (file('{"input": "%s"}' % ("x" * 1_000_000)), (PLACE, "limit")),
    "one line of 1 MB without an end": (file('{"input": "' + "x" * 900_000), (PLACE, "cut off")),
    "an unknown field of 1 MB": (file('{"%s": 1}' % ("x" * 900_000)), (PLACE, "unknown field")),
    "an id of 1 MB": (file('{"id": "%s", "input": "x"}' % ("x" * 900_000)), (PLACE, "id")),
    "20,000 bad lines": (file("x\n" * 20_000), (PLACE, "19900 more problems")),
    "UTF-16": (file('{"input": "x"}'.encode("utf-16")), ("cases.jsonl", "UTF-16", "UTF-8")),
    "Latin-1": (file(b'{"input": "caf\xe9"}'), (PLACE, "0xe9", "UTF-8")),
    "a byte order mark inside": (file('{"input": "x"}\n\ufeff{"input": "y"}'), (":2", "mark")),
    "two byte order marks": (file('\ufeff\ufeff{"input": "x"}'), (PLACE, "mark")),
    "carriage returns only": (file('{"input": "x"}\r{"input": "y"}'), (PLACE, "one value")),
    "a NUL byte": (file(b'{"input": "x"\x00}'), (PLACE, "column 14")),
    "half of a character": (file(r'{"input": "\ud800"}'), (PLACE, "half of a character")),
    "empty": (file(""), ("cases.jsonl", "no case")),
    "no input": (file('{"id": "x"}'), (PLACE, "input", "missing")),
    "an id that climbs": (file('{"id": "../../x", "input": "x"}'), (PLACE, "id", "not usable")),
    "an absolute id": (file('{"id": "/etc/passwd", "input": "x"}'), (PLACE, "id", "not usable")),
    "an id with an escape": (file(r'{"id": "\u001b[2J", "input": "x"}'), (PLACE, r"\x1b", "id")),
    "an id with colons": (file('{"id": "a::b", "input": "x"}'), (PLACE, "id", "not usable")),
    "an id that is a device": (file('{"id": "NUL", "input": "x"}'), (PLACE, "Windows")),
    "an id twice": (two_files, ("more.yaml:1", "id", "cases.jsonl:1", "another id")),
    "ids that differ by case": (
        file('{"id": "a", "input": "x"}\n{"id": "A", "input": "y"}'),
        (":2", "case only"),
    ),
    "a slice with a bracket": (
        file('{"input": "x", "slices": {"y": "a]"}}'),
        (PLACE, "slices.y", "separate"),
    ),
    "a misspelled field": (file('{"input": "x", "chekcs": []}'), (PLACE, 'mean "checks"?')),
    "an unknown check": (
        file('{"input": "x", "checks": [{"contians": "y"}]}'),
        (PLACE, "checks[0]", 'mean "contains"?'),
    ),
    "a check of the wrong type": (
        file('{"input": "x", "checks": [{"words": "many"}]}'),
        (PLACE, "checks[0]"),
    ),
    "a pattern that is none": (
        file('{"input": "x", "checks": [{"regex": "("}]}'),
        (PLACE, "checks[0]"),
    ),
    "a schema that is none": (
        file('{"input": "x", "checks": [{"json_schema": {"type": 7}}]}'),
        (PLACE, "checks[0]"),
    ),
    "a function that is nowhere": (
        file('{"input": "x", "checks": [{"python": "os:nothing"}]}'),
        (PLACE, "checks[0]", "nothing"),
    ),
    "a module that climbs": (
        file('{"input": "x", "checks": [{"python": "../../x:y"}]}'),
        (PLACE, "checks[0]"),
    ),
    "YAML cut off": (file('- input: "x', "cases.yaml"), ("cases.yaml:1", "YAML")),
    "YAML aliases": (file("- &a {input: x}\n- *a\n", "cases.yaml"), ("cases.yaml:1", "anchor")),
    "YAML tags": (
        file("- input: !!python/object:os.system x\n", "cases.yaml"),
        ("cases.yaml:1", "tag"),
    ),
    "YAML 50,000 deep": (file("[" * 50_000, "cases.yaml"), ("cases.yaml", "nesting")),
    "YAML with a control character": (file("- input: a\x07b\n", "cases.yaml"), ("cases.yaml",)),
    "YAML that says no": (
        file("- input: x\n  must_pass: no\n", "cases.yaml"),
        ("cases.yaml:1", "must_pass", "true"),
    ),
    "CSV without a header": (file("\n\n", "cases.csv"), ("cases.csv",)),
    "CSV with a column twice": (file("input,input\nx,y\n", "cases.csv"), ("cases.csv", "input")),
    "CSV with too many cells": (file("input\nx,y,z\n", "cases.csv"), ("cases.csv:2",)),
    "CSV with a NUL": (file(b"input\nx\x00y\n", "cases.csv"), ("cases.csv:2", "UTF-8")),
    "CSV in UTF-16": (file("input\nx\n".encode("utf-16"), "cases.csv"), ("cases.csv", "UTF-8")),
    "Parquet that is none": (file(b"PAR1" + b"\0" * 99, "cases.parquet"), ("cases.parquet",)),
    "Parquet cut off": (file(b"PAR1", "cases.parquet"), ("cases.parquet",)),
    "dataset.json cut off": (file('{"licence": "MI', "dataset.json"), ("dataset.json", "JSON")),
    "dataset.json of the wrong type": (file("[]", "dataset.json"), ("dataset.json", "object")),
    "dataset.json with an unknown field": (
        file('{"lisence": "MIT"}', "dataset.json"),
        ("dataset.json", "lisence", 'mean "licence"?'),
    ),
    "a Hub path that climbs": (
        file('{"hub": {"path": "../../etc"}}', "dataset.json"),
        ("dataset.json",),
    ),
    "an unknown kind of file": (file("x", "cases.txt"), ("cases.txt", "rename or move")),
    "a folder in place of a file": (folder_for_file, ("cases.jsonl", "folder")),
    "a file in place of the folder": (folder_is_file, ("golden", "words")),
    "no folder": (gone, ("golden/words", "evalsuite golden add words")),
    "a link to a secret": (link("/etc/passwd"), ("cases.jsonl", "symbolic link")),
    "a link to nowhere": (link("nowhere.jsonl"), ("cases.jsonl", "symbolic link")),
    "a link to itself": (link("cases.jsonl"), ("cases.jsonl", "symbolic link")),
    "the folder is a link": (linked_folder, ("golden/words", "symbolic link")),
    "a pipe that nobody fills": (fifo, ("cases.jsonl", "regular file")),
    "a release cut off": (release('{"version": "1.0'), ("releases/1.0.0.json",)),
    "a release of the wrong type": (release("[]"), ("releases/1.0.0.json",)),
    "a release without its hashes": (release('{"version": "1.0.0"}'), ("releases/1.0.0.json",)),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_bad_golden_data_ends_the_collection_with_its_place(project: Any, name: str) -> None:
    damage, said = GOLDEN[name]
    if os.name == "nt" and ("link" in name or "pipe" in name):
        pytest.skip("needs links and pipes that anybody may make")
    project.suite()
    damage(project.path / "golden" / "words")
    done = project.run()
    assert_one_error(done.stdout.str() + done.stderr.str(), done.ret, 2, said)


def test_a_golden_file_that_can_not_be_read_is_named(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.suite()
    project.cases(project.many(1))
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "cases.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = project.run()
    said = ("cases.jsonl", "can't be read: Permission denied", "permissions")
    assert_one_error(done.stdout.str() + done.stderr.str(), done.ret, 2, said)
