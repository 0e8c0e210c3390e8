"""Compares the interval in use with those that were not chosen, by how often each covers.

    python benchmarks/coverage_methods.py [--runs 1000] [--seed 1]

Kappa and Spearman of a strong judge, where methods differ most. Needs scipy.
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
    z = math.atanh(min(value, 0.999999))
    wright = 1.96 * math.sqrt((1 + value**2 / 2) / (n - 3))
    found["Bonett-Wright, no clusters"] = (math.tanh(z - wright), math.tanh(z + wright))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="simulated calibrations per cell")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    runs, seed = options.runs, options.seed
    apart = distances(2, 2, "none")
    sys.stdout.write("| figure | labels/cluster | method | coverage % |\n|---|---|---|---|\n")
    for name, judge in (("kappa", STRONG), ("spearman", CLOSE)):
        figure = next(each for each in FIGURES if each.name == name)
        true = truth(figure, judge)
        for n, size in ((50, 1), (50, 6), (100, 3), (200, 6)):
            rng = np.random.default_rng([seed, n, size])
            people, said = draw(judge, rng, runs, n, size)
            found: dict[str, list[Interval]] = {}
            for a, b in zip(people, said, strict=True):
                if name == "kappa":
                    pairs = paired(a.tolist(), b.tolist(), (False, True), "drop")
                    each = others(lambda w, p=pairs: kappas(tables(p, w), apart), n, size, rng)
                else:
                    each = others(lambda w, a=a, b=b: spearmans(a, b, w), n, size, rng)
                used = figure.stated(Sample(a, b, (np.arange(n) // size).tolist()))
                each["in use"] = used.low, used.high
                for method, interval in each.items():
                    found.setdefault(method, []).append(interval)
            for method, intervals in found.items():
                held = share_covered(intervals, true)
                sys.stdout.write(f"| {name} | {n}/{size} | {method} | {held:.1f} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
