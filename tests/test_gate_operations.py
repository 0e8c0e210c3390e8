"""Operational gates: decided on recorded figures of fresh trials, apart from quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.diff import compare
from evalsuite.errors import OptionError, SuiteError
from evalsuite.gate import Finding, Gate, decide, policy_from, policy_json, validate
from evalsuite.policy import OBJECTIVES, Objective
from evalsuite.records import Run, Spent
from evalsuite.report.explaining import explain

from paired_runs import finding_of, row, run_of  # isort: skip


def took(latency: float | None = 1.0, **more: Any) -> Spent:
    return Spent(fresh=True, latency=latency, **more)


def side(spent: Sequence[Spent], name: str, holds: Sequence[float] = (), **settings: Any) -> Run:
    values = holds or [1.0] * len(spent)
    rows = [row(f"c{n:03d}", values[n], side=name, spent=(each,)) for n, each in enumerate(spent)]
    return run_of(rows, name, **settings)


def gated(before: Run | None, after: Run, **objectives: Objective) -> list[Finding]:
    verdict = decide(compare(before, after), Gate(operations=objectives))
    return [each for each in verdict.findings if each.kind == "operation"]


def spread(scale: float, count: int = 80) -> list[Spent]:
    """Times around `scale`, other ones on each side, so that a rise is no matter of one case."""
    return [took(scale * (1 + 0.03 * (n * 7 % 11))) for n in range(count)]


def test_answers_that_take_twice_as_long_are_a_regression_with_its_figures() -> None:
    before, after = side(spread(1.0), "a"), side(spread(2.0), "b")
    verdict = decide(compare(before, after), Gate(operations={"latency_p50": Objective(rise=0.25)}))
    found = finding_of(verdict, "latency_p50 rise <= 25%")
    assert (found.result, found.blocks, found.n) == ("regression", True, 80)
    assert found.reason.startswith("slower than the snapshot")
    assert found.effect == pytest.approx(1.0)
    assert found.low is not None
    assert 0.25 < found.low <= 1.0
    assert (verdict.result, verdict.exit_code) == ("regression", 1)


def test_a_gate_that_observes_blocks_nothing() -> None:
    before, after = side(spread(1.0), "a"), side(spread(2.0), "b")
    objective = {"latency_p50": Objective(rise=0.25, mode="observe")}
    verdict = decide(compare(before, after), Gate(operations=objective))
    assert (verdict.exit_code, verdict.would_block) == (0, 1)


def test_no_objective_no_finding_and_the_policy_is_written_as_before() -> None:
    before, after = side(spread(1.0), "a"), side(spread(9.0), "b")
    assert gated(before, after) == []
    assert "operations" not in policy_json(Gate())


def test_as_fast_as_before_passes() -> None:
    (found,) = gated(
        side(spread(1.0), "a"), side(spread(1.0), "b"), latency_p50=Objective(rise=0.25)
    )
    assert (found.result, found.effect) == ("pass", 0.0)


def test_too_few_fresh_cases_are_inconclusive_and_said_with_numbers() -> None:
    asked = {"latency_p95": Objective(max=0.5, rise=0.1)}
    for found in gated(side(spread(1.0, 20), "a"), side(spread(9.0, 20), "b"), **asked):
        assert (found.result, found.n) == ("inconclusive", 20)
        assert "20 of the 59 cases" in found.reason


def test_a_critical_gate_that_is_open_stops_and_the_quality_verdict_stays() -> None:
    after = side(spread(1.0, 80), "b")
    before = side(spread(1.0, 80), "a")
    few = {"first_token_p50": Objective(max=1.0, critical=True)}
    verdict = decide(compare(before, after), Gate(operations=few))
    assert (verdict.result, verdict.exit_code) == ("pass", 10)
    few = {"first_token_p50": Objective(max=1.0)}
    assert decide(compare(before, after), Gate(operations=few)).exit_code == 0


def test_replayed_runs_are_never_gated() -> None:
    after = side(spread(9.0), "b", replayed=True)
    asked = {"latency_p50": Objective(max=0.1, rise=0.0, critical=True)}
    found = gated(side(spread(1.0), "a"), after, **asked)
    assert [each.result for each in found] == ["not proven", "not proven"]
    verdict = decide(compare(side(spread(1.0), "a"), after), Gate(operations=asked))
    assert verdict.exit_code == 0


def test_stored_answers_count_for_nothing() -> None:
    stored = [Spent()] * 60
    after = side([*spread(5.0, 20), *stored], "b")
    (found,) = gated(None, after, latency_p50=Objective(max=1.0))
    assert (found.n, found.result) == (20, "over")


def test_an_unknown_price_is_never_zero() -> None:
    after = side([took(cost=None)] * 30, "b")
    (found,) = gated(None, after, cost=Objective(max=0.0))
    assert (found.result, found.after, found.missing) == ("inconclusive", None, 30)
    assert "unknown" in found.reason
    mostly = side([took(cost=0.01)] * 28 + [took(cost=None)] * 2, "b")
    (found,) = gated(None, mostly, cost=Objective(max=1.0))
    assert (found.result, found.reason) == (
        "inconclusive",
        "2 of 30 fresh answers lack the figure",
    )


def test_the_cost_of_a_success_counts_what_failures_cost() -> None:
    holds = [1.0, 0.0] * 20
    after = side([took(cost=0.02)] * 40, "b", holds)
    (found,) = gated(None, after, cost_per_success=Objective(max=0.01))
    assert found.after == pytest.approx(0.04)
    assert found.result == "over"
    none = side([took(cost=0.02)] * 40, "b", [0.0] * 40)
    (found,) = gated(None, none, cost_per_success=Objective(max=0.01))
    assert (found.result, found.reason) == ("inconclusive", "no fresh answer succeeded")


def test_fewer_successes_at_the_same_price_are_a_rise_of_the_cost_of_one() -> None:
    spent = [took(cost=0.01 + 0.0001 * (n % 5)) for n in range(200)]
    before = side(spent, "a", [1.0] * 200)
    after = side(spent, "b", [float(n % 2) for n in range(200)])
    (found,) = gated(before, after, cost_per_success=Objective(rise=0.25))
    assert found.result == "regression"
    assert found.reason.startswith("dearer")


def test_errors_of_the_provider_are_a_rate_of_their_own() -> None:
    lost = [took(None, lost=n % 4 == 0) for n in range(80)]
    fine = [took(None) for _ in range(80)]
    over, rise = gated(side(fine, "a"), side(lost, "b"), error_rate=Objective(max=0.05, rise=0.02))
    assert (over.result, over.after) == ("over", 0.25)
    assert (rise.result, rise.effect, rise.name) == (
        "regression",
        0.25,
        "error_rate rise <= 2 points",
    )


def test_lost_answers_leave_no_latency_of_survivors() -> None:
    after = side([took(None if n % 4 == 0 else 0.1, lost=n % 4 == 0) for n in range(80)], "b")
    (found,) = gated(None, after, latency_p50=Objective(max=1.0))
    assert (found.result, found.missing) == ("inconclusive", 20)


def test_flips_and_unreadable_verdicts_of_judges_are_rates() -> None:
    judged = [
        Spent(swaps=1, flips=float(n % 2), verdicts=4, unparsable=n % 4 == 0) for n in range(60)
    ]
    asked = {"swap_flip_rate": Objective(max=0.1), "unparsable_rate": Objective(max=0.2)}
    flips, unread = gated(None, side(judged, "b"), **asked)
    assert (flips.result, flips.after) == ("over", 0.5)
    assert (unread.result, unread.after) == ("pass", 0.0625)


def test_cases_that_changed_are_not_compared() -> None:
    before, after = side(spread(1.0), "a"), side(spread(9.0), "b")
    moved = {name: replace(each, case_key="other") for name, each in after.rows.items()}
    (found,) = gated(before, Run(after.manifest, moved), latency_p50=Objective(rise=0.25))
    assert (found.result, found.n) == ("inconclusive", 0)


def test_a_rise_from_nothing_asks_for_a_max() -> None:
    free, paid = [took(cost=0.0)] * 30, [took(cost=0.1)] * 30
    (found,) = gated(side(free, "a"), side(paid, "b"), cost=Objective(rise=0.25))
    assert found.result == "inconclusive"
    assert "give a max" in found.reason
    (found,) = gated(side(paid, "a"), side(free, "b"), cost=Objective(rise=0.25))
    assert found.result == "pass"


def test_a_partial_run_decides_no_operational_gate() -> None:
    after = side(spread(9.0), "b", partial=True)
    (found,) = gated(None, after, latency_p50=Objective(max=1.0))
    assert found.result == "partial"


@settings(max_examples=30)
@given(
    st.lists(st.floats(1e-6, 1e6), min_size=10, max_size=40),
    st.floats(0, 10),
    st.sampled_from(["latency_p50", "cost", "tokens", "failed_attempts", "cost_per_success"]),
)
def test_every_figure_is_finite_or_none_and_worse_is_never_better(
    times: list[float], limit: float, name: str
) -> None:
    rank = {"pass": 0, "inconclusive": 1, "over": 2, "regression": 2}

    def at(factor: float) -> list[Finding]:
        spent = [
            took(each * factor, cost=each * factor, tokens=int(each * factor) + 1) for each in times
        ]
        before = side([took(t, cost=t, tokens=int(t) + 1) for t in times], "a")
        return gated(before, side(spent, "b"), **{name: Objective(max=limit, rise=limit)})

    for low, high in zip(at(1.0), at(4.0), strict=True):
        for each in (low, high):
            for value in (each.after, each.low, each.high, each.effect):
                assert value is None or abs(value) < 1e300
        assert rank[low.result] <= rank[high.result]


@pytest.mark.parametrize(
    ("operations", "says"),
    [
        ({"latency_p59": Objective(max=1)}, 'did you mean "latency_p95"'),
        ({"cost": Objective()}, "needs a max (USD) or a rise"),
        ({"cost": Objective(max=float("nan"))}, "must be a finite number from 0"),
        ({"cost": Objective(max=-1)}, "must be a finite number from 0"),
        ({"error_rate": Objective(max=5)}, "must be a share from 0 to 1"),
        ({"cost": 3}, "must be an Objective, not int"),
        ({"cost": Objective(max=1, mode="warn")}, 'must be "block" or "observe"'),
        ([], "gate.operations must map figures"),
    ],
)
def test_what_is_wrong_with_an_objective_is_said(operations: Any, says: str) -> None:
    with pytest.raises(SuiteError) as raised:
        validate(Gate(operations=operations))
    assert says in str(raised.value)


def test_a_policy_comes_back_from_a_manifest() -> None:
    policy = Gate(operations={name: Objective(max=0.5, rise=0.1) for name in OBJECTIVES})
    assert policy_from(policy_json(policy)) == policy
    with pytest.raises(SuiteError, match="unknown setting"):
        policy_from({"operations": {"cost": {"maximum": 1}}})


def test_a_gate_is_explained_in_its_own_units() -> None:
    diff = compare(side(spread(1.0), "a"), side(spread(2.0), "b"))
    policy = Gate(operations={"latency_p50": Objective(max=1.5, rise=0.25)})
    verdict = decide(diff, policy)
    text = explain(diff, verdict, "latency_p50 <= 1.5 s")
    assert "latency_p50 <= 1.5 s: over, blocks the merge" in text
    assert "raise max" in text
    text = explain(diff, verdict, "latency_p50 rise <= 25%")
    assert "1.15 s → 2.3 s (+100%" in text
    with pytest.raises(OptionError, match="latency_p50"):
        explain(diff, verdict, "latency_p50")
