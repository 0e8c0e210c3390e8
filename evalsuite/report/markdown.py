"""GitHub flavoured Markdown for a comment on a pull request or a step summary.

A comment beyond 65,536 characters is refused as a whole, so sections are left out, last first in
weight, beyond a budget of 60,000. Foreign text stands in code spans and fences only.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from textwrap import wrap

from evalsuite.report import charts, figures
from evalsuite.report.blocks import (
    Answer,
    Answers,
    Cases,
    Facts,
    Headline,
    Heat,
    HeatRow,
    Line,
    Matrix,
    Name,
    Op,
    Readings,
    Table,
    Text,
    prose,
)
from evalsuite.report.drawn import Intervals, Plots
from evalsuite.report.escape import code_span, fenced, line, markdown, shorten, summary, visible
from evalsuite.report.reports import Block, Document, Report
from evalsuite.report.words import excerpt

BUDGET = 60_000
_NAME, _WORDS = 300, 2_000
_WIDTH, _LINES = 96, 16
"""Characters of a line of a word diff, and the most lines in which words are told apart."""

_SIGNS: dict[Op, str] = {"same": " ", "gone": "-", "new": "+"}
_MARKS = {"bad": "🔴 ", "warn": "🟠 ", "good": "🟢 ", "plain": ""}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a section is printed, and where the rest is."""

    rows: int = 30
    answers: int = 10
    slices: int = 8
    rest: str = "in the HTML report"

    def times(self, factor: float) -> Limits:
        """More, or less, of everything; at least one of each."""
        rows, answers, slices = (
            max(1, round(factor * each)) for each in (self.rows, self.answers, self.slices)
        )
        return Limits(rows, answers, slices, self.rest)


PAGE = Limits()


def render(report: Report) -> str:
    """One comment on a run; the first line is a hidden mark by which it is found again."""
    return document(Document(report.suite, report.blocks))


def document(page: Document) -> str:
    """One comment."""
    parts = [mark(page.name)]
    room, left_out = BUDGET - 400, []
    for block in page.blocks:
        said = section(block, page.name)
        if not said:
            continue
        if len(said) + 2 > room:
            left_out.append(getattr(block, "title", "a section"))
            continue
        parts.append(said)
        room -= len(said) + 2
    if left_out:
        names = ", ".join(dict.fromkeys(left_out))
        parts.append(f"*Left out for length: {names}. The HTML report has everything.*")
    return "\n\n".join(parts) + "\n"


def mark(name: str) -> str:
    """The hidden first line by which a comment is found again; no name can end it."""
    key = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII).replace("--", "-_")[:80]
    return f"<!-- evalsuite:report v1 key={key} -->"


def section(block: Block, name: str, limits: Limits = PAGE) -> str:  # noqa: PLR0911
    """A block of the page about `name`; "" where there is nothing to print."""
    match block:
        case Headline():
            return _headline(block, name)
        case Facts():
            return folded((block.title,), fact_lines(block))
        case Table():
            return _table(block, limits)
        case Answers():
            return _answers(block, limits)
        case Heat():
            return _heat(block, limits)
        case Plots():
            return ""
        case Cases():
            return _cases(block)
        case Intervals() | Matrix():
            return _table(charts.as_table(block), limits)
        case Readings():
            return _readings(block, limits)


def words(text: Text, *, cell: bool = False) -> str:
    """Spans in a paragraph or a table's cell, each of a bounded length."""
    spans = [
        named(span.text, cell=cell) if isinstance(span, Name) else markdown(shorten(span, _WORDS))
        for span in text
    ]
    return "".join(spans)


def named(text: str, *, cell: bool = False) -> str:
    """Foreign text of any length as a code span of a bounded one."""
    return code_span(brief(text), cell=cell)


def brief(text: str) -> str:
    """One line of at most 300 characters, all of them visible."""
    return shorten(line(text[: 4 * _NAME]), _NAME)


def item(fact: Line) -> str:
    """A fact as an item of a list."""
    sign = "⚠️ " if fact.tone in ("bad", "warn") else ""
    return f"- {sign}**{markdown(brief(fact.label).strip())}**: {words(fact.text)}"


def fact_lines(facts: Facts) -> str:
    return "\n".join(map(item, facts.lines))


def _headline(head: Headline, name: str) -> str:
    first, *rest = head.lines
    said = f"**{markdown(head.word.capitalize())}** · {named(name)} ·"
    lines = [
        f"> [!{head.level.upper()}]",
        f"> {said} {words(head.sentence)}",
        ">",
        f"> **{first.label}**: {words(first.text)}",
        "",
        *map(item, rest),
    ]
    if head.example is not None:
        lines += ["", answer(head.example)]
    return "\n".join(lines)


def folded(title: Text, body: str) -> str:
    """A part that a click opens."""
    short = tuple(Name(brief(each.text)) if isinstance(each, Name) else each for each in title)
    return f"<details><summary>{summary(short)}</summary>\n\n{body}\n\n</details>"


def _table(table: Table, limits: Limits) -> str:
    body = rows(table, limits)
    return f"#### {markdown(table.title)}\n\n{body}" if body else ""


