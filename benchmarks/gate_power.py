"""Measures the gate: how often it blocks runs that are as good, and how often it finds real drops.

    python benchmarks/gate_power.py [--sim PATH] [--null 1000] [--power 500] [--cells A/A,legal]
        [--trials 3]

The simulation draws suites of 200 cases whose answers vary from run to run; every simulated pair
of runs goes through real records, `compare` and `decide`, as a suite's runs do. It needs scipy.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from evalsuite.diff import compare
from evalsuite.gate import Gate, Verdict, decide
from evalsuite.records import CHECKS, Manifest, Metric, Row, Run, Subject

SIM = Path(__file__).parents[1] / ".." / "shared" / "stats" / "gate_sim.py"

NOISES = {"det": 0.95, "mid": 0.80, "noisy": 0.60}
"""Correlation between two runs of a case: 1.6, 6.4 and 12.8 % of cases flip by chance."""

NULLS: dict[str, dict[str, Any]] = {"A/A": {}, "churn": {"churn": 0.10}}
DROPS: dict[str, dict[str, Any]] = {
    "overall -5": {"effect": "overall", "delta": 0.05},
    "overall -10": {"effect": "overall", "delta": 0.10},
    "legal20 -35": {"effect": "slice", "delta": 0.35, "target_n": 20},
    "legal40 -20": {"effect": "slice", "delta": 0.20},
    "legal40 -35": {"effect": "slice", "delta": 0.35},
}


def load(path: Path) -> ModuleType | None:
    """The simulation, or None where its file is not at hand."""
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location("gate_sim", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gate_sim"] = module
    spec.loader.exec_module(module)
    return module


def run(name: str, scores: Any, tags: Sequence[Sequence[str]]) -> Run:
    """A finished run with the simulated scores; every answer counts as a new one."""
    rows = {}
    for place, values in enumerate(scores.tolist()):
        case = f"c{place:05d}"
        rows[case] = Row(
            id=case,
            case_key=case,
            scorer_keys={CHECKS: "checks"},
            scores={CHECKS: values},
            outputs=[f"{name} {case} {trial}" for trial in range(len(values))],
            slices=dict(tag.split(":", 1) for tag in tags[place]),
        )
    manifest = Manifest(
        suite="simulated",
        run=name,
        created="",
        golden={},
        subject=Subject(),
        policy={},
        metrics=[Metric(CHECKS)],
        expected=len(rows),
    )
    return Run(manifest, rows)


def verdict(pair: Any) -> Verdict:
    """The gate's verdict of a simulated pair of runs."""
    before, after = run("before", pair.xb, pair.tags), run("after", pair.xc, pair.tags)
    return decide(compare(before, after), Gate())


def gate(pair: Any) -> dict[str, Any]:
    """The gate as the simulation calls one."""
    found = verdict(pair)
    blocking = [each.slice.replace("=", ":") for each in found.findings if each.blocks]
    overall = found.findings[0].result
    said = "block" if found.blocks else "pass" if overall == "pass" else "inconclusive"
    return {"blocked": found.blocks, "verdict": said, "flagged": blocking}


def measure(
    sim: ModuleType, cell: str, noise: str, runs: int, seed: int = 1, trials: int = 1
) -> dict[str, float]:
    """Shares of `runs` simulated merges: blocked, inconclusive, the slice named."""
    settings = NULLS[cell] if cell in NULLS else {"churn": 0.05, **DROPS[cell]}
    scenario = sim.Scenario(N=200, icc=NOISES[noise], kb=trials, kc=trials, **settings)
    shares: dict[str, float] = sim.simulate(gate, scenario, n_sim=runs, seed=seed, fast=True)
    return shares


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sim", type=Path, default=SIM, help="the simulation's file")
    parser.add_argument("--null", type=int, default=1000, help="runs per cell without a drop")
    parser.add_argument("--power", type=int, default=500, help="runs per cell with a drop")
    parser.add_argument("--cells", default="", help="only cells whose name has one of these")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trials", type=int, default=1, help="trials per case, on both sides")
    options = parser.parse_args(arguments)
    sim = load(options.sim)
    if sim is None:
        sys.stdout.write(f"skipped: there is no simulation at {options.sim}\n")
        return 0
    sys.stdout.write("| cell | noise | blocked % | +- | inconclusive % | slice named % |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    worst = 0.0
    for cell in (*NULLS, *DROPS):
        if not any(part in cell for part in options.cells.split(",")):
            continue
        runs = options.null if cell in NULLS else options.power
        for noise in NOISES:
            found = measure(sim, cell, noise, runs, options.seed, options.trials)
            error = math.sqrt(found["block"] * (1 - found["block"]) / runs)
            figures = found["block"], error, found["inconclusive"], found["named_target"]
            cells = " | ".join(f"{100 * figure:.1f}" for figure in figures)
            sys.stdout.write(f"| {cell} | {noise} | {cells} |\n")
            sys.stdout.flush()
            worst = max(worst, found["block"] if cell in NULLS else 0.0)
    sys.stdout.write(f"\nworst false alarm rate: {100 * worst:.1f} %\n")
    return 0 if worst <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
