"""What a judge's standing does to the gates on its metric."""

from __future__ import annotations

from dataclasses import replace

import pytest
from paired_runs import finding_of, row, run_of, verdict_of

from evalsuite.diff import compare
from evalsuite.gate import Gate, decide
from evalsuite.gate.judged import Rated
from evalsuite.records import CHECKS, Metric, Row, Run, Standing

JUDGE = "correctness"
METRICS = [Metric(CHECKS), Metric(JUDGE)]


def judged_row(case: str, value: float | None, side: str, **settings: object) -> Row:
    made = row(case, 1.0, side=side, **settings)
    keys = {**made.scorer_keys, JUDGE: "judge"}
    return replace(made, scores={**made.scores, JUDGE: [value]}, scorer_keys=keys)


def judged_runs(
    fallen: int, total: int = 200, standing: Standing | None = None, **settings: object
) -> tuple[Run, Run]:
    """A baseline of full marks, and a candidate in which `fallen` answers got none."""
    values = [0.0] * fallen + [1.0] * (total - fallen)
    before = run_of([judged_row(f"c{n:03d}", 1.0, "a") for n in range(total)], metrics=METRICS)
    after = run_of(
        [judged_row(f"c{n:03d}", v, "b", **settings) for n, v in enumerate(values)],
        metrics=METRICS,
        judges={} if standing is None else {JUDGE: standing},
    )
    return before, after


def standing(state: str, **settings: object) -> Standing:
    return Standing(state=state, judge=JUDGE, remedy="63 more labels", **settings)


def test_a_trusted_judge_gates_and_an_uncertified_one_informs_with_the_way_out():
    trusted = verdict_of(*judged_runs(20, standing=standing("trusted")))
    assert (trusted.result, trusted.exit_code) == ("regression", 1)
    informed = verdict_of(*judged_runs(20, standing=standing("uncertified")))
    found = finding_of(informed, JUDGE)
    assert (informed.result, informed.exit_code) == ("pass", 0)
    assert (found.result, found.blocks, found.informs) == ("regression", False, True)
    assert found.worth == "uncertified judge, only informs; 63 more labels"
    assert informed.would_block == 0


def test_a_judge_that_is_asked_to_inform_never_gates_however_good_it_is():
    verdict = verdict_of(*judged_runs(60, standing=standing("trusted", gates=False)))
    assert verdict.exit_code == 0


def test_a_judge_that_informs_takes_nothing_from_the_power_of_gates():
    alone = finding_of(verdict_of(*judged_runs(20, standing=standing("uncertified"))), CHECKS)
    plain = run_of([row(f"c{n:03d}", 1.0, side="a") for n in range(200)])
    other = run_of([row(f"c{n:03d}", 1.0, side="b") for n in range(200)])
    assert alone.p == finding_of(verdict_of(plain, other), CHECKS).p


def test_a_provisional_judge_blocks_only_beyond_its_own_error():
    within = verdict_of(*judged_runs(20, standing=standing("provisional", error=0.15)))
    found = finding_of(within, JUDGE)
    assert (found.result, found.margin) == ("inconclusive", pytest.approx(0.17))
    assert "15.0 can be its own error" in found.reason
    beyond = verdict_of(*judged_runs(36, standing=standing("provisional", error=0.15)))
    assert (beyond.result, beyond.exit_code) == ("regression", 1)


def test_a_judge_that_drifted_is_an_error_and_no_regression():
    broken = standing("trusted", broken="the judge drifted")
    verdict = verdict_of(*judged_runs(60, standing=broken))
    assert (verdict.result, verdict.exit_code) == ("incomparable", 11)
    assert verdict.reason == "the judge drifted"
    assert finding_of(verdict, JUDGE).result == "incomparable"
    informing = standing("uncertified", broken="the judge drifted")
    assert verdict_of(*judged_runs(60, standing=informing)).exit_code == 0


