"""Measures how often the stated 95 % intervals of judge calibration hold the true value.

    python benchmarks/coverage.py [--runs 2000] [--seed 1] [--figures kappa,spearman] [--methods]

Labels and verdicts are drawn with the noise, the bias and the clustering of real judges; every
simulated calibration goes through `evalsuite.stats`. A row is a figure of a judge, a column a
number of labels and a size of clusters. --methods compares the method in use with those that were
not chosen. Needs scipy; the judges are in `simulated_judges.py`.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

sys.path.insert(0, str(Path(__file__).parent))

from simulated_judges import (
    CLOSE,
    DIALOGUE,
    ORDINAL,
    PAIRS,
    RAG,
    RARE,
    STRICT,
    STRONG,
    Array,
    Binary,
    Judge,
    draw,
)

from evalsuite.stats import estimates
from evalsuite.stats.agreement import kappas
from evalsuite.stats.corrected import corrected_mean
from evalsuite.stats.intervals import jackknife
from evalsuite.stats.labels import distances, paired, tables
from evalsuite.stats.rates import rates
from evalsuite.stats.student import student
from evalsuite.stats.weighted import spearmans

SIZES = (50, 100, 200)
CLUSTERS = (1, 3, 6)
JUDGED = 500
"""Cases without labels beside the labelled ones, for the corrected rate."""

TARGET = (93.0, 97.0)

Interval = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """What is estimated: `stated` gives the interval from people, judge and clusters, `true` the
    value from very many independent rows."""

    name: str
    judges: Sequence[Judge]
    stated: Callable[[Array, Array, list[int], Any], Interval]
    true: Callable[[Array, Array], float]


def kappa(people: Array, judge: Array, clusters: list[int], _: Any) -> Interval:
    scale = sorted({*people.tolist(), *judge.tolist(), 0, 1})
    found = estimates.kappa(people.tolist(), judge.tolist(), scale, clusters=clusters)
    return found.low, found.high


def ac1(people: Array, judge: Array, clusters: list[int], _: Any) -> Interval:
    found = estimates.gwet(people.tolist(), judge.tolist(), (0, 1), clusters=clusters)
    return found.low, found.high


def quadratic(people: Array, judge: Array, clusters: list[int], _: Any) -> Interval:
    found = estimates.kappa(
        people.tolist(), judge.tolist(), range(5), distance="quadratic", clusters=clusters
    )
    return found.low, found.high


def alpha(people: Array, judge: Array, clusters: list[int], _: Any) -> Interval:
    ratings = list(zip(people.tolist(), judge.tolist(), strict=True))
    found = estimates.alpha(ratings, range(5), metric="ordinal", clusters=clusters)
    return found.low, found.high


def spearman(people: Array, judge: Array, clusters: list[int], _: Any) -> Interval:
    found = estimates.spearman(people.tolist(), judge.tolist(), clusters=clusters)
    return found.low, found.high


def kendall(people: Array, judge: Array, clusters: list[int], _: Any) -> Interval:
    found = estimates.kendall(people.tolist(), judge.tolist(), clusters=clusters)
    return found.low, found.high


def rate(name: str) -> Callable[[Array, Array, list[int], Any], Interval]:
    def stated(people: Array, judge: Array, clusters: list[int], _: Any) -> Interval:
        found = getattr(rates(people.tolist(), judge.tolist(), clusters=clusters), name)
        return found.low, found.high

    return stated


def corrected(people: Array, judge: Array, clusters: list[int], others: Array) -> Interval:
    size = clusters.count(0)
    found = corrected_mean(
        people.tolist(),
        judge.tolist(),
        others.tolist(),
        clusters=clusters,
        judged_clusters=(np.arange(len(others)) // size).tolist(),
    )
    return found.low, found.high


def kappa_of(people: Array, judge: Array) -> float:
    size = int(max(people.max(), judge.max())) + 1
    pairs = paired(people.tolist(), judge.tolist(), range(size), "drop")
    return float(kappas(tables(pairs), distances(size, size, "none"))[0])


def over(figure: Callable[..., Any]) -> Callable[[Array, Array], float]:
    """The true value of a figure that needs too long for millions of rows: of many thousands."""
    return lambda people, judge: float(figure(people[:MANY].tolist(), judge[:MANY].tolist()))


MANY = 400_000

BINARY = (RAG, STRICT, STRONG)
GRADED = (ORDINAL, DIALOGUE, CLOSE)


def _gwet(people: list[int], judge: list[int]) -> float:
    from evalsuite.stats.agreement import gwet  # noqa: PLC0415

    return gwet(people, judge, (0, 1)) or math.nan


def _quadratic(people: list[int], judge: list[int]) -> float:
    from evalsuite.stats.agreement import cohen_kappa  # noqa: PLC0415

    return cohen_kappa(people, judge, range(5), weights="quadratic") or math.nan


def _alpha(people: list[int], judge: list[int]) -> float:
    from evalsuite.stats.raters import krippendorff_alpha  # noqa: PLC0415

    ratings = list(zip(people, judge, strict=True))
    return krippendorff_alpha(ratings, range(5), metric="ordinal") or math.nan


def _spearman(people: list[float], judge: list[float]) -> float:
    from evalsuite.stats.correlation import correlations  # noqa: PLC0415

    return correlations(people, judge).spearman or math.nan


def _kendall(people: list[float], judge: list[float]) -> float:
    from evalsuite.stats.correlation import correlations  # noqa: PLC0415

    return correlations(people, judge).kendall_b or math.nan


def _share(kept: Callable[[Array, Array], Array]) -> Callable[[Array, Array], float]:
    return lambda people, judge: float((people == judge)[kept(people, judge)].mean())


FIGURES = (
    Figure("kappa", (*BINARY, PAIRS), kappa, kappa_of),
    Figure("spearman", GRADED, spearman, over(_spearman)),
    Figure("corrected", (*BINARY, RARE), corrected, lambda people, _: float(people.mean())),
    Figure("ac1", (RAG, STRONG), ac1, over(_gwet)),
    Figure("tpr", (RAG, STRONG), rate("tpr"), _share(lambda people, _: people)),
    Figure("tnr", (RAG, STRONG), rate("tnr"), _share(lambda people, _: ~people)),
    Figure("accuracy", (RAG, STRONG), rate("accuracy"), _share(lambda people, _: people | True)),
    Figure("quadratic kappa", (CLOSE,), quadratic, over(_quadratic)),
    Figure("ordinal alpha", (CLOSE,), alpha, over(_alpha)),
    Figure("kendall", (ORDINAL,), kendall, over(_kendall)),
)


def truth(figure: Figure, judge: Judge) -> float:
    """Of rows without clusters; the corrected rate's is known."""
    if figure.name == "corrected" and isinstance(judge, Binary):
        return judge.passing
    people, said = draw(judge, np.random.default_rng(99), 1, 2_000_000, 1)
    return figure.true(people[0], said[0])


