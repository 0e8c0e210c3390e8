"""Measures how often the stated 95 % intervals of judge calibration hold the true value.

    python benchmarks/coverage.py [--runs 2000] [--seed 1] [--figures kappa,spearman] [--lower]

Labels and verdicts are drawn with the noise, the bias and the clustering of real judges; every
simulated calibration goes through `evalsuite.stats`. A row is a figure of a judge, a column a
number of labels and a size of clusters. "Half by verdict" draws the labels as `evalsuite rate`
does. Needs scipy; the judges are in `simulated_judges.py`, methods that were not chosen in
`coverage_methods.py`.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
from evalsuite.stats.agreement import cohen_kappa, gwet, kappas
from evalsuite.stats.corrected import corrected_mean
from evalsuite.stats.correlation import correlations
from evalsuite.stats.labels import distances
from evalsuite.stats.raters import krippendorff_alpha
from evalsuite.stats.rates import rates

SIZES = (50, 100, 200)
CLUSTERS = (1, 3, 6)
JUDGED = 500
"""Cases without labels beside the labelled ones, for the corrected rate."""

TARGET = (93.0, 97.0)

Interval = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """The labels of one calibration: people and judge row by row, and the judge's verdicts on cases
    without labels for what is corrected."""

    people: Array
    judge: Array
    clusters: list[int]
    weights: list[float] | None = None
    others: Array | None = None
    size: int = 1

    def rows(self) -> tuple[list[Any], list[Any]]:
        return self.people.tolist(), self.judge.tolist()

    def given(self) -> dict[str, Any]:
        return {"clusters": self.clusters, "weights": self.weights}


@dataclass(frozen=True, slots=True)
class Figure:
    """What is estimated: `stated` gives the estimate of a sample, `true` the value of very many
    independent rows. `halves` are judges whose labels are also drawn half by their verdict."""

    name: str
    judges: Sequence[Judge]
    stated: Callable[[Sample], Any]
    true: Callable[[Array, Array], float]
    halves: Sequence[Judge] = ()


def kappa(sample: Sample) -> Any:
    people, judge = sample.rows()
    return estimates.kappa(people, judge, sorted({*people, *judge, 0, 1}), **sample.given())


def ac1(sample: Sample) -> Any:
    return estimates.gwet(*sample.rows(), (0, 1), **sample.given())


def quadratic(sample: Sample) -> Any:
    return estimates.kappa(*sample.rows(), range(5), distance="quadratic", **sample.given())


def alpha(sample: Sample) -> Any:
    ratings = list(zip(*sample.rows(), strict=True))
    return estimates.alpha(ratings, range(5), metric="ordinal", clusters=sample.clusters)


def spearman(sample: Sample) -> Any:
    return estimates.spearman(*sample.rows(), **sample.given())


def kendall(sample: Sample) -> Any:
    return estimates.kendall(*sample.rows(), **sample.given())


def rate(name: str) -> Callable[[Sample], Any]:
    return lambda sample: getattr(rates(*sample.rows(), **sample.given()), name)


def corrected(sample: Sample) -> Any:
    assert sample.others is not None
    clusters = (np.arange(len(sample.others)) // sample.size).tolist()
    others = sample.others.tolist()
    return corrected_mean(*sample.rows(), others, judged_clusters=clusters, **sample.given())


def kappa_of(people: Array, judge: Array) -> float:
    size = int(max(people.max(), judge.max())) + 1
    cells = people.astype(int) * size + judge.astype(int)
    table = np.bincount(cells, minlength=size * size).reshape(1, size, size)
    return float(kappas(table.astype(float), distances(size, size, "none"))[0])


def over(figure: Callable[..., Any]) -> Callable[[Array, Array], float]:
    """The true value of a figure that needs too long for millions of rows: of many thousands."""
    return lambda people, judge: float(figure(people[:MANY].tolist(), judge[:MANY].tolist()))


MANY = 400_000

BINARY = (RAG, STRICT, STRONG)
GRADED = (ORDINAL, DIALOGUE, CLOSE)


def _gwet(people: list[int], judge: list[int]) -> float:
    return gwet(people, judge, (0, 1)) or math.nan


def _quadratic(people: list[int], judge: list[int]) -> float:
    return cohen_kappa(people, judge, range(5), weights="quadratic") or math.nan


def _alpha(people: list[int], judge: list[int]) -> float:
    ratings = list(zip(people, judge, strict=True))
    return krippendorff_alpha(ratings, range(5), metric="ordinal") or math.nan


def _spearman(people: list[float], judge: list[float]) -> float:
    return correlations(people, judge).spearman or math.nan


def _kendall(people: list[float], judge: list[float]) -> float:
    return correlations(people, judge).kendall_b or math.nan


def _share(kept: Callable[[Array, Array], Array]) -> Callable[[Array, Array], float]:
    return lambda people, judge: float((people == judge)[kept(people, judge)].mean())


FIGURES = (
    Figure("kappa", (*BINARY, PAIRS), kappa, kappa_of, (RAG, STRONG)),
    Figure("spearman", GRADED, spearman, over(_spearman), (ORDINAL, CLOSE)),
    Figure("corrected", (*BINARY, RARE), corrected, lambda p, _: float(p.mean()), (RAG, STRONG)),
    Figure("ac1", (RAG, STRONG), ac1, over(_gwet)),
    Figure("tpr", (RAG, STRONG), rate("tpr"), _share(lambda people, _: people), (RAG, STRONG)),
    Figure("tnr", (RAG, STRONG), rate("tnr"), _share(lambda people, _: ~people), (RAG, STRONG)),
    Figure("accuracy", (RAG, STRONG), rate("accuracy"), _share(lambda people, _: people | True)),
    Figure("quadratic kappa", (CLOSE,), quadratic, over(_quadratic)),
    Figure("ordinal alpha", (CLOSE,), alpha, over(_alpha)),
    Figure("kendall", (ORDINAL,), kendall, over(_kendall)),
)

PASSING = 3
"""The grade from which a graded judge's verdict counts as a pass, where labels are drawn by it."""


