"""The stated intervals on simulated judges: a few here, thousands in `benchmarks/coverage.py`."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("sklearn")

FOLDER = Path(__file__).parents[2] / "benchmarks"
RUNS = 150
NOISE = 3 * (0.95 * 0.05 / RUNS) ** 0.5 * 100
"""Three standard errors of a share of RUNS, in percent."""


@pytest.fixture(scope="module")
def sim():
    sys.path.insert(0, str(FOLDER))
    spec = importlib.util.spec_from_file_location("simulated_coverage", FOLDER / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["simulated_coverage"] = module
    spec.loader.exec_module(module)
    yield module
    while str(FOLDER) in sys.path:
        sys.path.remove(str(FOLDER))
    for name in ("simulated_coverage", "simulated_judges"):
        sys.modules.pop(name, None)


def figure_of(sim, name):
    return next(each for each in sim.FIGURES if each.name == name)


@pytest.mark.parametrize("name", ["kappa", "spearman", "corrected", "tnr"])
@pytest.mark.parametrize(("n", "size"), [(50, 1), (100, 6)])
def test_intervals_of_clustered_labels_hold_the_true_value(sim, name, n, size):
    figure = figure_of(sim, name)
    judge = figure.judges[0]
    found = sim.cell(figure, judge, n, size, RUNS, seed=3)
    assert sim.share_covered(found, sim.truth(figure, judge)) >= 93 - NOISE


@pytest.mark.parametrize("name", ["kappa", "corrected", "tnr"])
def test_intervals_of_labels_drawn_by_the_verdict_do_too(sim, name):
    figure = figure_of(sim, name)
    rng = np.random.default_rng(3)
    found = [sim.balanced(figure, sim.RAG, rng, 100, 3) for _ in range(RUNS)]
    assert sim.share_covered(found, sim.truth(figure, sim.RAG)) >= 93 - NOISE


def test_who_does_not_name_the_clusters_covers_too_little(sim):
    figure = figure_of(sim, "kappa")
    judge = sim.RAG
    alone = replace(
        figure, stated=lambda s: figure.stated(replace(s, clusters=list(range(len(s.people)))))
    )
    true = sim.truth(figure, judge)
    with_clusters = sim.share_covered(sim.cell(figure, judge, 200, 6, RUNS, seed=3), true)
    without = sim.share_covered(sim.cell(alone, judge, 200, 6, RUNS, seed=3), true)
    assert without <= with_clusters - 3


def test_a_cell_is_the_same_whenever_it_is_drawn(sim):
    figure = figure_of(sim, "spearman")
    one, two = (sim.cell(figure, sim.ORDINAL, 50, 3, 5, seed=1) for _ in range(2))
    assert one == two
    assert one != sim.cell(figure, sim.ORDINAL, 50, 3, 5, seed=2)
