"""Unchanged code beside itself, margins that know shocks, and a release that is pinned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from paired_runs import finding_of, row, run_of, verdict_of

from evalsuite import registry
from evalsuite.diff import compare
from evalsuite.gate import Gate, decide
from evalsuite.gate.against_itself import alarm, exchanged, paired, shocks
from evalsuite.gate.release import beside_release, with_release
from evalsuite.gate.verdict import Verdict
from evalsuite.records import CHECKS, Run
from evalsuite.report import Commands, build
from evalsuite.stats.flakiness import unstable


def unchanged(
    runs: int, cases: int = 120, *, shock: Sequence[float] = (), seed: int = 1
) -> list[Run]:
    """Runs of code that passes each case with a chance of its own, less a run's shock."""
    pick = np.random.default_rng(seed)
    chances = pick.beta(6, 1, cases)
    lost = shock or [0.0] * runs
    return [
        run_of(
            [
                row(f"c{n:03d}", float(pick.random() < chance - lost[number]), side=f"r{number}")
                for n, chance in enumerate(chances)
            ],
            f"r{number}",
        )
        for number in range(runs)
    ]


def test_exchanged_trials_of_unchanged_code_seldom_alarm() -> None:
    found = exchanged(unchanged(5), Gate(), 100)
    assert found.compared == 100
    assert found.rate <= 0.05
    assert found.low <= found.rate <= found.high
    assert exchanged(unchanged(5), Gate(), 100) == found


def test_a_shock_alarms_between_runs_and_not_where_trials_are_exchanged() -> None:
    runs = unchanged(6, shock=[0.0, 0.5, 0.0, 0.5, 0.0, 0.5])
    pairs = paired(runs, Gate())
    assert (pairs.blocked, pairs.compared) == (6, 15)  # each good run beside each later bad one
    assert exchanged(runs, Gate(), 60).rate <= 0.05
    found = shocks(runs)[CHECKS]
    assert found.sd > 0.15
    assert found.upper > 0.4


def test_cases_that_lack_a_score_in_one_run_tell_no_shock() -> None:
    runs = unchanged(3, 30)
    rows = {**runs[1].rows, "c003": row("c003", None, side="r1")}
    assert shocks([runs[0], Run(runs[1].manifest, rows), runs[2]])[CHECKS].cases == 29


