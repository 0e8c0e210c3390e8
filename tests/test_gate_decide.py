"""What each gate says, and what they say together."""

import time
from dataclasses import replace

import pytest
from paired_runs import both, finding_of, row, run_of, same_answers, verdict_of

from evalsuite.diff import compare
from evalsuite.gate import Gate, Slice, decide
from evalsuite.records import CHECKS, COMPLETION, Metric, Run

LEGAL = {"topic": "legal"}
OTHER = {"topic": "other"}


def legal_drop(fallen=12, of=20, total=200):
    """A suite in which only the legal slice got worse."""
    tags = [LEGAL] * of + [OTHER] * (total - of)
    return both([1.0] * total, [0.0] * fallen + [1.0] * (total - fallen), tags)


def with_manifest(run, **settings):
    return Run(replace(run.manifest, **settings), run.rows)


def test_a_drop_in_one_slice_blocks_and_is_named_with_its_figures():
    verdict = verdict_of(*legal_drop())
    found = finding_of(verdict, "checks, topic=legal")
    assert (verdict.result, verdict.exit_code) == ("regression", 1)
    assert (found.result, found.before, found.after, found.n) == ("regression", 1.0, 0.4, 20)
    assert found.effect == pytest.approx(-0.6)
    assert found.low < found.effect < found.high < 0
    assert found.p < 0.01
    assert not found.declared
    assert found.fell[:2] == ("c000", "c001")
    assert finding_of(verdict, "checks, topic=other").result == "pass"


def test_a_significant_drop_below_the_margin_does_not_block():
    before, after = both([1.0] * 1000, [0.0] * 15 + [1.0] * 985)
    found = finding_of(verdict_of(before, after), CHECKS)
    assert found.p < 0.01
    assert found.result == "pass"


def test_no_significant_drop_but_too_few_cases_is_inconclusive_and_says_what_it_takes():
    verdict = verdict_of(*both([1.0] * 30, [0.0] + [1.0] * 29))
    found = finding_of(verdict, CHECKS)
    assert (verdict.result, verdict.exit_code) == ("inconclusive", 0)
    assert found.upper_drop > 0.05
    assert "no number of cases would" not in found.reason
    assert found.settling_cases is not None
    assert f"about {found.settling_cases} cases like these" in found.reason


def test_enough_cases_without_a_drop_pass():
    verdict = verdict_of(*both([1.0] * 200, [1.0] * 200))
    assert (verdict.result, verdict.exit_code) == ("pass", 0)
    assert finding_of(verdict, CHECKS).upper_drop < 0.05


def test_the_same_answers_are_unchanged_however_few_they_are():
    before, after = both([1.0, 0.0], [1.0, 1.0])
    verdict = verdict_of(before, same_answers(before, after))
    assert (verdict.result, verdict.exit_code, verdict.changed, verdict.moved) == (
        "unchanged",
        0,
        0,
        0,
    )
    assert finding_of(verdict, CHECKS).effect == 0.0


def test_one_different_answer_is_not_unchanged():
    before, after = both([1.0] * 100, [1.0] * 100)
    mixed = same_answers(before, after).rows | {"c000": after.rows["c000"]}
    verdict = verdict_of(before, Run(after.manifest, mixed))
    assert (verdict.result, verdict.changed) == ("pass", 1)


def test_a_critical_slice_that_is_inconclusive_stops_the_build():
    tags = [LEGAL] * 5 + [OTHER] * 195
    before, after = both([1.0] * 200, [0.0] + [1.0] * 199, tags)
    loose = Gate(slices={"topic=legal": Slice()})
    strict = Gate(slices={"topic=legal": Slice(critical=True)})
    assert verdict_of(before, after, loose).exit_code == 0
    assert verdict_of(before, after, strict).exit_code == 10


def test_a_declared_slice_has_its_own_margin_exclusion_and_mode():
    before, after = legal_drop()
    policy = Gate(slices={"topic=legal": Slice(margin=0.7, exclude=0.9)})
    found = finding_of(verdict_of(before, after, policy), "checks, topic=legal")
    assert (found.result, found.margin, found.exclude, found.declared) == ("pass", 0.7, 0.9, True)


def test_observed_gates_never_fail_and_are_counted():
    before, after = both([1.0] * 100, [0.0] * 30 + [1.0] * 70)
    verdict = verdict_of(before, after, Gate(mode="observe", min={CHECKS: 0.9}))
    assert (verdict.result, verdict.exit_code, verdict.blocks) == ("regression", 0, False)
    assert verdict.would_block == 2


