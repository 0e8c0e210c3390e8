"""Blocks as HTML: what is on a page; `page` is what is around it."""

from __future__ import annotations

from dataclasses import replace

from evalsuite.report import charts, listing, plots
from evalsuite.report.blocks import (
    Answer,
    Answers,
    Cases,
    Facts,
    Headline,
    Heat,
    Matrix,
    Readings,
    Table,
)
from evalsuite.report.drawn import Distribution, Intervals, Plots, Spread
from evalsuite.report.escape import html
from evalsuite.report.heatmap import NOTE, forests, heatmap, pictures
from evalsuite.report.markup import anchor, lines, section, table, text
from evalsuite.report.page import whole
from evalsuite.report.reports import Block, Document, Report
from evalsuite.report.words import excerpt

_EXAMPLE = 600
"""Characters of the answer on the first screen."""


def render(report: Report) -> str:
    """The whole page of a run."""
    return document(Document(report.suite, report.blocks))


def document(page: Document) -> str:
    """The whole page."""
    head = next((block for block in page.blocks if isinstance(block, Headline)), None)
    answers = next((block for block in page.blocks if isinstance(block, Answers)), None)
    shown = Answers("", ()) if answers is None else answers
    documents = listing.stored((*shown.items, *shown.still))
    heat = next((block for block in page.blocks if isinstance(block, Heat)), Heat("", (), ()))
    parts = [
        listing.cases(block, shown, heat, documents) + listing.documents(documents)
        if isinstance(block, Cases)
        else _block(block, page)
        for block in page.blocks
    ]
    if not plots.available() and any(map(_plotted, page.blocks)):
        parts.insert(1, f'<p class="note">{html(plots.MISSING)}</p>')
    word = head.word if head else ""
    return whole(f"{html(page.name)}: {html(word)}", "\n".join(filter(None, parts)))


def _plotted(block: Block) -> bool:
    if isinstance(block, Heat):
        return bool(forests(block))
    return isinstance(block, Plots) or (isinstance(block, Intervals) and bool(block.marks))


def _block(block: Block, page: Document) -> str:  # noqa: PLR0911
    match block:
        case Headline():
            return _headline(block, page)
        case Facts():
            return section(block.title, lines(block.lines))
        case Table():
            return section(block.title, table(block), html(block.note)) if block.rows else ""
        case Heat():
            return _slices(block, page)
        case Plots():
            return _plots(block)
        case Intervals():
            return _intervals(block)
        case Matrix():
            return section(block.title, charts.matrix(block), html(block.note))
        case Readings():
            return _readings(block)
        case Answers() | Cases():  # the list of cases holds both
            return ""


def _headline(head: Headline, page: Document) -> str:
    listed = any(isinstance(block, Cases) for block in page.blocks)
    example = _example(head.example) if head.example else ""
    parts = [
        block.title for block in page.blocks if isinstance(block, Table | Facts | Plots | Heat)
    ]
    links = [f'<a href="#{anchor("part", each)}">{html(each)}</a>' for each in parts]
    links = ['<a href="#cases">Cases</a>', *links]
    nav = f'<nav aria-label="Sections">{" ".join(links)}</nav>' if listed else ""
    return (
        f'<header class="{head.level}">\n<p><span class="badge">{html(head.word)}</span>'
        f' <span class="suite">{html(page.name)}</span></p>\n'
        f"<h1>{text(head.sentence)}</h1>\n{lines(head.lines)}\n{example}\n</header>\n{nav}"
    )


def _example(answer: Answer) -> str:
    """The change in a few lines; the rest is at the case."""
    pieces = excerpt(answer.pieces, _EXAMPLE)
    body = listing.words(replace(answer, pieces=pieces, crossed=(), documents=()))
    more = f'<p class="key"><a href="#{anchor("case", answer.id)}">the whole case</a></p>'
    return f'<div class="example">{body}\n{more}</div>'


def _slices(heat: Heat, page: Document) -> str:
    listed = [block for block in page.blocks if isinstance(block, Cases)]
    known = {line.id: line for block in listed for line in block.lines}
    drawn = pictures(heat) if plots.available() else ""
    return section(heat.title, drawn + heatmap(heat, known), NOTE)


def _plots(block: Plots) -> str:
    if not plots.available():
        return ""
    drawn = "".join(plots.figure(each, _plot(each)) for each in block.items)
    return section(block.title, f'<div class="plots">{drawn}</div>')


def _plot(item: Distribution | Spread | Intervals) -> str:
    if isinstance(item, Distribution):
        return plots.histogram(item)
    return plots.curve(item) if isinstance(item, Spread) else plots.intervals(item, charts.figure)


def _intervals(block: Intervals) -> str:
    """The picture, and the figures themselves."""
    if not block.marks:
        return ""
    drawn = plots.intervals(block, charts.figure, wide=True) if plots.available() else ""
    key = ""
    if drawn and any(mark.reference is not None for mark in block.marks):
        key = f'<p class="key"><span class="tick">{html(block.reference)}</span></p>'
    return section(block.title, drawn + key + table(charts.as_table(block)), html(block.note))


def _readings(block: Readings) -> str:
    parts = []
    for item in block.items:
        texts = [("question", item.question)] if item.question else []
        said = "".join(
            f'<p class="asked"><b>{html(name)}</b></p><p class="words">{html(words)}</p>'
            for name, words in (*texts, *item.texts)
        )
        parts.append(
            f'<details class="answer"><summary><b>{html(item.id)}</b> {text(item.about)}'
            f"</summary>\n{said}\n{lines(item.lines)}</details>"
        )
    return section(block.title, "\n".join(parts), html(block.note)) if parts else ""
