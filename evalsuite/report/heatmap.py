"""Slices by metrics as an HTML table, shaded by how much they changed."""

from __future__ import annotations

import re

from evalsuite.report import figures
from evalsuite.report.blocks import Cell, Heat, HeatRow
from evalsuite.report.escape import html

_STEPS = (0.01, 0.05, 0.10, 0.20)
_MANY = 5
"""From more metrics on, a slice's change stands below the value."""

NOTE = (
    "Worst first: the value of this run, and its change in points where it can be compared."
    " A frame marks what a gate calls red or what stands out."
)


def heatmap(heat: Heat) -> str:
    """The table alone."""
    varied = any(cell.variance is not None for row in heat.rows for cell in row.cells)
    extra = "<th scope=col>variance</th>" * varied
    head = "".join(f"<th scope=col>{_soft(name)}</th>{extra}" for name in heat.metrics)
    rows = "".join(_heat_row(row, varied) for row in heat.rows)
    many = " many" if len(heat.metrics) > _MANY else ""
    return (
        f'<div class="wide"><table class="heat{many}"><thead><tr><th scope=col>Slice</th>'
        f"<th scope=col>Cases</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _soft(name: str) -> str:
    """A metric's name that may be broken after its signs, not within a word."""
    return re.sub(r"([_.@])", r"\1<wbr>", html(name))


def _heat_row(row: HeatRow, varied: bool) -> str:
    derived = ' <span class="kind">derived</span>' if row.derived else ""
    count = max((cell.n for cell in row.cells), default=0)
    cells = "".join(
        _heat_cell(cell) + f"<td>{figures.variance(cell.variance)}</td>" * varied
        for cell in row.cells
    )
    name = f"<th scope=row>{html(row.slice)}{derived}</th>"
    return f"<tr>{name}<td>{figures.number(count)}</td>{cells}</tr>"


def _heat_cell(cell: Cell) -> str:
    if cell.after is None:
        return f"<td>{figures.UNKNOWN}</td>"
    if cell.effect is None:
        return f"<td>{figures.percent(cell.after)}</td>"
    size = sum(abs(cell.effect) >= step - 1e-9 for step in _STEPS)
    shade = f"{'down' if cell.effect < 0 else 'up'}{size}" if size else "flat"
    change = figures.points(cell.effect)
    return (
        f'<td class="{shade} {cell.tone}">{figures.percent(cell.after)}'
        f" <small>{change}</small></td>"
    )