def test_a_slice_can_be_observed_alone():
    policy = Gate(slices={"topic=legal": Slice(mode="observe")})
    verdict = verdict_of(*legal_drop(fallen=8, total=500), policy)
    assert finding_of(verdict, "checks, topic=legal").result == "regression"
    assert finding_of(verdict, CHECKS).result != "regression"
    assert (verdict.exit_code, verdict.would_block) == (0, 1)


def test_slices_that_are_small_and_undeclared_are_left_out():
    tags = [LEGAL] * 9 + [OTHER] * 191
    verdict = verdict_of(*both([1.0] * 200, [1.0] * 200, tags))
    assert "checks, topic=legal" not in [each.name for each in verdict.findings]


def test_an_undeclared_slice_without_enough_evidence_is_not_proven():
    tags = [LEGAL] * 10 + [OTHER] * 190
    before = [1.0] * 200
    after = [0.0, 0.0] + [1.0] * 198
    verdict = verdict_of(*both(before, after, tags))
    assert finding_of(verdict, "checks, topic=legal").result == "not proven"
    assert verdict.result == "pass"


def test_a_metric_of_few_cases_of_a_declared_slice_is_not_proven_there():
    def side(name, value):
        rows = [
            row(
                f"c{n:02d}",
                1.0,
                side=name,
                slices={"topic": "legal"} if n < 30 else {},
                **(
                    {
                        "scores": {CHECKS: [1.0], "m": [value]},
                        "scorer_keys": {CHECKS: "c", "m": "m"},
                    }
                    if n % 8 == 0
                    else {}
                ),
            )
            for n in range(60)
        ]
        return run_of(rows, name, metrics=[Metric(CHECKS), Metric("m")])

    runs = side("before", 0.9), side("after", 0.8)
    plain, strict = (Gate(slices={"topic=legal": Slice(critical=each)}) for each in (False, True))
    assert finding_of(verdict_of(*runs, plain), "m, topic=legal").result == "not proven"
    assert finding_of(verdict_of(*runs, strict), "m, topic=legal").result == "inconclusive"


def test_slices_with_the_same_cases_are_said_once():
    tags = [{"topic": "legal", "lang": "de"}] * 20 + [{"topic": "other", "lang": "en"}] * 180
    names = [each.name for each in verdict_of(*both([1.0] * 200, [1.0] * 200, tags)).findings]
    assert names == [CHECKS, "checks, lang=de", "checks, lang=en", COMPLETION]


def test_a_slice_of_all_cases_says_what_overall_says_unless_it_is_declared():
    tags = [{"kind": "regression"}] * 100
    before, after = both([1.0] * 100, [1.0] * 100, tags)
    assert len(verdict_of(before, after).findings) == 2
    declared = Gate(slices={"kind=regression": Slice()})
    assert finding_of(verdict_of(before, after, declared), "checks, kind=regression").n == 100


def test_a_declared_slice_without_a_case_is_inconclusive():
    before, after = both([1.0] * 100, [1.0] * 100)
    verdict = verdict_of(before, after, Gate(slices={"topic=legal": Slice(critical=True)}))
    assert finding_of(verdict, "checks, topic=legal").result == "inconclusive"
    assert verdict.exit_code == 10


def test_a_target_that_crashes_more_often_is_a_regression_of_completion():
    before, after = both([1.0] * 100, [1.0] * 100)
    crashed = {
        case: replace(each, scores={CHECKS: [None]}, outputs=[None], errors=["target: KeyError"])
        for case, each in list(after.rows.items())[:10]
    }
    verdict = verdict_of(before, Run(after.manifest, {**after.rows, **crashed}))
    assert finding_of(verdict, COMPLETION).result == "regression"
    assert finding_of(verdict, CHECKS).missing == 10
    assert finding_of(verdict, CHECKS).result == "inconclusive"
    assert verdict.exit_code == 1


def test_more_than_2_percent_missing_is_inconclusive():
    before, after = both([1.0] * 200, [None] * 5 + [1.0] * 195)
    found = finding_of(verdict_of(before, after), CHECKS)
    assert (found.result, found.n, found.missing) == ("inconclusive", 195, 5)
    assert "5 of 200" in found.reason


