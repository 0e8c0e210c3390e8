"""JSON as its specification has it, and JSON Lines: what the standard library lets pass is refused.

A duplicate key, NaN or a number out of range would give one file two meanings, or a hash that
depends on who reads it. Nesting is bounded, so that no later step can run out of stack.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from evalsuite.errors import Problem
from evalsuite.golden.wording import shown
from evalsuite.records import Json

MAX_DEPTH = 100
"""Nested lists and objects in one case."""

MAX_CASE_BYTES = 1_000_000
"""One case as written. A longer text belongs in a file that the target reads."""

MAX_FILE_BYTES = 1_000_000_000
"""One file of cases."""


class Malformed(Exception):
    """A text is not what it should be; `field` says where in it."""

    def __init__(self, message: str, remedy: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message, self.remedy, self.field = message, remedy, field


@dataclass(frozen=True, slots=True)
class Entry:
    """One case as it was written: the line where it begins (from 1), and its value."""

    line: int
    value: Json


def parse(text: str) -> Json:
    """The value of one JSON text; Malformed says what is wrong, and at which column."""
    if _too_deep(text):
        raise Malformed(f"more than {MAX_DEPTH} levels of nesting", "flatten the value")
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno} of it"
        reason = error.msg.lower()
        raise Malformed(f"not JSON: {reason}", _json_remedy(text, error), where) from None
    except ValueError:
        raise Malformed("a number of more than 4300 digits", "write it as text") from None


def _json_remedy(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()):
        return "the text ends too early: is the file cut off?"
    if error.msg.startswith("Unterminated string"):
        return 'no " ends it: is the file cut off, or a quote in the text not written as \\"?'
    if error.msg == "Extra data":
        return "write one value only, on one line"
    if text[error.pos] == "'":
        return 'write text in double quotes: "…"'
    if text[error.pos] == "\ufeff":
        return "remove the byte order mark: were two files joined?"
    return "compare it with the case before, or paste it into a JSON checker"


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Malformed("the key occurs twice in one object", "keep one of them", shown(twice))
    return value


def _constant(name: str) -> Json:
    raise Malformed(f"{name} is not JSON", "write null, or leave the field out")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed(f"the number {shown(digits, 20)} is out of range", "write it as text")
    return value


_decode = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float
).decode

# An unclosed string takes the rest, so that the scan stays linear whatever the text is.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def _too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _STRUCTURE.finditer(text):
        mark = match[0]
        depth += (mark in "[{") - (mark in "]}")
        if depth > MAX_DEPTH:
            return True
    return False


def decode(data: bytes) -> str:
    """The text of a UTF-8 file, without a byte order mark; Malformed names another encoding."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Malformed("the file is UTF-16", "save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed(
            f"byte 0x{data[error.start]:02x} on line {line} is not UTF-8", "save the file as UTF-8"
        ) from None


def read_lines(data: bytes, path: str) -> tuple[list[Entry], list[Problem]]:
    """JSON Lines: one case per line. Blank lines, CR LF and a byte order mark don't matter."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return [], [Problem(path, 0, "encoding", "the file is UTF-16", "save it as UTF-8")]
    entries, problems = [], []
    for line, text in _lines(data.removeprefix(b"\xef\xbb\xbf")):
        try:
            entries.append(Entry(line, _case(text)))
        except Malformed as bad:
            problems.append(Problem(path, line, bad.field, bad.message, bad.remedy))
            if line == 1 and text.strip() == b"[":
                problems[-1] = Problem(
                    path, line, "format", "a JSON array, not JSON Lines", "write one case per line"
                )
                break
    return entries, problems


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    for line, text in enumerate(data.split(b"\n"), 1):
        if text and not text.isspace():
            yield line, text


def _case(text: bytes) -> Json:
    if len(text) > MAX_CASE_BYTES:
        raise Malformed(
            f"the case is {len(text):,} bytes long, the limit is {MAX_CASE_BYTES:,}",
            "keep long documents in files that the target reads",
            "size",
        )
    try:
        return parse(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed(
            f"byte 0x{text[error.start]:02x} is not UTF-8",
            "save the file as UTF-8",
            f"byte {error.start + 1}",
        ) from None
