"""The folder that a run and a snapshot share: manifest.json, scores.jsonl, outputs.jsonl, and
operations.jsonl where calls were made afresh.

The manifest names the other files by their SHA-256 and is renamed into place once they are on disk,
so the folder holds the old run or the new one whenever the writer is killed: a file that the
manifest names is at its name or, if its last rename didn't happen, beside it with `.new` added.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from evalsuite.canonical import digest
from evalsuite.errors import Problem, SnapshotError
from evalsuite.records import Json, Looks, Manifest, Output, Row, Run, Spent
from evalsuite.snapshot.codec import decoder, parse
from evalsuite.snapshot.outputs import (
    CONTEXT_LINE,
    OUTPUT_LINE,
    StoredContext,
    StoredOutput,
    key_in,
    restore,
    stored_context,
    stored_output,
)
from evalsuite.snapshot.revisions import Revision, read
from evalsuite.snapshot.spending import spent_from
from evalsuite.strictjson import Malformed
from evalsuite.wording import shown_path

Source = Path | Revision
"""Where a run is read from: a folder, or a folder as git holds it at a revision."""

KIND = "evalsuite run"
FORMAT = 1
MANIFEST, SCORES, OUTPUTS = "manifest.json", "scores.jsonl", "outputs.jsonl"
OPERATIONS = "operations.jsonl"
NEW = ".new"
MAX_MANIFEST = 16 * 2**20
MAX_LINE = {SCORES: 2**20, OPERATIONS: 2**20, OUTPUTS: 64 * 2**20}
MAX_ID = 200
MAX_AGAIN = 99


@dataclass(frozen=True, slots=True)
class File:
    """What the manifest says of another file, its line ends as LF; not `kept`: by hash only."""

    sha256: str
    bytes: int
    lines: int
    kept: bool = True


@dataclass(frozen=True, slots=True)
class Head:
    """A manifest.json: the manifest, the files that it names, and its own key."""

    manifest: Manifest
    files: Mapping[str, File]
    key: str

    @property
    def cases(self) -> int:
        return self.files[SCORES].lines


def load(source: Source) -> Run:
    """A stored run with every row; SnapshotError says what is wrong, where, and what to do."""
    head = read_head(source)
    rows: dict[str, Row] = {}
    with _opened(source, SCORES, head.files[SCORES]) as handle:
        for number, line in enumerate(_lines(source, SCORES, handle), 1):
            try:
                row = row_from(parse(line))
                if row.id in rows:
                    raise Malformed("is there twice").within("id")
            except Malformed as error:
                raise _malformed(source, SCORES, error, number) from None
            rows[row.id] = row
    for name, spent in read_spent(source, head).items():
        if name not in rows:
            raise trouble(source, OPERATIONS, f"{name!r} is no case of {SCORES}")
        rows[name] = replace(rows[name], spent=spent)
    _check_outputs_present(source, head.files.get(OUTPUTS))
    return Run(head.manifest, rows)


def read_spent(source: Source, head: Head) -> dict[str, Sequence[Spent]]:
    """What a stored run's trials took, by case; SnapshotError where its file is damaged."""
    found: dict[str, Sequence[Spent]] = {}
    if OPERATIONS not in head.files:
        return found
    with _opened(source, OPERATIONS, head.files[OPERATIONS]) as handle:
        for number, line in enumerate(_lines(source, OPERATIONS, handle), 1):
            try:
                case, spent = spent_from(parse(line))
            except Malformed as error:
                raise _malformed(source, OPERATIONS, error, number) from None
            found[case] = spent
    return found


def read_head(source: Source) -> Head:
    """The manifest alone, without a look at the rows."""
    with _open(source, MANIFEST) as handle:
        data = handle.read(MAX_MANIFEST + 1).replace(b"\r\n", b"\n")
    if len(data) > MAX_MANIFEST:
        raise trouble(source, MANIFEST, f"is larger than {MAX_MANIFEST >> 20} MB")
    if re.search(rb"^<{7} ", data, re.MULTILINE):
        raise _conflict(source, MANIFEST)
    try:
        value = parse(data)
        if not isinstance(value, dict) or value.get("kind") != KIND:
            raise Malformed(f'is not a run of evalsuite: "kind" is not "{KIND}"')
        version = value.get("format")
        if type(version) is not int or version < 1:
            raise Malformed("must be a whole number from 1").within("format")
        if version > FORMAT:
            message = f"is {version}, and this evalsuite reads up to {FORMAT}"
            raise Malformed(message, "install a newer evalsuite").within("format")
        files = _files(value.pop("files", None))
        manifest = _manifest({name: value[name] for name in value.keys() - {"kind", "format"}})
    except Malformed as error:
        raise _malformed(source, MANIFEST, error) from None
    return Head(manifest, files, digest(data))


