"""Measures the staged gate: false alarms, power and calls of four designs on simulated merges.

    python benchmarks/gate_sequential.py [--sim PATH] [--null 200] [--power 100] [--sizes 200,500]
        [--noises det,mid,noisy] [--cells A/A,legal] [--seed 1] [--processes 2]

Each simulated pair of runs goes through real records, `compare`, `decide`, `decided` and
`ask_again`, as a suite's runs do: "fixed" compares one trial of each case; "thorough" asks cases
that moved again, against a baseline of 5 trials; "looks" stops early and asks nothing again;
"sequential" does both. Calls are those of the candidate, as a share of the cases. It needs scipy.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from gate_power import DROPS, NOISES, NULLS, SIM, load, run

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide
from evalsuite.gate.stopping import ask_again, decided, look_sizes
from evalsuite.records import CHECKS, Case, Looks, Row, Run
from evalsuite.runner.order import taken

AGAIN = 4
Further = dict[str, Sequence[float | None]]
DESIGNS = ("fixed", "thorough", "looks", "sequential")
CELLS: dict[str, dict[str, Any]] = {
    **NULLS,
    "overall -5": DROPS["overall -5"],
    "overall -10": DROPS["overall -10"],
    "overall -40": {"effect": "overall", "delta": 0.40},
    "legal40 -20": DROPS["legal40 -20"],
    "legal40 -35": DROPS["legal40 -35"],
}
CHUNK = 10


class Seen(NamedTuple):
    blocked: bool
    passed: bool
    calls: float


def once(candidate: Run, further: Further, cases: set[str]) -> Run:
    """The candidate with further trials of these cases."""
    rows = {
        name: replace(row, again={CHECKS: further[name]}) if name in cases else row
        for name, row in candidate.rows.items()
    }
    return Run(candidate.manifest, rows)


def first_trial(row: Row) -> Row:
    return replace(row, scores={CHECKS: row.scores[CHECKS][:1]}, outputs=row.outputs[:1])


def sides(pair: Any) -> tuple[Run, Run, Further]:
    """The baseline with 5 trials, the candidate with one, and its further ones."""
    before, after = run("before", pair.xb, pair.tags), run("after", pair.xc, pair.tags)
    before = Run(replace(before.manifest, trials=1 + AGAIN), before.rows)
    further = {name: row.scores[CHECKS][1:] for name, row in after.rows.items()}
    rows = {name: first_trial(row) for name, row in after.rows.items()}
    return before, Run(after.manifest, rows), further


def concluded(before: Run, candidate: Run, further: Further, calls: int) -> Seen:
    total = len(further)
    cases = set(ask_again(compare(before, candidate), Gate()))
    verdict = decide(compare(before, once(candidate, further, cases)), Gate())
    passed = verdict.findings[0].result == "pass" and not verdict.blocks
    return Seen(verdict.blocks, passed, (calls + AGAIN * len(cases)) / total)


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


def work(sim_path: Path, cell: str, size: int, noise: str, seeds: Sequence[int]) -> list[Any]:
    import numpy as np  # noqa: PLC0415 (after the threads of its libraries were limited)

    sim = load(sim_path)
    assert sim is not None
    churn = {} if cell in NULLS else {"churn": 0.05}
    scenario = sim.Scenario(
        N=size, icc=NOISES[noise], kb=1 + AGAIN, kc=1 + AGAIN, **{**churn, **CELLS[cell]}
    )
    found: list[tuple[str, Seen]] = []
    for seed in seeds:
        pair = sim.draw(scenario, np.random.default_rng([seed, 7]))
        found += designs(pair, seed)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sim", type=Path, default=SIM, help="the simulation's file")
    parser.add_argument("--null", type=int, default=200, help="runs per cell without a drop")
    parser.add_argument("--power", type=int, default=100, help="runs per cell with a drop")
    parser.add_argument("--sizes", default="200,500")
    parser.add_argument("--noises", default=",".join(NOISES))
    parser.add_argument("--cells", default="", help="only cells whose name has one of these")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    if load(options.sim) is None:
        sys.stdout.write(f"skipped: there is no simulation at {options.sim}\n")
        return 0
    cells = [
        (cell, size, noise)
        for cell in CELLS
        if any(part in cell for part in options.cells.split(","))
        for size in map(int, options.sizes.split(","))
        for noise in options.noises.split(",")
    ]
    found: dict[Any, list[Seen]] = defaultdict(list)
    with ProcessPoolExecutor(options.processes) as pool:
        jobs = {}
        for number, cell in enumerate(cells):
            runs = options.null if cell[0] in NULLS else options.power
            start = options.seed * 10**9 + number * 10**6
            for at in range(0, runs, CHUNK):
                seeds = range(start + at, start + min(at + CHUNK, runs))
                jobs[pool.submit(work, options.sim, *cell, seeds)] = cell
        for done, job in enumerate(as_completed(jobs), 1):
            for design, seen in job.result():
                found[(*jobs[job], design)].append(seen)
            if sys.stderr.isatty() or done % 20 == 0:
                sys.stderr.write(f"\r{done} of {len(jobs)} parts")
                sys.stderr.flush()
    sys.stderr.write("\n")
    return table(found)


def table(found: dict[Any, list[Seen]]) -> int:
    """The table, and 1 if more than 5 % of unchanged runs are blocked beyond chance."""
    sys.stdout.write("| change | N | noise | design | runs | blocked % | +- | pass % | calls/N |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|---|---|\n")
    nulls: dict[str, list[bool]] = defaultdict(list)
    for (cell, size, noise, design), seen in sorted(found.items(), key=_place):
        n = len(seen)
        blocked = sum(each.blocked for each in seen) / n
        passed = sum(each.passed for each in seen) / n
        error = math.sqrt(blocked * (1 - blocked) / n)
        calls = sum(each.calls for each in seen) / n
        figures = f"{100 * blocked:.1f} | {100 * error:.1f} | {100 * passed:.0f} | {calls:.2f}"
        sys.stdout.write(f"| {cell} | {size} | {noise} | {design} | {n} | {figures} |\n")
        if cell in NULLS:
            nulls[design] += [each.blocked for each in seen]
    worst = False
    for design, blocks in nulls.items():
        rate = sum(blocks) / len(blocks)
        sys.stdout.write(f"false alarms of {design}: {100 * rate:.2f} % of {len(blocks)}\n")
        worst = worst or rate > 0.05 + 3 * math.sqrt(0.05 * 0.95 / len(blocks))
    return int(worst)


def _place(entry: tuple[Any, list[Seen]]) -> tuple[int, ...]:
    cell, size, noise, design = entry[0]
    return [*CELLS].index(cell), size, [*NOISES].index(noise), DESIGNS.index(design)


if __name__ == "__main__":
    sys.exit(main())
