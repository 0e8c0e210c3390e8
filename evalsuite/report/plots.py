"""Plots as inline SVG, drawn by pygal: shapes and classes alone, coloured by the page's style.

So they follow dark and light, and nothing in them acts.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

from evalsuite.report import figures
from evalsuite.report.blocks import Name
from evalsuite.report.drawn import Distribution, Intervals, Mark, Spread
from evalsuite.report.escape import html, line, shorten, visible

MISSING = "Plots are left out: they need an optional package, pip install 'evalsuite[plots]'."

_WIDE, _HALF = 680, 480
"""Units of a plot over the whole page, and of one over half of it; letters are 12 of them high."""

_ROW, _EDGE, _FOOT, _LOW = 24, 12, 34, 210
_LETTERS = 34
_FEW, _NARROW = 3, 1_000
_BY = "Cases by {}, in percent"
_STEPS = 200
"""Points of a curve: more can't be seen."""

_KEPT = frozenset({"g", "path", "rect", "circle", "text"})
_SAID = frozenset({"cx", "cy", "d", "height", "r", "transform", "width", "x", "y"})
_CLASSES = frozenset({"axis", "background", "bar-graph", "x", "y"})
_FRACTION = re.compile(r"-?\d+\.\d+")
_TONES = ("plain", "good", "warn", "bad")


def available() -> bool:
    """Whether the library is installed."""
    return find_spec("pygal") is not None


def intervals(block: Intervals, reading: Callable[[float], str], *, wide: bool = False) -> str:
    """A row per mark: its value, its interval, and the tick that it is compared with."""
    height = _ROW * len(block.marks) + _EDGE + _FOOT
    chart = _chart(
        "XY",
        _WIDE if wide else _HALF,
        height,
        range=(0.5 - len(block.marks), 0.5),
        xrange=(block.low, block.high),
        allow_interruptions=True,
        truncate_label=-1,
        show_y_guides=False,
        x_value_formatter=reading,
        y_labels=[
            {"label": _short(mark.label), "value": -at} for at, mark in enumerate(block.marks)
        ],
    )
    places = list(enumerate(block.marks))
    names = ["zero"]
    chart.add(
        "zero", [(0, 0.5 - len(block.marks)), (0, 0.5)] if block.low < 0 else [], show_dots=False
    )
    for tone in _TONES:
        mine = [(at, mark) for at, mark in places if mark.tone == tone]
        spans = [
            end
            for at, mark in mine
            if mark.low is not None and mark.high is not None
            for end in ((_in(block, mark.low), -at), (_in(block, mark.high), -at), (None, None))
        ]
        dots = [
            {"value": (_in(block, mark.value), -at), "label": _told(mark, reading)}
            for at, mark in mine
            if mark.value is not None
        ]
        chart.add(f"{tone} span", spans, show_dots=False)
        chart.add(f"{tone} dot", dots, stroke=False)
        names += [f"{tone} span", f"{tone} dot"]
    ticks = [(_in(block, mark.reference), at) for at, mark in places if mark.reference is not None]
    ends = [end for x, at in ticks for end in ((x, 0.32 - at), (x, -0.32 - at), (None, None))]
    chart.add("tick", ends, show_dots=False)
    said = f"{block.title}: {len(block.marks)} values with their 95 % intervals"
    return _svg(chart, [*names, "tick"], said)


def _in(block: Intervals, value: float) -> float:
    return min(block.high, max(block.low, value))


def _told(mark: Mark, reading: Callable[[float], str]) -> str:
    if mark.value is None:
        return ""
    said = f"{_short(mark.label)}: {reading(mark.value)}"
    if mark.low is not None and mark.high is not None:
        said += f", 95 % interval {reading(mark.low)} to {reading(mark.high)}"
    return f"{said}; {visible(mark.note)}" if mark.note else said


def _short(label: str | Name) -> str:
    text = label.text if isinstance(label, Name) else label
    return shorten(line(text[: 4 * _LETTERS]), _LETTERS)


def figure(block: Distribution | Spread | Intervals, drawn: str) -> str:
    """A plot with its title and what its block says of it."""
    note, tick = "", ""
    title = block.title if not isinstance(block, Distribution) else _BY.format(block.metric)
    if isinstance(block, Intervals):
        note = f'<p class="note">{html(block.note)}</p>' if block.note else ""
        if any(mark.reference is not None for mark in block.marks):
            tick = f'<p class="key"><span class="tick">{html(block.reference)}</span></p>'
    return f"<figure><figcaption>{html(title)}</figcaption>{note}{drawn}{tick}</figure>"


