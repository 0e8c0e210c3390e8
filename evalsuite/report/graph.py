"""A distribution as inline SVG: shapes only, coloured by the page's style sheet."""

from __future__ import annotations

from evalsuite.report import figures
from evalsuite.report.blocks import Distribution
from evalsuite.report.escape import html

_WIDTH, _HEIGHT, _FOOT, _HEAD = 640, 130, 20, 16


def histogram(block: Distribution) -> str:
    """Bars of cases by value; where at most three bins are filled, only those are drawn."""
    filled = [at for at in range(len(block.edges)) if block.before[at] or block.after[at]]
    bins = filled if len(filled) <= 3 else list(range(len(block.edges)))
    peak = max([1, *block.before, *block.after])
    step = _WIDTH / len(bins)
    bar = min(56.0, step / 2 - 4)
    paired = any(block.before)
    shapes = []
    for place, at in enumerate(bins):
        middle = step * (place + 0.5)
        if paired:
            shapes.append(_bar("before", middle - bar - 1, bar, block.before[at], peak))
            shapes.append(_bar("after", middle + 1, bar, block.after[at], peak))
        else:
            shapes.append(_bar("after", middle - bar / 2, bar, block.after[at], peak))
        label = _label(block.edges[at], len(block.edges))
        y = _HEAD + _HEIGHT + _FOOT - 5
        shapes.append(f'<text x="{middle:.1f}" y="{y}">{label}</text>')
    total = _HEAD + _HEIGHT + _FOOT
    line = f'<path d="M0 {_HEAD + _HEIGHT}H{_WIDTH}"/>'
    key = '<p class="key"><span class="before">before</span> ' if paired else '<p class="key">'
    return (
        f'<svg viewBox="0 0 {_WIDTH} {total}" role="img"'
        f' aria-label="Cases by value of {html(block.metric)}">{line}{"".join(shapes)}</svg>'
        f'{key}<span class="after">after</span></p>'
    )


def _bar(side: str, x: float, width: float, count: int, peak: int) -> str:
    if not count:
        return ""
    height = max(1.0, _HEIGHT * count / peak)
    top = _HEAD + _HEIGHT - height
    place = f'x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    rect = f'<rect class="{side}" {place}/>'
    return f'{rect}<text x="{x + width / 2:.1f}" y="{top - 4:.1f}">{figures.number(count)}</text>'


def _label(edge: float, bins: int) -> str:
    low, high = 100 * edge, 100 * (edge + 1 / bins)
    return f"{low:.0f}–{high:.0f}%"
