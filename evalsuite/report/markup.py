"""The smallest parts of a page: text, lines, tables, word diffs, and the names that links go by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from urllib.parse import quote

from evalsuite.report.blocks import Line, Name, Piece, Table, TableRow, Text
from evalsuite.report.escape import html

_SENTENCE, _WORD = 24, 32
_ANCHOR = 120
_TAGS = {"same": "", "gone": "del", "new": "ins"}


def anchor(kind: str, name: str) -> str:
    """ "case-legal-000": what a link to a case, slice or gate ends with. The same in every report,
    and harmless in an attribute whatever the name is."""
    spelled = quote(name, safe="=,:@", errors="surrogatepass")
    if len(spelled) > _ANCHOR:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        spelled = f"{spelled[:_ANCHOR].rpartition('%')[0]}~{digest[:12]}"
    return f"{kind}-{spelled}"


def section(title: str, body: str, note: str = "", place: str = "") -> str:
    """All but `title` is HTML."""
    said = f'<p class="note">{note}</p>\n' if note else ""
    return (
        f'<section id="{place or anchor("part", title)}">\n<h2>{html(title)}</h2>\n'
        f"{said}{body}\n</section>"
    )


def text(spans: Text) -> str:
    """Names as code."""
    return "".join(
        f"<code{_broken(span.text)}>{html(span.text)}</code>"
        if isinstance(span, Name)
        else html(span)
        for span in spans
    )


def _broken(word: str) -> str:
    """Words are broken over lines only if they are too long for any."""
    return " class=any" if any(len(each) > _WORD for each in word.split()) else ""


def lines(facts: Sequence[Line]) -> str:
    """Labels and what they say."""
    rows = [
        f'<div class="{line.tone}"><dt>{html(line.label)}</dt><dd>{text(line.text)}</dd></div>'
        for line in facts
    ]
    return f"<dl>{''.join(rows)}</dl>"


def table(block: Table, kind: str = "gates") -> str:
    """The table alone; a row that is of a gate can be linked to."""
    columns = "".join(
        f"<th scope=col>{html(name)}</th>" if name else "<td></td>" for name in block.columns
    )
    rows = "".join(_row(row, block.columns) for row in block.rows)
    return (
        f'<div class="wide" tabindex=0 role=group aria-label="{html(block.title)}">'
        f'<table class="{kind}"><thead><tr>{columns}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(row: TableRow, columns: Sequence[str]) -> str:
    cells = [
        f'<td data-label="{html(name)}"{_long(cell)}>{text(cell)}</td>'
        for name, cell in zip(columns, row.cells, strict=True)
    ]
    if row.slice or row.case:
        place = anchor("slice", row.slice) if row.slice else anchor("case", row.case)
        inner = f'<a href="#{place}">{text(row.cells[0])}</a>'
        cells[0] = f'<td data-label="{html(columns[0])}"{_long(row.cells[0])}>{inner}</td>'
    place = f' id="{anchor("gate", row.gate)}"' if row.gate else ""
    return f'<tr class="{row.tone}"{place}>{"".join(cells)}</tr>'


def _long(cell: Text) -> str:
    """Sentences wrap, figures don't."""
    letters = sum(len(span.text if isinstance(span, Name) else span) for span in cell)
    return " class=long" if letters > _SENTENCE else ""


def diff(pieces: Sequence[Piece]) -> str:
    """Words before and after, in one text."""
    return f'<p class="words">{"".join(map(_piece, pieces))}</p>' if pieces else ""


def _piece(piece: Piece) -> str:
    tag, words = _TAGS[piece.op], piece.text.rstrip()
    if not tag or not words:
        return html(piece.text)
    return f"<{tag}>{html(words)}</{tag}>{html(piece.text[len(words) :])}"
