"""False alarms and power of operational gates, through real rows, `compare` and `decide`.

    python benchmarks/operations.py --runs 1000

Answers take a lognormal time (a case's own, sigma 0.6, times a trial's, sigma 0.4), cost what their
tokens cost, and hold in 85 % of the trials; 0.3 % are lost. Each of the figures may rise by 25 %
(the error rate by 2 points); the change is a factor on times and costs. "At the limit" is the
hardest case in which nothing may be red. With "a new tail" 3 % of the new answers take 6 times as
long: no factor, so that exactness is not given.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide
from evalsuite.policy import Objective
from evalsuite.records import CHECKS, Manifest, Metric, Row, Run, Spent, Subject

FIGURES = ("latency_p50", "latency_p95", "cost", "cost_per_success", "error_rate")
POLICY = Gate(
    operations={
        name: Objective(rise=0.02 if name == "error_rate" else 0.25, mode="block")
        for name in FIGURES
    }
)
CHANGES = {"none": 1.0, "at the limit": 1.25, "1.5 times": 1.5, "twice": 2.0, "a new tail": 1.0}


def side(
    name: str, own: np.ndarray, rng: np.random.Generator, factor: float, *, tail: bool = False
) -> Run:
    """One run: a trial a case."""
    n = len(own)
    times = own * rng.lognormal(0, 0.4, n) * factor
    if tail:
        times = np.where(rng.random(n) < 0.03, 6 * times, times)
    costs = 0.001 * rng.lognormal(0, 0.3, n) * own**0.5 * factor
    holds, lost = rng.random(n) < 0.85, rng.random(n) < 0.003
    rows = {
        f"c{case:05d}": Row(
            id=f"c{case:05d}",
            case_key=str(case),
            scorer_keys={CHECKS: "checks"},
            scores={CHECKS: (None if lost[case] else float(holds[case]),)},
            outputs=(None if lost[case] else f"{name} {case}",),
            errors=("provider: 503",) if lost[case] else (),
            spent=(
                Spent(fresh=True, lost=True)
                if lost[case]
                else Spent(fresh=True, latency=float(times[case]), cost=float(costs[case])),
            ),
        )
        for case in range(n)
    }
    manifest = Manifest(
        suite="simulated",
        run=name,
        created="",
        golden={},
        subject=Subject(),
        policy={},
        metrics=[Metric(CHECKS)],
        expected=n,
    )
    return Run(manifest, rows)


def count(change: str, cases: int, runs: int) -> tuple[Counter[str], Counter[str], int]:
    """How often each gate is red and passes, and how often any is red."""
    red: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    any_red = 0
    for seed in range(runs):
        rng = np.random.default_rng([seed, cases, list(CHANGES).index(change)])
        own = rng.lognormal(0, 0.6, cases)
        old = side("old", own, rng, 1.0)
        new = side("new", own, rng, CHANGES[change], tail=change == "a new tail")
        found = [
            each for each in decide(compare(old, new), POLICY).findings if each.kind == "operation"
        ]
        red.update(each.metric for each in found if each.result == "regression")
        passed.update(each.metric for each in found if each.result == "pass")
        any_red += any(each.result == "regression" for each in found)
    return red, passed, any_red


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--cases", type=int, nargs="+", default=[100, 300])
    options.add_argument("--changes", nargs="+", choices=CHANGES, default=list(CHANGES))
    chosen = options.parse_args()
    print("percent of runs red / passed")
    print("cases  change        any red  " + "  ".join(f"{name:>16}" for name in FIGURES))
    for cases in chosen.cases:
        for change in chosen.changes:
            red, passed, some = count(change, cases, chosen.runs)
            shares = [
                f"{100 * red[name] / chosen.runs:5.1f} / {100 * passed[name] / chosen.runs:5.1f}"
                for name in FIGURES
            ]
            told = "  ".join(f"{each:>16}" for each in shares)
            print(f"{cases:5}  {change:12}  {100 * some / chosen.runs:7.1f}  {told}", flush=True)


if __name__ == "__main__":
    main()
