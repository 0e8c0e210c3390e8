"""What all files of cases share, and the format of most: JSON Lines, one case a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalsuite.errors import Problem
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse

MAX_CASE_BYTES = 1_000_000
"""One case as written. A longer text belongs in a file that the target reads."""

MAX_FILE_BYTES = 1_000_000_000
"""One file of cases."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One case as it was written: the line where it begins (from 1), and its value."""

    line: int
    value: Json


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
