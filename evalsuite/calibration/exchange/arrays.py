"""JSON files of other tools: an array, JSON Lines or one object, each record with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from evalsuite.errors import Problem
from evalsuite.golden.lines import decode, read_lines
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse

Record = tuple[int, Json]

_AGAIN = "export it as JSON again, or say which format it is"

_skip = json.decoder.WHITESPACE.match  # type: ignore[attr-defined]


def records(data: bytes, path: str) -> tuple[list[Record], list[Problem]]:
    """(line, value) of each record; one object alone is one record."""
    try:
        text = decode(data)
    except Malformed as bad:
        return [], [Problem(path, 0, "encoding", bad.message, bad.remedy)]
    start = text.lstrip()[:1]
    if start == "{" and _is_lines(text):
        entries, problems = read_lines(data, path)
        return [(each.line, each.value) for each in entries], [_again(each) for each in problems]
    try:
        value = parse(text)
    except Malformed as bad:
        return [], [_again(Problem(path, 0, bad.field, bad.message, bad.remedy))]
    if isinstance(value, list):
        return list(zip(_lines(text), value, strict=True)), []
    if isinstance(value, dict):
        return [(1, value)], []
    return [], [Problem(path, 1, "", "is no list of records", "export it as JSON again")]


def names_in(value: Json) -> Iterator[str]:
    """Every name in it: keys, controls of Label Studio (`from_name`), and questions of Argilla's
    flat layout, NAME.responses."""
    if isinstance(value, list):
        for each in value:
            yield from names_in(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from (name, name.removesuffix(".responses"))
            if name == "from_name" and isinstance(each, str):
                yield each
            yield from names_in(each)


def _again(problem: Problem) -> Problem:
    """No person wrote the file, so that another export is the remedy."""
    return replace(problem, remedy=_AGAIN) if problem.message.startswith("not JSON") else problem


def texts_of(value: Json) -> str:
    """A text, or the texts of a list as paragraphs."""
    if isinstance(value, list):
        return "\n".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _is_lines(text: str) -> bool:
    """Whether each line is an object of its own: the first one is whole."""
    first = text.lstrip().partition("\n")[0]
    try:
        return isinstance(json.loads(first), dict) and len(text.strip()) > len(first.strip())
    except (ValueError, RecursionError):
        return False


def _lines(text: str) -> Iterator[int]:
    """The line on which each element of an array starts; the text is sound."""
    decoder = json.JSONDecoder()
    at = _skip(text, text.index("[") + 1).end()
    line, seen = 1, 0
    while text[at] != "]":
        line += text.count("\n", seen, at)
        seen = at
        yield line
        at = _skip(text, decoder.raw_decode(text, at)[1]).end()
        if text[at] == ",":
            at = _skip(text, at + 1).end()
