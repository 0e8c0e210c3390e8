"""Measures the gate: how often it blocks runs that are as good, and how often it finds real drops.

    python benchmarks/gate_power.py [--sim PATH] [--runs 2000] [--groups null,power] [--cells mid]
        [--sizes 50,200,500] [--out FILE] [--table] [--seed 1] [--processes 2]

Every simulated pair of runs goes through real records, `compare` and `decide`, as a suite's runs
do; on the same draws of one trial four other rules are asked. A cell is a change, a noise, a number
of cases and of trials; "asked again" compares with a baseline of 5 trials and asks what moved four
times more. Results are kept in FILE as they come, and what is there is not measured again;
`--table` only prints them. It needs scipy.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from merges import AGAIN, NOISES, NULLS, SIM, again, load, remembering, scenario, verdict
from parts import Counts, Part, measure, parts, read, sums

from evalsuite.gate import Verdict

TARGET = "topic=legal"
SIZES = (50, 200, 500, 2000)
RIVALS = {
    "any slice": "naive: any slice drop>3pt",
    "overall": "naive: overall drop>3pt",
    "McNemar": "McNemar + Holm",
    "bootstrap": "bootstrap pct, Bonf. slices",
}
"""The other rules, by their names in the simulation."""

ALARM, POOLED = 6.2, 4.0
"""Percent of unchanged runs that may be blocked: in a cell (5 % and 2.5 standard errors of 2,000
runs), and over all cells together."""


class Cell(NamedTuple):
    """`trials` 0: one, and cases that moved are asked again."""

    change: str
    noise: str
    size: int
    trials: int

    @property
    def name(self) -> str:
        return f"{self.change} | {self.noise} | {self.size} | {self.trials or 'asked again'}"

    @property
    def said(self) -> str:
        return self.name.replace(" |", ",")


LESS = 2.0
"""Points by which a share of drops found, or of slices named, may miss its goal."""


class Goal(NamedTuple):
    """`least` percent of runs blocked, of a drop; `most` percent inconclusive, of no change."""

    cell: Cell
    least: float = 0.0
    most: float = 100.0


def goals() -> Iterator[Goal]:
    """What is asked of the gate besides few false alarms. Of a noise without a figure of its own
    the nearest one is asked."""
    for noise, once in {"det": 95, "mid": 95, "noisy": 88}.items():
        yield Goal(Cell("legal40 -35", noise, 200, 1), once)
        yield Goal(Cell("legal40 -35", noise, 200, 0), 97)
    for noise, once in {"det": 80, "mid": 65, "noisy": 55}.items():
        yield Goal(Cell("legal20 -35", noise, 200, 1), once)
    yield Goal(Cell("overall -10", "mid", 200, 1), 92)
    yield Goal(Cell("overall -5", "mid", 200, 0), 75)
    for noise in NOISES:
        yield Goal(Cell("overall -10", noise, 200, 0), 95)
        yield Goal(Cell("overall -5", noise, 500, 0), 92)
    yield Goal(Cell("A/A", "mid", 200, 1), most=25)
    yield Goal(Cell("A/A", "mid", 200, 3), most=5)


def grid() -> Iterator[tuple[str, Cell]]:
    """All cells with their groups, those that matter most first."""
    for size in SIZES[:3]:
        yield from _nulls(size, 1)
    for goal in goals():
        if goal.least:
            yield "power", goal.cell
    for trials in (3, 5):
        for size in SIZES[:3]:
            yield from _nulls(size, trials)
    yield from _nulls(2000, 1)
    for noise in NOISES:  # beside the goals: what one trial finds, and the other rules
        for change, size in (("overall -5", 200), ("overall -10", 200), ("overall -5", 500)):
            yield "more", Cell(change, noise, size, 1)
        for change in ("legal20 -35", "legal40 -20", "legal40 -35"):
            yield "more", Cell(change, noise, 200, 1)
    yield from _nulls(2000, 3)


def _nulls(size: int, trials: int) -> Iterator[tuple[str, Cell]]:
    for change in NULLS:
        for noise in NOISES:
            yield "null", Cell(change, noise, size, trials)


def work(sim_path: Path, cells: Mapping[str, Cell], seed: int, part: Part) -> Counts:
    """What the runs of a part come to, counted."""
    import numpy as np  # noqa: PLC0415 (after the threads of its libraries were limited)

    sim = load(sim_path)
    assert sim is not None
    cell = cells[part.cell]
    drawn = scenario(sim, cell.change, cell.noise, cell.size, cell.trials or 1 + AGAIN)
    counts: Counter[str] = Counter()
    for each in part.seeds(seed):
        pair = sim.draw(drawn, np.random.default_rng(each))
        with remembering():
            counts.update(seen(verdict(pair) if cell.trials else again(pair)))
        if cell.trials == 1:
            rivals = {name: sim.GATES[rule](pair).blocked for name, rule in RIVALS.items()}
            counts.update({name: int(blocked) for name, blocked in rivals.items()})
    return counts


def seen(found: Verdict) -> dict[str, int]:
    """What is counted of a verdict. Slices of another topic are innocent of the one that broke."""
    blocking = [each.slice for each in found.findings if each.blocks]
    topics = [name for name in blocking if name.startswith("topic=")]
    return {
        "blocked": int(bool(blocking)),
        "inconclusive": int(not blocking and found.findings[0].result != "pass"),
        "named": int(TARGET in blocking),
        "innocent": len([name for name in topics if name != TARGET]),
    }


def share(counts: Counts, what: str) -> float:
    """In percent of the runs."""
    return 100 * counts.get(what, 0) / counts["runs"]


def error(counts: Counts, what: str) -> float:
    """The standard error of that share."""
    at = share(counts, what) / 100
    return 100 * math.sqrt(at * (1 - at) / counts["runs"])


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    if load(options.sim) is None:
        sys.stdout.write(f"skipped: there is no simulation at {options.sim}\n")
        return 0
    wanted = {
        cell.name: cell
        for group, cell in grid()
        if group in options.groups.split(",")
        and str(cell.size) in options.sizes.split(",")
        and any(part in cell.name for part in options.cells.split(","))
    }
    work_list = parts((name, options.runs) for name in wanted)
    if options.table:
        found = sums(read(options.out), work_list)
    else:
        does = partial(work, options.sim, wanted, options.seed)
        found = measure(work_list, does, options.out, options.processes)
    return report({wanted[name]: counts for name, counts in found.items()})


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sim", type=Path, default=SIM, help="the simulation's file")
    parser.add_argument("--runs", type=int, default=2000, help="runs per cell")
    parser.add_argument("--groups", default="null,power,more")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--cells", default="", help="only cells whose name has one of these")
    parser.add_argument("--out", type=Path, default=Path("gate_power.jsonl"))
    parser.add_argument("--table", action="store_true", help="print what was measured before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    return parser


def report(found: Mapping[Cell, Counts]) -> int:
    """Prints all cells and goals; 1 if a goal is missed."""
    rivals = " | ".join(RIVALS)
    sys.stdout.write(f"| change | noise | cases | trials | runs | blocked % | +- | {rivals} |\n")
    sys.stdout.write("|---" * (7 + len(RIVALS)) + "|\n")
    for cell, counts in found.items():
        others = [f"{share(counts, name):.1f}" if cell.trials == 1 else "" for name in RIVALS]
        figures = f"{share(counts, 'blocked'):.2f} | {error(counts, 'blocked'):.2f}"
        line = " | ".join((cell.name, f"{counts['runs']:.0f}", figures, *others))
        sys.stdout.write(f"| {line} |\n")
    sys.stdout.write("\n| goal | asked | measured | met |\n|---|---|---|---|\n")
    missed = 0
    for what, asked, measured, met in lines(found):
        sys.stdout.write(f"| {what} | {asked} | {measured} | {'yes' if met else 'NO'} |\n")
        missed += not met
    return int(missed > 0)


Line = tuple[str, str, str, bool]


def lines(found: Mapping[Cell, Counts]) -> Iterator[Line]:
    """Each goal, what was measured, and whether it is met."""
    nulls = {cell: counts for cell, counts in found.items() if cell.change in NULLS}
    if nulls:
        yield from _alarms(nulls)
    for cell, least, most in goals():
        if cell in found and least:
            value = share(found[cell], "blocked")
            yield f"found: {cell.said}", f">= {least} %", f"{value:.1f} %", value >= least - LESS
            if cell.change.startswith("legal") and cell.noise != "judge15":
                yield from _named(cell, found[cell])
        elif cell in found:
            value = share(found[cell], "inconclusive")
            yield f"inconclusive: {cell.said}", f"<= {most} %", f"{value:.1f} %", value <= most


def _alarms(nulls: Mapping[Cell, Counts]) -> Iterator[Line]:
    worst = max(nulls, key=lambda cell: share(nulls[cell], "blocked"))
    rate = share(nulls[worst], "blocked")
    said = f"{rate:.2f} % ({worst.said})"
    yield f"false alarms, worst of {len(nulls)} cells", f"<= {ALARM} %", said, rate <= ALARM
    total: Counter[str] = Counter()
    for counts in nulls.values():
        total.update(counts)
    pooled = f"{share(total, 'blocked'):.2f} % of {total['runs']:.0f} runs"
    yield "false alarms, pooled", f"<= {POOLED} %", pooled, share(total, "blocked") <= POOLED


def _named(cell: Cell, counts: Counts) -> Iterator[Line]:
    blocked = max(counts["blocked"], 1)
    named, innocent = counts["named"] / blocked, counts["innocent"] / blocked
    said = f"{100 * named:.1f} %"
    yield f"slice named if blocked: {cell.said}", ">= 90 %", said, 100 * named >= 90 - LESS
    said = f"{innocent:.3f}"
    yield f"innocent topics per block: {cell.said}", "<= 0.05", said, innocent <= 0.05


if __name__ == "__main__":
    sys.exit(main())
