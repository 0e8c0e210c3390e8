"""From a session's events to the judge's labels.jsonl: whatever isn't there yet, at any time."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from evalsuite.judging.labels import append_labels, read_labels
from evalsuite.rating.log import Log
from evalsuite.rating.session import labels_of


def export(log: Log, folder: Path) -> int:
    """Append what `folder` lacks, in the order in which it was rated; how many lines that were.

    What is there is found by its content: a second export, or one that was killed in between and
    is done again, adds nothing twice.
    """
    with FileLock(log.file.with_suffix(".export.lock")):
        there = set(read_labels(folder))
        new = [label for label in dict.fromkeys(labels_of(log.events())) if label not in there]
        append_labels(folder, new)
    return len(new)
