"""Measures the staged gate: false alarms, power and calls of four designs on simulated merges.

    python benchmarks/gate_sequential.py [--sim PATH] [--null 600] [--power 200] [--sizes 200,500]
        [--noises det,mid,noisy] [--cells A/A,legal] [--out FILE] [--table] [--seed 1]
        [--processes 2]

Each simulated pair of runs goes through real records, `compare`, `decide`, `decided` and
`ask_again`, as a suite's runs do: "fixed" compares one trial of each case; "thorough" asks cases
that moved again, against a baseline of 5 trials; "looks" stops early and asks nothing again;
"sequential" does both. Calls are those of the candidate, as a share of the cases. Results are kept
in FILE as they come, and what is there is not measured again. It needs scipy.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from merges import AGAIN, NULLS, SIM, Further, conclude, load, remembering, scenario, sides
from parts import Counts, Part, measure, parts, read, sums

from evalsuite.diff import compare
from evalsuite.gate import Gate
from evalsuite.gate.stopping import decided, look_sizes
from evalsuite.records import Case, Looks, Run
from evalsuite.runner.order import taken

DESIGNS = ("fixed", "thorough", "looks", "sequential")
CHANGES = (*NULLS, "overall -5", "overall -10", "overall -40", "legal40 -20", "legal40 -35")


class Cell(NamedTuple):
    change: str
    size: int
    noise: str

    @property
    def name(self) -> str:
        return f"{self.change} | {self.size} | {self.noise}"


GOALS = {
    Cell("A/A", 500, "mid"): 0.70,
    Cell("overall -10", 500, "mid"): 0.60,
    Cell("overall -40", 500, "mid"): 0.30,
    Cell("A/A", 200, "mid"): 1.00,
}
"""Calls of a sequential run that are asked for, as a share of the cases."""


class Seen(NamedTuple):
    blocked: bool
    passed: bool
    calls: float


def concluded(before: Run, candidate: Run, further: Further, calls: int) -> Seen:
    verdict, again = conclude(before, candidate, further)
    passed = verdict.findings[0].result == "pass" and not verdict.blocks
    return Seen(verdict.blocks, passed, (calls + AGAIN * again) / len(further))


def looked(before: Run, candidate: Run, seed: int) -> tuple[Run, int]:
    """The candidate as a sequential run leaves it, and how many cases it took."""
    cases = [Case(id=name, input="", slices=row.slices) for name, row in candidate.rows.items()]
    order = taken(cases, seed)
    sizes = look_sizes(len(order))
    for number, size in enumerate(sizes, 1):
        rows = {name: candidate.rows[name] for name in order[:size]}
        looks = Looks(order, sizes, number)
        so_far = Run(replace(candidate.manifest, looks=looks), rows)
        if number == len(sizes) or decided(compare(before, so_far), Gate()):
            return so_far, size
    raise AssertionError


def designs(pair: Any, seed: int) -> Iterator[tuple[str, Seen]]:
    before, candidate, further = sides(pair)
    again = Run(replace(candidate.manifest, again=AGAIN), candidate.rows)
    yield "fixed", concluded(before, candidate, further, len(further))
    yield "thorough", concluded(before, again, further, len(further))
    stopped, calls = looked(before, again, seed)
    both = seen = concluded(before, stopped, further, calls)
    if calls == len(further):  # before the last look nothing tells the two apart
        alone = Run(replace(stopped.manifest, again=0), stopped.rows)
        seen = concluded(before, alone, further, calls)
    yield "looks", seen
    yield "sequential", both


def work(sim_path: Path, cells: Mapping[str, Cell], seed: int, part: Part) -> Counts:
    """Runs blocked and passed and calls, by design, summed."""
    import numpy as np  # noqa: PLC0415 (after the threads of its libraries were limited)

    sim = load(sim_path)
    assert sim is not None
    cell = cells[part.cell]
    drawn = scenario(sim, cell.change, cell.noise, cell.size, 1 + AGAIN)
    counts: Counter[str] = Counter()
    for each in part.seeds(seed):
        pair = sim.draw(drawn, np.random.default_rng(each))
        with remembering():
            for design, seen in designs(pair, seed=each[-1]):
                counts.update({f"{design} {what}": n for what, n in seen._asdict().items()})
    return counts


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    if load(options.sim) is None:
        sys.stdout.write(f"skipped: there is no simulation at {options.sim}\n")
        return 0
    cells = {
        cell.name: cell
        for size in map(int, options.sizes.split(","))
        for change in CHANGES
        for noise in options.noises.split(",")
        if any(part in change for part in options.cells.split(","))
        for cell in [Cell(change, size, noise)]
    }
    wanted = parts(
        ((name, options.null if c.change in NULLS else options.power) for name, c in cells.items()),
        size=20,
    )
    if options.table:
        found = sums(read(options.out), wanted)
    else:
        does = partial(work, options.sim, cells, options.seed)
        found = measure(wanted, does, options.out, options.processes)
    return report({cells[name]: counts for name, counts in found.items()})


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sim", type=Path, default=SIM, help="the simulation's file")
    parser.add_argument("--null", type=int, default=600, help="runs per cell without a drop")
    parser.add_argument("--power", type=int, default=200, help="runs per cell with a drop")
    parser.add_argument("--sizes", default="200,500")
    parser.add_argument("--noises", default="det,mid,noisy")
    parser.add_argument("--cells", default="", help="only cells whose name has one of these")
    parser.add_argument("--out", type=Path, default=Path("gate_sequential.jsonl"))
    parser.add_argument("--table", action="store_true", help="print what was measured before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    return parser


def report(found: Mapping[Cell, Counts]) -> int:
    """The table and the goals; 1 if one is missed, or if more than 5 % of unchanged runs are
    blocked beyond chance."""
    sys.stdout.write("| change | N | noise | design | runs | blocked % | +- | pass % | calls/N |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|\n")
    for cell, counts in found.items():
        n = counts["runs"]
        for design in DESIGNS:
            blocked, passed, calls = (
                counts.get(f"{design} {what}", 0) / n for what in Seen._fields
            )
            error = math.sqrt(blocked * (1 - blocked) / n)
            figures = f"{100 * blocked:.1f} | {100 * error:.1f} | {100 * passed:.0f} | {calls:.3f}"
            sys.stdout.write(f"| {cell.name} | {design} | {n:.0f} | {figures} |\n")
    return int(_alarms(found) + _calls(found) > 0)


def _alarms(found: Mapping[Cell, Counts]) -> int:
    nulls = [counts for cell, counts in found.items() if cell.change in NULLS]
    runs = sum(counts["runs"] for counts in nulls)
    missed = 0
    for design in DESIGNS if runs else ():
        rate = sum(counts.get(f"{design} blocked", 0) for counts in nulls) / runs
        sys.stdout.write(f"false alarms of {design}: {100 * rate:.2f} % of {runs:.0f}\n")
        missed += rate > 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    return missed


def _calls(found: Mapping[Cell, Counts]) -> int:
    missed = 0
    for cell, most in GOALS.items():
        if cell in found:
            calls = found[cell]["sequential calls"] / found[cell]["runs"]
            met = "yes" if calls <= most else "NO"
            sys.stdout.write(f"calls: {cell.name}: asked <= {most}, measured {calls:.3f}: {met}\n")
            missed += calls > most
    return missed


if __name__ == "__main__":
    sys.exit(main())
