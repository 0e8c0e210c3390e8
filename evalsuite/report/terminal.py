"""The report for a terminal: the first screen, and below it only what needs a look."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.report import charts
from evalsuite.report.blocks import (
    Answer,
    Document,
    Facts,
    Headline,
    Intervals,
    Level,
    Line,
    Matrix,
    Name,
    Piece,
    Report,
    Table,
    TableRow,
    Text,
    Tone,
    block_of,
)
from evalsuite.report.escape import shorten, terminal
from evalsuite.report.words import excerpt

_INKS: dict[Level | Tone, str] = {
    "caution": "31",
    "warning": "33",
    "note": "36",
    "tip": "32",
    "bad": "31",
    "warn": "33",
    "good": "32",
    "plain": "",
}
_ROWS = 12
_WHOLE = 40
_LABEL = 13


def render(report: Report, *, colour: bool = False, width: int = 100) -> str:
    """All that is worth a line in a log; `width` bounds the excerpt, lines are not wrapped."""
    parts = [screen(report, colour=colour, width=width)]
    for block in report.blocks:
        if isinstance(block, Table) and any(row.tone in ("bad", "warn") for row in block.rows):
            parts.append(_table(block, colour=colour))
        elif isinstance(block, Facts):
            parts.append(_facts(block, colour=colour))
    return "".join(parts)


def document(page: Document, *, colour: bool = False) -> str:
    """A page that is not of a run, with all its tables; what is to be read is in the files."""
    parts = []
    for block in page.blocks:
        if isinstance(block, Headline):
            parts.append(_head(block, page.name, colour))
        elif isinstance(block, Intervals | Matrix):
            parts.append(_table(charts.as_table(block), colour=colour, every=True))
        elif isinstance(block, Table) and block.rows:
            parts.append(_table(block, colour=colour, every=True))
        elif isinstance(block, Facts):
            lines = [_line(line, colour) for line in block.lines]
            parts.append("\n".join(["", block.title, *lines]) + "\n")
    return "".join(parts)


def _head(head: Headline, name: str, colour: bool) -> str:
    word = _ink(head.word.upper(), _INKS[head.level], colour, bold=True)
    lines = [f"{terminal(name)} {word}: {_text(head.sentence)}"]
    return "\n".join([*lines, *(_line(each, colour) for each in head.lines)]) + "\n"


def screen(report: Report, *, colour: bool = False, width: int = 100) -> str:
    """The first screen alone: at most 15 lines, the second of them says what changed."""
    head = block_of(report, Headline)
    word = _ink(head.word.upper(), _INKS[head.level], colour, bold=True)
    lines = [f"{terminal(report.suite)} {word}: {_text(head.sentence)}"]
    last = {"cost", "baseline", "if meant", "reproduce", "report"}
    lines += [_line(each, colour) for each in head.lines if each.label not in last]
    if head.example is not None:
        lines += _example(head.example, colour, width)
    lines += [_line(each, colour) for each in head.lines if each.label in last]
    return "\n".join(lines) + "\n"


def _text(text: Text) -> str:
    return "".join(_span(span) for span in text)


def _span(span: str | Name) -> str:
    """Our words as they are, foreign text made inert."""
    return terminal(span.text) if isinstance(span, Name) else span


def _line(line: Line, colour: bool) -> str:
    label = f"{line.label:<{_LABEL}}"
    return f"  {_ink(label, _INKS[line.tone] or '2', colour)} {_text(line.text)}"


def _example(answer: Answer, colour: bool, width: int) -> list[str]:
    about = f" {shorten(terminal(answer.question), width - 10)}" if answer.question else ""
    name = terminal(answer.id)
    label = _ink(f"{'answer':<{_LABEL}}", "2", colour)
    diff = "".join(_piece(piece, colour) for piece in excerpt(answer.pieces, 2 * width))
    return [f"  {label} {name} ({_text(answer.scores)}){about}", f"  {'':<{_LABEL}} {diff}"]


def _piece(piece: Piece, colour: bool) -> str:
    words = terminal(piece.text)
    space = " " if piece.text[-1:].isspace() else ""
    start = " " if piece.text[:1].isspace() else ""
    if piece.op == "same":
        return f"{start}{words.strip()}{space}"
    if colour:
        return _ink(words.strip(), "9;31" if piece.op == "gone" else "32", colour) + space
    marks = ("[-", "-]") if piece.op == "gone" else ("{+", "+}")
    return f"{marks[0]}{words.strip()}{marks[1]}{space}"


def _table(table: Table, *, colour: bool, every: bool = False) -> str:
    odd = [row for row in table.rows if every or row.tone in ("bad", "warn")]
    most = _WHOLE if every else _ROWS
    shown = [[_text(cell) for cell in row.cells] for row in odd[:most]]
    grid = [list(table.columns), *shown]
    widths = [min(48, max(len(row[at]) for row in grid)) for at in range(len(table.columns))]
    lines = ["", table.title, _cells(grid[0], widths)]
    lines += [_row(row, cells, widths, colour) for row, cells in zip(odd, shown, strict=False)]
    if len(odd) > most:
        lines.append(f"  and {len(odd) - most} more in the report")
    return "\n".join(lines) + "\n"


def _row(row: TableRow, cells: Sequence[str], widths: Sequence[int], colour: bool) -> str:
    return _ink(_cells(cells, widths), _INKS[row.tone], colour)


def _cells(cells: Sequence[str], widths: Sequence[int]) -> str:
    """The last cell is told whole: it says what to type."""
    *first, last = cells
    padded = [f"{shorten(cell, room):<{room}}" for cell, room in zip(first, widths, strict=False)]
    return ("  " + "  ".join([*padded, last])).rstrip()


def _facts(facts: Facts, *, colour: bool) -> str:
    """Only the lines that need a look."""
    lines = [line for line in facts.lines if line.tone in ("bad", "warn")]
    if not lines:
        return ""
    said = ["", facts.title, *(_line(line, colour) for line in lines[:_ROWS])]
    if len(lines) > _ROWS:
        said.append(f"  and {len(lines) - _ROWS} more in the report")
    return "\n".join(said) + "\n"


def _ink(text: str, ink: str, colour: bool, *, bold: bool = False) -> str:
    if not colour or not ink:
        return text
    return f"\x1b[{'1;' if bold else ''}{ink}m{text}\x1b[0m"
