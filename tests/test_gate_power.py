"""The gate in the simulation of merges: a few hundred, where the simulation is at hand.

`benchmarks/gate_power.py` measures it with thousands.
"""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def power(monkeypatch):
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("gate_power")


@pytest.fixture
def measured(power):
    """Percent of the runs of a cell, by what is counted."""
    if not power.SIM.is_file():
        pytest.skip(f"there is no simulation at {power.SIM}")

    def measure(change, runs, noise="mid", trials=1):
        cell = power.Cell(change, noise, 200, trials)
        part = power.Part(cell.name, 0, runs)
        counts = {"runs": runs, **power.work(power.SIM, {cell.name: cell}, 1, part)}
        return lambda what: power.share(counts, what)

    return measure


@pytest.mark.parametrize("change", ["A/A", "churn"])
def test_runs_that_are_as_good_are_blocked_in_5_percent_at_most(measured, change):
    assert measured(change, 150)("blocked") <= 100 * (0.05 + 3 * (0.05 * 0.95 / 150) ** 0.5)


def test_a_slice_that_breaks_is_found_and_named(measured):
    share = measured("legal40 -35", 60)
    assert share("blocked") >= 90
    assert share("named") >= 85
    assert share("any slice") == 100


def test_a_drop_everywhere_is_found(measured):
    assert measured("overall -10", 60)("blocked") >= 80


def test_cases_that_moved_find_a_smaller_drop_when_they_are_asked_again(measured):
    once, again = (measured("overall -5", 40, trials=trials)("blocked") for trials in (1, 0))
    assert again > once


def test_the_benchmark_says_so_where_there_is_no_simulation(power, tmp_path, capsys):
    assert power.main(["--sim", str(tmp_path / "none.py")]) == 0
    assert "skipped: there is no simulation" in capsys.readouterr().out


def test_what_was_measured_is_not_measured_again(power, tmp_path):
    from parts import measure, parts

    wanted, out = parts([("one", 250), ("two", 100)]), tmp_path / "cells.jsonl"
    first = {"runs": 100, "seeds": 100}
    assert measure(wanted[:2], _seeds, out, 1) == {"one": first, "two": first}
    out.write_text(out.read_text() + '\n{"cell": "one", "sta')  # cut off as it was written
    assert measure(wanted, _none, out, 1)["one"] == {"runs": 250, "seeds": 100}
    assert measure(wanted, _seeds, out, 1)["one"] == {"runs": 250, "seeds": 100}


def _seeds(part):
    return {"seeds": len({tuple(seed) for seed in part.seeds(1)})}


def _none(part):
    return {"seeds": 0}
