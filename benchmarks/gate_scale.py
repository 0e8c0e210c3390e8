"""Measures the gate on large suites: seconds and memory of a decision.

    python benchmarks/gate_scale.py [--cases 10000] [--slices 100] [--metrics 5] [--moved 1.0]

The diff holds random scores of every case, in slices of ten dimensions that overlap; `--moved` is
the share of cases whose score differs. What is timed is `gate.decide`, without the power
simulation.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import numpy as np

from evalsuite.diff import Diff, Pairs
from evalsuite.diff.record import Level
from evalsuite.gate import Gate, decide
from evalsuite.records import CHECKS, Manifest, Metric, Subject

DIMENSIONS = 10


def manifest(metrics: list[str], cases: int) -> Manifest:
    return Manifest(
        suite="large",
        run="r",
        created="",
        golden={},
        subject=Subject(),
        policy={},
        metrics=[Metric(name) for name in metrics],
        expected=cases,
    )


def pairs(metric: str, ids: tuple[str, ...], moved: float, rng: np.random.Generator) -> Pairs:
    n = len(ids)
    before = rng.random((n, 1))
    after = np.clip(before + (rng.random((n, 1)) < moved) * rng.normal(0, 0.2, (n, 1)), 0, 1)
    seen = np.ones((n, 1), dtype=bool)
    return Pairs(metric, ids, before, after, seen, seen, (before == after)[:, 0])


def large(cases: int, slices: int, metrics: int, moved: float) -> Diff:
    """A diff of `cases` with every metric, in `slices` slices of DIMENSIONS dimensions."""
    rng = np.random.default_rng(0)
    ids = tuple(f"c{n:07d}" for n in range(cases))
    names = [CHECKS, *(f"metric{n}" for n in range(1, metrics))]
    found = {name: pairs(name, ids, moved, rng) for name in names}
    levels = {
        name: Level(name, ids, each.after[:, 0], each.after_seen[:, 0])
        for name, each in found.items()
    }
    tagged: dict[str, tuple[str, ...]] = {}
    everything = np.array(ids)
    for dimension in range(DIMENSIONS):
        value = rng.integers(0, slices // DIMENSIONS, cases)
        for each in range(slices // DIMENSIONS):
            tagged[f"d{dimension}=v{each}"] = tuple(everything[value == each].tolist())
    return Diff(
        suite="large",
        baseline=manifest(names, cases),
        candidate=manifest(names, cases),
        status=dict.fromkeys(ids, "changed"),
        pairs=found,
        slices=tagged,
        levels=levels,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--metrics", type=int, default=5)
    parser.add_argument("--moved", type=float, default=1.0)
    args = parser.parse_args(arguments)
    diff = large(args.cases, args.slices, args.metrics, args.moved)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, spent = time.perf_counter(), time.process_time()
    verdict = decide(diff, Gate())
    took, cpu = time.perf_counter() - began, time.process_time() - spent
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{args.cases:,} cases x {args.slices} slices x {args.metrics} metrics, "
        f"{args.moved:.0%} moved: {took:.2f} s ({cpu:.2f} s of CPU), {most:.0f} MB at most "
        f"({before:.0f} MB before), {len(verdict.findings)} findings, {verdict.result}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
