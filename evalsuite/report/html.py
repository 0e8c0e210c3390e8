"""Blocks as HTML: what is on a page; `page` is what is around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalsuite.records import CHECKS
from evalsuite.report import charts, figures
from evalsuite.report.blocks import (
    Answer,
    Answers,
    Block,
    CaseLine,
    Cases,
    Distribution,
    Document,
    Facts,
    Headline,
    Heat,
    Intervals,
    Line,
    Matrix,
    Name,
    Piece,
    Readings,
    Report,
    Table,
    Text,
)
from evalsuite.report.escape import html
from evalsuite.report.graph import histogram
from evalsuite.report.heatmap import NOTE, heatmap
from evalsuite.report.page import whole
from evalsuite.report.words import excerpt

_SHOWN = 10
_SENTENCE, _WORD = 24, 32
_EXAMPLE = 600
"""Characters of the answer on the first screen."""

_TAGS = {"same": "", "gone": "del", "new": "ins"}


def render(report: Report) -> str:
    """The whole page of a run."""
    return document(Document(report.suite, report.blocks))


def document(page: Document) -> str:
    """The whole page."""
    answers = [each for block in page.blocks if isinstance(block, Answers) for each in block.items]
    places = {answer.id: f"a{at}" for at, answer in enumerate(answers)}
    word = next((block.word for block in page.blocks if isinstance(block, Headline)), "")
    body = "\n".join(_block(block, page.name, places) for block in page.blocks)
    return whole(f"{html(page.name)}: {html(word)}", body)


def _block(block: Block, name: str, places: dict[str, str]) -> str:  # noqa: PLR0911
    match block:
        case Headline():
            return _headline(block, name, places)
        case Facts():
            return _section(html(block.title), _lines(block.lines))
        case Table():
            return _table(block)
        case Answers():
            return _answers(block, places)
        case Heat():
            return _section(block.title, heatmap(block), NOTE)
        case Distribution():
            return _distribution(block)
        case Cases():
            return _cases(block, places)
        case Intervals() | Matrix():
            return _section(html(block.title), charts.picture(block), html(block.note))
        case Readings():
            return _readings(block)


def _section(title: str, body: str, note: str = "") -> str:
    said = f'<p class="note">{note}</p>\n' if note else ""
    return f"<section>\n<h2>{title}</h2>\n{said}{body}\n</section>"


def _text(text: Text) -> str:
    return "".join(
        f"<code{_broken(span.text)}>{html(span.text)}</code>"
        if isinstance(span, Name)
        else html(span)
        for span in text
    )


def _broken(text: str) -> str:
    """Words are broken over lines only if they are too long for any."""
    return " class=any" if any(len(word) > _WORD for word in text.split()) else ""


def _lines(lines: Sequence[Line]) -> str:
    rows = [
        f'<div class="{line.tone}"><dt>{html(line.label)}</dt><dd>{_text(line.text)}</dd></div>'
        for line in lines
    ]
    return f"<dl>{''.join(rows)}</dl>"


def _headline(head: Headline, name: str, places: Mapping[str, str]) -> str:
    example = _example(head.example, places) if head.example else ""
    return (
        f'<header class="{head.level}">\n<p><span class="badge">{html(head.word)}</span>'
        f' <span class="suite">{html(name)}</span></p>\n'
        f"<h1>{_text(head.sentence)}</h1>\n{_lines(head.lines)}\n{example}\n</header>"
    )


def _example(answer: Answer, places: Mapping[str, str]) -> str:
    """The change in a few lines; the rest is at the case."""
    pieces = excerpt(answer.pieces, _EXAMPLE)
    body = _body(replace(answer, pieces=pieces, said=(), command="", crossed=(), documents=()))
    place = places.get(answer.id)
    more = f'\n<p class="key"><a href="#{place}">the whole case</a></p>' if place else ""
    return f'<div class="example">{body}{more}</div>'


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    columns = "".join(f"<th scope=col>{html(name)}</th>" for name in table.columns)
    rows = []
    for row in table.rows:
        cells = "".join(
            f'<td data-label="{html(name)}"{_long(cell)}>{_text(cell)}</td>'
            for name, cell in zip(table.columns, row.cells, strict=True)
        )
        rows.append(f'<tr class="{row.tone}">{cells}</tr>')
    body = f"<thead><tr>{columns}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return _section(
        html(table.title),
        f'<div class="wide"><table class="gates">{body}</table></div>',
        html(table.note),
    )


def _long(cell: Text) -> str:
    """Sentences wrap, figures don't."""
    letters = sum(len(span.text if isinstance(span, Name) else span) for span in cell)
    return " class=long" if letters > _SENTENCE else ""


def _answers(block: Answers, places: dict[str, str]) -> str:
    parts = [_answer(answer, places[answer.id]) for answer in block.items]
    body, rest = "\n".join(parts[:_SHOWN]), "\n".join(parts[_SHOWN:])
    if rest:
        more = f"{len(parts) - _SHOWN} more"
        body += f'\n<details class="more"><summary>{more}</summary>\n{rest}</details>'
    return _section(block.title, body) if parts else ""


