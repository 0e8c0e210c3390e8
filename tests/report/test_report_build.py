"""What a report says: the first screen, the states, and what is never left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pytest
from report_samples import (
    COMMANDS,
    HOSTILE,
    Sample,
    askacme,
    hostile,
    manifest,
    must_pass,
    row,
)

from evalsuite.diff import Change, compare
from evalsuite.gate import Gate, Slice, decide
from evalsuite.records import CHECKS, COMPLETION, Output, Part, Run, Subject
from evalsuite.report import build, wanted
from evalsuite.report.blocks import Answers, Cases, Facts, Headline, Heat, Table
from evalsuite.report.escape import plain
from evalsuite.report.material import SHOWN
from evalsuite.report.shell import fill
from evalsuite.report.terminal import render, screen

B = TypeVar("B")


def block(sample: Sample, kind: type[B], title: str = "") -> B:
    for each in sample.report().blocks:
        if isinstance(each, kind) and title in getattr(each, "title", ""):
            return each
    raise AssertionError(f"no {kind.__name__} {title}")


def head(sample: Sample) -> str:
    return plain(block(sample, Headline).sentence)


def said(sample: Sample, label: str) -> str:
    return next((plain(x.text) for x in block(sample, Headline).lines if x.label == label), "")


def no_baseline() -> Sample:
    sample = askacme(24)
    diff = replace(
        sample.diff, baseline=None, subject=(), status=dict.fromkeys(sample.after, "new")
    )
    return replace(
        sample.with_verdict(result="no baseline", findings=(), slices_compared=0),
        diff=diff,
        before={},
        answers={},
    )


def test_the_sentence_names_slice_values_interval_p_and_n() -> None:
    assert head(askacme()) == (
        "Merging would regress checks on topic=legal: 87.5% → 45.0% (-42.5 points,"
        " 95% CI -58.3 to -26.7, adjusted p = 0.004, n = 40)."
    )


def test_the_first_screen_has_all_that_is_promised_in_15_lines() -> None:
    lines = screen(askacme().report()).splitlines()
    assert len(lines) <= 15
    assert lines[0].startswith("askacme BLOCKED: Merging would regress")
    assert "prompt answer.j2 v3 → answer.j2 v4; code askacme/prompt.py" in lines[1]
    text = "\n".join(lines)
    for promised in (
        "[-at least 14 days' notice in writing-] {+notice+}",
        "3-point rule would have blocked 3 of 10 slices",
        "drops from 5.2 points overall, 19.0 on topic=legal (80% power)",
        "240 model calls (240 fresh), 110,880 tokens, 0.00 USD, 1.4 s",
        "pytest --evals tests/evals/test_askacme.py --evals-replay=only",
        "reports/askacme/report.html",
    ):
        assert promised in text


@pytest.mark.parametrize(
    "sample", [hostile(), askacme(10), no_baseline()], ids=["all", "10", "new"]
)
def test_the_first_screen_never_has_more_than_15_lines(sample: Sample) -> None:
    assert len(screen(sample.report()).splitlines()) <= 15


@pytest.mark.parametrize("kind", ["input", "model", "code"])
def test_the_second_line_names_what_changed(kind: str) -> None:
    sample = askacme(24)
    change = Change(kind, "retriever", "bm25 k=5", "bm25 k=1")  # type: ignore[arg-type]
    sample = replace(sample, diff=replace(sample.diff, subject=[change]))
    second = screen(sample.report()).splitlines()[1]
    assert "changed" in second
    assert "retriever" in second


def test_equal_labels_with_other_content_are_said_to_differ() -> None:
    sample = askacme(24)
    change = Change("input", "handbook", "docs/", "docs/")
    sample = replace(sample, diff=replace(sample.diff, subject=[change]))
    assert said(sample, "changed") == "handbook docs/ (content differs)"


def test_nothing_changed_is_said_too() -> None:
    sample = askacme(24)
    sample = replace(sample, diff=replace(sample.diff, subject=[]))
    assert said(sample, "changed") == "nothing that is tracked"


def test_a_pass_says_what_it_rules_out() -> None:
    sample = askacme()
    findings = [replace(each, result="pass", exclude=0.2) for each in sample.verdict.findings]
    sample = sample.with_verdict(result="pass", findings=findings[:1])
    assert head(sample).startswith("No regression: checks overall: 91.7% → 83.3%")
    assert head(sample).endswith("A drop of 20.0 points is ruled out.")
    assert block(sample, Headline).level == "tip"


def test_no_baseline_names_the_one_command_that_makes_it() -> None:
    sample = no_baseline()
    assert head(sample).startswith(
        "No snapshot to compare with: floors and must_pass decide alone."
    )
    assert said(sample, "baseline") == COMMANDS.baseline
    assert said(sample, "if meant") == ""


def test_accepting_is_offered_only_where_nothing_would_stay_red() -> None:
    sample = askacme()
    assert said(sample, "if meant") == COMMANDS.accept
    strict = must_pass(next(iter(sample.after)), "failed")
    for red in (strict, replace(strict, kind="floor", result="below", name="checks >= 0.80")):
        both = sample.with_verdict(findings=[*sample.verdict.findings, red])
        assert said(both, "if meant") == ""
        assert COMMANDS.accept not in render(both.report())
        seen = sample.with_verdict(
            findings=[*sample.verdict.findings, replace(red, mode="observe")]
        )
        assert said(seen, "if meant") == COMMANDS.accept


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"partial": True, "expected": 500}, "partial: 24 of 500 cases"),
        ({"stopped": "budget of 10 calls"}, "stopped: budget of 10 calls"),
        ({"replayed": True}, "replayed: latency and cost are recorded ones"),
        ({"complete": False}, "incomplete: the same command goes on"),
    ],
)
def test_what_is_less_than_a_full_fresh_run_is_said(changes: dict[str, object], words: str) -> None:
    assert words in said(askacme(24).with_run(**changes), "state")


def test_a_partial_run_is_not_decided() -> None:
    sample = askacme(24).with_verdict(result="partial", findings=()).with_run(partial=True)
    assert block(sample, Headline).word == "not decided (partial)"


def test_observe_mode_does_not_claim_to_block() -> None:
    sample = askacme()
    findings = [replace(each, mode="observe") for each in sample.verdict.findings]
    sample = sample.with_verdict(findings=findings)
    assert block(sample, Headline).word == "would be blocked (observe)"
    assert head(sample).startswith("Seen, not blocked")


def test_the_reason_of_an_undecided_run_is_in_the_sentence() -> None:
    sample = askacme(24).with_verdict(result="incomparable", findings=(), reason="replies missing")
    assert head(sample) == "Not comparable: replies missing"


def test_errors_missing_flaky_stale_new_and_gone_are_shown_with_their_effect() -> None:
    sample = askacme(24)
    ids = list(sample.after)
    sample.after[ids[0]] = row(
        0, 0.0, 0.5, errors=["provider: rate limited"], scores={CHECKS: [None]}
    )
    sample.after[ids[1]] = row(1, 0.0, 0.5, errors=["target: KeyError"], scores={CHECKS: [None]})
    sample.after[ids[2]] = row(2, 0.0, 0.5, scores={CHECKS: [None]})
    status = {**sample.diff.status, ids[3]: "stale", ids[4]: "new"}
    status |= {f"left-{at}": "gone" for at in range(8)}
    findings = [*sample.verdict.findings, must_pass(ids[5], "flaky")]
    diff = replace(sample.diff, status=status, stale={ids[3]: [CHECKS]}, lost=7)
    sample = replace(sample.with_verdict(findings=findings), diff=diff)
    facts = {x.label: plain(x.text) for x in block(sample, Facts, "Errors").lines}
    assert facts["errors"].startswith(f"1 case: {ids[0]}. Not an outcome of the target.")
    assert "counted by the metric completion" in facts["target errors"]
    assert facts["not scored"].startswith(f"1 case: {ids[2]}. Left out of the test")
    assert facts["missing"].startswith("7 cases")
    assert facts["flaky"].startswith(f"1 case: {ids[5]}")
    assert "neither compared nor passed" in facts["stale"]
    assert facts["new"].startswith(f"1 case: {ids[4]}")
    assert facts["gone"].startswith("1 case. In the snapshot only"), "the other 7 are missing"
    assert said(sample, "apart") == (
        "1 error, 1 target error, 1 not scored, 7 missing, 1 flaky, 1 stale, 1 new, 1 gone"
    )
    assert "rate limited" in render(sample.report())


def test_accepting_is_offered_only_where_it_could_help() -> None:
    sample = askacme()
    assert "evalsuite accept" in render(sample.report())
    found = [each for each in sample.verdict.findings if each.kind != "relative"]
    found = [*found, must_pass("leave-01", "failed")]
    assert "evalsuite accept" not in render(sample.with_verdict(findings=found).report())


def test_a_drop_in_a_derived_slice_is_named_without_blocking() -> None:
    sample = askacme()
    findings = [
        replace(each, result="regression" if each.derived else "pass", p=0.01, mode="observe")
        for each in sample.verdict.findings
        if each.derived or each.slice == "overall"
    ]
    sample = sample.with_verdict(result="pass", findings=findings)
    assert block(sample, Headline).word == "pass"
    assert said(sample, "suspect").startswith("checks on derived slice input_length=longest:")
    gates = block(sample, Table, "Gates")
    assert "input_length=longest (derived)" in plain(gates.rows[0].cells[0])
    assert "input_length=longest" in render(sample.report())


def test_noise_in_one_slice_is_not_called_suspect() -> None:
    sample = askacme()
    findings = [
        replace(each, result="not proven", p=0.3, declared=False, effect=-0.1, high=-0.01)
        for each in sample.verdict.findings
        if each.slice != "overall"
    ]
    assert not said(sample.with_verdict(result="pass", findings=findings), "suspect")


def test_blocking_gates_come_first_in_the_table() -> None:
    rows = block(askacme(), Table, "Gates").rows
    assert plain(rows[0].cells[0]) == "checks, topic=legal"
    assert rows[0].tone == "bad"
    assert "12 must_pass cases held." in block(askacme(), Table, "Gates").note


def test_slices_are_sorted_by_their_worst_change_and_all_listed() -> None:
    heat = block(askacme(), Heat)
    assert [each.slice for each in heat.rows[:2]] == ["overall", "topic=legal"]
    assert {"input_length=longest", "topic=travel"} <= {each.slice for each in heat.rows}


def test_cases_that_need_a_look_come_first() -> None:
    lines = block(askacme(), Cases).lines
    assert lines[0].kind == "worse"
    assert len(lines) == 240
    assert lines[0].note == 'contains "14 days": not in the answer'


def test_completion_is_a_column_only_where_a_target_raised() -> None:
    sample = askacme(24)
    assert COMPLETION not in block(sample, Cases).metrics
    first = next(iter(sample.after))
    scores = {**sample.after[first].scores, COMPLETION: [0.0]}
    sample.after[first] = replace(sample.after[first], scores=scores)
    assert COMPLETION in block(sample, Cases).metrics


def test_an_answer_that_is_not_at_hand_is_said() -> None:
    sample = askacme(24)
    first = next(iter(sample.answers))
    sample.answers = {first: (None, Output(text="now"))}
    (answer,) = block(sample, Answers).items
    assert "before is not at hand" in answer.remark


def test_at_most_200_outputs_are_asked_for_those_of_red_gates_first() -> None:
    sample = askacme(2000)
    ids = wanted(sample.diff, sample.verdict)
    assert len(ids) == len(set(ids)) == SHOWN
    red = sum(len(each.fell) for each in sample.verdict.findings if each.slice == "topic=legal")
    assert 0 < red < SHOWN
    assert all(each.startswith("legal") for each in ids[:red])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_stays_one_word_of_a_command(text: str) -> None:
    import shlex

    words = shlex.split(fill("pytest --evals 'x.py::s[{id}]'", id=text))
    assert words == ["pytest", "--evals", f"x.py::s[{text}]"]


def test_the_gate_itself_and_the_report_agree() -> None:
    sample = askacme()
    old = Run(manifest("base", 240), sample.before)
    new = Run(manifest("head", 240), sample.after)
    diff = compare(old, new)
    verdict = decide(diff, Gate(min={CHECKS: 0.5}, slices={"topic=legal": Slice()}))
    report = build(diff, verdict, before=old.rows, after=new.rows, answers={}, commands=COMMANDS)
    text = render(report)
    assert verdict.exit_code == 1
    assert "askacme BLOCKED: Merging would regress checks" in text
    assert "topic=legal" in text


def test_an_unchanged_run_says_so() -> None:
    sample = askacme()
    run = Run(manifest("base", 240), sample.before)
    diff = compare(run, run)
    verdict = decide(diff, Gate())
    report = build(diff, verdict, before=run.rows, after=run.rows, answers={}, commands=COMMANDS)
    first = screen(report).splitlines()[0]
    assert first == "askacme PASS (UNCHANGED): All 240 compared answers are the stored ones."


def test_the_files_of_a_declared_folder_share_a_line_and_hide_no_other_input() -> None:
    files = {f"handbook/{number:02}.md": Part(f"k{number}") for number in range(30)}
    subject = Subject(inputs={**files, "prompt": Part("p4", "answer.j2 v4")})
    blocks = askacme(24).with_run(subject=subject).report().blocks
    facts = next(each for each in blocks if isinstance(each, Facts) and "compared" in each.title)
    said = ["".join(getattr(span, "text", span) for span in line.text) for line in facts.lines]
    assert "handbook: 30 files" in said
    assert "prompt: answer.j2 v4" in said
