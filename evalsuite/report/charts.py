"""Values with intervals and tables of counts as tables: shaded in HTML, plain elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.report import figures
from evalsuite.report.blocks import Matrix, Name, Table, TableRow, Text
from evalsuite.report.drawn import Intervals, Mark
from evalsuite.report.escape import html

_STEPS = (0.05, 0.2, 0.4, 0.7)


def figure(value: float | None) -> str:
    """0.4823 -> "0.48"; what rounds to nothing has no sign."""
    return figures.UNKNOWN if value is None else f"{value:z.2f}"


def span(mark: Mark) -> str:
    """The interval of a mark, as it is read."""
    if mark.low is None or mark.high is None:
        return figures.UNKNOWN
    return f"{figure(mark.low)} to {figure(mark.high)}"


def matrix(block: Matrix) -> str:
    """Counts, shaded by their share of the row."""
    head = "".join(f"<th scope=col>{html(name)}</th>" for name in block.columns)
    rows = "".join(
        f"<tr><th scope=row>{html(name)}</th>{_cells(counts)}</tr>"
        for name, counts in zip(block.rows, block.counts, strict=True)
    )
    return (
        f'<div class="wide"><table class="heat matrix"><thead><tr><td></td><th colspan='
        f'"{len(block.columns)}" scope=colgroup>{html(block.top)}</th></tr>'
        f"<tr><th scope=col>{html(block.side)}</th>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cells(counts: Sequence[int]) -> str:
    total = max(1, sum(counts))
    cells = []
    for count in counts:
        shade = sum(count / total >= step for step in _STEPS)
        name = f"up{shade}" if shade else "flat"
        cells.append(f'<td class="{name}">{figures.number(count)}</td>')
    return "".join(cells)


def as_table(block: Intervals | Matrix) -> Table:
    """The same without pictures."""
    if isinstance(block, Matrix):
        columns = [f"{block.side} \\ {block.top}", *block.columns]
        rows = [
            TableRow([(Name(name),), *(_said(figures.number(count)) for count in counts)])
            for name, counts in zip(block.rows, block.counts, strict=True)
        ]
        return Table(block.title, columns, rows, block.note)
    ticks = any(mark.reference is not None for mark in block.marks)
    notes = any(mark.note for mark in block.marks)
    columns = ["", "value", "95 % interval"]
    columns += [block.reference or "reference"] * ticks + [""] * notes
    rows = []
    for mark in block.marks:
        cells: list[Text] = [(mark.label,), (figure(mark.value),), (span(mark),)]
        cells += [(figure(mark.reference),)] * ticks + [(mark.note,)] * notes
        rows.append(TableRow(cells, mark.tone))
    return Table(block.title, columns, rows, block.note)


def _said(text: str) -> Text:
    return (text,)
