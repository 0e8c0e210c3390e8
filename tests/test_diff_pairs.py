"""Which cases are compared, with what, and what is said to have changed."""

import time

import numpy as np
import pytest
from paired_runs import both, finding_of, row, run_of, verdict_of

from evalsuite.diff import Change, compare
from evalsuite.errors import SnapshotError
from evalsuite.gate import Gate
from evalsuite.records import CHECKS, COMPLETION, Metric, Part, Subject


def test_every_case_has_its_status():
    before = run_of(
        [
            row("same", 1.0, outputs=["x"]),
            row("changed", 1.0, outputs=["x"]),
            row("edited", 1.0),
            row("old-name", 1.0),
        ]
    )
    after = run_of(
        [
            row("same", 1.0, outputs=["x"]),
            row("changed", 1.0, outputs=["y"]),
            row("edited", 1.0, case_key="other"),
            row("new-name", 1.0),
        ]
    )
    found = compare(before, after)
    assert found.status == {
        "changed": "changed",
        "edited": "stale",
        "new-name": "new",
        "old-name": "gone",
        "same": "same",
    }
    assert found.stale == {"edited": (CHECKS, COMPLETION)}
    assert found.pairs[CHECKS].ids == ("changed", "same")
    assert found.pairs[CHECKS].identical.tolist() == [False, True]


def test_a_changed_scorer_makes_only_its_own_pairs_stale():
    keys, other = {CHECKS: "c", "tone": "v1"}, {CHECKS: "c", "tone": "v2"}
    scores = {CHECKS: [1.0], "tone": [0.5]}
    metrics = [Metric(CHECKS), Metric("tone")]
    before = run_of(
        [row(case, 1.0, scores=scores, scorer_keys=keys) for case in "ab"], metrics=metrics
    )
    after = run_of(
        [
            row("a", 1.0, scores=scores, scorer_keys=keys),
            row("b", 1.0, scores=scores, scorer_keys=other),
        ],
        metrics=metrics,
    )
    found = compare(before, after)
    assert found.stale == {"b": ("tone",)}
    assert found.pairs[CHECKS].ids == ("a", "b")
    assert found.pairs["tone"].ids == ("a",)


def test_checks_that_were_removed_from_a_case_are_stale_not_passed():
    before = run_of([row("a", 0.0), row("b", 1.0)])
    after = run_of([row("a", None, scores={}, scorer_keys={}), row("b", 1.0)])
    assert compare(before, after).stale == {"a": (CHECKS,)}


def test_a_metric_that_the_baseline_did_not_have_is_new_not_stale():
    before = run_of([row("a", 1.0)])
    after = run_of(
        [row("a", 1.0, scores={CHECKS: [1.0], "tone": [0.5]})],
        metrics=[Metric(CHECKS), Metric("tone")],
    )
    found = compare(before, after)
    assert found.stale == {}
    assert found.pairs["tone"].ids == ()


def test_a_metric_whose_range_changed_is_stale_everywhere():
    old, new = Metric("tone", 1, 5), Metric("tone", 0, 10)
    scores = {"tone": [3.0]}
    before = run_of([row("a", 1.0, scores=scores)], metrics=[old])
    after = run_of([row("a", 1.0, scores=scores)], metrics=[new])
    assert compare(before, after).stale == {"a": ("tone",)}


def test_values_are_mapped_to_0_to_1_with_higher_better():
    metrics = [Metric("tone", 1, 5), Metric("wait", 0, 10, higher_is_better=False)]
    scores = {"tone": [2.0, 9.0], "wait": [2.5, None]}
    run = run_of([row("a", 1.0, scores=scores)], metrics=metrics)
    found = compare(run, run)
    assert found.pairs["tone"].after.tolist() == [[0.25, 1.0]]
    assert found.pairs["wait"].after.tolist() == [[0.75, 0.0]]
    assert found.pairs["wait"].after_seen.tolist() == [[True, False]]


def test_a_score_that_is_no_number_is_missing():
    run = run_of([row("a", float("nan")), row("b", float("inf")), row("c", 10**400)])
    found = compare(run, run)
    assert not found.pairs[CHECKS].after_seen.any()
    assert not np.isnan(found.levels[CHECKS].values).any()