def read_outputs(source: Source, keys: Container[str]) -> dict[str, Output]:
    """The stored outputs of these keys; those that were not stored are absent.

    Reads line by line and keeps only what was asked for.
    """
    entry = read_head(source).files.get(OUTPUTS)
    if entry is None or not entry.kept:
        return {}
    found: dict[str, StoredOutput] = {}
    contexts: dict[str, StoredContext] = {}
    with _opened(source, OUTPUTS, entry) as handle:
        for number, line in enumerate(_lines(source, OUTPUTS, handle), 1):
            name = key_in(line, OUTPUT_LINE)
            if name and name in keys and name not in found:
                try:
                    found[name] = stored_output(line)
                except Malformed as error:
                    raise _malformed(source, OUTPUTS, error, number) from None
        needed = {place for stored in found.values() for place in stored.contexts}
        handle.seek(0)
        for number, line in enumerate(_lines(source, OUTPUTS, handle), 1):
            if needed and key_in(line, CONTEXT_LINE) in needed:
                try:
                    contexts[key_in(line, CONTEXT_LINE)] = stored_context(line)
                except Malformed as error:
                    raise _malformed(source, OUTPUTS, error, number) from None
    if needed - contexts.keys():
        message = f"names a context that is not there: {min(needed - contexts.keys())[:60]}"
        raise trouble(source, OUTPUTS, message)
    return {name: restore(stored, contexts) for name, stored in found.items()}


def row_from(value: Json) -> Row:
    """A line of scores.jsonl as a Row; Malformed names the field."""
    row: Row = decoder(Row)(value)
    if not row.id or len(row.id) > MAX_ID or not row.id.isprintable():
        raise Malformed(f"must be 1 to {MAX_ID} printable characters").within("id")
    for name in ("facts", "output_facts"):
        for fact, each in getattr(row, name).items():
            if isinstance(each, (dict, list)):
                wanted = "must be a number, text, true, false or null"
                raise Malformed(wanted).within(fact).within(name)
    return row


def measure(handle: BinaryIO) -> File:
    """What the manifest would say of an open file; read from its present place to its end."""
    sha, size, lines = hashlib.sha256(), 0, 0
    for raw in handle:
        line = raw[:-2] + b"\n" if raw.endswith(b"\r\n") else raw
        sha.update(line)
        size += len(line)
        lines += 1
    return File(sha.hexdigest(), size, lines)


def same(found: File, entry: File) -> bool:
    return found.sha256 == entry.sha256


def trouble(
    source: Source, name: str, message: str, *, line: int = 0, field: str = "", remedy: str = ""
) -> SnapshotError:
    """The error for one file of a stored run."""
    return SnapshotError(
        str(Problem(f"{shown(source)}/{name}", line, field, message, remedy or _remedy(source)))
    )


def shown(source: Source) -> str:
    """A source as people type it: relative to where they are if it is below."""
    return str(source) if isinstance(source, Revision) else shown_path(source)


def _remedy(source: Source) -> str:
    if isinstance(source, Revision):
        return "name another revision"
    if source.parent.parent.name == "runs":  # git never has it
        return "a run is made again by running the evals"
    return (
        f"a committed snapshot is restored by: git checkout HEAD -- {shown(source)}; "
        "a run is made again by running the evals"
    )


def _malformed(source: Source, name: str, error: Malformed, line: int = 0) -> SnapshotError:
    return trouble(source, name, str(error), line=line, field=error.field, remedy=error.remedy)


def _conflict(source: Source, name: str) -> SnapshotError:
    suite = source.name if isinstance(source, Path) else "SUITE"
    remedy = f"evalsuite resolve {suite}"
    return trouble(source, name, "holds an unresolved merge conflict", remedy=remedy)


def _files(value: Json) -> dict[str, File]:
    try:
        files: dict[str, File] = decoder(Mapping[str, File])(value)
    except Malformed as error:
        raise error.within("files") from None
    if SCORES not in files or not files[SCORES].kept:
        raise Malformed("is missing").within(f"files.{SCORES}")
    for name in files:
        if name not in (SCORES, OUTPUTS, OPERATIONS):
            raise Malformed("is no file of a run").within(f"files.{name}")
    return files