def halves(people: Array, judge: Array, n: int, rng: Any) -> tuple[Array, Array]:
    """The places of n rows, half of them of either verdict if there are so many, and their
    weights."""
    fails, passes = np.flatnonzero(~judge), np.flatnonzero(judge)
    few = min(len(fails), n // 2)
    chosen = [(rng.permutation(fails)[:few], fails), (rng.permutation(passes)[: n - few], passes)]
    weights = np.concatenate([np.full(len(part), len(all_) / len(part)) for part, all_ in chosen])
    return np.concatenate([part for part, _ in chosen]), weights


def balanced(figure: Figure, judge: Binary, rng: Any, n: int, size: int) -> Interval:
    """From labels of a run of JUDGED cases, half of them by the judge's verdict, reweighted."""
    people, said = (each[0] for each in draw(judge, rng, 1, JUDGED, size))
    places, weights = halves(people, said, n, rng)
    labels, verdicts = people[places].tolist(), said[places].tolist()
    clusters = (places // size).tolist()
    if figure.name != "corrected":
        found = rates(labels, verdicts, clusters=clusters, weights=weights.tolist())
        each = getattr(found, figure.name)
        return each.low, each.high
    mean = corrected_mean(
        labels,
        verdicts,
        draw(judge, rng, 1, JUDGED, size)[1][0].tolist(),
        weights=weights.tolist(),
        clusters=clusters,
        judged_clusters=(np.arange(JUDGED) // size).tolist(),
    )
    return mean.low, mean.high


def share_covered(found: Sequence[Interval], true: float) -> float:
    """In percent; an interval that is undefined is none, and does not cover."""
    held = [lo is not None and hi is not None and lo <= true <= hi for lo, hi in found]
    return 100 * sum(held) / len(held)


def cell(figure: Figure, judge: Judge, n: int, size: int, runs: int, seed: int) -> list[Interval]:
    own = sum(f"{figure.name} {judge.name}".encode())
    rng = np.random.default_rng([seed, n, size, own])
    clusters = (np.arange(n) // size).tolist()
    people, said = draw(judge, rng, runs, n, size)
    others: Sequence[Any] = [None] * runs
    if figure.name == "corrected":
        others = draw(judge, rng, runs, JUDGED, size)[1]
    return [figure.stated(people[run], said[run], clusters, others[run]) for run in range(runs)]


def rows(
    runs: int, seed: int, wanted: Sequence[str]
) -> Iterator[tuple[str, str, float, list[float]]]:
    """Figure, judge, true value, and coverage by number of labels and cluster size."""
    grid = [(n, size) for n in SIZES for size in CLUSTERS]
    for figure in FIGURES:
        if wanted and figure.name not in wanted:
            continue
        for judge in figure.judges:
            true = truth(figure, judge)
            held = [cell(figure, judge, n, size, runs, seed) for n, size in grid]
            yield figure.name, judge.name, true, [share_covered(each, true) for each in held]
        if figure.name in {"corrected", "tpr", "tnr"}:
            for judge in (RAG, STRONG):
                rng, true = np.random.default_rng([seed, 7]), truth(figure, judge)
                held = [[balanced(figure, judge, rng, n, m) for _ in range(runs)] for n, m in grid]
                covered = [share_covered(each, true) for each in held]
                yield figure.name, f"{judge.name}, half by verdict", true, covered


def table(runs: int, seed: int, wanted: Sequence[str]) -> int:
    """Prints the table; 1 if a cell covers less than it should."""
    heads = [f"{n}/{size}" for n in SIZES for size in CLUSTERS]
    sys.stdout.write(f"| figure | judge | true | {' | '.join(heads)} |\n")
    sys.stdout.write("|---" * (3 + len(heads)) + "|\n")
    outside = []
    for figure, judge, true, covered in rows(runs, seed, wanted):
        cells = [f"{each:.1f}" for each in covered]
        sys.stdout.write(f"| {figure} | {judge} | {true:.3f} | {' | '.join(cells)} |\n")
        sys.stdout.flush()
        outside += [
            (each, f"{figure}, {judge}, {head}: {each:.1f} %")
            for each, head in zip(covered, heads, strict=True)
            if not TARGET[0] <= each <= TARGET[1]
        ]
    for _, line in outside:
        sys.stdout.write(f"outside {TARGET[0]:.0f} to {TARGET[1]:.0f} %: {line}\n")
    return 1 if any(each < TARGET[0] for each, _ in outside) else 0


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
    z, width = math.atanh(min(value, 0.999999)), error / max(1 - value**2, 1e-3)
    found["jackknife, Fisher's z"] = (math.tanh(z - t * width), math.tanh(z + t * width))
    wright = 1.96 * math.sqrt((1 + value**2 / 2) / (n - 3))
    found["Bonett-Wright, no clusters"] = (math.tanh(z - wright), math.tanh(z + wright))
    return found


def methods(runs: int, seed: int) -> int:
    """Prints the coverage of methods that were not chosen, beside that of the one in use."""
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
                each["in use"] = figure.stated(a, b, (np.arange(n) // size).tolist(), None)
                for method, interval in each.items():
                    found.setdefault(method, []).append(interval)
            for method, intervals in found.items():
                held = share_covered(intervals, true)
                sys.stdout.write(f"| {name} | {n}/{size} | {method} | {held:.1f} |\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000, help="simulated calibrations per cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figures", default="", help="only these, by name, with commas between")
    parser.add_argument("--methods", action="store_true", help="compare methods instead")
    options = parser.parse_args(arguments)
    started = time.process_time()
    wanted = [each for each in options.figures.split(",") if each]
    if options.methods:
        status = methods(options.runs, options.seed)
    else:
        status = table(options.runs, options.seed, wanted)
    sys.stdout.write(f"{options.runs} a cell, {time.process_time() - started:.0f} s of one core\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