def _answer(answer: Answer, place: str) -> str:
    return (
        f'<details id="{place}" class="answer {answer.kind}"><summary><b>{html(answer.id)}</b>'
        f' <span class="kind">{answer.kind}</span> {_text(answer.scores)}'
        f' <span class="tags">{html(answer.slices)}</span></summary>\n{_body(answer)}</details>'
    )


def _body(answer: Answer) -> str:
    asked = ""
    if answer.question:
        asked = f'<p class="asked"><b>{html(answer.id)}</b> {html(answer.question)}</p>'
    parts = [asked]
    if answer.pieces:
        parts.append(f'<p class="words">{"".join(map(_piece, answer.pieces))}</p>')
    if answer.remark:
        parts.append(f'<p class="note">{html(answer.remark)}</p>')
    if answer.reason:
        parts.append(f'<p class="reason">{html(answer.reason)}</p>')
    if answer.documents:
        parts.append(f'<p class="note">{_text(("Documents: ", *answer.documents))}</p>')
    if answer.crossed:
        words = _text(("On the baseline's documents: ", *answer.crossed))
        parts.append(f'<p class="note">{words}</p>')
    if answer.said:
        parts.append(_lines(answer.said))
    if answer.command:
        parts.append(f"<pre>{html(answer.command)}</pre>")
    return "\n".join(part for part in parts if part)


def _readings(block: Readings) -> str:
    parts = []
    for item in block.items:
        texts = [("question", item.question)] if item.question else []
        said = "".join(
            f'<p class="asked"><b>{html(name)}</b></p><p class="words">{html(text)}</p>'
            for name, text in (*texts, *item.texts)
        )
        parts.append(
            f'<details class="answer"><summary><b>{html(item.id)}</b> {_text(item.about)}'
            f"</summary>\n{said}\n{_lines(item.lines)}</details>"
        )
    return _section(html(block.title), "\n".join(parts), html(block.note)) if parts else ""


def _piece(piece: Piece) -> str:
    tag, words = _TAGS[piece.op], piece.text.rstrip()
    if not tag or not words:
        return html(piece.text)
    return f"<{tag}>{html(words)}</{tag}>{html(piece.text[len(words) :])}"


def _distribution(block: Distribution) -> str:
    title = f"Distribution of {html(block.metric)}"
    return f'<section class="half">\n<h2>{title}</h2>\n{histogram(block)}\n</section>'


def _cases(cases: Cases, places: dict[str, str]) -> str:
    counts = Counter[str](line.kind for line in cases.lines)
    checks = cases.metrics.index(CHECKS) if CHECKS in cases.metrics else None
    names = [html(name) for name in cases.metrics]
    failing = 0
    rows = []
    for line in cases.lines:
        fails = checks is not None and (seen := line.after[checks]) is not None and seen < 1
        failing += fails
        rows.append(_case(line, names, places.get(line.id), fails))
    choices = {"all": len(cases.lines), **counts, **({"failing": failing} if failing else {})}
    radios = "".join(
        f'<input type=radio name=kind id="k-{kind}"{" checked" if kind == "all" else ""}>'
        f'<label for="k-{kind}">{kind} <small>{figures.number(count)}</small></label>'
        for kind, count in choices.items()
    )
    table = (
        '<div class="wide"><table class="cases"><thead><tr><th>Case</th><th>What</th>'
        f"<th>Scores</th><th>Slices</th><th>Note</th></tr></thead><tbody>{''.join(rows)}"
        "</tbody></table></div>"
    )
    search = (
        '<p id="find" hidden><input type=search id="q" placeholder="Search id, slice, note'
        '  ( / )" aria-label="Search the cases"> <output id="shown"></output></p>'
    )
    body = f'{search}\n<div class="filter">{radios}{table}</div>'
    return _section(html(cases.title), body, _text(cases.note))


def _case(line: CaseLine, names: Sequence[str], place: str | None, fails: bool) -> str:
    id_ = html(line.id)
    name = f'<a href="#{place}">{id_}</a>' if place else id_
    slices = html(" ".join([f"{key}={value}" for key, value in line.slices.items()]))
    scores = " ".join(map(_move, names, line.before, line.after))
    kind = f"{line.kind} failing" if fails else line.kind
    return (
        f'<tr class="{kind}"><td>{name}<td>{line.kind}<td>{scores}<td>{slices}'
        f"<td>{html(line.note)}\n"
    )


def _move(name: str, before: float | None, after: float | None) -> str:
    if before is None and after is None:
        return ""
    if before is None or before == after:
        return f"{name} {figures.score(after)}"
    if after is None:
        return f"{name} {figures.score(before)} → {figures.UNKNOWN}"
    return f"<b>{name} {figures.score(before)} → {figures.score(after)}</b>"