def _manifest(value: Json) -> Manifest:
    manifest: Manifest = decoder(Manifest)(value)
    for name in ("suite", "run"):
        text = getattr(manifest, name)
        if not text or len(text) > MAX_ID or not text.isprintable():
            raise Malformed(f"must be 1 to {MAX_ID} printable characters").within(name)
    if manifest.expected < 0:
        raise Malformed("must not be negative").within("expected")
    if manifest.trials < 1:
        raise Malformed("must be at least 1").within("trials")
    if not all(0 <= each <= 1 for each in manifest.shocks.values()):
        raise Malformed("must be shares from 0 to 1").within("shocks")
    if not 0 <= manifest.again <= MAX_AGAIN:
        raise Malformed(f"must be from 0 to {MAX_AGAIN}").within("again")
    if manifest.tier and manifest.tier not in manifest.tiers:
        raise Malformed("must be one of the tiers").within("tier")
    if any(min(each.trials, each.cases) < 0 for each in manifest.tiers.values()):
        raise Malformed("must have no number below 0").within("tiers")
    if manifest.looks is not None:
        _check_looks(manifest.looks)
    return manifest


def _check_looks(looks: Looks) -> None:
    sizes = [0, *looks.sizes]
    rising = all(one < other for one, other in pairwise(sizes))
    if not rising or sizes[-1] != len(looks.order):
        raise Malformed("must rise to the number of cases in order").within("looks.sizes")
    if not 0 <= looks.ended <= len(looks.sizes):
        raise Malformed("must be one of the looks").within("looks.ended")


def _open(source: Source, name: str) -> BinaryIO:
    if isinstance(source, Revision):
        data = read(source, name)
        if data is None:
            raise trouble(source, name, "is not there")
        return io.BytesIO(data)
    file = source / name
    try:
        # A link or a device in a checked-out folder could name anything on this machine.
        mode = file.lstat().st_mode
        if not stat.S_ISREG(mode):
            raise trouble(source, name, "is not an ordinary file")
        return file.open("rb")
    except FileNotFoundError:
        there = "is missing" if source.is_dir() else "is missing: there is no such folder"
        raise trouble(source, name, there) from None
    except OSError as error:
        raise trouble(source, name, f"can't be read: {error.strerror}") from None
    except ValueError as error:
        raise trouble(source, name, f"can't be read: {error}") from None


def _opened(source: Source, name: str, entry: File) -> BinaryIO:
    """The file that the manifest names, at its start, its content checked."""
    if isinstance(source, Path) and (source / (name + NEW)).is_file():
        pending = _open(source, name + NEW)
        if same(measure(pending), entry):
            pending.seek(0)
            return pending
        pending.close()
    handle = _open(source, name)
    if not same(measure(handle), entry):
        handle.seek(0)
        with handle:
            raise _damage(source, name, handle, entry)
    handle.seek(0)
    return handle


def _damage(source: Source, name: str, handle: BinaryIO, entry: File) -> SnapshotError:
    lines = 0
    for lines, line in enumerate(_lines(source, name, handle), 1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            return _conflict(source, name)
        try:
            parse(line)
        except Malformed as error:
            cut = not line.endswith(b"\n")
            message = "ends in the middle of a line" if cut else f"is damaged: {error}"
            return trouble(source, name, message, line=lines)
    if lines < entry.lines:
        return trouble(source, name, f"is truncated: {lines} of {entry.lines} lines")
    return trouble(source, name, "is damaged: its content is not what manifest.json names")


def _check_outputs_present(source: Source, entry: File | None) -> None:
    """A cheap look (a size) at a file that may be large; `read_outputs` checks its content."""
    if entry is None or not entry.kept or isinstance(source, Revision):
        return
    pending = source / (OUTPUTS + NEW)
    with _open(source, OUTPUTS + NEW if pending.is_file() else OUTPUTS) as handle:
        size = os.fstat(handle.fileno()).st_size
    if size != entry.bytes:
        _opened(source, OUTPUTS, entry).close()


def _lines(source: Source, name: str, handle: BinaryIO) -> Iterator[bytes]:
    limit = MAX_LINE[name]
    number = 0
    while line := handle.readline(limit + 1):
        number += 1
        if len(line) > limit:
            raise trouble(source, name, f"is longer than {limit >> 20} MB", line=number)
        yield line
