"""Suites at the edge of what can be compared: a defined verdict, or an error that says why."""

import json
import math

import numpy as np
import pytest
from paired_runs import both, finding_of, row, run_of, verdict_of

from evalsuite.diff import compare
from evalsuite.errors import EvalsuiteError
from evalsuite.gate import Gate, Slice, decide, detectable, sights
from evalsuite.records import CHECKS, Metric
from evalsuite.report import build
from evalsuite.report.json import render
from evalsuite.report.material import Commands
from evalsuite.scoring import fold


def said(before, after, policy=None):
    verdict = verdict_of(before, after, policy or Gate(min_cases=5))
    return verdict, finding_of(verdict, CHECKS)


def graded(before, after, **metric):
    """Two runs whose only gated metric is `quality`."""
    sides = []
    for side, values in (("before", before), ("after", after)):
        rows = [
            row(f"c{n:03d}", v, side=side, scores={"quality": [v]}, scorer_keys={"quality": "q"})
            for n, v in enumerate(values)
        ]
        sides.append(run_of(rows, side, metrics=[Metric("quality", **metric)]))
    return sides


def test_no_case_is_undecided():
    verdict = verdict_of(run_of([]), run_of([]))
    assert (verdict.result, verdict.exit_code) == ("inconclusive", 10)
    assert verdict.reason == "no case was scored"
    assert not verdict.findings


def test_a_replay_that_lacks_every_reply_is_incomparable_not_undecided():
    verdict = verdict_of(run_of([]), run_of([], replayed=True, complete=False))
    assert (verdict.result, verdict.exit_code) == ("incomparable", 11)
    assert verdict.reason == "replies are missing from the recording"


def test_one_case_that_fell_is_no_regression_and_no_pass():
    verdict, found = said(*both([1.0], [0.0]))
    assert (verdict.result, found.p) == ("inconclusive", 0.5)
    assert "no number of cases would" in found.reason


def test_one_case_that_held_says_how_many_would_do():
    _, found = said(*both([1.0], [1.0]))
    assert (found.result, found.settling_cases) == ("inconclusive", 45)


def test_only_ties_pass_with_enough_cases():
    verdict, found = said(*both([1.0, 0.0] * 40, [1.0, 0.0] * 40))
    assert (verdict.result, found.p, found.effect) == ("pass", 1.0, 0.0)


def test_falls_and_rises_that_cancel_are_no_regression():
    _, found = said(*both([1.0, 0.0] * 40, [0.0, 1.0] * 40))
    assert found.result == "inconclusive"
    assert found.effect == 0.0
    assert found.settling_cases > 80


@pytest.mark.parametrize("missing", ["before", "after", "either"])
def test_values_that_are_all_missing_are_undecided(missing):
    sides = {"before": [1.0] * 30, "after": [1.0] * 30}
    for side in sides:
        if missing in (side, "either"):
            sides[side] = [None] * 30
    verdict, found = said(*both(sides["before"], sides["after"]))
    assert verdict.exit_code in (0, 10)
    assert found.result == "inconclusive"
    assert found.effect is None


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.3])
def test_a_constant_score_is_a_pass_without_a_difference(constant):
    _, found = said(*both([constant] * 60, [constant] * 60))
    assert (found.result, found.effect, found.p) == ("pass", 0.0, 1.0)


def test_a_constant_shift_of_every_case_is_a_regression():
    verdict = verdict_of(*graded([0.8] * 30, [0.7] * 30))
    assert finding_of(verdict, "quality").result == "regression"


def test_equal_slices_that_overlap_are_one_hypothesis():
    tags = [{"a": "x", "b": "x", "c": "x"} if n < 20 else {} for n in range(60)]
    values = [1.0] * 60, [0.0] * 6 + [1.0] * 54
    many = verdict_of(*both(*values, tags), Gate(min_cases=5))
    one = verdict_of(*both(*values, [{"a": t["a"]} if t else {} for t in tags]), Gate(min_cases=5))
    assert [each.p for each in many.findings] == [each.p for each in one.findings]
    assert sum(each.metric == CHECKS for each in many.findings) == 2


def test_thousands_of_slices_are_decided_and_cost_no_more_than_their_evidence():
    drawn = np.random.default_rng(1).integers(7, size=(84, 300))
    tags = [{f"d{k}": str(value) for k, value in enumerate(each)} for each in drawn]
    before, after = both([1.0] * 84, [0.0] * 10 + [1.0] * 74, tags)
    verdict, found = said(before, after)
    assert len(compare(before, after).slices) > 2000
    assert verdict.blocks
    assert found.result == "regression"


def test_one_cluster_alone_can_never_show_a_regression():
    sides = []
    for side, value in (("before", 1.0), ("after", 0.0)):
        rows = [row(f"c{n:02d}", value, side=side, cluster="book") for n in range(50)]
        sides.append(run_of(rows, side))
    verdict, found = said(*sides)
    assert (verdict.result, found.p) == ("inconclusive", 0.5)
    assert math.isfinite(found.low)
    assert "no number of cases would" in found.reason


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, 1e308, 10**400],
    ids=["nan", "inf", "-inf", "1e308", "huge"],
)
def test_a_value_that_is_no_finite_number_in_range_is_no_score_and_says_why(value):
    (score,) = fold(value, Metric("quality"), "c1", 0)
    assert score.value is None
    assert score.reason


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_stored_value_that_is_no_finite_number_is_missing_and_never_good(value):
    verdict = verdict_of(*graded([0.5] * 60, [0.5] * 58 + [value] * 2))
    found = finding_of(verdict, "quality")
    assert (found.result, found.missing) == ("inconclusive", 2)
    assert found.effect == 0.0


def test_a_metric_without_a_range_is_an_error_that_says_so():
    with pytest.raises(EvalsuiteError, match="quality: its range 1 to 1 is empty"):
        verdict_of(*graded([1.0], [1.0], low=1.0, high=1.0))


def test_a_declared_slice_without_a_case_is_undecided():
    verdict = verdict_of(*both([1.0] * 60, [1.0] * 60), Gate(slices={"t=none": Slice()}))
    assert finding_of(verdict, "checks, t=none").result == "inconclusive"


EDGES = {
    "no case": ([], []),
    "one case": ([1.0], [0.0]),
    "missing": ([None] * 12, [1.0] * 12),
    "constant": ([0.0] * 12, [0.0] * 12),
    "half": ([0.5, None] * 6, [0.25, 0.5] * 6),
}


@pytest.mark.parametrize("edge", EDGES)
def test_plans_and_reports_of_edges_are_finite(edge):
    before, after = both(*EDGES[edge])
    policy = Gate(min_cases=5, slices={"t=none": Slice()})
    for drop in detectable(before, policy).values():
        assert 0 < drop <= 1
    for sight in sights(before, policy):
        assert sight.drop is None or 0 < sight.drop <= 1
    diff = compare(before, after)
    verdict = decide(diff, policy)
    report = build(
        diff, verdict, before=before.rows, after=after.rows, answers={}, commands=Commands()
    )
    json.loads(render(report), parse_constant=pytest.fail)
