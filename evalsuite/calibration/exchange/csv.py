"""Ratings as a table: one row per item, rater and criterion; a spreadsheet runs nothing of it.

A cell that a spreadsheet would take as a formula gets an apostrophe before it, which reading takes
away again; texts that look so already get one more, so that every text comes back as it was.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from evalsuite.calibration.exchange.rows import (
    CRITIQUE,
    TEXTS,
    Entry,
    Rating,
    contexts_of,
    grouped,
    text_of,
    unmapped,
)
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import Problem, did_you_mean
from evalsuite.golden.lines import decode
from evalsuite.judging.records import Card
from evalsuite.strictjson import Malformed
from evalsuite.wording import shown

N = TypeVar("N", int, float)

RATING = (
    "rater",
    "criterion",
    "value",
    "critique",
    "seconds",
    "order",
    "seed",
    "time",
    "occasion",
)
MAX_CELL = 32_000
"""Characters of a text in a cell: spreadsheets hold no more. The id says which item is meant."""

LONGEST = 1_000_000
"""Characters of a cell that is read."""

_COLUMNS = ("item", *TEXTS, "case", "cluster", *RATING)
_SLICES = "slices."
_FORMULA = re.compile(r"\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def safe(text: str) -> str:
    """A cell that a spreadsheet takes as text."""
    return f"'{text}" if _FORMULA.match(text) or unsafe(text) != text else text


def unsafe(cell: str) -> str:
    """What `safe` was given."""
    rest = cell[1:]
    marked = cell.startswith("'") and (rest.startswith("'") or _FORMULA.match(rest))
    return rest if marked else cell


def write(card: Card, items: Mapping[str, Item], labels: Sequence[Label]) -> bytes:
    """The ratings; an item's criteria that nobody rated have a row to be filled in."""
    dimensions = sorted({name for item in items.values() for name in item.slices})
    rated = grouped(labels)
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow([*_COLUMNS, *(safe(_SLICES + name) for name in dimensions)])
    for item in items.values():
        about = [item.id, *_texts(item), item.case, item.cluster or ""]
        slices = [item.slices.get(name, "") for name in dimensions]
        for criterion in card.criteria:
            mine = [x for x in rated.get(item.id, ()) if x.criterion == criterion.name]
            ratings = [_cells(label) for label in mine] or [["", criterion.name, *[""] * 7]]
            for cells in ratings:
                table.writerow([safe(_short(cell)) for cell in (*about, *cells, *slices)])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def _short(text: str) -> str:
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


def _texts(item: Item) -> list[str]:
    subject = item.subject
    contexts = contexts_of(item)
    return [
        text_of(subject.input),
        subject.output,
        subject.other or "",
        text_of(subject.expected),
        json.dumps(contexts, ensure_ascii=False) if contexts else "",
    ]


def _cells(label: Label) -> list[str]:
    seconds = "" if label.seconds is None else repr(label.seconds)
    return [
        *(label.rater, label.criterion, label.value or "", label.critique, seconds, label.order),
        *(str(label.seed), label.time, str(label.occasion)),
    ]


def read(
    data: bytes, path: str, card: Card, names: Mapping[str, str]
) -> tuple[list[Entry], list[Problem]]:
    """Entries by row; `names` maps their columns to ours."""
    try:
        text = decode(data)
    except Malformed as bad:
        return [], [Problem(path, 0, "encoding", bad.message, bad.remedy)]
    with _long_cells():
        return _table(text, path, card, names)