def histogram(block: Distribution) -> str:
    """Bars of cases by value, empty bins among them; few bars have their counts, if these fit."""
    bins = len(block.edges)
    filled = sum(map(bool, map(max, block.before, block.after)))
    few = filled <= _FEW and max(*block.before, *block.after) < _NARROW
    chart = _chart(
        "Bar",
        _HALF,
        _LOW,
        print_values=few,
        print_zeroes=False,
        print_values_position="top",
        show_y_labels=not few,
        max_scale=4,
        margin_top=22,
        truncate_label=-1,
        formatter=lambda count: figures.number(int(count)),
        x_labels=[_bin(edge, bins) for edge in block.edges],
    )
    names = ["before", "after"] if any(block.before) else ["after"]
    for name in names:
        counts = block.before if name == "before" else block.after
        chart.add(name, [count or None for count in counts])
    return _svg(chart, names, _BY.format(line(block.metric))) + _key(names)


def _bin(edge: float, bins: int) -> str:
    return f"{100 * edge:.0f}–{100 * (edge + 1 / bins):.0f}"


def curve(block: Spread) -> str:
    """The share of answers that took at most so much, with p50 and p95 as lines across."""
    reading = figures.seconds if block.unit == "s" else _sum
    sides = {"before": sorted(block.before), "after": sorted(block.after)}
    names = [name for name, values in sides.items() if values]
    most = max(values[-1] for values in sides.values() if values) or 1.0
    chart = _chart(
        "XY",
        _HALF,
        _LOW,
        range=(0, 1),
        xrange=(0, most),
        show_dots=False,
        truncate_label=-1,
        max_scale=6,
        x_value_formatter=reading,
        y_labels=[{"label": f"p{100 * at:.0f}", "value": at} for at in (0.5, 0.95)],
    )
    for name in names:
        chart.add(name, list(_steps(sides[name])))
    return _svg(chart, names, block.title) + _key(names)


def _sum(value: float) -> str:
    return f"{value:.3g}"


def _steps(values: Sequence[float]) -> Iterable[tuple[float, float]]:
    n = len(values)
    last = 0.0
    for step in range(min(n, _STEPS)):
        at = (step + 1) * n // min(n, _STEPS)
        yield values[at - 1], last
        last = at / n
        yield values[at - 1], last


def _key(names: Sequence[str]) -> str:
    return f'<p class="key">{" ".join(f"<span class={name}>{name}</span>" for name in names)}</p>'


def _library() -> Any:
    """pygal, imported so that nothing else notices.

    By itself it puts a finder before every later import, of which Python 3.11 warns each time, and
    loads a package that takes the place of `importlib.metadata` in the whole process.
    """
    finders, name = list(sys.meta_path), "importlib_metadata"
    lent = sys.modules.setdefault(name, importlib.metadata) is importlib.metadata
    try:
        import pygal  # noqa: PLC0415
    finally:
        sys.meta_path[:] = finders
        if lent:
            del sys.modules[name]
    return pygal


def _chart(kind: str, width: int, height: int, **settings: Any) -> Any:
    pygal = _library()
    letters = {f"{each}_font_size": 12 for each in ("label", "major_label", "value", "value_label")}
    common = {
        "style": pygal.style.Style(font_family="sans-serif", **letters),
        "css": (),
        "js": (),
        "explicit_size": False,
        "show_legend": False,
        "margin": _EDGE,
        "dots_size": 4,
        "show_x_guides": True,
        "max_scale": 9,
    }
    return getattr(pygal, kind)(width=width, height=height, **{**common, **settings})


def _svg(chart: Any, names: Sequence[str], said: str) -> str:
    """The chart's shapes; its styles, scripts and data are left out."""
    root = chart.render_tree()
    inside = "".join(_markup(child, names) for child in root)
    box = root.get("viewBox")
    size = "wide" if box.startswith(f"0 0 {_WIDE} ") else "half"
    return (
        f'<svg class="plot {size}" viewBox="{html(box)}" role="img"'
        f' aria-label="{html(said)}">{inside}</svg>'
    )


def _markup(node: Any, names: Sequence[str]) -> str:
    if not isinstance(node.tag, str):  # a comment
        return ""
    tag, kind = node.tag.rpartition("}")[2], node.get("class") or ""
    if tag == "desc" and kind == "label":
        return f"<title>{html(node.text or '')}</title>"
    if tag not in _KEPT or kind == "tooltip":
        return ""
    children = "".join(_markup(child, names) for child in node)
    if tag in ("g", "text") and not children and not (node.text or "").strip():
        return ""
    attributes = {key: value for key, value in node.items() if key in _SAID and value}
    if "serie-" in kind:
        kind = f"series {names[int(kind.split('serie-')[1].split()[0])]}"
    else:
        kind = " ".join(each for each in kind.split() if each in _CLASSES)
    if kind:
        attributes["class"] = kind
    parts = [f' {key}="{html(_rounded(value))}"' for key, value in attributes.items()]
    return f"<{tag}{''.join(parts)}>{html(node.text or '')}{children}</{tag}>"


def _rounded(value: str) -> str:
    return _FRACTION.sub(lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)
