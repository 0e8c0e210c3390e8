"""GitHub flavoured Markdown for a comment on a pull request or a step summary.

A comment beyond 65,536 characters is refused as a whole, so sections are left out, last first in
weight, beyond a budget of 60,000. Foreign text stands in code spans and fences only.
"""

from __future__ import annotations

import re
from collections import Counter

from evalsuite.report import charts, figures
from evalsuite.report.blocks import (
    Answer,
    Answers,
    Block,
    Cases,
    Distribution,
    Document,
    Facts,
    Headline,
    Heat,
    HeatRow,
    Intervals,
    Line,
    Matrix,
    Name,
    Readings,
    Report,
    Table,
    Text,
)
from evalsuite.report.escape import code_span, fenced, markdown, shorten
from evalsuite.report.words import excerpt

BUDGET = 60_000
_ROWS, _ANSWERS, _SLICES, _NAME = 30, 10, 8, 300
_MARKS = {"bad": "🔴 ", "warn": "🟠 ", "good": "🟢 ", "plain": ""}


def render(report: Report) -> str:
    """One comment on a run; the first line is a hidden mark by which it is found again."""
    return document(Document(report.suite, report.blocks))


def document(page: Document) -> str:
    """One comment."""
    key = re.sub(r"[^\w.-]", "-", page.name, flags=re.ASCII)[:80]
    parts = [f"<!-- evalsuite:report v1 key={key} -->"]
    room, left_out = BUDGET - 400, []
    for block in page.blocks:
        text = _block(block, page.name)
        if not text:
            continue
        if len(text) + 2 > room:
            left_out.append(getattr(block, "title", "a section"))
            continue
        parts.append(text)
        room -= len(text) + 2
    if left_out:
        names = ", ".join(dict.fromkeys(left_out))
        parts.append(f"*Left out for length: {names}. The HTML report has everything.*")
    return "\n\n".join(parts) + "\n"


def _block(block: Block, name: str) -> str:  # noqa: PLR0911
    match block:
        case Headline():
            return _headline(block, name)
        case Facts():
            return _folded(block.title, "\n".join(_line(line) for line in block.lines))
        case Table():
            return _table(block)
        case Answers():
            return _answers(block)
        case Heat():
            return _heat(block)
        case Distribution():
            return ""
        case Cases():
            return _cases(block)
        case Intervals() | Matrix():
            return _table(charts.as_table(block))
        case Readings():
            return _readings(block)


def _text(text: Text, *, cell: bool = False) -> str:
    spans = [
        code_span(shorten(span.text, _NAME), cell=cell)
        if isinstance(span, Name)
        else markdown(span)
        for span in text
    ]
    return "".join(spans)


def _line(line: Line) -> str:
    mark = "⚠️ " if line.tone in ("bad", "warn") else ""
    return f"- {mark}**{line.label}**: {_text(line.text)}"


def _headline(head: Headline, name: str) -> str:
    first, *rest = head.lines
    said = f"**{markdown(head.word.capitalize())}** · {code_span(name)} ·"
    lines = [
        f"> [!{head.level.upper()}]",
        f"> {said} {_text(head.sentence)}",
        ">",
        f"> **{first.label}**: {_text(first.text)}",
        "",
        *(_line(line) for line in rest),
    ]
    if head.example is not None:
        lines += ["", _answer(head.example)]
    return "\n".join(lines)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    lines = [
        f"#### {table.title}",
        "",
        _row(list(table.columns)),
        _row(["---"] * len(table.columns)),
    ]
    for row in table.rows[:_ROWS]:
        cells = [_text(cell, cell=True) for cell in row.cells]
        cells[-1] = _MARKS[row.tone] + cells[-1]
        lines.append(_row(cells))
    note = [table.note] if table.note else []
    if len(table.rows) > _ROWS:
        note.append(f"{len(table.rows) - _ROWS} more in the HTML report.")
    return "\n".join([*lines, "", *[" ".join(note)] * bool(note)]).rstrip()


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _answers(block: Answers) -> str:
    if not block.items:
        return ""
    parts = [_answer(answer) for answer in block.items[:_ANSWERS]]
    hidden = len(block.items) - len(parts)
    if hidden:
        parts.append(f"{hidden} more in the HTML report.")
    return _folded(block.title, "\n\n".join(parts))


def _answer(answer: Answer) -> str:
    about = f" · {code_span(shorten(answer.slices, _NAME))}" if answer.slices else ""
    lines = [f"{code_span(shorten(answer.id, _NAME))} · {_text(answer.scores)}{about}"]
    if answer.question:
        lines += ["", f"Question: {code_span(shorten(answer.question, _NAME))}"]
    pieces = excerpt(answer.pieces, 600)
    if answer.remark:
        lines += ["", markdown(answer.remark)]
    if any(piece.op != "same" for piece in pieces):
        old = "".join(piece.text for piece in pieces if piece.op != "new")
        new = "".join(piece.text for piece in pieces if piece.op != "gone")
        marked = [f"- {each}" for each in old.split("\n")] + [
            f"+ {each}" for each in new.split("\n")
        ]
        lines += ["", fenced("\n".join(marked), "diff")]
    elif pieces:
        lines += ["", fenced(shorten("".join(piece.text for piece in pieces), 600))]
    if answer.documents:
        lines += ["", _text(("Documents: ", *answer.documents))]
    if answer.crossed:
        lines += ["", _text(("On the baseline's documents: ", *answer.crossed))]
    if answer.reason:
        lines += ["", f"Reason: {code_span(answer.reason)}"]
    return "\n".join(lines)


def _readings(block: Readings) -> str:
    if not block.items:
        return ""
    parts = [markdown(block.note)] if block.note else []
    for item in block.items[:_ANSWERS]:
        lines = [f"{code_span(shorten(item.id, _NAME))} · {_text(item.about)}", ""]
        if item.question:
            lines += [f"Question: {code_span(shorten(item.question, _NAME))}", ""]
        lines += [f"{name}: {code_span(shorten(text, _NAME))}" for name, text in item.texts]
        parts.append("\n".join([*lines, "", *map(_line, item.lines)]))
    if len(block.items) > _ANSWERS:
        parts.append(f"{len(block.items) - _ANSWERS} more in the HTML report.")
    return _folded(block.title, "\n\n".join(parts))


def _heat(heat: Heat) -> str:
    varied = any(cell.variance is not None for row in heat.rows for cell in row.cells)
    head = ["Slice", "n"]
    for name in heat.metrics[:5]:
        head += [code_span(shorten(name, 40), cell=True), *["variance"] * varied]
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_heat_row(row, varied) for row in heat.rows[: _SLICES + 1]]
    hidden = len(heat.rows) - _SLICES - 1
    if hidden > 0:
        lines += ["", f"{hidden} more in the HTML report."]
    return _folded("Slices, worst first", "\n".join(lines))


def _heat_row(row: HeatRow, varied: bool) -> str:
    name = code_span(shorten(row.slice, 80), cell=True) + (" (derived)" if row.derived else "")
    cells = [name, str(max((cell.n for cell in row.cells), default=0))]
    for cell in row.cells[:5]:
        change = f" ({figures.points(cell.effect)})" if cell.effect is not None else ""
        cells.append(f"{_MARKS[cell.tone]}{figures.percent(cell.after)}{change}")
        cells += [figures.variance(cell.variance)] * varied
    return _row(cells)


def _cases(cases: Cases) -> str:
    counts = Counter(line.kind for line in cases.lines)
    text = ", ".join(f"{figures.number(count)} {kind}" for kind, count in counts.items())
    return f"Cases: {text}. {_text(cases.note)}".rstrip() if text else ""
