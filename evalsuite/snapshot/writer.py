"""Writes the folder of a run: outputs as they arrive, then rows and manifest, or nothing at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from evalsuite.errors import SnapshotError
from evalsuite.records import Json, Output, Row, Run, kept
from evalsuite.snapshot.codec import dump, pretty, to_json
from evalsuite.snapshot.folder import (
    FORMAT,
    KIND,
    MANIFEST,
    NEW,
    OPERATIONS,
    OUTPUTS,
    SCORES,
    File,
    measure,
    read_head,
    same,
)
from evalsuite.snapshot.outputs import new_lines
from evalsuite.snapshot.spending import spent_line

MAX_REASON = 200
READ_FIRST = ("id", "scores", "reasons", "errors")
"""Fields at the start of a line, so that a git diff shows what moved before it shows keys."""


class Writer:
    """A run folder that is being written; until `finish` its old content stays as it was.

        with Writer(folder) as writer:
            writer.add(name, output)      # as they arrive; what was seen before costs nothing
            writer.finish(run)

    Memory: 100 bytes per distinct output and context. One writer per folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _settle(folder)
        self._seen: set[str] = set()
        self._sha, self._bytes, self._lines = hashlib.sha256(), 0, 0
        self._outputs: BinaryIO = (folder / (OUTPUTS + NEW)).open("wb")

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if not self._outputs.closed:
            self._outputs.close()
            (self.folder / (OUTPUTS + NEW)).unlink(missing_ok=True)
            # Left empty, it would be a damaged run. One that holds an older run stays.
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def add(self, name: str, output: Output) -> None:
        """Keep an output under its `output_key`; DataError from there if it is not JSON."""
        if name in self._seen:
            return
        for line in new_lines(name, output, self._seen):
            self._outputs.write(line + b"\n")
            self._sha.update(line + b"\n")
            self._bytes += len(line) + 1
            self._lines += 1

    def finish(self, run: Run, *, keep: int | None = None) -> None:
        """Write rows and manifest and let them take the old ones' place.

        Outputs of more than `keep` bytes are named by their hash and not kept.
        """
        kept = keep is None or self._bytes <= keep
        outputs = File(self._sha.hexdigest(), self._bytes, self._lines, kept)
        _to_disk(self._outputs)
        files = {OUTPUTS: outputs, SCORES: self._lines_of(SCORES, run, row_line)}
        fresh = Run(run.manifest, {name: row for name, row in run.rows.items() if row.spent})
        if fresh.rows:
            files[OPERATIONS] = self._lines_of(OPERATIONS, fresh, spent_line)
        manifest = {
            "kind": KIND,
            "format": FORMAT,
            "files": to_json(files),
            **to_json(run.manifest),
        }
        with (self.folder / (MANIFEST + NEW)).open("wb") as handle:
            handle.write(_text(pretty, manifest, "the manifest"))
            _to_disk(handle)
        # From this rename on the new run holds; the others only tidy up after it.
        (self.folder / (MANIFEST + NEW)).replace(self.folder / MANIFEST)
        (self.folder / (SCORES + NEW)).replace(self.folder / SCORES)
        if fresh.rows:
            (self.folder / (OPERATIONS + NEW)).replace(self.folder / OPERATIONS)
        else:
            (self.folder / OPERATIONS).unlink(missing_ok=True)
        if kept:
            (self.folder / (OUTPUTS + NEW)).replace(self.folder / OUTPUTS)
        else:
            (self.folder / (OUTPUTS + NEW)).unlink()
            (self.folder / OUTPUTS).unlink(missing_ok=True)
        _folder_to_disk(self.folder)

    def _lines_of(self, name: str, run: Run, line_of: Callable[[Row], bytes]) -> File:
        """Write a line a row beside the file's own place."""
        with (self.folder / (name + NEW)).open("wb") as handle:
            entry = _write_rows(handle, run, line_of)
            _to_disk(handle)
        return entry


def write(
    folder: Path, run: Run, outputs: Iterable[tuple[str, Output]], *, keep: int | None = None
) -> None:
    """Write a whole run at once; `outputs` are (output key, output) in any number and order."""
    with Writer(folder) as writer:
        for name, output in outputs:
            writer.add(name, output)
        writer.finish(run, keep=keep)


def row_line(row: Row) -> bytes:
    """A row as its line of scores.jsonl, without the line end.

    Scores are rounded to 6 decimals and reasons cut to 200 characters.
    """
    cut = {name: reason[:MAX_REASON] for name, reason in row.reasons.items()}
    value = to_json(replace(row, reasons=cut, scores={}, spent=()), sparse=True)
    value["scores"] = {
        name: [_short(each) for each in row.scores[name]] for name in sorted(row.scores)
    }
    first = {name: value[name] for name in READ_FIRST if name in value}
    return _text(dump, first | value, f"case {row.id!r}")


def _short(value: float | None) -> float | None:
    value = kept(value)
    return int(value) if value is not None and value.is_integer() else value


def _text(encode: Callable[[Json], bytes], value: Json, what: str) -> bytes:
    try:
        return encode(value)
    except (ValueError, OverflowError):
        raise SnapshotError(f"{what} can't be stored: a number in it is not finite") from None


def _write_rows(handle: BinaryIO, run: Run, line_of: Callable[[Row], bytes]) -> File:
    sha, size = hashlib.sha256(), 0
    for name in sorted(run.rows):
        line = line_of(run.rows[name]) + b"\n"
        handle.write(line)
        sha.update(line)
        size += len(line)
    return File(sha.hexdigest(), size, len(run.rows))


def _settle(folder: Path) -> None:
    """Finish the renames that a killed writer left, before its `.new` files are overwritten."""
    if not (folder / MANIFEST).is_file():
        return
    try:
        files = read_head(folder).files
    except SnapshotError:
        return  # damaged: about to be replaced as a whole
    for name, entry in files.items():
        pending = folder / (name + NEW)
        if pending.is_file():
            with pending.open("rb") as handle:
                complete = same(measure(handle), entry)
            if complete:
                pending.replace(folder / name)


def _to_disk(handle: BinaryIO) -> None:
    handle.flush()
    os.fsync(handle.fileno())
    handle.close()


def _folder_to_disk(folder: Path) -> None:
    if os.name == "nt":  # a folder can't be opened there; renames are journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
