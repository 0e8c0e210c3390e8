"""Whatever bytes a file holds: cases, or problems; never anything else."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import evalsuite.golden
from evalsuite.errors import GoldenError, Problem
from evalsuite.golden import case_from, load
from evalsuite.golden.fields import FIELDS, name_problem
from evalsuite.golden.lines import read_lines
from evalsuite.golden.tables import read_csv
from evalsuite.golden.yamldoc import read as read_yaml
from evalsuite.records import Source
from evalsuite.strictjson import MAX_DEPTH, Malformed, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CASES = st.dictionaries(
    st.sampled_from(FIELDS) | st.text(max_size=6),
    JSON
    | st.sampled_from(
        ["a", "", {"question": "x"}, ["d"], {"d": 1}, {"t": "v"}, [{"contains": "x"}], True]
    ),
    max_size=5,
)
LIKELY = st.text(alphabet=st.sampled_from(list('{}[]":,\\ \n\t\r-&*!|>#?%@`0a\ufeff\x00é')))
BYTES = st.binary(max_size=60) | LIKELY.map(str.encode)


@pytest.mark.parametrize("name", ["a.jsonl", "a.yaml", "a.csv", "dataset.json"])
@settings(max_examples=60)
@given(data=BYTES)
@example(data=b'{"input": "x"}')
def test_any_bytes_load_or_are_explained(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "set"
        folder.mkdir()
        (folder / name).write_bytes(data)
        try:
            found: tuple[object, ...]
            found, said = load(folder).cases, ""
        except GoldenError as error:
            found, said = error.problems, str(error)
        assert found
        assert all(line.isprintable() for line in said.split("\n"))


@given(data=BYTES)
def test_readers_never_raise(data: bytes) -> None:
    for entries, problems in (
        read_lines(data, "a"),
        read_yaml(data, "a"),
        read_csv(data, "a", {}),
    ):
        assert all(entry.line >= 1 for entry in entries)
        assert all(isinstance(each, Problem) for each in problems)


@given(value=JSON)
def test_json_survives_lines_and_yaml(value: Any) -> None:
    text = json.dumps({"input": value})
    entries, problems = read_lines(text.encode(), "a")
    assert problems == []
    assert entries[0].value == {"input": value}


@given(value=CASES)
def test_a_written_case_is_sound_or_explained(value: dict[str, Any]) -> None:
    problems: list[Problem] = []
    made = case_from(value, Source("a", 1), problems)
    assert (made is None) == bool(problems)
    if made is not None:
        case, _ = made
        assert name_problem(case.id) is None
        assert all(math.isfinite(grade) for grade in case.relevant.values())


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    file = Path(evalsuite.golden.__file__).with_name("case.schema.json")
    value = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(value)
    return jsonschema.Draft202012Validator(value)


@given(value=CASES)
@example(value={"input": "x", "slices": {"a b": "c"}})
@example(value={"input": "x", "slices": {"a": "b,c"}})
@example(value={"input": "x", "relevant": {"d": 0}})
@example(value={"input": {"messages": []}})
@example(value={"input": "x", "id": "a."})
@example(value={"input": "x", "checks": [{"not": {}}]})
def test_what_loads_is_valid_in_an_editor(
    schema: jsonschema.Draft202012Validator, value: dict[str, Any]
) -> None:
    problems: list[Problem] = []
    if case_from(value, Source("a", 1), problems) is not None:
        assert schema.is_valid(value)
        assert schema.is_valid([value])
    elif not any(_only_the_loader_sees(problem) for problem in problems):
        assert not schema.is_valid(value)


def _only_the_loader_sees(problem: Problem) -> bool:
    """What a schema can't say: characters and reserved names."""
    return any(
        part in problem.message
        for part in ("lone surrogate", "on Windows", "trimmed", "is not usable", "listed twice")
    )


def test_the_schema_knows_every_field(schema: jsonschema.Draft202012Validator) -> None:
    assert set(schema.schema["$defs"]["case"]["properties"]) == set(FIELDS)


@given(depth=st.integers(1, 150), text=st.text(alphabet='[]{}"\\', max_size=5))
def test_depth_is_counted_outside_of_texts(depth: int, text: str) -> None:
    nested = "[" * depth + json.dumps(text * 40) + "]" * depth
    if depth > MAX_DEPTH:
        with pytest.raises(Malformed):
            parse(nested)
    else:
        assert parse(nested)
