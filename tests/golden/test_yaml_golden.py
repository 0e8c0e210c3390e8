"""YAML means what it looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from evalsuite.golden import load
from evalsuite.golden.yamldoc import read


def values(text: str) -> list[Any]:
    entries, problems = read(text.encode(), "cases.yaml")
    assert problems == []
    return [entry.value for entry in entries]


@pytest.mark.parametrize(
    "word",
    [
        "no",
        "yes",
        "on",
        "Off",
        "True",
        "NULL",
        "~",
        "1_000",
        "12:30:45",
        "2026-03-11",
        "0x1F",
        "0o17",
        "017",
        "+1",
        ".5",
        "1.",
        ".inf",
        ".nan",
        "1e",
        "１２",
    ],
)
def test_a_plain_word_is_text(word: str) -> None:
    assert values(f"input: {word}") == [{"input": word}]


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("false", False), ("null", None), ("", None), ("-12", -12), ("1.5e3", 1500.0)],
)
def test_json_words_are_values(word: str, value: Any) -> None:
    assert values(f"a: {word}") == [{"a": value}]


@pytest.mark.parametrize("quoted", ['"12"', "'12'", "|-\n  12", '"true"'])
def test_quoted_is_text(quoted: str) -> None:
    assert values(f"a: {quoted}") == [{"a": quoted.strip("\"'|-\n ")}]


def test_keys_are_text() -> None:
    assert values("{1: a, true: b, no: c, <<: d}") == [
        {"1": "a", "true": "b", "no": "c", "<<": "d"}
    ]


def test_a_list_and_documents_hold_the_same_cases() -> None:
    cases = [{"input": "a"}, {"input": {"q": ["b", {"c": []}]}}]
    assert values("- input: a\n- input:\n    q:\n    - b\n    - c: []\n") == cases
    assert values("input: a\n---\ninput: {q: [b, {c: []}]}\n---\n") == cases


def test_entries_know_their_lines() -> None:
    entries, _ = read(b"# head\n- input: a\n\n- input: b\n  id: b\n---\ninput: c\n", "x.yaml")
    assert [entry.line for entry in entries] == [2, 4, 7]


def test_every_trap_of_a_file_is_reported_with_its_line() -> None:
    text = b"- &a\n  input: x\n- {input: x, input: y}\n- *a\n- input: !!str y\n- {*a : 1}\n"
    _, problems = read(text, "x.yaml")
    assert [(each.line, each.field) for each in problems] == [
        (1, "&a"),
        (3, "'input'"),
        (4, "*a"),
        (5, "'!!str'"),
        (6, "*a"),
    ]


def test_line_breaks_in_texts_do_not_depend_on_the_file(tmp_path: Path) -> None:
    text = "- id: a\n  input: |\n    one\n    two\n"
    for name, content in (("unix", text), ("windows", text.replace("\n", "\r\n"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yml").write_bytes(content.encode())
    assert load(tmp_path / "unix").key == load(tmp_path / "windows").key


def test_the_slow_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "- input: no\n  checks: [{contains: '16'}]\n  n: 1\n---\ninput: !x [y\n"
    fast = read(text.encode(), "x.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = read(text.encode(), "x.yaml")
    assert slow[0] == fast[0]
    assert [each.field for each in slow[1]] == [each.field for each in fast[1]]