def test_a_pass_must_hold_with_missing_scores_at_their_worst():
    moved = [0.0] * 3 + [1.0] * 2
    before, after = both([1.0] * 3 + [0.0] * 2 + [1.0] * 145, [*moved, *[1.0] * 145])
    assert finding_of(verdict_of(before, after), CHECKS).result == "pass"
    rows = dict(after.rows)
    for case in ("c100", "c101", "c102"):
        rows[case] = replace(rows[case], scores={CHECKS: [None]})
    found = finding_of(verdict_of(before, Run(after.manifest, rows)), CHECKS)
    assert found.result == "inconclusive"
    assert "3 missing scores" in found.reason


def test_cases_without_a_row_count_as_missing_everywhere():
    before, after = both([1.0] * 200, [1.0] * 200, [LEGAL] * 200)
    verdict = verdict_of(before, with_manifest(after, expected=210))
    assert finding_of(verdict, CHECKS).missing == 10
    assert verdict.result == "inconclusive"


def test_a_regression_stands_even_if_scores_are_missing():
    before, after = both([1.0] * 100, [0.0] * 30 + [None] * 10 + [1.0] * 60)
    assert finding_of(verdict_of(before, after), CHECKS).result == "regression"


def test_without_a_baseline_floors_decide_alone():
    run = run_of([row(f"c{n}", 1.0) for n in range(50)])
    verdict = verdict_of(None, run, Gate(min={CHECKS: 0.8}, slices={"topic=x": Slice()}))
    assert (verdict.result, verdict.exit_code) == ("inconclusive", 0)  # topic=x has no case
    verdict = verdict_of(None, run, Gate(min={CHECKS: 0.8}))
    assert (verdict.result, verdict.exit_code) == ("no baseline", 0)
    assert finding_of(verdict, CHECKS).result == "no baseline"
    assert finding_of(verdict, CHECKS).after == 1.0
    assert finding_of(verdict, "checks >= 0.80").result == "pass"


@pytest.mark.parametrize(
    ("passed", "result", "exit_code"),
    [(95, "pass", 0), (76, "inconclusive", 0), (60, "below", 1)],
)
def test_a_floor_has_three_answers(passed, result, exit_code):
    run = run_of([row(f"c{n:03d}", float(n < passed)) for n in range(100)])
    verdict = verdict_of(None, run, Gate(min={CHECKS: 0.8}))
    found = finding_of(verdict, "checks >= 0.80")
    assert (found.result, verdict.exit_code, found.after) == (result, exit_code, passed / 100)
    assert found.low < found.after < found.high


def test_crashes_count_against_a_floor_and_lost_scores_keep_it_open():
    good = [row(f"c{n:03d}", 1.0) for n in range(60)]
    crashed = [row(f"x{n:03d}", None, outputs=[None], errors=["target: boom"]) for n in range(40)]
    lost = [replace(each, errors=["provider: 503"]) for each in crashed]
    policy = Gate(min={CHECKS: 0.8})
    assert (
        finding_of(verdict_of(None, run_of(good + crashed), policy), "checks >= 0.80").result
        == "below"
    )
    found = finding_of(verdict_of(None, run_of(good + lost), policy), "checks >= 0.80")
    assert (found.result, found.missing) == ("inconclusive", 40)


def test_a_floor_of_a_slice_is_held_against_its_cases():
    tags = [LEGAL] * 20 + [OTHER] * 80
    run = both([0.0] * 20 + [1.0] * 80, [0.0] * 20 + [1.0] * 80, tags)[1]
    policy = Gate(slices={"topic=legal": Slice(min=0.5, margin=0.5)})
    found = finding_of(verdict_of(None, run, policy), "checks, topic=legal >= 0.50")
    assert (found.result, found.n, found.after) == ("below", 20, 0.0)


def test_a_part_of_the_cases_decides_no_gate_but_strict_cases():
    before, after = both([1.0] * 50, [0.0] * 50)
    rows = {**after.rows, "c000": replace(after.rows["c000"], must_pass=True)}
    part = Run(replace(after.manifest, partial=True), rows)
    verdict = verdict_of(before, part, Gate(min={CHECKS: 0.8}))
    assert finding_of(verdict, CHECKS).result == "partial"
    assert finding_of(verdict, "checks >= 0.80").result == "partial"
    assert finding_of(verdict, "must_pass, c000").result == "failed"
    assert verdict.exit_code == 1
    rows["c000"] = replace(rows["c000"], must_pass=False)
    verdict = verdict_of(before, Run(part.manifest, rows))
    assert (verdict.result, verdict.exit_code) == ("partial", 0)


