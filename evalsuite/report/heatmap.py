"""Slices by metrics: a forest plot of their changes, and a table shaded by how much they changed in
which each slice opens its cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from evalsuite.report import figures, plots
from evalsuite.report.blocks import CaseLine, Cell, Heat, HeatRow, Name
from evalsuite.report.drawn import Intervals, Mark
from evalsuite.report.escape import html
from evalsuite.report.markup import anchor

_STEPS = (0.01, 0.05, 0.10, 0.20)
_MANY = 5
"""From more metrics on, a slice's change stands below the value."""

_OPENED = 12
_PLOTS, _ROWS = 4, 30
_STEP = 0.05

NOTE = (
    "Worst first: the value of this run, and its change in points where it can be compared."
    " A frame marks what a gate calls red or what stands out."
)


def forests(heat: Heat) -> list[Intervals]:
    """Of each metric that moved: the changes of its slices in shares of 1, the whole first, then
    the largest fall; derived slices only where they stand out."""
    made: list[Intervals] = []
    for at, metric in enumerate(heat.metrics):
        marks = [
            _mark(row, row.cells[at])
            for row in heat.rows
            if _spread(row.cells[at]) and not (row.derived and row.cells[at].tone == "plain")
        ]
        marks[1:] = sorted(marks[1:], key=lambda each: each.value or 0.0)
        if len(marks) > 1 and any(each.value for each in marks) and len(made) < _PLOTS:
            shown = marks[:_ROWS]
            low = min(0.0, *(each.low or 0.0 for each in shown)) // _STEP * _STEP
            high = -(-max(0.0, *(each.high or 0.0 for each in shown)) // _STEP) * _STEP
            rest = len(marks) - len(shown)
            note = f"{figures.many(rest, 'more slice')} in the table." if rest else ""
            made.append(Intervals(f"Change of {metric}", shown, note, "", low, high))
    return made


def _spread(cell: Cell) -> bool:
    return cell.low is not None and cell.high is not None and cell.high > cell.low


def _mark(row: HeatRow, cell: Cell) -> Mark:
    n = f"n={figures.number(cell.n)}"
    return Mark(Name(row.slice), cell.effect, cell.low, cell.high, None, n, cell.tone)


def _points(value: float) -> str:
    """-0.425 -> "-42.5", -0.4 -> "-40"."""
    return figures.points(value).removesuffix(".0")


def pictures(heat: Heat) -> str:
    """The forest plots, worst slices first."""
    found = forests(heat)
    drawn = [
        plots.figure(each, plots.intervals(each, _points, wide=len(found) == 1)) for each in found
    ]
    return f'<div class="plots">{"".join(drawn)}</div>\n' if drawn else ""


def heatmap(heat: Heat, lines: Mapping[str, CaseLine]) -> str:
    """The table alone."""
    varied = any(cell.variance is not None for row in heat.rows for cell in row.cells)
    extra = "<th scope=col>variance</th>" * varied
    head = "".join(f"<th scope=col>{_soft(name)}</th>{extra}" for name in heat.metrics)
    rows = "".join(_heat_row(row, varied, lines, every=not at) for at, row in enumerate(heat.rows))
    many = " many" if len(heat.metrics) > _MANY else ""
    return (
        '<div class="wide" tabindex=0 role=group aria-label="Slices">'
        f'<table class="heat{many}"><thead><tr><th scope=col>Slice</th>'
        f"<th scope=col>Cases</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _soft(name: str) -> str:
    """A metric's name that may be broken after its signs, not within a word."""
    return re.sub(r"([_.@])", r"\1<wbr>", html(name))


def _heat_row(row: HeatRow, varied: bool, lines: Mapping[str, CaseLine], *, every: bool) -> str:
    count = max((cell.n for cell in row.cells), default=0)
    cells = "".join(
        _heat_cell(cell) + f"<td>{figures.variance(cell.variance)}</td>" * varied
        for cell in row.cells
    )
    return (
        f'<tr id="{anchor("slice", row.slice)}"><th scope=row>{_opening(row, lines, every=every)}'
        f"</th><td>{figures.number(count)}</td>{cells}</tr>"
    )


def _opening(row: HeatRow, lines: Mapping[str, CaseLine], *, every: bool) -> str:
    """A slice's name, which opens those of its cases that did not stay the same."""
    name = html(row.slice) + ' <span class="kind">derived</span>' * row.derived
    moved = [lines[id_] for id_ in row.cases if id_ in lines and lines[id_].kind != "same"]
    items = "".join(
        f'<li><a href="#{anchor("case", one.id)}">{html(one.id)}</a> <i>{one.kind}</i>'
        for one in moved[:_OPENED]
    )
    link = "#cases" if every else f"#?slice={quote(row.slice, safe='', errors='surrogatepass')}"
    rest = len(moved) - _OPENED
    said = f"{figures.many(rest, 'more case')} moved. " if rest > 0 else ""
    said = said if moved else "None of its cases moved. "
    whole = figures.many(len(row.cases), "case")
    return (
        f'<details class="slice"><summary>{name}</summary><ul>{items}</ul><p class="note">{said}'
        f'<a class="{"" if every else "live"}" href="{html(link)}">its {whole}</a></p></details>'
    )


def _heat_cell(cell: Cell) -> str:
    if cell.after is None:
        return f"<td>{figures.UNKNOWN}</td>"
    if cell.effect is None:
        return f"<td>{figures.percent(cell.after)}</td>"
    size = sum(abs(cell.effect) >= step - 1e-9 for step in _STEPS)
    shade = f"{'down' if cell.effect < 0 else 'up'}{size}" if size else "flat"
    change = figures.points(cell.effect)
    return (
        f'<td class="shaded"><div class="{shade} {cell.tone}">{figures.percent(cell.after)}'
        f" <small>{change}</small></div></td>"
    )