def truth(figure: Figure, judge: Judge) -> float:
    """Of rows without clusters; the corrected rate's is known."""
    if figure.name == "corrected" and isinstance(judge, Binary):
        return judge.passing
    people, said = draw(judge, np.random.default_rng(99), 1, 2_000_000, 1)
    return figure.true(people[0], said[0])


def halves(judge: Array, n: int, rng: Any) -> tuple[Array, Array]:
    """The places of n rows, half of them of either verdict if there are so many, and their
    weights."""
    fails, passes = np.flatnonzero(~judge), np.flatnonzero(judge)
    few = min(len(fails), n // 2)
    chosen = [(rng.permutation(fails)[:few], fails), (rng.permutation(passes)[: n - few], passes)]
    weights = np.concatenate([np.full(len(part), len(all_) / len(part)) for part, all_ in chosen])
    return np.concatenate([part for part, _ in chosen]), weights


def bounds(estimate: Any, lower: bool) -> Interval:
    """The two-sided interval, or all above the one-sided lower bound."""
    return (estimate.lower, math.inf) if lower else (estimate.low, estimate.high)


def balanced(
    figure: Figure, judge: Judge, rng: Any, n: int, size: int, *, lower: bool = False
) -> Interval:
    """From labels of a run of JUDGED cases, half of them by the judge's verdict, reweighted."""
    people, said = (each[0] for each in draw(judge, rng, 1, JUDGED, size))
    passed = said if isinstance(judge, Binary) else said >= PASSING
    places, weights = halves(passed, n, rng)
    others = draw(judge, rng, 1, JUDGED, size)[1][0] if figure.name == "corrected" else None
    clusters = (places // size).tolist()
    sample = Sample(people[places], said[places], clusters, weights.tolist(), others, size)
    return bounds(figure.stated(sample), lower)


def share_covered(found: Sequence[Interval], true: float) -> float:
    """In percent; an interval that is undefined is none, and does not cover."""
    held = [lo is not None and hi is not None and lo <= true <= hi for lo, hi in found]
    return 100 * sum(held) / len(held)


def cell(
    figure: Figure, judge: Judge, n: int, size: int, runs: int, seed: int, *, lower: bool = False
) -> list[Interval]:
    """Of so many simulated calibrations."""
    own = sum(f"{figure.name} {judge.name}".encode())
    rng = np.random.default_rng([seed, n, size, own])
    clusters = (np.arange(n) // size).tolist()
    people, said = draw(judge, rng, runs, n, size)
    others = draw(judge, rng, runs, JUDGED, size)[1] if figure.name == "corrected" else people
    found = []
    for run in range(runs):
        sample = Sample(people[run], said[run], clusters, None, others[run], size)
        found.append(bounds(figure.stated(sample), lower))
    return found


def rows(
    runs: int, seed: int, wanted: Sequence[str], *, lower: bool
) -> Iterator[tuple[str, str, float, list[float]]]:
    """Figure, judge, true value, and coverage by number of labels and cluster size."""
    grid = [(n, size) for n in SIZES for size in CLUSTERS]
    for figure in FIGURES:
        if wanted and figure.name not in wanted:
            continue
        for judge in figure.judges:
            true = truth(figure, judge)
            held = [cell(figure, judge, n, m, runs, seed, lower=lower) for n, m in grid]
            yield figure.name, judge.name, true, [share_covered(each, true) for each in held]
        for judge in figure.halves:
            rng, true = np.random.default_rng([seed, 7]), truth(figure, judge)
            held = [
                [balanced(figure, judge, rng, n, m, lower=lower) for _ in range(runs)]
                for n, m in grid
            ]
            covered = [share_covered(each, true) for each in held]
            yield figure.name, f"{judge.name}, half by verdict", true, covered


def table(runs: int, seed: int, wanted: Sequence[str], *, lower: bool) -> int:
    """Prints the table; 1 if a cell covers less than it should."""
    heads = [f"{n}/{size}" for n in SIZES for size in CLUSTERS]
    sys.stdout.write(f"| figure | judge | true | {' | '.join(heads)} |\n")
    sys.stdout.write("|---" * (3 + len(heads)) + "|\n")
    outside = []
    for figure, judge, true, covered in rows(runs, seed, wanted, lower=lower):
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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000, help="simulated calibrations per cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figures", default="", help="only these, by name, with commas between")
    parser.add_argument("--lower", action="store_true", help="the one-sided lower bounds")
    options = parser.parse_args(arguments)
    started = time.process_time()
    wanted = [each for each in options.figures.split(",") if each]
    status = table(options.runs, options.seed, wanted, lower=options.lower)
    sys.stdout.write(f"{options.runs} a cell, {time.process_time() - started:.0f} s of one core\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
