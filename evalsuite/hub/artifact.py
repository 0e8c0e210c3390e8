"""What a run uploaded, read without trust: whoever opened the pull request may have written it.

Nothing of it is executed, no link is followed, and what is too large or of the wrong form is a
problem to be told, never a traceback.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalsuite.errors import DataError, EvalsuiteError
from evalsuite.records import Run
from evalsuite.snapshot import load, read_head
from evalsuite.snapshot.history import checked_name
from evalsuite.wording import printable, shown

MANIFEST, SNAPSHOTS = "manifest.json", "snapshots"
MAX_FILES, MAX_DEPTH = 20_000, 8
MAX_SUITES, MAX_ROWS = 100, 50_000
_MB = 2**20
_LARGEST = {"scores.jsonl": 64 * _MB, "operations.jsonl": 64 * _MB, "evidence.jsonl": 256 * _MB}
_LARGEST_OTHER = 512 * _MB

Side = tuple[Run, Path]


@dataclass(frozen=True, slots=True)
class Found:
    """By suite: its run, and its snapshot as the change has it, if that came along. `problems` says
    of what can't be used why; `folder` is what all of it was found in."""

    folder: Path
    runs: Mapping[str, Side] = field(default_factory=dict)
    snapshots: Mapping[str, Side] = field(default_factory=dict)
    problems: Sequence[str] = ()


def read(folder: Path, conclusion: str) -> Found:
    """Every run and snapshot below a folder, whatever the layout: `snapshots/SUITE/` is a snapshot,
    any other folder of a manifest is a run. Of several runs of one suite the newest counts.

    Without any, the evaluation's `conclusion` tells whether it had nothing to do or was cut short.
    """
    if not folder.exists():
        return Found(folder, problems=_unless_done(conclusion))
    try:
        manifests = sorted(_manifests(folder))
    except DataError as error:
        return Found(folder, problems=[str(error)])
    found: dict[bool, dict[str, Side]] = {True: {}, False: {}}
    problems = []
    if len(manifests) > MAX_SUITES:
        problems.append(f"only {MAX_SUITES} of {len(manifests)} folders of runs were read")
    for place in manifests[:MAX_SUITES]:
        kept = found[place.parent.name == SNAPSHOTS]
        try:
            run = _load(place)
        except EvalsuiteError as error:
            problems.append(told(error, folder))
            continue
        other = kept.get(run.manifest.suite)
        if other is None or _age(other[0]) < _age(run):
            kept[run.manifest.suite] = run, place
    if not found[False] and not problems:
        problems += _unless_done(conclusion)
    return Found(folder, found[False], found[True], problems)


def _unless_done(conclusion: str) -> list[str]:
    said = f"no finished run was uploaded; the evaluation ended as {printable(conclusion)[:40]!r}"
    return [] if conclusion == "success" else [said]


def told(error: EvalsuiteError, folder: Path) -> str:
    """What is wrong, without the folder, which is the reporting machine's, and without a remedy for
    people there."""
    said = str(error).replace(f"{folder}/", "").replace(f"{printable(folder.as_posix())}/", "")
    return said.partition(" (")[0][:400]


def _age(run: Run) -> tuple[str, str]:
    return run.manifest.created, run.manifest.run


def _manifests(folder: Path) -> Iterator[Path]:
    """The folders that hold a manifest, once everything in them is an ordinary file."""
    count = 0
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        for entry in _entries(here):
            count += 1
            if count > MAX_FILES:
                raise DataError(f"the artifact holds more than {MAX_FILES} files")
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                if depth == MAX_DEPTH:
                    raise DataError("the artifact's folders are nested too deeply")
                waiting.append((Path(entry.path), depth + 1))
            elif not stat.S_ISREG(mode):
                raise DataError(f"{shown(entry.name)} in the artifact is not an ordinary file")
            elif entry.name == MANIFEST:
                yield here


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda each: each.name)
    except OSError as error:
        raise DataError(f"the artifact can't be read: {error.strerror}") from None


def _load(place: Path) -> Run:
    for file in _entries(place):
        size, most = file.stat().st_size, _LARGEST.get(file.name, _LARGEST_OTHER)
        if size > most:
            raise DataError(f"{place}/{shown(file.name)} is larger than {most // _MB} MB")
    head = read_head(place)
    checked_name(head.manifest.suite, "suite")
    if head.cases > MAX_ROWS:
        raise DataError(f"{place} has more than {MAX_ROWS} cases")
    run = load(place)
    if len(run.rows) > MAX_ROWS:
        raise DataError(f"{place} has more than {MAX_ROWS} cases")
    _check_ranges(place, run)
    return run


def _check_ranges(place: Path, run: Run) -> None:
    """No scorer gives a value outside of its metric's range; who writes one here made it up."""
    for metric in run.manifest.metrics:
        for row in run.rows.values():
            for value in (*row.scores.get(metric.name, ()), *row.again.get(metric.name, ())):
                if value is not None and not metric.low <= value <= metric.high:
                    said = f"{shown(row.id)} has a value of {shown(metric.name)} out of its range"
                    raise DataError(f"{place}/scores.jsonl: {said}")