def test_the_floor_of_a_judge_that_informs_observes():
    runs = judged_runs(60, standing=standing("uncertified"))
    found = finding_of(verdict_of(*runs, Gate(min={JUDGE: 0.9})), f"{JUDGE} >= 0.90")
    assert (found.result, found.blocks) == ("below", False)
    runs = judged_runs(60, standing=standing("trusted"))
    found = finding_of(verdict_of(*runs, Gate(min={JUDGE: 0.9})), f"{JUDGE} >= 0.90")
    assert found.blocks


def test_where_many_cases_moved_people_are_asked_before_the_judge_decides():
    verdict = verdict_of(*judged_runs(60, standing=standing("trusted")))
    found = finding_of(verdict, JUDGE)
    assert (found.result, verdict.exit_code) == ("inconclusive", 10)
    assert "60 of 200 cases moved" in found.reason
    assert "evalsuite rate correctness --pairs --from-run last" in found.reason


@pytest.mark.parametrize(
    ("people_say", "result", "code"), [(0.0, "pass", 0), (-1.0, "regression", 1)]
)
def test_where_many_cases_moved_peoples_pairs_decide(people_say, result, code):
    before, after = judged_runs(60, standing=standing("trusted"))
    diff = compare(before, after)
    moved = [f"c{n:03d}" for n in range(12)]
    still = [f"c{n:03d}" for n in range(60, 88)]
    people = dict.fromkeys(moved, Rated(people_say)) | dict.fromkeys(still, Rated(0.0))
    verdict = decide(diff, Gate(exclude=0.2), {JUDGE: people})
    found = finding_of(verdict, JUDGE)
    assert (found.result, verdict.exit_code) == (result, code)
    assert found.corrected_low <= found.corrected <= found.corrected_high
    assert found.reason == "decided by people's ratings, since 60 of 200 cases moved"


def test_answers_that_grew_are_no_evidence_for_a_judge_alone_and_for_checks_they_are():
    before, after = judged_runs(10, standing=standing("trusted"))
    grown = {
        case: replace(each, output_facts={"answer_characters": 400, "answer_format": "list"})
        for case, each in after.rows.items()
    }
    short = {
        case: replace(each, output_facts={"answer_characters": 100, "answer_format": "plain"})
        for case, each in before.rows.items()
    }
    verdict = verdict_of(Run(before.manifest, short), Run(after.manifest, grown))
    found = finding_of(verdict, JUDGE)
    assert "median length 100 → 400 characters" in found.reason
    assert "another layout in 200 of 200 answers" in found.reason
    assert finding_of(verdict, CHECKS).result == "pass"


def preference(values: list[float], **settings: object) -> tuple[Run, Run]:
    """A pairwise judge: each value says how the new answer does beside the baseline's."""
    metrics = [Metric(CHECKS), Metric("preference", center=0.5)]
    before = run_of([row(f"c{n:03d}", 1.0, side="a") for n in range(len(values))])
    rows = []
    for n, each in enumerate(values):
        made = row(f"c{n:03d}", 1.0, side="b")
        rows.append(replace(made, scores={**made.scores, "preference": [each]}))
    trusted = Standing(state="trusted", judge="preference")
    after = run_of(rows, metrics=metrics, judges={"preference": trusted})
    return before, after


def test_a_preference_over_the_baselines_answer_is_compared_with_as_good():
    found = finding_of(verdict_of(*preference([0.0] * 30 + [0.5] * 170)), "preference")
    assert (found.result, found.before, found.effect) == ("regression", 0.5, pytest.approx(-0.075))
    even = finding_of(verdict_of(*preference([0.0] * 20 + [1.0] * 20 + [0.5] * 160)), "preference")
    assert even.result != "regression"


