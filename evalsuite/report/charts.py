"""Charts: values with intervals as inline SVG, tables of counts with shades; both as plain tables
where there are no pictures."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.report import figures
from evalsuite.report.blocks import Intervals, Mark, Matrix, Name, Table, TableRow, Text
from evalsuite.report.escape import html

_WIDTH, _HEIGHT, _EDGE = 260, 22, 6
_STEPS = (0.05, 0.2, 0.4, 0.7)


def figure(value: float | None) -> str:
    """0.4823 -> "0.48"; what rounds to nothing has no sign."""
    return figures.UNKNOWN if value is None else f"{value:z.2f}"


def span(mark: Mark) -> str:
    """The interval of a mark, as it is read."""
    if mark.low is None or mark.high is None:
        return figures.UNKNOWN
    return f"{figure(mark.low)} to {figure(mark.high)}"


def picture(block: Intervals | Matrix) -> str:
    """As HTML."""
    return intervals(block) if isinstance(block, Intervals) else matrix(block)


def intervals(block: Intervals) -> str:
    """A row per mark: its name, the picture, the figures."""
    if not block.marks:
        return ""
    rows = "".join(_row(block, mark) for mark in block.marks)
    key = f'<p class="key"><span class="tick">{html(block.reference)}</span></p>'
    ticked = any(mark.reference is not None for mark in block.marks)
    return (
        f'<div class="wide"><table class="marks"><tbody>{rows}{_ends(block)}</tbody></table></div>'
        f"{key if ticked else ''}"
    )


def _ends(block: Intervals) -> str:
    """The numbers at the ends of the axis; the figures themselves are in each row."""
    at = _HEIGHT - 6
    return (
        f'<tr aria-hidden="true"><td></td><td><svg class="mark" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
        f'<text class="start" x="1" y="{at}">{block.low:g}</text>'
        f'<text class="end" x="{_WIDTH - 1}" y="{at}">{block.high:g}</text></svg></td>'
        "<td></td></tr>"
    )


def _row(block: Intervals, mark: Mark) -> str:
    note = f" <small>{html(mark.note)}</small>" if mark.note else ""
    spread = f"<small>{span(mark)}</small>" if mark.low is not None else ""
    return (
        f'<tr class="{mark.tone}"><th scope=row>{html(_words(mark))}{note}</th>'
        f"<td>{_picture(block, mark)}</td><td><b>{figure(mark.value)}</b> {spread}</td></tr>"
    )


def _picture(block: Intervals, mark: Mark) -> str:
    middle = _HEIGHT / 2
    shapes = [f'<path class="axis" d="M{_EDGE} {middle}H{_WIDTH - _EDGE}"/>']
    for each in (block.low, 0.0, block.high) if block.low < 0 else (block.low, block.high):
        at = _place(block, each)
        shapes.append(f'<path class="axis" d="M{at:.1f} {middle - 4}v8"/>')
    if mark.low is not None and mark.high is not None:
        left, right = _place(block, mark.low), _place(block, mark.high)
        shapes.append(
            f'<path class="whisker" d="M{left:.1f} {middle}H{max(right, left + 1):.1f}"/>'
        )
    if mark.reference is not None:
        at = _place(block, mark.reference)
        shapes.append(f'<path class="tick" d="M{at:.1f} {middle - 8}v16"/>')
    if mark.value is not None:
        at = _place(block, mark.value)
        shapes.append(f'<circle cx="{at:.1f}" cy="{middle}" r="4"/>')
    said = f"{figure(mark.value)}, 95 % interval {span(mark)}"
    return (
        f'<svg class="mark" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{html(_words(mark))}: {html(said)}">{"".join(shapes)}</svg>'
    )


def _words(mark: Mark) -> str:
    return mark.label.text if isinstance(mark.label, Name) else mark.label


def _place(block: Intervals, value: float) -> float:
    share = (value - block.low) / (block.high - block.low)
    return _EDGE + (_WIDTH - 2 * _EDGE) * min(1.0, max(0.0, share))


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
