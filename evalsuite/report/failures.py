"""How the answers failed that failed: the classes that scorers tell, counted before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from evalsuite.diff import own_trials
from evalsuite.records import CHECKS, Manifest, Row
from evalsuite.report import figures
from evalsuite.report.blocks import Name, Table, TableRow, Text
from evalsuite.report.material import Material

NONE = "none of these"
_NOTE = (
    "Of the answers that failed their checks, one per trial. A class is decided by rules over what"
    ' was seen on the way; "none of these": the way was right and the answer is not.'
)

Counted = Mapping[str, int]
"""Answers that failed their checks, by the class of the failure."""


def classes(run: Manifest) -> list[str]:
    return [metric.name for metric in run.metrics if metric.role == "class"]


def counted(rows: Mapping[str, Row], run: Manifest | None, names: Sequence[str]) -> Counted:
    """Every answer is counted once, by the first class that holds."""
    found: Counter[str] = Counter()
    if run is None:
        return found
    for row in rows.values():
        for trial, held in enumerate(own_trials(row, row.scores.get(CHECKS, ()), run)):
            if held == 0.0:
                found[_class(row, trial, names)] += 1
    return found


def _class(row: Row, trial: int, names: Sequence[str]) -> str:
    for name in names:
        values = row.scores.get(name, ())
        if trial < len(values) and values[trial] == 1.0:
            return name
    return NONE


def failed(material: Material) -> dict[str, tuple[int, int]]:
    """Before and after by class, with those of none; empty where no scorer tells classes, or
    nothing failed."""
    names = classes(material.diff.candidate)
    after = counted(material.after, material.diff.candidate, names)
    before = counted(material.before, material.diff.baseline, names)
    if not names or not (after or before):
        return {}
    return {name: (before.get(name, 0), after.get(name, 0)) for name in [*names, NONE]}


def table(found: Mapping[str, Sequence[int]], *, compared: bool) -> Table | None:
    """A row per class."""
    if not found:
        return None
    rows = [
        TableRow(
            (
                _label(name),
                (figures.number(before) if compared else figures.UNKNOWN,),
                (figures.number(after),),
            )
        )
        for name, (before, after) in found.items()
    ]
    return Table("How answers failed", ("Class", "Before", "After"), rows, _NOTE)


def _label(name: str) -> Text:
    return (NONE,) if name == NONE else (Name(name.rpartition(".")[2].replace("_", " ")),)
