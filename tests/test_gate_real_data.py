"""The gate on published answers and verdicts of real systems, where the data are at hand.

`benchmarks/real_data.py` holds all of them against reference intervals.
"""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def real(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = importlib.import_module("real_data")
    if not module.DATA.is_dir():
        pytest.skip(f"there are no data at {module.DATA}")
    pytest.importorskip("scipy")
    return module


def evaluators(real, subset):
    found = real.evaluators(real.rows(real.DATA, "llmbar_dev"), subset)
    return {pair.name: pair for pair in found}


def test_the_p_of_two_evaluators_is_half_the_published_exact_one(real):
    """In one order of the answers, where every case has one verdict: McNemar's exact test."""
    expected = json.loads((real.DATA / "expected.json").read_text("utf-8"))
    published = expected["llmbar_dev"]["mcnemar_order_ab_AdvNeighbor"]
    pairs = evaluators(real, "Adv-Neighbor")
    for names, told in published.items():
        one, other = names.split(" vs ")
        smallest = 1 / 10_000  # of drawn sign patterns
        found = []
        for name in (f"{one} -> {other}", f"{other} -> {one}"):
            pair = pairs[name]
            first = pair._replace(before=pair.before[:, :1], after=pair.after[:, :1])
            found.append(real.verdict(first))
        worse = min(found, key=lambda each: each.effect)
        gone, come = sorted(
            (told["table"][0][1], told["table"][1][0]), reverse=True
        )  # those that only one of them judged rightly
        assert (len(worse.fell), len(worse.rose)) == (gone, come)
        assert worse.p == pytest.approx(told["exact_p"] / 2, abs=3 * smallest)
        assert worse.result == "regression"


def test_verdicts_agree_with_reference_intervals(real):
    rng = np.random.default_rng(3)
    pairs = [
        *evaluators(real, "Natural").values(),
        *real.preferences(real.rows(real.DATA, "pandalm")),
    ][::24]
    assert len(pairs) >= 20
    for pair in pairs:
        finding, reference = real.verdict(pair), real.reference(pair, rng)
        gate = real.SAYS.get(finding.result, "open")
        assert finding.effect == pytest.approx(reference.effect)
        assert {gate, reference.says} != {"red", "green"}, pair.name
        assert abs(finding.low - reference.low) < 0.03
        assert abs(finding.high - reference.high) < 0.03
