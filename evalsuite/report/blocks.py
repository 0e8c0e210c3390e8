"""What a report says, as data: formats print blocks and decide no wording.

Text is a tuple of spans. A plain `str` holds words of this project; a `Name` holds anything that
came from elsewhere (ids, slices, files, model output, commands). Formats set names apart, and
escape both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from evalsuite.errors import plain
from evalsuite.records import Source

Level = Literal["caution", "warning", "note", "tip"]
Tone = Literal["bad", "warn", "good", "plain"]
Op = Literal["same", "gone", "new"]
Kind = Literal["worse", "error", "missing", "better", "changed", "new", "gone", "stale", "same"]
"""What became of a case, in the order in which people look."""


@dataclass(frozen=True, slots=True)
class Name:
    """Text that the project did not write."""

    text: str


Text = tuple["str | Name", ...]


def prose(text: str) -> Text:
    """A sentence of ours as words, and what stands in backticks, a command, as a name. Nothing
    invisible gets through: a stored run may hold another's sentence.

    >>> prose("63 more labels: `evalsuite rate correctness`")
    ('63 more labels: ', Name(text='evalsuite rate correctness'))
    """
    parts = plain(text).split("`")
    spans = [Name(each) if at % 2 else each for at, each in enumerate(parts)]
    return tuple(span for span in spans if span not in ("", Name("")))


def joined(parts: Iterable[Text], between: str = "; ") -> Text:
    """Texts in a row, with our own words between them."""
    spans = [span for part in parts for span in (between, *part)]
    return tuple(spans[1:])


@dataclass(frozen=True, slots=True)
class Line:
    """One fact: a label of one or two words, and what it says."""

    label: str
    text: Text
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a word diff."""

    op: Op
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """One document that an answer had, with its ranks from 1 before and after, None where it was
    not retrieved. `id` is "" where it was given as text alone."""

    id: str
    text: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Further:
    """What a trial after the first answered, where it is not what an earlier one did."""

    trial: int
    pieces: Sequence[Piece]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One case before and after. `pieces` is empty, and `remark` says why, without two texts.

    `question`, `reason` and `command` are "" where unknown; `said` is what judges said of it,
    `crossed` the answer to the baseline's documents where these are others, `documents` which were
    lost and gained. `tries` counts the trials that held, where there were several; `strict` is as
    in CaseLine; `source` is where the case is written, if it was at hand. `trials` has a row per
    metric and a column per trial; it, `further`, `calls` (of tools) and `found` are for where a
    case is opened.
    """

    id: str
    kind: Kind
    scores: Text
    slices: str = ""
    question: str = ""
    pieces: Sequence[Piece] = ()
    remark: str = ""
    reason: str = ""
    command: str = ""
    said: Sequence[Line] = ()
    crossed: Text = ()
    documents: Text = ()
    tries: Text = ()
    strict: str = ""
    source: Source | None = None
    trials: Table | None = None
    further: Sequence[Further] = ()
    calls: Sequence[Line] = ()
    found: Sequence[Found] = ()


@dataclass(frozen=True, slots=True)
class Headline:
    """The first screen: at most 15 lines where a line of text is a line."""

    level: Level
    word: str
    sentence: Text
    lines: Sequence[Line]
    example: Answer | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    title: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class TableRow:
    """`gate`, `slice` and `case` are what it is about, where a page can lead there."""

    cells: Sequence[Text]
    tone: Tone = "plain"
    gate: str = ""
    slice: str = ""
    case: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: Sequence[str]
    rows: Sequence[TableRow]
    note: str = ""


def compact(table: Table) -> Table:
    """Without the columns in which no row says anything."""
    full = [
        at
        for at in range(len(table.columns))
        if any(span not in ("", Name("")) for row in table.rows for span in row.cells[at])
    ]
    if not table.rows or len(full) == len(table.columns):
        return table
    rows = [replace(row, cells=[row.cells[at] for at in full]) for row in table.rows]
    return replace(table, columns=[table.columns[at] for at in full], rows=rows)


@dataclass(frozen=True, slots=True)
class Answers:
    """`items` moved or changed; `still` failed before and fail again, which a page alone shows."""

    title: str
    items: Sequence[Answer]
    still: Sequence[Answer] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One slice under one metric, values in [0, 1]; `n` counts the cases that have a value,
    `variance` is the mean of that between a case's trials, `low` to `high` the 95 % interval of
    `effect` where a gate has one."""

    before: float | None
    after: float | None
    effect: float | None
    n: int
    tone: Tone = "plain"
    variance: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class HeatRow:
    """`cases` are the ids of its cases, those that need a look first."""

    slice: str
    derived: bool
    cells: Sequence[Cell]
    cases: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Heat:
    """Slices by metrics, the worst slice first."""

    title: str
    metrics: Sequence[str]
    rows: Sequence[HeatRow]


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case in the list of all. `before`, `after` and `variance` (between the trials of this
    run, empty with one trial) follow `Cases.metrics`. `strict` is "must_pass", with where the case
    comes from as far as that is at hand, or ""."""

    id: str
    kind: Kind
    slices: Mapping[str, str]
    before: Sequence[float | None]
    after: Sequence[float | None]
    note: str = ""
    variance: Sequence[float | None] = ()
    strict: str = ""


@dataclass(frozen=True, slots=True)
class Cases:
    """Every case, those that need a look first."""

    title: str
    metrics: Sequence[str]
    lines: Sequence[CaseLine]
    note: Text = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """How often which row went with which column, such as people's answers by the judge's."""

    title: str
    side: str
    top: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Sequence[Sequence[int]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Something to read: what was asked, the texts, and who said what of them."""

    id: str
    about: Text
    question: str
    texts: Sequence[tuple[str, str]]
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Readings:
    title: str
    items: Sequence[Reading]
    note: str = ""