def rows(table: Table, limits: Limits) -> str:
    """A table without its title; "" without rows."""
    if not table.rows:
        return ""
    lines = [
        _row([markdown(each) for each in table.columns]),
        _row(["---"] * len(table.columns)),
    ]
    for row in table.rows[: limits.rows]:
        cells = [words(cell, cell=True) for cell in row.cells]
        cells[-1] = _MARKS[row.tone] + cells[-1]
        lines.append(_row(cells))
    note = [words(prose(table.note))] if table.note else []
    if len(table.rows) > limits.rows:
        note.append(f"{len(table.rows) - limits.rows} more {limits.rest}.")
    return "\n".join([*lines, "", *[" ".join(note)] * bool(note)]).rstrip()


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _answers(block: Answers, limits: Limits) -> str:
    if not block.items:
        return ""
    parts = [answer(each) for each in block.items[: limits.answers]]
    hidden = len(block.items) - len(parts)
    if hidden:
        parts.append(f"{hidden} more {limits.rest}.")
    return folded((block.title,), "\n\n".join(parts))


def answer(shown: Answer) -> str:
    """One case before and after."""
    about = "".join(f" · {named(each)}" for each in (shown.strict, shown.slices) if each)
    return "\n".join([f"{named(shown.id)} · {words(shown.scores)}{about}", *answer_lines(shown)])


def answer_lines(shown: Answer) -> list[str]:
    """What is shown of a case below its name, each paragraph after an empty line."""
    lines = []
    if shown.question:
        lines += ["", f"Question: {named(shown.question)}"]
    if shown.remark:
        lines += ["", markdown(shown.remark)]
    lines += _differing(shown)
    if shown.documents:
        lines += ["", words(("Documents: ", *shown.documents))]
    if shown.crossed:
        lines += ["", words(("On the baseline's documents: ", *shown.crossed))]
    if shown.reason:
        lines += ["", f"Reason: {named(shown.reason)}"]
    return lines


def _differing(shown: Answer) -> list[str]:
    pieces = excerpt(shown.pieces, 600)
    if any(piece.op != "same" for piece in pieces):
        marked = [each for piece in pieces for each in _marked(piece.op, piece.text)]
        if len(marked) > _LINES:
            old = "".join(piece.text for piece in pieces if piece.op != "new")
            new = "".join(piece.text for piece in pieces if piece.op != "gone")
            marked = [*_marked("gone", old), *_marked("new", new)]
        return ["", fenced("\n".join(marked), "diff")]
    if pieces:
        return ["", fenced(shorten("".join(piece.text for piece in pieces), 600))]
    return []


def _marked(op: Op, text: str) -> list[str]:
    """A stretch of words on lines of its own, none of which has to be scrolled sideways."""
    parts = [
        each
        for one in visible(text).split("\n")
        for each in wrap(one, _WIDTH, break_on_hyphens=False)
    ]
    return [f"{_SIGNS[op]} {each}" for each in parts]


def _readings(block: Readings, limits: Limits) -> str:
    if not block.items:
        return ""
    parts = [markdown(block.note)] if block.note else []
    for each in block.items[: limits.answers]:
        lines = [f"{named(each.id)} · {words(each.about)}", ""]
        if each.question:
            lines += [f"Question: {named(each.question)}", ""]
        lines += [f"{markdown(name)}: {named(text)}" for name, text in each.texts]
        parts.append("\n".join([*lines, "", *map(item, each.lines)]))
    if len(block.items) > limits.answers:
        parts.append(f"{len(block.items) - limits.answers} more {limits.rest}.")
    return folded((block.title,), "\n\n".join(parts))


def _heat(heat: Heat, limits: Limits) -> str:
    varied = any(cell.variance is not None for row in heat.rows for cell in row.cells)
    head = ["Slice", "n"]
    for name in heat.metrics[:5]:
        head += [code_span(shorten(line(name[:400]), 40), cell=True), *["variance"] * varied]
    lines = [_row(head), _row(["---"] * len(head))]
    lines += [_heat_row(row, varied) for row in heat.rows[: limits.slices + 1]]
    hidden = len(heat.rows) - limits.slices - 1
    if hidden > 0:
        lines += ["", f"{hidden} more {limits.rest}."]
    return folded(("Slices, worst first",), "\n".join(lines))


def _heat_row(row: HeatRow, varied: bool) -> str:
    name = code_span(shorten(line(row.slice[:400]), 80), cell=True) + (
        " (derived)" if row.derived else ""
    )
    cells = [name, str(max((cell.n for cell in row.cells), default=0))]
    for cell in row.cells[:5]:
        change = f" ({figures.points(cell.effect)})" if cell.effect is not None else ""
        cells.append(f"{_MARKS[cell.tone]}{figures.percent(cell.after)}{change}")
        cells += [figures.variance(cell.variance)] * varied
    return _row(cells)


def _cases(cases: Cases) -> str:
    counts = Counter(each.kind for each in cases.lines)
    text = ", ".join(f"{figures.number(count)} {kind}" for kind, count in counts.items())
    return f"Cases: {text}. {words(cases.note)}".rstrip() if text else ""
