"""Judges that are drawn: the noise, the bias and the clustering of real ones.

    python benchmarks/simulated_judges.py DIR

prints, from the published data in DIR, what the judges below were taken from. Needs scipy.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

Array = Any


@dataclass(frozen=True, slots=True)
class Binary:
    """A judge that passes or fails: pass rate, TPR, TNR; correlations inside a cluster of what is
    behind truth and errors (normal; inside a cluster the outcomes correlate by about two thirds of
    these)."""

    name: str
    passing: float
    tpr: float
    tnr: float
    truth: float = 0.55
    error: float = 0.50


@dataclass(frozen=True, slots=True)
class Pairwise:
    """A judge of pairs in both orders: shares of both right, both wrong, first and second twice
    (both a tie); people say tie in a share of `ties`, and the judge is then consistent as often."""

    name: str
    right: float
    wrong: float
    ties: float
    truth: float = 0.55
    error: float = 0.50


@dataclass(frozen=True, slots=True)
class Graded:
    """A judge of a scale: correlation of what is behind the grades, the shares of people's levels
    and of the judge's (none: a number without ties)."""

    name: str
    rho: float
    people: tuple[float, ...]
    judge: tuple[float, ...]
    truth: float
    error: float


RAG = Binary("RAG faithfulness, lenient (.91/.73)", 0.77, 0.913, 0.733)
STRICT = Binary("RAG faithfulness, strict (.73/.93)", 0.77, 0.727, 0.933)
STRONG = Binary("strong judge (.95/.90)", 0.80, 0.95, 0.90)
RARE = Binary("strong judge, 9 of 10 pass", 0.90, 0.95, 0.90)
PAIRS = Pairwise("pairwise, ChatGPT with ties", 0.67, 0.04, 0.14)
MEDIANS = (20 / 195, 25 / 195, 31 / 195, 119 / 195)
ORDINAL = Graded("RAG faithfulness, 4 levels", 0.82, MEDIANS, (0.15, 0.1, 0.15, 0.2, 0.4), 0.6, 0.2)
DIALOGUE = Graded("dialogue quality, a number", 0.70, (0.05, 0.1, 0.2, 0.3, 0.35), (), 0.1, 0.45)
CLOSE = Graded("strong judge, 5 levels", 0.92, (0.1, 0.15, 0.2, 0.25, 0.3), (0.2,) * 5, 0.6, 0.3)

Judge = Binary | Pairwise | Graded


def hidden(rng: Any, runs: int, n: int, size: int, within: float) -> Array:
    """(runs, n) standard normal numbers; those of one cluster correlate by `within`."""
    shared = rng.standard_normal((runs, -(-n // size)))[:, np.arange(n) // size]
    own = rng.standard_normal((runs, n))
    share = within if size > 1 else 0.0
    return math.sqrt(share) * shared + math.sqrt(1 - share) * own


def levels(z: Array, shares: Sequence[float]) -> Array:
    """Numbers cut into levels 0, 1, ... of these shares."""
    return np.searchsorted(special.ndtri(np.cumsum(shares)[:-1]), z) if shares else z


def draw(judge: Judge, rng: Any, runs: int, n: int, size: int) -> tuple[Array, Array]:
    """(runs, n) of people and of the judge."""
    z = hidden(rng, runs, n, size, judge.truth)
    e = hidden(rng, runs, n, size, judge.error)
    if isinstance(judge, Binary):
        truth = z < special.ndtri(judge.passing)
        bar = np.where(truth, special.ndtri(judge.tpr), special.ndtri(1 - judge.tnr))
        return truth, e < bar
    if isinstance(judge, Graded):
        mixed = judge.rho * z + math.sqrt(1 - judge.rho**2) * e
        return levels(z, judge.people), levels(mixed, judge.judge)
    half = (1 - judge.ties) / 2  # 0 is A, 1 tie, 2 B; a judge never says tie, its orders differ
    truth = levels(z, (half, judge.ties, half))
    outcome = levels(e, (judge.right, 1 - judge.right - judge.wrong, judge.wrong))
    side = np.where(truth == 1, np.where(rng.random(truth.shape) < 0.5, 0, 2), truth)
    return truth, np.where(outcome == 0, side, np.where(outcome == 1, 1, 2 - side))


def within(values: Sequence[float], clusters: Sequence[Any]) -> float:
    """The intraclass correlation, by analysis of variance."""
    v = np.array(values, dtype=float)
    codes = np.unique(np.array(clusters, dtype=str), return_inverse=True)[1]
    sizes = np.bincount(codes)
    means = np.bincount(codes, v) / sizes
    k, n = len(sizes), len(v)
    between = (sizes * (means - v.mean()) ** 2).sum() / (k - 1)
    inside = ((v - means[codes]) ** 2).sum() / (n - k)
    mean_size = (n - (sizes**2).sum() / n) / (k - 1)
    return float((between - inside) / (between + (mean_size - 1) * inside))


def parameters(folder: Path) -> int:
    """Prints what the simulated judges were taken from."""
    lines = (folder / "mtrag_dev.jsonl").read_text("utf-8").splitlines()
    tasks = [json.loads(line) for line in lines if line]
    rated = [(task["id"], answer) for task in tasks for answer in task["answers"]]
    median = [float(np.median(list(a["human"]["faithfulness"].values()))) for _, a in rated]
    score = [a["auto"]["ragas_faithfulness"] for _, a in rated]
    cluster = [task for task, _ in rated]
    truth_ = np.array(median) >= 3
    sys.stdout.write(f"MTRAG passes {truth_.mean():.3f}, ICC {within(truth_, cluster):.2f}\n")
    for bar in (0.5, 0.8):
        said = np.array(score) >= bar
        wrong = [(c, s != t) for c, s, t in zip(cluster, said, truth_, strict=True) if t]
        error = within([w for _, w in wrong], [c for c, _ in wrong])
        tpr, tnr = said[truth_].mean(), (~said[~truth_]).mean()
        sys.stdout.write(f"  at {bar}: TPR {tpr:.3f} TNR {tnr:.3f}, ICC of errors {error:.2f}\n")
    sys.stdout.write(f"  medians ICC {within(median, cluster):.2f}\n")
    lines = (folder / "topical_chat_unieval.jsonl").read_text("utf-8").splitlines()
    turns = [json.loads(line) for line in lines if line]
    for name in turns[0]["human_mean"]:
        human = np.argsort(np.argsort([turn["human_mean"][name] for turn in turns])) / len(turns)
        said = np.argsort(np.argsort([turn["judge_unieval"][name] for turn in turns])) / len(turns)
        apart = within(human - said, [turn["dialogue"] for turn in turns])
        sys.stdout.write(f"Topical-Chat {name}: ICC of rank differences {apart:.2f}\n")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/simulated_judges.py DIR")
    sys.exit(parameters(Path(sys.argv[1])))
