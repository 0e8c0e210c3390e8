"""The report for a terminal: the first screen, and below it only what needs a look."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from textwrap import wrap

from evalsuite.report import charts
from evalsuite.report.blocks import (
    Answer,
    Facts,
    Headline,
    Level,
    Line,
    Matrix,
    Name,
    Piece,
    Table,
    Text,
    Tone,
    compact,
)
from evalsuite.report.drawn import Intervals
from evalsuite.report.escape import shorten, terminal
from evalsuite.report.reports import Document, Report, block_of
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
_NAME = 48
_LABEL = 13


def render(report: Report, *, colour: bool = False, width: int = 100) -> str:
    """All that is worth a line in a log; `width` bounds the excerpt and the tables, other lines are
    not wrapped."""
    parts = [screen(report, colour=colour, width=width)]
    for block in report.blocks:
        if isinstance(block, Table) and any(row.tone in ("bad", "warn") for row in block.rows):
            parts.append(_table(block, width, colour=colour))
        elif isinstance(block, Facts):
            parts.append(_facts(block, colour=colour))
    return "".join(parts)


def document(page: Document, *, colour: bool = False, width: int = 100) -> str:
    """A page that is not of a run, with all its tables; what is to be read is in the files."""
    parts = []
    for block in page.blocks:
        if isinstance(block, Headline):
            parts.append(_head(block, page.name, colour))
        elif isinstance(block, Intervals | Matrix):
            parts.append(_table(charts.as_table(block), width, colour=colour, every=True))
        elif isinstance(block, Table) and block.rows:
            parts.append(_table(block, width, colour=colour, every=True))
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
    if all(piece.op == "same" for piece in answer.pieces):
        said = terminal("".join(piece.text for piece in answer.pieces))
        why = f" ({shorten(terminal(answer.reason), width)})" if answer.reason else ""
        diff = f"{shorten(said, width)}{why}"
    else:
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


def _table(table: Table, width: int, *, colour: bool, every: bool = False) -> str:
    """Cells are wrapped where a row would be wider than the screen; what does not fit even so
    stands below its row."""
    odd = [row for row in table.rows if every or row.tone in ("bad", "warn")]
    most = _WHOLE if every else _ROWS
    table = compact(replace(table, rows=odd[:most]))
    shown = [[_text(cell) for cell in row.cells] for row in table.rows]
    widths = _widths([list(table.columns), *shown], width - 2)
    lines = ["", table.title, *_cells(table.columns, widths)]
    for row, cells in zip(table.rows, shown, strict=True):
        said = _cells(cells, widths)
        for at, cell in enumerate(row.cells):
            if at not in widths and cells[at]:
                said += _below(table.columns[at], cell, width)
        lines += [_ink(each, _INKS[row.tone], colour) for each in said]
    if len(odd) > most:
        lines.append(f"  and {len(odd) - most} more in the report")
    return "\n".join(map(_still, lines)) + "\n"


def _still(text: str) -> str:
    """A cell that is wrapped may start a line with what is a workflow command there."""
    return _COMMAND.sub(r"\1·::", text)


def _widths(grid: Sequence[Sequence[str]], room: int) -> dict[int, int]:
    """How wide the columns are that stand beside each other: all where they fit, else without those
    that say little, then without the longest; the first always."""
    columns = {at: list(column) for at, column in enumerate(zip(*grid, strict=True))}
    whole = {at: max(map(len, column)) for at, column in columns.items()}
    least = {at: max(map(_least, column)) for at, column in columns.items()}
    whole[0], least[0] = min(whole[0], _NAME), min(least[0], _NAME)
    sparse = [at for at, cells in columns.items() if at and 2 * cells.count("") > len(cells)]
    if _across(whole) > room:
        whole = {at: size for at, size in whole.items() if at not in sparse}
    while len(whole) > 1 and _across({at: least[at] for at in whole}) > room:
        del whole[max(list(whole)[1:], key=whole.__getitem__)]
    while _across(whole) > room and (wide := [at for at in whole if whole[at] > least[at]]):
        whole[max(wide, key=whole.__getitem__)] -= 1
    return whole


def _across(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + 2 * (len(widths) - 1)


_GLUE = "\x00"
"""No text holds it: controls are spelled out."""

_COMMAND = re.compile(r"^((?:\x1b\[[0-9;]*m)?\s*)::")
_BREAK = re.compile(r"(?<=[,;:]) | (?=\()")
"""Where a cell may be broken: figures such as "91.7% → 83.3%" stay whole."""


def _least(cell: str) -> int:
    return max(map(len, _BREAK.split(cell)))


def _cells(cells: Sequence[str], widths: Mapping[int, int]) -> list[str]:
    """A row as lines."""
    wrapped = [_wrapped(cells[at], size) for at, size in widths.items()]
    lines = []
    for parts in zip_longest(*wrapped, fillvalue=""):
        padded = [f"{part:<{size}}" for part, size in zip(parts, widths.values(), strict=True)]
        lines.append(("  " + "  ".join(padded)).rstrip())
    return lines


def _wrapped(cell: str, width: int) -> list[str]:
    lines = [""]
    for part in _BREAK.split(cell):
        joined = f"{lines[-1]} {part}".lstrip()
        if len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(shorten(part, width))
    return [line for line in lines if line] or [""]


def _below(label: str, cell: Text, width: int) -> list[str]:
    """Told whole, since it may say what to type: a command that fits on a line is not broken."""
    spans = [_span(span) for span in cell]
    for at, span in enumerate(cell):
        if isinstance(span, Name) and len(spans[at]) < width - 10:
            spans[at] = spans[at].replace(" ", _GLUE)
    lines = wrap(
        f"{label}: {''.join(spans)}",
        max(width, 2 * _LABEL),
        initial_indent=" " * 6,
        subsequent_indent=" " * 8,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines]


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