def test_a_metric_with_an_empty_range_is_an_error_that_names_it():
    run = run_of([row("a", 1.0)], metrics=[Metric("tone", 1, 1)])
    with pytest.raises(SnapshotError, match="metric tone"):
        compare(None, run)


def test_a_crash_of_the_target_is_an_outcome_and_a_failed_provider_a_gap():
    run = run_of(
        [
            row("fine", 1.0),
            row("crashed", None, outputs=[None], errors=["target: KeyError"]),
            row("unreached", None, outputs=[None], errors=["provider: 503"]),
        ]
    )
    found = compare(run, run)
    completion = found.pairs[COMPLETION]
    assert completion.ids == ("crashed", "fine", "unreached")
    assert completion.after[:, 0].tolist() == [0.0, 1.0, 0.0]
    assert completion.after_seen[:, 0].tolist() == [True, True, False]
    assert found.levels[CHECKS].values.tolist() == [0.0, 1.0, 0.0]
    assert found.levels[CHECKS].seen.tolist() == [True, True, False]


def test_trials_that_only_one_side_has_do_not_make_an_answer_differ():
    before = run_of([row("a", [1.0, 0.0, 1.0], outputs=["x", "y", "z"])])
    after = run_of([row("a", 1.0, outputs=["x"])])
    assert compare(before, after).status == {"a": "same"}


def test_answers_that_are_not_known_are_not_called_the_same():
    run = run_of([row("a", 1.0, outputs=[])])
    assert compare(run, run).status == {"a": "changed"}


def test_cases_without_a_row_are_lost_unless_only_a_part_was_asked_for():
    rows = [row("a", 1.0)]
    assert compare(None, run_of(rows, expected=3)).lost == 2
    assert compare(None, run_of(rows, expected=3, partial=True)).lost == 0


def test_strict_cases_carry_what_each_trial_said():
    run = run_of(
        [
            row("a", [1.0, 0.5, None], must_pass=True, errors=[None, None, "provider: 503"]),
            row("b", None, must_pass=True, errors=["target: boom"]),
            row("c", None, must_pass=True, scores={}, outputs=["x"]),
            row("d", 0.0),
        ]
    )
    assert compare(None, run).must_pass == {
        "a": (True, False, None),
        "b": (False,),
        "c": (True,),
    }


def test_the_subjects_changes_are_listed_model_then_prompt_then_code():
    before = Subject(
        models={"default": Part("k1", "embedded seed=1")},
        inputs={"index": Part("k1", "bm25 v1"), "prompt": Part("aaaaaaaaaa", "answer.j2")},
        code={"b.py": Part("k1"), "a.py": Part("k1")},
    )
    after = Subject(
        models={"default": Part("k2", "embedded seed=2")},
        inputs={"index": Part("k2", "bm25 v2"), "prompt": Part("bbbbbbbbbb", "answer.j2")},
        code={"b.py": Part("0123456789"), "c.py": Part("k1")},
    )
    rows = [row("a", 1.0)]
    found = compare(run_of(rows, subject=before), run_of(rows, subject=after)).subject
    assert found == (
        Change("model", "default", "embedded seed=1", "embedded seed=2"),
        Change("input", "prompt", "answer.j2 (aaaaaaaa)", "answer.j2 (bbbbbbbb)"),
        Change("input", "index", "bm25 v1", "bm25 v2"),
        Change("code", "a.py", "k1", None),
        Change("code", "b.py", "k1", "01234567"),
        Change("code", "c.py", None, "k1"),
    )


def test_slices_come_from_the_candidate_in_every_dimension():
    tags = [{"topic": "legal", "lang": "de"}, {"topic": "legal"}, {"lang": "fr"}]
    found = compare(*both([1, 1, 1], [1, 1, 1], tags))
    assert found.slices == {
        "lang=de": ("c000",),
        "lang=fr": ("c002",),
        "topic=legal": ("c000", "c001"),
    }


def test_without_a_baseline_every_case_is_new_and_nothing_is_paired():
    found = compare(None, run_of([row("a", 1.0)]))
    assert found.status == {"a": "new"}
    assert found.pairs[CHECKS].ids == ()
    assert found.levels[CHECKS].values.tolist() == [1.0]
    assert found.subject == ()