def test_details_and_diagnostics_are_no_gates_and_floors_can_be_put_on_them():
    before, after = judged_runs(0)
    metrics = [*METRICS, Metric(f"{JUDGE}.consistent", role="diagnostic")]
    rows = [
        replace(each, scores={**each.scores, f"{JUDGE}.consistent": [float(n % 2)]})
        for n, each in enumerate(after.rows.values())
    ]
    run = run_of(rows, metrics=metrics)
    verdict = verdict_of(before, run, Gate(min={f"{JUDGE}.consistent": 0.8}))
    names = {each.name for each in verdict.findings}
    assert f"{JUDGE}.consistent" not in names
    assert finding_of(verdict, f"{JUDGE}.consistent >= 0.80").blocks


def test_a_judge_that_gated_and_no_longer_may_makes_its_metric_incomparable():
    before, after = judged_runs(
        60, standing=standing("uncertified", says="stale: the card changed")
    )
    armed = run_of(list(before.rows.values()), metrics=METRICS, judges={JUDGE: standing("trusted")})
    verdict = verdict_of(armed, after)
    found = finding_of(verdict, JUDGE)
    assert (found.result, verdict.result) == ("incomparable", "inconclusive")
    assert "stale: the card changed" in found.reason
    asked_to_inform = verdict_of(
        armed, judged_runs(60, standing=standing("uncertified", gates=False))[1]
    )
    assert asked_to_inform.result == "pass"


def test_where_judges_alone_score_and_none_may_gate_nothing_is_proven():
    sides = []
    for run in judged_runs(20, standing=standing("uncertified")):
        rows = [replace(each, scores={JUDGE: each.scores[JUDGE]}) for each in run.rows.values()]
        judges = run.manifest.judges
        sides.append(run_of(rows, metrics=[Metric(JUDGE)], judges=judges))
    verdict = verdict_of(*sides)
    assert (verdict.result, verdict.exit_code) == ("not proven", 0)


@pytest.mark.parametrize(
    ("metric", "settings", "blocks"),
    [
        ("jury.member", {"state": "uncertified"}, False),
        ("jury.member", {"state": "trusted"}, True),
        ("jury.consistent", {"state": "uncertified"}, True),
        ("jury.consistent", {"state": "uncertified", "gates": False}, False),
        ("jury.consistent", {"state": "trusted", "broken": "the judge drifted"}, False),
        ("jury.member", {"state": "provisional", "error": 0.3}, False),
        ("jury.member", {"state": "provisional", "error": 0.05}, True),
    ],
)
def test_floors_on_parts_and_diagnostics_are_worth_what_their_judge_is(metric, settings, blocks):
    metrics = [
        Metric(CHECKS),
        Metric("jury"),
        Metric("jury.member", role="detail"),
        Metric("jury.consistent", role="diagnostic"),
    ]
    rows = [
        replace(made := row(f"c{n:03d}", 1.0), scores={**made.scores, metric: [float(n % 2)]})
        for n in range(200)
    ]
    run = run_of(rows, metrics=metrics, judges={"jury": Standing(judge="jury", **settings)})
    verdict = verdict_of(None, run, Gate(min={metric: 0.7}))
    assert verdict.blocks == blocks


def test_missing_scores_stay_missing_where_people_decide():
    before, after = judged_runs(60, standing=standing("trusted"))
    rows = {
        case: replace(each, scores={**each.scores, JUDGE: [None]}) if n >= 150 else each
        for n, (case, each) in enumerate(after.rows.items())
    }
    people = {JUDGE: {f"c{n:03d}": Rated(0.0) for n in range(100)}}
    verdict = decide(compare(before, Run(after.manifest, rows)), Gate(exclude=0.2), people)
    found = finding_of(verdict, JUDGE)
    assert found.result == "inconclusive"
    assert "50 of 200 pairs lack a score" in found.reason


def test_a_judge_that_only_informed_may_go_without_a_word():
    before, _ = judged_runs(0)
    old = run_of(
        list(before.rows.values()), metrics=METRICS, judges={JUDGE: standing("uncertified")}
    )
    new = run_of([row(f"c{n:03d}", 1.0, side="b") for n in range(200)])
    assert verdict_of(old, new).result == "pass"
    assert verdict_of(before, new).result == "inconclusive"
