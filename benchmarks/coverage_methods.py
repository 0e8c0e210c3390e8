"""Compares the interval in use with those that were not chosen, by how often each covers.

    python benchmarks/coverage_methods.py [--runs 1000] [--seed 1]

Kappa and Spearman of a strong judge, where methods differ most. Needs scipy and
statsmodels.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special
from statsmodels.stats.inter_rater import cohens_kappa

sys.path.insert(0, str(Path(__file__).parent))

from coverage import FIGURES, Interval, Sample, share_covered, truth
from simulated_judges import CLOSE, STRONG, Array, draw

from evalsuite.stats.agreement import kappas
from evalsuite.stats.intervals import jackknife
from evalsuite.stats.labels import distances, paired, tables
from evalsuite.stats.student import student
from evalsuite.stats.weighted import spearmans


def bootstrap(replicates: Array, value: float, pseudo: Array) -> Mapping[str, Interval]:
    """Percentile and BCa intervals of a cluster bootstrap; `pseudo` are the jackknife's."""
    low, high = np.quantile(replicates, [0.025, 0.975])
    below = ((replicates < value).mean() + (replicates <= value).mean()) / 2
    z0 = special.ndtri(np.clip(below, 1 / len(replicates), 1 - 1 / len(replicates)))
    away = pseudo.mean() - pseudo
    bent = float((away**3).sum() / (6 * (away**2).sum() ** 1.5 + 1e-300))
    z = z0 + special.ndtri([0.025, 0.975])
    bca = np.quantile(replicates, special.ndtr(z0 + z / (1 - bent * z)))
    return {"percentile": (float(low), float(high)), "BCa": (float(bca[0]), float(bca[1]))}


CELLS = ((50, 1), (50, 6), (100, 3), (200, 6))
"""Numbers of labels and sizes of clusters."""


def others(figure: Callable[[Array], Array], n: int, size: int, rng: Any) -> dict[str, Interval]:
    """The intervals of one calibration that were not chosen."""
    codes = np.arange(n) // size
    count = int(codes[-1]) + 1
    value = float(np.nan_to_num(figure(np.ones((1, n))))[0])
    pseudo, _ = jackknife(figure, np.ones(n), codes)
    error = math.sqrt((1 - 1 / count) * ((pseudo - pseudo.mean()) ** 2).sum())
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=500)[:, codes]
    found = dict(bootstrap(np.nan_to_num(figure(drawn.astype(float))), value, pseudo))
    t = student(count - 1)[0]
    found["jackknife, raw"] = (value - t * error, value + t * error)
    root = max(1e-3, math.cbrt(1 - value))
    width = t * error / (3 * root**2)
    low, high = (1 - max(0.0, root + side * width) ** 3 for side in (1, -1))
    found["jackknife, cube root of 1 - value"] = (low, high)
    return found


def wright(value: float, n: int) -> Interval:
    """D. Bonett, T. Wright, Psychometrika 65 (2000), for Spearman's rho of independent rows."""
    z = math.atanh(min(value, 0.999999))
    width = 1.96 * math.sqrt((1 + value**2 / 2) / (n - 3))
    return math.tanh(z - width), math.tanh(z + width)


def everitt(table: Array) -> Interval:
    """J. Fleiss, J. Cohen, B. Everitt, Psychological Bulletin 72 (1969), for kappa of independent
    rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = cohens_kappa(table)
    return float(found.kappa_low), float(found.kappa_upp)


def intervals(name: str, people: Array, said: Array, size: int, rng: Any) -> dict[str, Interval]:
    """Of one calibration, by method."""
    n = len(people)
    if name == "kappa":
        apart = distances(2, 2, "none")
        pairs = paired(people.tolist(), said.tolist(), (False, True), "drop")
        found = others(lambda w: kappas(tables(pairs, w), apart), n, size, rng)
        found["no clusters (Fleiss-Cohen-Everitt; Bonett-Wright)"] = everitt(tables(pairs)[0])
    else:
        found = others(lambda w: spearmans(people, said, w), n, size, rng)
        rho = float(spearmans(people, said, np.ones((1, n)))[0])
        found["no clusters (Fleiss-Cohen-Everitt; Bonett-Wright)"] = wright(rho, n)
    figure = next(each for each in FIGURES if each.name == name)
    used = figure.stated(Sample(people, said, (np.arange(n) // size).tolist()))
    return {**found, "in use: jackknife, Fisher's z": (used.low, used.high)}


def column(name: str, n: int, size: int, runs: int, seed: int) -> dict[str, float]:
    """Coverage in percent by method."""
    judge = STRONG if name == "kappa" else CLOSE
    true = truth(next(each for each in FIGURES if each.name == name), judge)
    rng = np.random.default_rng([seed, n, size])
    people, said = draw(judge, rng, runs, n, size)
    found = [intervals(name, a, b, size, rng) for a, b in zip(people, said, strict=True)]
    return {method: share_covered([each[method] for each in found], true) for method in found[0]}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="simulated calibrations per cell")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    cells = [(name, *at) for name in ("kappa", "spearman") for at in CELLS]
    columns = [column(*cell, options.runs, options.seed) for cell in cells]
    heads = [f"{name} {n}/{size}" for name, n, size in cells]
    sys.stdout.write(f"| method | {' | '.join(heads)} |\n" + "|---" * (1 + len(heads)) + "|\n")
    for method in columns[0]:
        held = " | ".join(f"{each[method]:.1f}" for each in columns)
        sys.stdout.write(f"| {method} | {held} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