def test_clusters_are_kept_only_where_there_are_any():
    plain = run_of([row("a", 1.0), row("b", 1.0)])
    grouped = run_of([row("a", 1.0, cluster="doc"), row("b", 1.0)])
    assert compare(plain, plain).pairs[CHECKS].clusters == ()
    assert compare(plain, grouped).pairs[CHECKS].clusters == ("doc", None)


def test_ten_thousand_rows_are_compared_in_well_under_a_second():
    before, after = both([1.0, 0.0] * 5000, [1.0, 1.0] * 5000, [{"topic": "a"}] * 10_000)
    start = time.process_time()
    compare(before, after)
    assert time.process_time() - start < 1.0  # about 0.15 s on an idle machine


def test_where_neither_side_has_anything_to_judge_no_value_is_missing():
    def side(name, silent, lost):
        rows = [row(f"judged{n}", 1.0, side=name) for n in range(3)]
        rows += [row(f"silent{n}", None, side=name, void=[CHECKS]) for n in range(3)]
        rows += [
            row(f"silenced{n}", 1.0 if not silent else None, side=name, void=silent)
            for n in range(3)
        ]
        return run_of([*rows, *(row(f"lost{n}", lost, side=name) for n in range(3))], name)

    before, after = side("before", [], 1.0), side("after", [CHECKS], None)
    diff = compare(before, after)
    assert {case[:-1] for case in diff.pairs[CHECKS].ids} == {"judged", "silenced", "lost"}
    assert {case[:-1] for case in diff.levels[CHECKS].ids} == {"judged", "lost"}
    assert not diff.stale
    finding = finding_of(verdict_of(before, after), CHECKS)
    # An answer that falls silent is missing, one that always was silent is not.
    assert (finding.n, finding.missing) == (3, 6)


@pytest.mark.parametrize(
    ("fell", "spoke", "missing", "result"),
    [
        (0, 0, 0, "pass"),
        (3, 3, 0, "pass"),  # by chance as many fall silent as begin to speak
        (5, 3, 2, "inconclusive"),
        (60, 0, 60, "inconclusive"),  # nothing is left to compare, and that is said
        (0, 5, 0, "pass"),
    ],
)
def test_answers_that_fell_silent_are_missing_beyond_those_that_began_to_speak(
    fell, spoke, missing, result
):
    def side(name, silent):
        return run_of(
            [
                row(f"c{n:02d}", None, side=name, void=[CHECKS])
                if n in silent
                else row(f"c{n:02d}", 1.0, side=name)
                for n in range(60)
            ],
            name,
        )

    before, after = side("before", range(fell, fell + spoke)), side("after", range(fell))
    finding = finding_of(verdict_of(before, after), CHECKS)
    assert (finding.missing, finding.result) == (missing, result)
    floor = finding_of(verdict_of(before, after, Gate(min={CHECKS: 0.9})), "checks >= 0.90")
    assert floor.missing == missing
    assert floor.result != "pass" or missing < 6


@pytest.mark.parametrize(
    ("silent", "lost", "result"),
    [
        (7, 0, "pass"),  # even if each were the worst, 5 points are ruled out
        (0, 7, "inconclusive"),  # over 2 % of the measurements failed
        (7, 1, "pass"),
        (20, 0, "inconclusive"),
    ],
)
def test_an_answer_that_fell_silent_is_the_worst_but_no_failed_measurement(silent, lost, result):
    def side(name, gone):
        rows = [row(f"c{n:03d}", 1.0, side=name) for n in range(300)]
        for n in range(gone * (silent + lost)):
            rows[n] = row(f"c{n:03d}", None, side=name, void=[CHECKS] if n < silent else [])
        return run_of(rows, name)

    finding = finding_of(verdict_of(side("before", 0), side("after", 1)), CHECKS)
    assert (finding.missing, finding.result) == (silent + lost, result)


def test_a_run_in_which_nothing_could_be_judged_is_not_decided():
    rows = [row(f"c{n}", None, void=[CHECKS]) for n in range(5)]
    verdict = verdict_of(None, run_of(rows))
    assert (verdict.result, verdict.exit_code) == ("inconclusive", 10)
