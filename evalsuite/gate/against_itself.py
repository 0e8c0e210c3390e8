"""The gate on runs of unchanged code: how often it would have blocked what did not change.

Runs of the same code in pairs show all that there is between runs, and are few. Exchanging the
trials of single cases gives as many comparisons as wanted, of what varies within cases alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from evalsuite.diff import compare
from evalsuite.gate.decision import decide
from evalsuite.gate.family import effects
from evalsuite.policy import Gate
from evalsuite.records import Run
from evalsuite.stats.bounds import rate_bounds
from evalsuite.stats.shocks import Shock, pairs_bounds, shock

SEED = 52_361
"""Fixed, so that the same runs always give the same rate."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """`blocked` of `compared` comparisons of unchanged code with itself; `low`..`high` is the 95 %
    interval of the rate."""

    blocked: int
    compared: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        return self.blocked / self.compared


def alarm(before: Run, after: Run, policy: Gate) -> bool:
    """Whether the gate finds a regression that would count, in whatever mode."""
    findings = decide(compare(before, after), policy).findings
    return any(
        each.result == "regression" and not each.informs and (each.declared or not each.derived)
        for each in findings
    )


def paired(runs: Sequence[Run], policy: Gate) -> Alarms:
    """Each run beside each later one. Pairs share runs: see `stats.shocks.pairs_bounds`."""
    found = [alarm(one, two, policy) for one, two in combinations(runs, 2)]
    blocked = sum(found)
    return Alarms(blocked, len(found), *pairs_bounds(blocked / len(found), len(runs)))


def exchanged(runs: Sequence[Run], policy: Gate, draws: int) -> Alarms:
    """Comparisons in which each case (or cluster) has two of its runs drawn as its two arms.

    Wilson's interval is that of the draws: it holds for these runs' answers, if cases vary
    independently of each other. A shock that moves a whole run is spread over both arms and unseen.
    """
    pick = np.random.default_rng(SEED)
    blocked = sum(alarm(*arms, policy) for arms in _arms(runs, draws, pick))
    low, high = rate_bounds(blocked / draws, draws) or (0.0, 1.0)
    return Alarms(blocked, draws, low, high)


def _arms(runs: Sequence[Run], draws: int, pick: np.random.Generator) -> Iterator[tuple[Run, Run]]:
    ids = sorted(set.intersection(*(set(run.rows) for run in runs)))
    names = [runs[0].rows[case].cluster or (case,) for case in ids]
    units = {name: number for number, name in enumerate(dict.fromkeys(names))}
    for _ in range(draws):
        first = pick.integers(len(runs), size=len(units))
        second = (first + pick.integers(1, len(runs), size=len(units))) % len(runs)
        before, after = (
            Run(
                runs[side].manifest,
                {
                    case: runs[arm[units[name]]].rows[case]
                    for case, name in zip(ids, names, strict=True)
                },
            )
            for side, arm in ((0, first), (1, second))
        )
        yield before, after


def shocks(runs: Sequence[Run]) -> Mapping[str, Shock]:
    """By metric, over the cases that every trial of every run scored; metrics with too few cases
    for it, or with values that are comparisons with a baseline, are left out."""
    made = [effects(compare(run, run)) for run in runs]
    found = {}
    for name in sorted(set.intersection(*(set(each) for each in made))):
        tables = [each[name] for each in made]
        whole = [
            {
                case
                for case, seen in zip(each.pairs.ids, each.pairs.before_seen, strict=True)
                if seen.all()
            }
            for each in tables
        ]
        ids = sorted(set.intersection(*whole))
        means = [dict(zip(each.pairs.ids, each.before.tolist(), strict=True)) for each in tables]
        rows = runs[0].rows
        units = {each: n for n, each in enumerate({rows[case].cluster or (case,) for case in ids})}
        if len(units) < 2 or _compares(runs[0], name):
            continue
        found[name] = shock(
            np.array([[mean[case] for case in ids] for mean in means]),
            np.array([units[rows[case].cluster or (case,)] for case in ids], dtype=np.int64),
        )
    return found


def _compares(run: Run, name: str) -> bool:
    return any(each.center is not None for each in run.manifest.metrics if each.name == name)
