"""The gate in the simulation of merges: a few hundred, where the simulation is at hand.

`benchmarks/gate_power.py` measures it with thousands.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def power():
    spec = importlib.util.spec_from_file_location(
        "gate_power", ROOT / "benchmarks" / "gate_power.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["gate_power"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def simulation(power):
    if not power.SIM.is_file():
        pytest.skip(f"there is no simulation at {power.SIM}")
    pytest.importorskip("scipy")
    return power.load(power.SIM)


@pytest.mark.parametrize("cell", ["A/A", "churn"])
def test_runs_that_are_as_good_are_blocked_in_5_percent_at_most(power, simulation, cell):
    found = power.measure(simulation, cell, "mid", 150)
    assert found["block"] <= 0.05 + 3 * (0.05 * 0.95 / 150) ** 0.5


def test_a_slice_that_breaks_is_found_and_named(power, simulation):
    found = power.measure(simulation, "legal40 -35", "mid", 60)
    assert found["block"] >= 0.90
    assert found["named_target"] >= 0.85


def test_a_drop_everywhere_is_found(power, simulation):
    assert power.measure(simulation, "overall -10", "mid", 60)["block"] >= 0.80


def test_the_benchmark_says_so_where_there_is_no_simulation(power, tmp_path, capsys):
    assert power.main(["--sim", str(tmp_path / "none.py")]) == 0
    assert "skipped: there is no simulation" in capsys.readouterr().out
