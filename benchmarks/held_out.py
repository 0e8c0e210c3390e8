"""Measures false alarms in regimes that the gate's settings were not chosen on (`regimes.py`).

    python benchmarks/held_out.py [--runs 2000] [--cells cluster] [--out FILE] [--table] [--seed 1]
        [--processes 2]

Suites of 100 to 300 cases; every pair goes through real records, `compare` and `decide`. Results
are kept in FILE as they come, and what is there is not measured again. Exit status 1 if any
regime's false alarms exceed 6.2 % (5 % and 2.5 standard errors of 2,000 runs), or all together 5 %.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from parts import Counts, Part, measure, parts, read, sums
from regimes import REGIMES, runs

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide

ALARM, POOLED = 0.062, 0.05


def work(seed: int, part: Part) -> Counts:
    """How many runs of a part were blocked, and how many were inconclusive."""
    import numpy as np  # noqa: PLC0415 (after the threads of its libraries were limited)

    draw = dict(REGIMES)[part.cell]
    blocked = inconclusive = hypotheses = 0
    for each in part.seeds(seed):
        found = decide(compare(*runs(draw(np.random.default_rng(each)))), Gate())
        blocked += found.blocks
        inconclusive += not found.blocks and found.result == "inconclusive"
        hypotheses += len(found.findings)
    return {"blocked": blocked, "inconclusive": inconclusive, "hypotheses": hypotheses}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs per regime")
    parser.add_argument("--cells", default="", help="only regimes whose name has one of these")
    parser.add_argument("--out", type=Path, default=Path("held_out.jsonl"))
    parser.add_argument("--table", action="store_true", help="print what was measured before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    wanted = parts(
        (name, options.runs)
        for name, _ in REGIMES
        if any(part in name for part in options.cells.split(","))
    )
    if options.table:
        return report(sums(read(options.out), wanted))
    does = partial(work, options.seed)
    return report(measure(wanted, does, options.out, options.processes))


def report(found: dict[str, Counts]) -> int:
    """Prints a line per regime; 1 if the bound does not hold."""
    sys.stdout.write("| regime | runs | hypotheses | blocked % | +- | inconclusive % |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    worst = total = blocked = 0.0
    for name, counts in found.items():
        n = counts["runs"]
        rate = counts["blocked"] / n
        worst, total, blocked = max(worst, rate), total + n, blocked + counts["blocked"]
        figures = f"{100 * rate:.2f} | {100 * math.sqrt(rate * (1 - rate) / n):.2f}"
        open_ = f"{100 * counts['inconclusive'] / n:.0f}"
        tested = f"{counts['hypotheses'] / n:.0f}"
        sys.stdout.write(f"| {name} | {n:.0f} | {tested} | {figures} | {open_} |\n")
    pooled = blocked / max(total, 1)
    sys.stdout.write(f"\nworst {100 * worst:.2f} %, together {100 * pooled:.2f} %\n")
    return int(worst > ALARM or pooled > POOLED)


if __name__ == "__main__":
    sys.exit(main())