def test_arms_of_a_cluster_are_drawn_together() -> None:
    """All cases of a document fall together: flipped one by one they would alarm far too often."""
    pick = np.random.default_rng(3)
    runs = []
    for number in range(5):
        held = pick.random(12) < 0.8
        rows = [
            row(f"c{n:03d}", float(held[n // 10]), side=f"r{number}", cluster=f"d{n // 10}")
            for n in range(120)
        ]
        runs.append(run_of(rows, f"r{number}"))
    assert exchanged(runs, Gate(), 100).rate <= 0.06


def worse(shock: float) -> Verdict:
    before = [1.0] * 100
    after = [0.0] * 10 + [1.0] * 90
    runs = [
        run_of([row(f"c{n:03d}", v, side=side) for n, v in enumerate(values)], side)
        for side, values in (("before", before), ("after", after))
    ]
    known = replace(runs[1].manifest, shocks={CHECKS: shock} if shock else {})
    return verdict_of(runs[0], Run(known, runs[1].rows))


def test_a_drop_that_a_shock_explains_does_not_block_and_the_gate_says_so() -> None:
    plain, widened = finding_of(worse(0.0), CHECKS), finding_of(worse(0.09), CHECKS)
    assert (plain.result, plain.worth) == ("regression", "")
    assert (widened.result, widened.margin) == ("inconclusive", pytest.approx(0.11))
    assert widened.worth == "margin 11.0 points, 9.0 of them for shocks between runs"
    assert finding_of(worse(0.07), CHECKS).result == "regression"


def test_an_alarm_is_a_regression_that_counts() -> None:
    before, after = unchanged(2, shock=[0.0, 0.4])
    assert alarm(before, after, Gate())
    assert not alarm(after, before, Gate())
    assert alarm(before, after, Gate(mode="observe"))
    assert not alarm(before, after, Gate(margin=0.9, slice_margin=0.9))


# The release


def merge(broken: int, number: int, series: int = 11) -> Run:
    """Merge `number` of 300 cases, with `broken` of them lost for good, and 1 % of noise."""
    pick = np.random.default_rng([series, number])
    slip = pick.random(300) < 0.01
    rows = [
        row(f"c{n:03d}", float(n >= broken and not slip[n]), side=f"m{number}") for n in range(300)
    ]
    return run_of(rows, f"m{number}")


def since(release: Run, candidate: Run, verdict: Verdict, *, gates: bool) -> Verdict:
    other = decide(compare(release, beside_release(candidate)), Gate(level=0.025))
    return with_release(verdict, other, "v1.2", gates=gates)


def test_ten_merges_that_lose_a_point_each_pass_one_by_one_and_fail_beside_the_release() -> None:
    blocked = 0
    for series in (11, 12, 13):
        runs = [merge(3 * number, number, series) for number in range(11)]
        rolling = [verdict_of(one, two, Gate(level=0.025)) for one, two in pairwise(runs)]
        blocked += sum(each.blocks for each in rolling)
        caught = [
            number
            for number, verdict in enumerate(rolling, 1)
            if since(runs[0], runs[number], verdict, gates=True).exit_code == 1
        ]
        assert set(range(6, 11)) <= set(caught)  # by the sixth merge, and it stays
    assert blocked <= 3  # of 30


def test_a_release_that_informs_changes_no_verdict_and_is_told() -> None:
    release, candidate = merge(0, 0), merge(30, 10)
    verdict = verdict_of(merge(27, 9), candidate)
    told = since(release, candidate, verdict, gates=False)
    assert (told.result, told.exit_code, told.blocks) == (verdict.result, verdict.exit_code, False)
    finding = finding_of(told, "checks (since v1.2)")
    assert (finding.result, finding.worth, finding.kind) == (
        "regression",
        "only informs",
        "release",
    )
    gated = since(release, candidate, verdict, gates=True)
    assert (gated.result, gated.exit_code) == ("regression", 1)


def test_an_observing_gate_observes_beside_the_release_too() -> None:
    release, candidate = merge(0, 0), merge(30, 10)
    policy = Gate(mode="observe")
    verdict = verdict_of(merge(27, 9), candidate, policy)
    other = decide(compare(release, beside_release(candidate)), policy)
    told = with_release(verdict, other, "v1.2", gates=True)
    assert (told.result, told.blocks, told.exit_code, told.would_block) == (
        "regression",
        False,
        0,
        1,
    )


def test_what_is_open_beside_the_release_stops_nothing() -> None:
    candidate = merge(0, 1)
    gone = run_of([row(f"x{n}", 1.0) for n in range(50)])
    verdict = verdict_of(merge(0, 0), candidate)
    told = since(gone, candidate, verdict, gates=True)
    assert (told.result, told.exit_code) == (verdict.result, verdict.exit_code)
    assert finding_of(told, "checks (since v1.2)").result == "incomparable"


def test_further_trials_of_cases_that_moved_are_not_compared_with_the_release() -> None:
    settings: dict[str, Any] = {"again": {CHECKS: (1.0,) * 4}}
    rows = [row(f"c{n:03d}", 0.0, side="b", **settings) for n in range(20)]
    candidate = run_of(rows, again=4)
    assert compare(merge(0, 0), beside_release(candidate)).pairs[CHECKS].again is None


def test_a_report_beside_a_release_is_as_its_schema_says() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    release, candidate, before = merge(0, 0), merge(30, 10), merge(27, 9)
    diff = compare(before, candidate)
    told = since(release, candidate, decide(diff, Gate()), gates=True)
    made = build(
        diff,
        told,
        before=before.rows,
        after=candidate.rows,
        answers={},
        commands=Commands(),
        unstable=unstable({"c001": [True, False], "c002": [True]}),
    )
    schema = files("evalsuite.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    jsonschema.validate(json.loads(registry.find("formats", "json")(made)), json.loads(schema))
    text = registry.find("formats", "markdown")(made)
    assert "Worse than the release" in text
    assert "Unstable cases" in text
    assert "c001" in text
