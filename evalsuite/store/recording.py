"""A recording: replies as lines of text, sorted, to be committed and reviewed as any other file.

Each line is checked when it is read, so that one that was cut off or edited is found, with its
number. A file whose name ends in .gz is compressed.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from evalsuite.canonical import canonical
from evalsuite.errors import Problem, ProblemsError
from evalsuite.store.file import checksum
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import shown_path

_HEAD = {"evalsuite": "recording", "format": 1}
_MAX_LINE = 64 * 2**20
_REMEDY = "restore the file, or export it again: evalsuite store export"


def write_recording(file: Path, replies: Mapping[str, bytes]) -> None:
    """Write replies by call.key; each must be canonical JSON. An old file is replaced whole."""
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(_packed(file, b"".join(_lines(replies))))
    new.replace(file)


def _lines(replies: Mapping[str, bytes]) -> Iterator[bytes]:
    yield canonical(_HEAD) + b"\n"
    for key in sorted(replies):
        total = checksum("call", key, replies[key])
        yield b'{"key":%b,"reply":%b,"sum":"%b"}\n' % (
            canonical(key),
            replies[key],
            total.encode(),
        )


def _packed(file: Path, data: bytes) -> bytes:
    return gzip.compress(data, mtime=0) if file.suffix == ".gz" else data  # equal, equal bytes


def load_recordings(recordings: Sequence[Path]) -> dict[str, bytes]:
    """The replies of several files; ProblemsError names every line that can't be used."""
    replies: dict[str, bytes] = {}
    for file in recordings:
        found, problems = read_recording(file)
        if problems:
            raise ProblemsError(problems)
        replies = {**found, **replies}
    return replies


def read_recording(file: Path) -> tuple[dict[str, bytes], list[Problem]]:
    """The replies that can be used, and what is wrong with the other lines; ProblemsError for a
    file that is no recording at all."""
    replies: dict[str, bytes] = {}
    problems: list[Problem] = []
    try:
        with _opened(file) as handle:
            if not _is_head(handle.readline(1000)):
                wrong = "not a recording of evalsuite"
                raise ProblemsError([Problem(shown_path(file), 1, "", wrong, _REMEDY)])
            for number, line in enumerate(iter(lambda: handle.readline(_MAX_LINE), b""), 2):
                try:
                    key, reply = _reply(line)
                except Malformed as bad:
                    problems.append(
                        Problem(shown_path(file), number, bad.field, bad.message, _REMEDY)
                    )
                else:
                    replies[key] = reply
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        problems.append(Problem(shown_path(file), 0, "", f"it is cut off: {error}", _REMEDY))
    except OSError as error:
        wrong = f"the recording can't be read: {error.strerror or error}"
        remedy = "correct the setting recordings, or restore the file"
        raise ProblemsError([Problem(shown_path(file), 0, "", wrong, remedy)]) from None
    return replies, problems


def _opened(file: Path) -> BinaryIO:
    with file.open("rb") as handle:
        packed = handle.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(file)) if packed else file.open("rb")


def _is_head(line: bytes) -> bool:
    try:
        return bool(parse(line.decode("utf-8")) == _HEAD)
    except (UnicodeDecodeError, Malformed):
        return False


def _reply(line: bytes) -> tuple[str, bytes]:
    """The key and the reply of a line, as they were put into a store."""
    try:
        value = parse(line.decode("utf-8"))
        if not isinstance(value, dict) or set(value) != {"key", "reply", "sum"}:
            raise Malformed("a line has the fields key, reply and sum")
        key, reply = value["key"], canonical(value["reply"])
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 (byte {error.start})") from None
    except ValueError as error:
        raise Malformed(f"not JSON that can be kept: {error}") from None
    if not isinstance(key, str) or checksum("call", key, reply) != value["sum"]:
        raise Malformed("the reply is not the one that was recorded", field="sum")
    return key, reply
