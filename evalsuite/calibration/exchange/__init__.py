"""Ratings to other tools and back: tables, Argilla, Label Studio. All of a file, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from evalsuite.calibration.exchange import argilla, csv, label_studio
from evalsuite.calibration.exchange.csv import RATING
from evalsuite.calibration.exchange.rows import CRITIQUE, TEXTS, Entry, Imported, collect
from evalsuite.calibration.labels import (
    append_items,
    append_labels,
    effective,
    read_items,
    read_labels,
)
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import OptionError, Problem, did_you_mean
from evalsuite.judging.records import Card

Write = Callable[[Card, Mapping[str, Item], Sequence[Label]], bytes]
Read = Callable[[bytes, str, Card, Mapping[str, str]], tuple[list[Entry], list[Problem]]]

_LAYOUTS: Mapping[str, tuple[Write, Read]] = {
    "csv": (csv.write, csv.read),
    "argilla": (argilla.write, argilla.read),
    "label-studio": (label_studio.write, label_studio.read),
}

FORMATS = tuple(_LAYOUTS)


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import added; `same` ratings were there already, `unrated` rows had none."""

    items: int
    labels: int
    same: int
    unrated: int


def write(layout: str, card: Card, items: Mapping[str, Item], labels: Sequence[Label]) -> bytes:
    """The ratings that hold in a layout. What raters must not see is in none of them: the judge's
    verdicts, whose answer it is, how likely an item was to be chosen."""
    _known(layout)
    return _LAYOUTS[layout][0](card, items, effective(labels))


def read(
    layout: str,
    data: bytes,
    path: str,
    card: Card,
    known: Mapping[str, Item],
    names: Mapping[str, str] = MappingProxyType({}),
) -> Imported:
    """What a file says. `names` maps its columns, fields or questions to ours: "input", "output",
    "other", "expected", "contexts", or a criterion. ProblemsError lists every row that is wrong."""
    _known(layout)
    entries, problems = _LAYOUTS[layout][1](data, path, card, names)
    return collect(entries, problems, card, known, path)


def targets(card: Card) -> tuple[str, ...]:
    """What a name of theirs can be mapped to."""
    criteria = [each.name for each in card.criteria]
    reasons = [name + CRITIQUE for name in criteria]
    return (*TEXTS, "case", "cluster", *RATING, "item", "first", "second", *criteria, *reasons)


def take(folder: Path, card: Card, imported: Imported) -> Taken:
    """Add to a judge's folder what is not there yet."""
    there = {_place(each): each for each in effective(read_labels(folder, card))}
    new = [each for each in imported.labels if not _same(each, there.get(_place(each)))]
    items = append_items(folder, imported.items)
    append_labels(folder, new)
    return Taken(len(items), len(new), len(imported.labels) - len(new), imported.unrated)


def export(folder: Path, layout: str, card: Card) -> bytes:
    """All items and ratings of a judge's folder."""
    return write(layout, card, read_items(folder), read_labels(folder, card))


def _known(layout: str) -> None:
    if layout not in _LAYOUTS:
        raise OptionError(f"no layout {layout[:40]!r}: {did_you_mean(layout, FORMATS)}")


def _place(label: Label) -> tuple[str, str, str, int]:
    return label.item, label.rater, label.criterion, label.occasion


def _same(label: Label, there: Label | None) -> bool:
    return there is not None and (label.value, label.critique) == (there.value, there.critique)
