"""The suites on which the gate's bound is held: each can be compared, and is what it says.

`benchmarks/held_out.py` measures how often they are blocked.
"""

import importlib
from pathlib import Path

import numpy as np
import pytest

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide
from evalsuite.records import CHECKS

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def regimes(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("regimes")


def test_every_regime_gives_two_runs_that_the_gate_compares(regimes):
    for name, draw in regimes.REGIMES:
        before, after = regimes.runs(draw(np.random.default_rng(5)))
        verdict = decide(compare(before, after), Gate())
        assert 100 <= len(after.rows) <= 300, name
        assert verdict.reason == "", name
        assert verdict.findings[0].n > 60, name


def test_in_no_regime_does_the_mean_move_on_average(regimes):
    for name, draw in regimes.REGIMES:
        means = []
        for seed in range(60):
            drawn = draw(np.random.default_rng(seed))
            metric = "preference" if drawn.center else CHECKS
            means.append(np.nanmean(drawn.after[metric]) - np.nanmean(drawn.before[metric]))
        error = np.std(means) / len(means) ** 0.5
        assert abs(np.mean(means)) <= 4 * error + 1e-12, name