@contextmanager
def _long_cells() -> Iterator[None]:
    """The csv module's own limit is one for the whole process, and too small for a document."""
    before = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _table(
    text: str, path: str, card: Card, names: Mapping[str, str]
) -> tuple[list[Entry], list[Problem]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    entries: list[Entry] = []
    problems: list[Problem] = []
    try:
        theirs = [unsafe(name.strip()) for name in next(reader, [])]
        header = [names.get(name, name) for name in theirs]
        problems = [*unmapped(theirs, names, path), *_header(header, path, card)]
        if problems:
            return [], problems
        for line, cells in _rows(reader):
            try:
                entries.append(_entry(line, header, cells, card))
            except Malformed as bad:
                problems.append(Problem(path, line, bad.field, bad.message, bad.remedy))
    except csv.Error as error:
        message, remedy = f"not CSV: {error}", 'put text in "…", and double every " in it'
        if "field limit" in str(error):
            message = f'a cell of more than {LONGEST:,} characters, or a " that nothing ends'
            remedy = 'cut the text, or double every " in it'
        problems.append(Problem(path, reader.line_num, "", message, remedy))
    return entries, problems


def _header(header: Sequence[str], path: str, card: Card) -> list[Problem]:
    wide = _wide(card)
    known = [*_COLUMNS, *wide, *(name + CRITIQUE for name in wide)]
    problems = []
    for place, name in enumerate(header):
        if header.index(name) != place:
            message = "two columns have this name"
            problems.append(Problem(path, 1, shown(name), message, "rename one of them"))
        elif name not in known and not name.startswith(_SLICES):
            remedy = f"{did_you_mean(name, known)}; or --map {name}=OURS"
            problems.append(Problem(path, 1, shown(name), "unknown column", remedy))
    if "rater" not in header:
        remedy = "add it, or --map THEIRS=rater"
        problems.append(Problem(path, 1, "rater", "the column is missing", remedy))
    if "value" not in header and not set(wide) & set(header):
        remedy = f"add it, or one column per criterion: {', '.join(wide)}" if wide else "add it"
        problems.append(Problem(path, 1, "value", "the column is missing", remedy))
    return problems


def _wide(card: Card) -> list[str]:
    """The criteria that may have a column; one that is called as a column of ours has none."""
    return [each.name for each in card.criteria if each.name not in _COLUMNS]


def _rows(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    line = getattr(reader, "line_num", 1) + 1
    for cells in reader:
        if cells:
            yield line, cells
        line = getattr(reader, "line_num", line) + 1


def _entry(line: int, header: Sequence[str], cells: Sequence[str], card: Card) -> Entry:
    if len(cells) != len(header):
        message = f"{len(cells)} cells under {len(header)} columns"
        raise Malformed(message, 'put text with commas in "…"')
    row = {name: unsafe(cell) for name, cell in zip(header, cells, strict=True)}
    given = {name: row[name] for name in _wide(card) if row.get(name)}
    if row.get("value", "").strip():
        only = card.criteria[0].name if len(card.criteria) == 1 else ""
        given = {row.get("criterion") or only: row["value"]}
    return Entry(
        line=line,
        item=row.get("item", ""),
        texts={name: row[name] for name in TEXTS if name in row},
        case=row.get("case", ""),
        cluster=row.get("cluster", ""),
        slices={k.removeprefix(_SLICES): v for k, v in row.items() if k.startswith(_SLICES) and v},
        ratings=[_rating(row, criterion, value) for criterion, value in given.items()],
    )


def _rating(row: Mapping[str, str], criterion: str, value: str) -> Rating:
    order = row.get("order", "")
    if order not in ("", "ab", "ba"):
        raise Malformed(f'must be "ab", "ba" or empty, not {shown(order)}', "", "order")
    return Rating(
        criterion=criterion,
        value=value,
        rater=row["rater"].strip(),
        critique=row.get(criterion + CRITIQUE) or row.get("critique", ""),
        seconds=_number(row, "seconds", float, None),
        order=order,  # type: ignore[arg-type]
        seed=_number(row, "seed", int, 0) or 0,
        time=row.get("time", ""),
        occasion=_number(row, "occasion", int, 0) or 0,
    )


def _number(row: Mapping[str, str], name: str, kind: type[N], missing: N | None) -> N | None:
    text = row.get(name, "").strip()
    if not text:
        return missing
    try:
        return kind(text)
    except ValueError:
        raise Malformed(f"must be a number, not {shown(text)}", "write 3.5", name) from None
