"""Draws what `gate_power.py` measured: `alarms.svg` and `power.svg`.

    python benchmarks/gate_plots.py [--out FILE] [--to docs/gate]

FILE is what `gate_power.py` kept. It needs matplotlib, which nothing else here does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gate_power import NULLS, Cell, error, grid, share
from parts import Counts, parts, read, sums

RULES = {
    "any slice": "any slice down 3 points",
    "overall": "overall down 3 points",
    "McNemar": "McNemar + Holm",
    "bootstrap": "bootstrap + Bonferroni",
    "blocked": "this gate",
}
SIZES = {50: "#9ecae1", 200: "#4292c6", 500: "#08519c", 2000: "#08306b"}
FOUND = {
    "McNemar": ("McNemar + Holm", "#bbbbbb", "s"),
    "bootstrap": ("bootstrap + Bonferroni", "#e6954c", "D"),
    "blocked": ("this gate", "#4292c6", "o"),
    "again": ("this gate, what moved asked again", "#08306b", "^"),
}
CHANGES = ("overall -5", "overall -10", "legal20 -35", "legal40 -20", "legal40 -35")
NOISES = ("det", "mid", "noisy", "judge15")
FLOOR = 0.03
"""Percent at which a rule that blocked nothing is drawn, as the axis has no 0."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("gate_power.jsonl"))
    parser.add_argument("--to", type=Path, default=Path(__file__).parents[1] / "docs" / "gate")
    options = parser.parse_args(arguments)
    import matplotlib as mpl  # noqa: PLC0415 (of the drawing alone)

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "gate", "font.size": 9, "svg.fonttype": "none"})
    cells = {cell.name: cell for _, cell in grid()}
    done = read(options.out)
    found = {
        cells[name]: counts
        for name, counts in sums(done, parts((name, 2000) for name in cells)).items()
    }
    options.to.mkdir(parents=True, exist_ok=True)
    for name, draw in {"alarms": alarms, "power": power}.items():
        figure = draw(found)
        metadata = {"Date": None, "Creator": None}
        figure.savefig(options.to / f"{name}.svg", bbox_inches="tight", metadata=metadata)
    return 0


def alarms(found: Mapping[Cell, Counts]) -> Any:
    """A row per rule, a dot per cell without a drop."""
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(7.5, 2.9))
    nulls = [cell for cell in found if cell.change in NULLS]
    for row, (what, _) in enumerate(RULES.items()):
        shown = [cell for cell in nulls if what == "blocked" or cell.trials == 1]
        for place, cell in enumerate(shown):
            at = max(share(found[cell], what), FLOOR)
            height = row + 0.5 * (place / max(len(shown) - 1, 1) - 0.5)
            axes.plot(at, height, "o", color=SIZES[cell.size], markersize=4)
    axes.axvline(5, color="#c0392b", linewidth=1)
    axes.text(5.3, len(RULES) - 0.45, "5 %", color="#c0392b", va="center")
    axes.set(xscale="log", xlim=(FLOOR * 0.8, 110), xlabel="unchanged runs that are blocked, %")
    axes.set_xticks((FLOOR, 0.1, 1, 10, 100), ("0", "0.1", "1", "10", "100"))
    axes.set_yticks(range(len(RULES)), RULES.values())
    for size, color in SIZES.items():
        if any(cell.size == size for cell in nulls):
            axes.plot([], [], "o", color=color, markersize=4, label=f"{size} cases")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    _plain(axes)
    return figure


def power(found: Mapping[Cell, Counts]) -> Any:
    """A panel per noise, a row per drop; a line is two standard errors to each side."""
    from matplotlib import pyplot  # noqa: PLC0415

    rows = [(change, 200) for change in CHANGES] + [("overall -5", 500)]
    figure, panels = pyplot.subplots(1, len(NOISES), figsize=(9.5, 3), sharey=True)
    for axes, noise in zip(panels, NOISES, strict=True):
        for row, (change, size) in enumerate(reversed(rows)):
            for place, (what, (label, color, marker)) in enumerate(FOUND.items()):
                cell = Cell(change, noise, size, 0 if what == "again" else 1)
                counts, of = found.get(cell), "blocked" if what == "again" else what
                if counts is None:
                    continue
                at, height = share(counts, of), row + 0.18 * (place - 1.5)
                bar = 2 * error(counts, of)
                style = {"color": color, "marker": marker, "markersize": 4, "linewidth": 1}
                axes.errorbar(at, height, xerr=bar, label=label, **style)
        axes.set(title=noise, xlim=(0, 104), xlabel="blocked, %")
        axes.set_yticks(range(len(rows)), [f"{what}, N = {n}" for what, n in reversed(rows)])
        _plain(axes)
    handles, labels = panels[1].get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    figure.legend(named.values(), named, loc="upper center", ncol=4, frameon=False)
    figure.subplots_adjust(top=0.8, wspace=0.08)
    return figure


def _plain(axes: Any) -> None:
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


if __name__ == "__main__":
    sys.exit(main())