def test_a_stopped_run_is_inconclusive_whatever_it_saw():
    before, after = both([1.0] * 100, [0.0] * 100)
    verdict = verdict_of(before, with_manifest(after, stopped="budget of 10 calls reached"))
    assert (verdict.result, verdict.exit_code) == ("inconclusive", 10)
    assert "budget of 10 calls" in verdict.reason


def test_no_case_scored_is_inconclusive_and_stops():
    verdict = verdict_of(*both([1.0] * 10, [None] * 10))
    assert (verdict.result, verdict.exit_code) == ("inconclusive", 10)
    assert verdict_of(None, run_of([])).exit_code == 10


def test_missing_replies_make_a_replay_incomparable():
    before, after = both([1.0] * 100, [1.0] * 100)
    replay = with_manifest(after, replayed=True, complete=False, expected=101)
    verdict = verdict_of(before, replay)
    assert (verdict.result, verdict.exit_code) == ("incomparable", 11)
    assert verdict_of(before, with_manifest(after, replayed=True)).exit_code == 0


def test_nothing_measured_the_same_way_is_incomparable():
    before = run_of([row(f"c{n}", 1.0) for n in range(50)])
    after = run_of([row(f"c{n}", 1.0, case_key="other") for n in range(50)])
    verdict = verdict_of(before, after)
    assert (verdict.result, verdict.exit_code) == ("incomparable", 11)
    assert verdict.reason


def test_one_metric_whose_scorer_changed_leaves_the_others_and_is_not_passed():
    keys = {CHECKS: "c", "tone": "v1"}
    scores = {CHECKS: [1.0], "tone": [0.5]}
    metrics = [Metric(CHECKS), Metric("tone")]
    names = [f"c{n:02d}" for n in range(60)]
    before = run_of(
        [row(each, 1.0, scores=scores, scorer_keys=keys) for each in names], metrics=metrics
    )
    after = run_of(
        [
            row(each, 1.0, side="b", scores=scores, scorer_keys={**keys, "tone": "v2"})
            for each in names
        ],
        metrics=metrics,
    )
    verdict = verdict_of(before, after)
    assert finding_of(verdict, CHECKS).result == "pass"
    assert finding_of(verdict, "tone").result == "incomparable"
    assert (verdict.result, verdict.exit_code) == ("inconclusive", 0)


def test_a_metric_that_is_no_longer_measured_is_said():
    before = run_of([row(f"c{n:02d}", 1.0) for n in range(60)], metrics=[Metric("tone")])
    after = run_of([row(f"c{n:02d}", 1.0, side="b") for n in range(60)])
    verdict = verdict_of(before, after)
    assert finding_of(verdict, "tone").result == "incomparable"
    assert verdict.result == "inconclusive"


def test_a_new_metric_has_no_baseline_and_disturbs_nothing():
    before = run_of([row(f"c{n:02d}", 1.0) for n in range(60)])
    after = run_of(
        [row(f"c{n:02d}", 1.0, side="b", scores={CHECKS: [1.0], "tone": [0.4]}) for n in range(60)],
        metrics=[Metric(CHECKS), Metric("tone")],
    )
    verdict = verdict_of(before, after)
    found = finding_of(verdict, "tone")
    assert (found.result, found.after) == ("no baseline", pytest.approx(0.4))
    assert verdict.result == "pass"


@pytest.mark.parametrize(
    ("trials", "result"),
    [
        ([1.0], "pass"),
        ([0.0], "failed"),
        ([0.0, 0.0, 0.0, 1.0, 1.0], "failed"),
        ([0.0, 1.0, 0.0, 1.0, 1.0], "flaky"),
        ([0.0, 0.0], "failed"),
        ([0.0, 1.0], "flaky"),
        ([1.0, 0.0, 0.0, 0.0, 0.0], "pass"),
        ([None], "inconclusive"),
    ],
)
def test_a_strict_case_fails_by_its_first_trial_and_two_of_four_others(trials, result):
    run = run_of([row("a", trials, must_pass=True), *(row(f"c{n}", 1.0) for n in range(50))])
    verdict = verdict_of(None, run)
    name = "must_pass" if result == "pass" else "must_pass, a"
    assert finding_of(verdict, name).result == result
    assert verdict.exit_code == {"failed": 1, "inconclusive": 10}.get(result, 0)


def test_a_strict_case_fails_if_its_target_crashes():
    crashed = row("a", None, must_pass=True, outputs=[None], errors=["target: KeyError: 'x'"])
    verdict = verdict_of(None, run_of([crashed, row("b", 1.0)]))
    assert finding_of(verdict, "must_pass, a").result == "failed"


