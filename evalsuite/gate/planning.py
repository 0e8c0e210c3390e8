"""What a suite's gate can see: kept in a snapshot's manifest, said beside every green verdict."""

from __future__ import annotations

import numpy as np

from evalsuite.diff import compare
from evalsuite.gate.family import SEED, effects, hypotheses
from evalsuite.gate.relative import asked
from evalsuite.policy import OVERALL, Gate
from evalsuite.records import CHECKS, Run
from evalsuite.stats.power import STEPS, Design, detectable_drop


def detectable(run: Run, policy: Gate) -> dict[str, float]:
    """The smallest drop of `checks` that is found with 80 % power, overall and per slice.

    The candidate is taken to have as many trials as `run`. Slices in which no drop would be found
    are left out. Shares of 1; the Monte-Carlo error (one standard deviation) is about 5 % of the
    overall figure and 8 % of a slice's.
    """
    diff = compare(run, run)
    found = {CHECKS: effects(diff)[CHECKS]}
    effect = found[CHECKS]
    tested = [each for each in hypotheses(diff, policy, found) if not each.derived or each.declared]
    used = np.flatnonzero(effect.usable)
    if not len(used):
        return {}
    members = np.zeros((len(tested), len(effect.usable)), dtype=bool)
    for row, each in enumerate(tested):
        members[row, each.at] = True
    _, units = np.unique(effect.units[used], return_inverse=True)
    design = Design(
        values=effect.pairs.before[used],
        seen=effect.pairs.before_seen[used],
        members=members[:, used],
        margins=np.array([asked(policy, each.slice)[0] for each in tested]),
        units=units,
        trials=max(1, run.manifest.trials),
        level=policy.level,
    )
    drops = {}
    for row, each in enumerate(tested):
        steps = 3 * STEPS if each.slice == OVERALL else STEPS
        drop = detectable_drop(design, row, np.random.default_rng([SEED, row]), steps=steps)
        if drop is not None:
            drops[each.slice] = round(drop, 4)
    return drops
