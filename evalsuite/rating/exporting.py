"""From a session's events to the judge's labels.jsonl: whatever isn't there yet, at any time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from evalsuite.calibration.labels import (
    append_labels,
    check_label,
    effective,
    read_items,
    read_labels,
)
from evalsuite.judging.records import Card
from evalsuite.rating.log import Log
from evalsuite.rating.session import labels_of
from evalsuite.strictjson import Malformed


@dataclass(frozen=True, slots=True)
class Exported:
    """How many lines were added; how many ratings of an item they are, what was taken back not
    counted; how many lines stay in the log alone, since items.jsonl doesn't hold their item or the
    card no longer has their criterion or level."""

    added: int
    ratings: int = 0
    orphans: int = 0


def export(log: Log, folder: Path, card: Card) -> Exported:
    """Append what `folder` lacks, in the order in which it was rated.

    What is there is found by its content: a second export, or one that was killed in between and
    is done again, adds nothing twice.
    """
    with FileLock(log.file.with_suffix(".export.lock")):
        there = set(read_labels(folder))
        items = read_items(folder)
        new, orphans = [], 0
        for label in dict.fromkeys(labels_of(log.events())):
            try:
                check_label(label, card)
            except Malformed:
                orphans += 1
                continue
            if label.item not in items:
                orphans += 1
            elif label not in there:
                new.append(label)
        append_labels(folder, new)
    ratings = {(each.item, each.rater, each.occasion) for each in effective(new)}
    return Exported(len(new), len(ratings), orphans)