def test_a_drop_that_only_derived_slices_show_is_named_but_does_not_block():
    lengths = [{"input_length": n} for n in range(400)]
    sides = []
    for side, bad in (("before", 0), ("after", 12)):
        values = [float(n < 400 - bad) for n in range(400)]
        rows = [row(f"c{n:03d}", v, side=side, facts=lengths[n]) for n, v in enumerate(values)]
        sides.append(run_of(rows, side))
    policy = Gate(margin=0.05)
    verdict = verdict_of(*sides, policy)
    found = finding_of(verdict, "checks, input_length=longest")
    assert (found.result, found.derived, found.declared, found.mode) == (
        "regression",
        True,
        False,
        "observe",
    )
    assert (verdict.exit_code, verdict.would_block) == (0, 0)
    declared = replace(policy, slices={"input_length=longest": Slice()})
    assert verdict_of(*sides, declared).exit_code == 1


def test_derived_slices_take_no_power_from_the_gates():
    tags = [{"topic": f"t{n % 4}"} for n in range(200)]
    before, after = both([1.0] * 200, [0.0] * 9 + [1.0] * 191, tags)
    facts = {
        case: replace(each, facts={f"fact{k}": (n * (k + 3)) % 97 for k in range(6)})
        for n, (case, each) in enumerate(after.rows.items())
    }
    plain = finding_of(verdict_of(before, after), CHECKS)
    with_facts = finding_of(verdict_of(before, Run(after.manifest, facts)), CHECKS)
    assert plain.p == with_facts.p


def test_the_fixed_3_point_rule_is_counted_beside():
    tags = [LEGAL] * 20 + [OTHER] * 180
    before = [1.0] * 20 + [1.0] * 180
    after = [0.0] + [1.0] * 179 + [1.0] * 20
    verdict = verdict_of(*both(before, after, tags))
    assert (verdict.naive_slices, verdict.slices_compared, verdict.result) == (1, 3, "pass")
    assert verdict.moved == 1


def test_cases_that_fail_together_count_once():
    def verdict(cluster):
        tags = [{} for _ in range(60)]
        before, after = both([1.0] * 60, [0.0] * 6 + [1.0] * 54, tags)
        rows = {
            case: replace(each, cluster=f"doc{n // 6}" if cluster else None)
            for n, (case, each) in enumerate(after.rows.items())
        }
        return finding_of(verdict_of(before, Run(after.manifest, rows)), CHECKS)

    alone, together = verdict(False), verdict(True)
    assert alone.result == "regression"
    assert together.p == 0.5  # one document moved: a coin
    assert together.high - together.low > alone.high - alone.low


def test_repeats_of_one_side_alone_do_not_tilt_the_difference():
    before = run_of([row(f"c{n:02d}", 0.0) for n in range(60)])
    after = run_of([row(f"c{n:02d}", [0.0, 1.0, 1.0], side="b") for n in range(60)])
    assert finding_of(verdict_of(before, after), CHECKS).effect == 0.0


def test_steady_cases_that_break_are_found_among_flaky_ones_with_repeats():
    flaky_before = [[1.0, 0.0, 1.0] if n % 2 else [0.0, 1.0, 0.0] for n in range(120)]
    flaky_after = [[0.0, 1.0, 0.0] if n % 2 else [1.0, 0.0, 1.0] for n in range(120)]
    before, after = both([[1.0] * 3] * 8 + flaky_before, [[0.0] * 3] * 8 + flaky_after)
    assert finding_of(verdict_of(before, after), CHECKS).p < 0.01


def test_the_detectable_drop_of_the_snapshot_is_passed_on():
    before, after = both([1.0] * 100, [1.0] * 100)
    found = finding_of(
        verdict_of(with_manifest(before, detectable={"overall": 0.07}), after), CHECKS
    )
    assert found.detectable == 0.07


def test_ten_thousand_cases_in_many_slices_are_decided_in_well_under_a_second():
    tags = [{"topic": f"t{n % 8}", "lang": f"l{n % 5}"} for n in range(10_000)]
    values = [float(n % 7 > 0) for n in range(10_000)]
    before, after = both(values, values[1:] + values[:1], tags)
    found = compare(before, after)
    start = time.process_time()
    decide(found, Gate())
    assert time.process_time() - start < 1.5  # about 0.2 s on an idle machine
