"""Simulated merges through the gate: real records, `compare`, `decide`, and cases asked again."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from evalsuite.diff import Diff, compare
from evalsuite.gate import Gate, Verdict, decide, sequential
from evalsuite.gate.family import SEED
from evalsuite.gate.stopping import ask_again
from evalsuite.records import CHECKS, Manifest, Metric, Row, Run, Subject
from evalsuite.stats.flips import SignFlips

SIM = Path(__file__).parents[1] / ".." / "shared" / "stats" / "gate_sim.py"

NOISES: dict[str, dict[str, Any]] = {
    "det": {"icc": 0.95},
    "mid": {"icc": 0.80},
    "noisy": {"icc": 0.60},
    "judge15": {"icc": 0.70, "kind": "judge15"},
}
"""How much answers vary: of yes-or-no scores 1.6, 6.4 and 12.8 % flip between two runs by chance;
the last is a judge's 1 to 5, in which half of the cases move."""

NULLS: dict[str, dict[str, Any]] = {"A/A": {}, "churn": {"churn": 0.10}}
DROPS: dict[str, dict[str, Any]] = {
    "overall -5": {"effect": "overall", "delta": 0.05},
    "overall -10": {"effect": "overall", "delta": 0.10},
    "overall -40": {"effect": "overall", "delta": 0.40},
    "legal20 -35": {"effect": "slice", "delta": 0.35, "target_n": 20},
    "legal40 -20": {"effect": "slice", "delta": 0.20},
    "legal40 -35": {"effect": "slice", "delta": 0.35},
}
SUITES: dict[int, dict[str, int]] = {
    50: {"target_n": 15},
    200: {"target_n": 40},
    500: {"target_n": 40},
    2000: {"target_n": 50, "n_topics": 14},
}

AGAIN = 4
"""Further trials of a case that moved."""

Further = Mapping[str, Sequence[float | None]]


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


def scenario(sim: ModuleType, change: str, noise: str, size: int, trials: int) -> Any:
    """A cell of the simulation's grid; true drops come with 5 % of the cases changed at random."""
    found = NULLS[change] if change in NULLS else {"churn": 0.05, **DROPS[change]}
    return sim.Scenario(
        **{"N": size, "kb": trials, "kc": trials, **NOISES[noise], **SUITES[size], **found}
    )


@cache
def _names(run: str, cases: int, trials: int) -> list[tuple[str, list[str]]]:
    """Ids of cases and keys of their answers: every answer counts as a new one."""
    ids = [f"c{place:05d}" for place in range(cases)]
    return [(case, [f"{run} {case} {trial}" for trial in range(trials)]) for case in ids]


@cache
def _slices(tags: tuple[str, ...]) -> dict[str, str]:
    return dict(tag.split(":", 1) for tag in tags)


_KEYS = {CHECKS: "checks"}


def run(name: str, scores: Any, tags: Sequence[tuple[str, ...]]) -> Run:
    """A finished run with the simulated scores."""
    cases, trials = scores.shape
    rows = {
        case: Row(case, case, _KEYS, {CHECKS: values}, outputs, slices=_slices(tagged))
        for (case, outputs), values, tagged in zip(
            _names(name, cases, trials), scores.tolist(), tags, strict=True
        )
    }
    return Run(manifest(name, len(rows)), rows)


def manifest(name: str, cases: int, metrics: Sequence[Metric] = (Metric(CHECKS),)) -> Manifest:
    return Manifest(
        suite="simulated",
        run=name,
        created="",
        golden={},
        subject=Subject(),
        policy={},
        metrics=list(metrics),
        expected=cases,
    )


class _Remembered(SignFlips):
    """Gives its ranks again without working them out again."""

    @cached_property
    def _fallen(self) -> list[tuple[int, Any]]:
        return list(super().falling())

    def falling(self) -> Iterator[tuple[int, Any]]:
        return iter(self._fallen)


@contextmanager
def remembering(tables: int = 12) -> Iterator[None]:
    """The gate flips equal tables once: the stages of a run are decided again and again."""

    @lru_cache(tables)
    def flips(table: bytes, columns: int, how: tuple[tuple[str, Any], ...]) -> SignFlips:
        contributions = np.frombuffer(table).reshape(-1, columns)
        return _Remembered(contributions, rng=np.random.default_rng(SEED), **dict(how))

    def remembered(table: Any, *, rng: Any, **how: Any) -> SignFlips:
        return flips(np.ascontiguousarray(table).tobytes(), table.shape[1], tuple(how.items()))

    sequential.SignFlips = remembered  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        sequential.SignFlips = SignFlips  # type: ignore[misc]


def verdict(pair: Any) -> Verdict:
    """The gate's verdict of a simulated pair of runs."""
    before, after = run("before", pair.xb, pair.tags), run("after", pair.xc, pair.tags)
    return decide(compare(before, after), Gate())


def sides(pair: Any) -> tuple[Run, Run, Further]:
    """The baseline with 5 trials, the candidate with one, and its further ones."""
    before, after = run("before", pair.xb, pair.tags), run("after", pair.xc[:, :1], pair.tags)
    before = Run(replace(before.manifest, trials=1 + AGAIN), before.rows)
    further = dict(zip(after.rows, pair.xc[:, 1:].tolist(), strict=True))
    return before, after, further


def asked(candidate: Run, further: Further, cases: Sequence[str]) -> Run:
    """The candidate with further trials of these cases."""
    rows = dict(candidate.rows)
    for name in cases:
        rows[name] = replace(rows[name], again={CHECKS: further[name]})
    return Run(candidate.manifest, rows)


class Concluded(NamedTuple):
    verdict: Verdict
    asked: int


def conclude(before: Run, candidate: Run, further: Further, diff: Diff | None = None) -> Concluded:
    """The verdict after the cases that moved were asked again, where the gate asks for it, and how
    many they were. `diff` is that of both sides, if it is known."""
    diff = diff or compare(before, candidate)
    cases = ask_again(diff, Gate())
    if cases:
        diff = compare(before, asked(candidate, further, cases))
    return Concluded(decide(diff, Gate()), len(cases))


def again(pair: Any) -> Verdict:
    """The verdict of a pair of 5 trials a side, of which the candidate's are asked as needed."""
    before, candidate, further = sides(pair)
    candidate = Run(replace(candidate.manifest, again=AGAIN), candidate.rows)
    return conclude(before, candidate, further).verdict
