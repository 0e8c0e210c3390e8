"""What a run uploaded, read without trust: whoever opened the pull request may have written it.

Nothing of it is executed, no link is followed, and what is too large or of the wrong form is a
problem to be told, never a traceback.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalsuite.errors import DataError, EvalsuiteError
from evalsuite.records import Run
from evalsuite.runner.ended import ENDED
from evalsuite.runner.ended import read as read_ended
from evalsuite.snapshot import load, read_head
from evalsuite.snapshot.history import checked_name
from evalsuite.wording import printable, shown

MANIFEST, SNAPSHOTS = "manifest.json", "snapshots"
MAX_FILES, MAX_DEPTH = 20_000, 8
MAX_SUITES, MAX_ROWS, MAX_UPLOADS = 100, 50_000, 50
_MB = 2**20
_LARGEST = {"scores.jsonl": 64 * _MB, "operations.jsonl": 64 * _MB, "evidence.jsonl": 256 * _MB}
_LARGEST_OTHER = 512 * _MB

Side = tuple[Run, Path]


@dataclass(frozen=True, slots=True)
class Found:
    """By suite: its run, and its snapshot as the change has it, if that came along. `problems` says
    of what can't be used why; `folder` is what all of it was found in, `name` what it is called
    where it was uploaded, of several a pattern."""

    folder: Path
    runs: Mapping[str, Side] = field(default_factory=dict)
    snapshots: Mapping[str, Side] = field(default_factory=dict)
    problems: Sequence[str] = ()
    name: str = ""


def read(folder: Path, conclusion: str) -> Found:
    """Every run and snapshot below a folder, whatever the layout: `snapshots/SUITE/` is a snapshot,
    any other folder of a manifest is a run. Of several runs of one suite the newest counts.

    Several uploads have a folder each, whose name begins as `folder`'s does; each has suites of its
    own. An evaluation that ran none has left how it ended: only then was there nothing to do.
    """
    if not folder.exists():
        ended = f"nothing was uploaded by the evaluation, which ended as {shown(conclusion)}"
        return Found(folder, problems=[f"{ended}: it never ran, or its upload is lost"])
    try:
        several = [each for each in _entries(folder) if _is_upload(each, folder)]
    except DataError as error:
        return Found(folder, problems=[str(error)])
    found = [_read(Path(each.path), folder) for each in several[:MAX_UPLOADS]]
    if not several:
        return _read(folder, folder)
    problems = [said for each in found for said in each.problems]
    if len(several) > MAX_UPLOADS:
        problems.append(f"only {MAX_UPLOADS} of {len(several)} uploads were read")
    count = Counter(suite for each in found for suite in each.runs)
    problems += [
        f"{suite}: {times} uploads have a run of it; give each suites of its own"
        for suite, times in sorted(count.items())
        if times > 1
    ]
    runs = {suite: side for each in found for suite, side in each.runs.items()}
    snapshots = {suite: side for each in found for suite, side in each.snapshots.items()}
    return Found(folder, runs, snapshots, problems, f"{folder.name}*")


def _is_upload(entry: os.DirEntry[str], folder: Path) -> bool:
    named = entry.name == folder.name or entry.name.startswith(f"{folder.name}-")
    return named and entry.is_dir(follow_symlinks=False)


def _read(upload: Path, folder: Path) -> Found:
    """One upload, in the folder that all are in."""
    try:
        files = sorted(_files(upload))
    except DataError as error:
        return Found(folder, problems=[str(error)], name=folder.name)
    manifests = [each.parent for each in files if each.name == MANIFEST]
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
        problems += _without_run([each for each in files if each.name == ENDED])
    return Found(folder, found[False], found[True], problems, folder.name)


def _without_run(files: Sequence[Path]) -> list[str]:
    """Why there is none; nothing where there was nothing to do."""
    if not files:
        return ["no finished run was uploaded, and pytest did not come to its end"]
    try:
        ended = read_ended(files[0])
    except DataError as error:
        return [str(error)]
    return [ended.said, *ended.causes] if ended.said else []


def told(error: EvalsuiteError, folder: Path) -> str:
    """What is wrong, without the folder, which is the reporting machine's, and without a remedy for
    people there."""
    said = str(error).replace(f"{folder}/", "").replace(f"{printable(folder.as_posix())}/", "")
    return said.partition(" (")[0][:400]


def _age(run: Run) -> tuple[str, str]:
    return run.manifest.created, run.manifest.run


def _files(folder: Path) -> Iterator[Path]:
    """The manifests, and how pytest ended, once everything is an ordinary file."""
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
            elif entry.name in (MANIFEST, ENDED):
                yield here / entry.name


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
