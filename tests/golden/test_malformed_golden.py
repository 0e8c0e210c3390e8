"""Whatever a file of golden data holds: clear problems with their place and remedy, or cases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evalsuite.errors import GoldenError
from evalsuite.golden import load

GOOD = b'{"input": "How long is parental leave?"}\n'


def jsonl(text: str) -> tuple[str, bytes]:
    return "cases.jsonl", text.encode()


def yaml(text: str) -> tuple[str, bytes]:
    return "cases.yaml", text.encode()


def table(text: str) -> tuple[str, bytes]:
    return "cases.csv", text.encode()


def about(text: str) -> tuple[str, bytes]:
    return "dataset.json", text.encode()


# name -> (file, line, field, part of the message)
MALFORMED: dict[str, tuple[tuple[str, bytes], int, str, str]] = {
    "truncated": (jsonl('{"input": "How lo'), 1, "column 11", "not JSON"),
    "truncated after a comma": (jsonl('{"input": "x",'), 1, "column 15", "not JSON"),
    "not an object": (jsonl('"How long?"'), 1, "", "a case is an object, not text"),
    "a number": (jsonl("17"), 1, "", "a case is an object, not a number"),
    "null": (jsonl("null"), 1, "", "a case is an object, not null"),
    "an array of cases": (jsonl('[\n{"input": "x"}\n]'), 1, "format", "not JSON Lines"),
    "two values on a line": (jsonl('{"input": "x"} {"input": "y"}'), 1, "column 16", "extra data"),
    "single quotes": (jsonl("{'input': 'x'}"), 1, "column 2", "not JSON"),
    "NaN": (jsonl('{"input": "x", "expected": NaN}'), 1, "", "NaN is not JSON"),
    "infinite": (jsonl('{"input": {"x": -Infinity}}'), 1, "", "-Infinity is not JSON"),
    "out of range": (jsonl('{"input": {"x": 1e999}}'), 1, "", "out of range"),
    "endless number": (jsonl('{"input": {"x": %s}}' % ("9" * 5000)), 1, "", "4300 digits"),
    "duplicate key": (jsonl('{"input": "x", "input": "y"}'), 1, "'input'", "twice"),
    "inner duplicate key": (jsonl('{"input": {"q": 1, "q": 2}}'), 1, "'q'", "twice"),
    "deep lists": (jsonl('{"input": {"x": %s}}' % ("[" * 100_000)), 1, "", "levels of nesting"),
    "deep objects": (jsonl('{"a":' * 5_000 + "1" + "}" * 5_000), 1, "", "levels of nesting"),
    "hostile quotes": (jsonl('{"' + '\\"' * 400_000), 1, "column 2", "not JSON"),
    "a line of 1 MB": (jsonl('{"input": "%s"}' % ("x" * 1_000_000)), 1, "size", "limit is 1,000"),
    "UTF-16": (("cases.jsonl", GOOD.decode().encode("utf-16")), 0, "encoding", "UTF-16"),
    "Latin-1": (("cases.jsonl", b'{"input": "caf\xe9"}'), 1, "byte 15", "0xe9"),
    "lone surrogate": (jsonl(r'{"input": "\ud800"}'), 1, "input", "half of a character"),
    "surrogate in a key": (jsonl(r'{"input": {"\ud800": 1}}'), 1, "input", "half of a character"),
    "NUL bytes": (("cases.jsonl", b'{"input": "x"\x00}'), 1, "column 14", "not JSON"),
    "a mark in the middle": (
        jsonl('{"input": "x"}\n\ufeff{"input": "y"}'),
        2,
        "column 1",
        "not JSON",
    ),
    "empty file": (jsonl(""), 0, "", "holds no case"),
    "blank lines only": (jsonl("\n \r\n\n"), 0, "", "holds no case"),
    "no input": (jsonl('{"id": "x"}'), 1, "input", "missing"),
    "null input": (jsonl('{"input": null}'), 1, "input", "missing"),
    "empty input": (jsonl('{"input": ""}'), 1, "input", "empty"),
    "input without fields": (jsonl('{"input": {}}'), 1, "input", "without fields"),
    "input is a list": (jsonl('{"input": ["x"]}'), 1, "input", "text or an object"),
    "no messages": (jsonl('{"input": {"messages": []}}'), 1, "input.messages", "list of messages"),
    "message without a role": (
        jsonl('{"input": {"messages": [{"content": "x"}]}}'),
        1,
        "input.messages[0]",
        "a role",
    ),
    "misspelled field": (jsonl('{"input": "x", "expcted": 1}'), 1, "'expcted'", "unknown field"),
    "escape in a field": (jsonl(r'{"input": "x", "\u001b[2J": 1}'), 1, r"'\x1b[2J'", "unknown"),
    "id is a number": (jsonl('{"id": 7, "input": "x"}'), 1, "id", "must be text"),
    "id leaves the folder": (jsonl('{"id": "../../x", "input": "x"}'), 1, "id", "not usable"),
    "id is absolute": (jsonl('{"id": "/etc/passwd", "input": "x"}'), 1, "id", "not usable"),
    "id with a backslash": (jsonl(r'{"id": "a\\b", "input": "x"}'), 1, "id", "not usable"),
    "id with colons": (jsonl('{"id": "a::b", "input": "x"}'), 1, "id", "not usable"),
    "id with a line break": (jsonl(r'{"id": "a\n", "input": "x"}'), 1, "id", "not usable"),
    "id is a device": (jsonl('{"id": "NUL.txt", "input": "x"}'), 1, "id", "Windows"),
    "id ends with a dot": (jsonl('{"id": "a.", "input": "x"}'), 1, "id", "Windows"),
    "id is too long": (jsonl('{"id": "%s", "input": "x"}' % ("a" * 101)), 1, "id", "not usable"),
    "id is empty": (jsonl('{"id": "", "input": "x"}'), 1, "id", "not usable"),
    "checks are an object": (
        jsonl('{"input": "x", "checks": {"contains": "y"}}'),
        1,
        "checks",
        "must be a list",
    ),
    "check of two keys": (
        jsonl('{"input": "x", "checks": [{"a": 1, "b": 2}]}'),
        1,
        "checks[0]",
        "one key",
    ),
    "negated text": (jsonl('{"input": "x", "checks": [{"not": "y"}]}'), 1, "checks[0].not", "one"),
    "contexts are text": (jsonl('{"input": "x", "contexts": "y"}'), 1, "contexts", "list of texts"),
    "context is a number": (jsonl('{"input": "x", "contexts": [1]}'), 1, "contexts[0]", "text"),
    "relevant is text": (jsonl('{"input": "x", "relevant": "d"}'), 1, "relevant", "a list or"),
    "relevant twice": (jsonl('{"input": "x", "relevant": ["d", "d"]}'), 1, "relevant[1]", "twice"),
    "grade of zero": (jsonl('{"input": "x", "relevant": {"d": 0}}'), 1, "relevant['d']", "above 0"),
    "relevant without an id": (
        jsonl('{"input": "x", "relevant": {"": 1}}'),
        1,
        "relevant",
        "must not be empty",
    ),
    "grade is true": (
        jsonl('{"input": "x", "relevant": {"d": true}}'),
        1,
        "relevant['d']",
        "a number above 0",
    ),
    "slices are a list": (jsonl('{"input": "x", "slices": ["a"]}'), 1, "slices", "an object"),
    "slice is a number": (jsonl('{"input": "x", "slices": {"y": 1}}'), 1, "slices.y", "text"),
    "slice with a comma": (
        jsonl('{"input": "x", "slices": {"y": "a,b"}}'),
        1,
        "slices.y",
        "one of",
    ),
    "slice with an escape": (
        jsonl(r'{"input": "x", "slices": {"y": "\u001b[1m"}}'),
        1,
        "slices.y",
        "not usable",
    ),
    "dimension with a space": (
        jsonl('{"input": "x", "slices": {"a b": "y"}}'),
        1,
        "slices['a b']",
        "dimension",
    ),
    "must_pass is text": (jsonl('{"input": "x", "must_pass": "no"}'), 1, "must_pass", "true or"),
    "cluster is a number": (jsonl('{"input": "x", "cluster": 1}'), 1, "cluster", "must be text"),
    "YAML alias": (yaml("- &a {input: x}\n- *a\n"), 1, "&a", "an anchor"),
    "YAML bomb": (yaml("a: &a [x,x]\nb: &b [*a,*a]\ninput: *b\n"), 1, "&a", "an anchor"),
    "YAML duplicate key": (yaml("- input: x\n  input: y\n"), 2, "'input'", "twice"),
    "YAML tag": (
        yaml("- input: !!python/object:os.system x\n"),
        1,
        "'!!python/object:os.system'",
        "a tag",
    ),
    "YAML syntax": (yaml("- input: x\n- input: [y\n"), 3, "column 1", "not YAML"),
    "YAML tab": (yaml("- input:\n\t- x\n"), 2, "column 1", "not YAML"),
    "YAML key is a list": (yaml("- input: {[a]: b}\n"), 1, "", "used as a key"),
    "YAML deep": (yaml("input: " + "[" * 50_000), 1, "", "levels of nesting"),
    "YAML control character": (yaml("- input: y\n- input: 'x\x07'\n"), 2, "", "not YAML"),
    "YAML is text": (yaml("How long is leave?\n"), 1, "", "a case is an object"),
    "YAML holds nothing": (yaml("# nothing\n"), 0, "", "holds no case"),
    "YAML number as a slice": (
        yaml("- input: x\n  slices: {year: 2024}\n"),
        1,
        "slices.year",
        "text",
    ),
    "YAML infinite": (yaml("- input: {x: 1e999}\n"), 1, "'1e999'", "out of range"),
    "YAML long text": (yaml("input: %s" % ("x" * 1_000_001)), 1, "size", "limit is 1,000,000"),
    "YAML Latin-1": (("cases.yaml", "- input: \xe9".encode("latin-1")), 0, "encoding", "0xe9"),
    "YAML too large": (("cases.yml", b"#" * 10_000_001), 0, "size", "limit for YAML"),
    "CSV unknown column": (table("input,expcted\nx,y\n"), 1, "'expcted'", "unknown column"),
    "CSV short row": (table("input,expected\nx\n"), 2, "", "1 cells under 2 columns"),
    "CSV long row": (table("input,expected\nx,y,z\n"), 2, "", "3 cells under 2 columns"),
    "CSV open quote": (table('input\n"x\n'), 2, "", "not CSV"),
    "CSV column twice": (table("input,input\nx,y\n"), 1, "'input'", "two columns"),
    "CSV column without a name": (table("input,\nx,y\n"), 1, "column 2", "has no name"),
    "CSV cell is not JSON": (table('input,checks\nx,"[{"\n'), 2, "checks", "not JSON"),
    "CSV flag": (table("input,must_pass\nx,yes\n"), 2, "must_pass", "true or false"),
    "CSV long cell": (table("input\n" + "x" * 140_000 + "\n"), 2, "", "too long for CSV"),
    "CSV of endless columns": (table("a," * 100_000 + "\n"), 1, "", "the limit is 1,000"),
    "CSV header only": (table("input,expected\n"), 0, "", "holds no case"),
    "Parquet": (("cases.parquet", b"PAR1 but not really"), 0, "", "not Parquet"),
    "other file": (("cases.json", b"[]"), 0, "", "not a file of cases"),
    "backup": (("cases.jsonl~", GOOD), 0, "", "not a file of cases"),
    "dataset.json is a list": (about("[]"), 0, "", "must be an object"),
    "dataset.json cut off": (about('{"licence": "Apa'), 0, "column 13", "not JSON"),
    "dataset.json misspelled": (about('{\n"license": "MIT"}'), 0, "'license'", "unknown field"),
    "dataset.json name": (about('{"name": "other"}'), 1, "name", "not the folder's name"),
    "dataset.json licence": (about('{\n"licence": 1}'), 2, "licence", "must be text"),
    "Hub without a revision": (
        about('{"huggingface": {"name": "org/set"}}'),
        1,
        "huggingface.revision",
        "pinned revision",
    ),
    "Hub with a branch": (
        about('{"huggingface": {"name": "org/set", "revision": "main"}}'),
        1,
        "huggingface.revision",
        "pinned revision",
    ),
    "Hub path leaves": (
        about('{"huggingface": {"path": "../../secret"}}'),
        1,
        "huggingface.path",
        "leaves the dataset's folder",
    ),
    "mapping to no column": (about('{"fields": {"input": {}}}'), 1, "fields.input", "a column"),
    "mapping to no field": (
        about('{"fields": {"inputs": "q"}}'),
        1,
        "fields.inputs",
        "not a field",
    ),
}


def problems(folder: Path) -> GoldenError:
    with pytest.raises(GoldenError) as caught:
        load(folder)
    return caught.value


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_gives_one_clear_error(name: str, tmp_path: Path) -> None:
    (file, data), line, field, message = MALFORMED[name]
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / file).write_bytes(data)
    if file == "dataset.json":
        (folder / "cases.jsonl").write_bytes(GOOD)

    error = problems(folder)

    first = error.problems[0]
    assert first.path.endswith(f"set/{file}")
    assert (first.line, first.field) == (line, field)
    assert message in first.message
    assert first.remedy
    assert all(len(str(each)) < 600 for each in error.problems)
    assert all(each.isprintable() for each in str(error).split("\n"))
    if name not in ("YAML alias", "YAML bomb"):
        assert len(error.problems) == 1


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jsonl").write_text('{"input": 1, "must_pass": 1}\n{"inpt": "x"}\n{"input": "y"}\n')
    (folder / "b.yaml").write_text("- input: x\n  slices: [a]\n- {input: z, id: a/b}\n")
    found = [(Path(each.path).name, each.line, each.field) for each in problems(folder).problems]
    assert found == [
        ("a.jsonl", 1, "input"),
        ("a.jsonl", 1, "must_pass"),
        ("a.jsonl", 2, "'inpt'"),
        ("a.jsonl", 2, "input"),
        ("b.yaml", 1, "slices"),
        ("b.yaml", 3, "id"),
    ]


def test_a_hopeless_file_is_summed_up(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jsonl").write_text("nonsense\n" * 5_000)
    error = problems(folder)
    assert len(error.problems) == 101
    assert "4900 more problems" in str(error)


def test_a_hopeless_case_is_summed_up(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jsonl").write_text(
        json.dumps({"input": "x", **{f"f{n}": n for n in range(50_000)}})
    )
    error = problems(folder)
    assert len(error.problems) == 11
    assert "49990 more unknown fields" in str(error)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    with (folder / "a.jsonl").open("wb") as file:
        file.truncate(3_000_000_000)
    assert "the limit is 1,000,000,000" in str(problems(folder))


def test_bytes_that_are_no_text_are_refused_as_a_file_name(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "cases.jsonl").write_bytes(GOOD)
    try:
        (folder / "evil\x1b[2J\n.txt").write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    assert r"evil\x1b[2J\n.txt" in str(problems(folder))


@pytest.mark.parametrize("link", ["file", "folder"])
def test_links_are_not_followed(link: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "cases.jsonl").write_bytes(GOOD)
    folder = tmp_path / "set"
    if link == "file":
        folder.mkdir()
        (folder / "cases.jsonl").symlink_to(outside / "cases.jsonl")
    else:
        folder.symlink_to(outside)
    assert "is a symbolic link" in str(problems(folder))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_does_not_block_loading(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    os.mkfifo(folder / "cases.jsonl")
    assert "is not a regular file" in str(problems(folder))


def test_folders_that_nothing_reads_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    (folder / "more").mkdir(parents=True)
    (folder / "cases.jsonl").write_bytes(GOOD)
    assert "set/more: is a folder that is not read" in str(problems(folder))


def test_an_absent_dataset_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "askacme").mkdir()
    assert 'did you mean "askacme"?' in str(problems(tmp_path / "askacne"))


def test_checks_are_validated_by_whoever_knows_them(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    line = {"input": "x", "checks": [{"contians": "y"}]}
    (folder / "cases.jsonl").write_text(json.dumps(line))
    with pytest.raises(GoldenError) as caught:
        load(folder, validate_checks=lambda _: [("checks[0].contians", "unknown", "contains?")])
    assert "cases.jsonl:1: checks[0].contians: unknown (contains?)" in str(caught.value)
