"""What must not be missed stands first, and nothing is said that the run does not show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_samples import COMMANDS, Sample, askacme, must_pass

from evalsuite.gate import Finding
from evalsuite.records import CHECKS, Output, Source
from evalsuite.report import comment, html
from evalsuite.report.blocks import Answers, Cases, Headline, Heat, Table
from evalsuite.report.escape import plain
from evalsuite.report.material import suspects
from evalsuite.report.reports import block_of
from evalsuite.report.terminal import screen

ABOUT = comment.About(
    head="5f0c" * 10,
    base="ab12" * 10,
    run_url="https://github.com/acme/bot/actions/runs/123456",
    repository="acme/bot",
    pull="12",
)
STRICT = "policy-001"
GET = "gh run download 123456 -n evalsuite-run -D .evalsuite/uploaded"


def with_incident() -> Sample:
    """A case that must pass fails beside a regression; it is none of those that fell there."""
    made = askacme()
    made.answers[STRICT] = (Output(text="Ask your lead."), Output(text="Ask nobody."))
    case = next(iter(made.cases.values()))
    made.cases[STRICT] = replace(case, id=STRICT, provenance="incident 2026-01", must_pass=True)
    made.cases |= {
        name: replace(each, source=Source("golden/askacme/cases.jsonl", at))
        for at, (name, each) in enumerate(made.cases.items(), 1)
    }
    made.after[STRICT] = replace(
        made.after[STRICT],
        must_pass=True,
        scores={CHECKS: [0.0] * 5},
        reasons={CHECKS: 'contains: the answer does not contain "lead"'},
    )
    found = [*made.verdict.findings, replace(must_pass(STRICT, "failed", "5 of 5"), n=5)]
    return made.with_verdict(findings=found)


def in_part(**changes: object) -> Sample:
    """Two cases of 48."""
    made = askacme(48)
    some = dict(list(made.after.items())[:2])
    status = {id_: made.diff.status[id_] if id_ in some else "gone" for id_ in made.after}
    diff = replace(made.diff, status=status, **changes)
    return replace(made, after=some, diff=diff)


# a case that must pass


def test_a_failed_must_pass_case_stands_in_the_first_lines_beside_a_regression() -> None:
    report = with_incident().report()
    told = "(incident 2026-01) failed: contains: the answer does not contain"
    third = screen(report).splitlines()[2]
    assert third.split()[:2] == ["must_pass", STRICT]
    assert told in third
    assert "must_pass, policy" not in screen(report), "it is not told again as also red"
    alert = comment.comment([report], ABOUT).splitlines()[2:8]
    assert alert[1].startswith("> **Blocked** · `askacme` · Merging would regress")
    assert alert[3].startswith(f"> **must\\_pass**: `{STRICT}` (`incident 2026-01`) failed: `cont")


def test_of_several_suites_the_alert_names_the_one_of_a_must_pass_case() -> None:
    other = replace(askacme(48).report(), suite="other")
    lines = comment.comment([other, with_incident().report()], ABOUT).splitlines()
    assert any(each.startswith("> **must\\_pass** of `askacme`: ") for each in lines[2:8])


def test_a_sentence_about_a_must_pass_case_says_where_it_comes_from() -> None:
    made = with_incident()
    alone = made.with_verdict(findings=made.verdict.findings[-1:], result="failed")
    text = screen(alone.report())
    assert "The must_pass case policy-001 (incident 2026-01) failed: 5 of 5" in text
    assert text.count("incident 2026-01") == 1


def test_a_failed_must_pass_case_is_the_first_case_and_the_first_mark() -> None:
    report = with_incident().report()
    assert block_of(report, Answers).items[0].id == STRICT
    text = comment.comment([report], ABOUT)
    shown = text.split("#### Regressed cases")[1].split("</summary>")[0]
    assert STRICT in shown
    assert "<code>must_pass, incident 2026-01</code>" in shown
    first = comment.annotations([report])[0]
    assert first.title == "askacme: policy-001 fails"
    assert ". incident 2026-01. " in first.message


def test_the_page_marks_a_must_pass_case_and_its_gate_leads_there() -> None:
    report = with_incident().report()
    page = html.render(report)
    row = page.split('<li id="case-policy-001"')[1].split("</summary>")[0]
    assert ">must_pass</em>" in row
    assert ">must_pass, incident 2026-01</p>" in page.split('<li id="case-policy-001"')[1]
    assert '<a href="#case-policy-001"><code>must_pass, policy-001</code></a>' in page
    gates = next(each for each in report.blocks if isinstance(each, Table))
    names = [plain(each.cells[0]) for each in gates.rows if each.tone == "bad"]
    assert names[0] == "must_pass, policy-001"
    assert plain(gates.rows[0].cells[gates.columns.index("n")]) == "5 trials"


# where the commands hold


def test_commands_begin_by_checking_the_pull_requests_head_out_with_the_runs_files() -> None:
    accept = "evalsuite accept askacme --from-run .evalsuite/uploaded/1 --reason '...'"
    made = replace(askacme(48), commands=replace(COMMANDS, accept=accept))
    text = comment.comment([made.report()], ABOUT)
    said = "- **first**: the commands are for this pull request's head: "
    assert f"{said}`gh pr checkout 12 && {GET}`\n- **reproduce**: `pytest" in text
    assert f"- **if meant**: `{accept}`" in text
    assert (text.count("gh pr checkout"), text.count("gh run download")) == (1, 1)


def test_without_a_pull_request_only_what_is_read_is_fetched() -> None:
    about = replace(ABOUT, pull="")
    assert "**first**" not in comment.comment([askacme(48).report()], about)
    explain = "evalsuite explain '{gate}' --run .evalsuite/uploaded/1"
    made = replace(askacme(48), commands=replace(COMMANDS, explain=explain))
    text = comment.comment([made.report()], about)
    assert f"- **first**: the commands are on this commit: `{GET}`" in text


# a part of the cases


def test_a_partial_run_tells_of_its_own_cases_alone() -> None:
    made = in_part().with_run(partial=True).with_verdict(result="partial", changed=2)
    found = [replace(each, result="partial") for each in made.verdict.findings]
    report = made.with_verdict(findings=found).report()
    text = screen(report)
    assert "partial: 2 of 48 cases, gates wait, and the report is of these alone" in text
    for claim in ("gone", "3-point rule", "would see", "accept"):
        assert claim not in text, claim
    assert len(block_of(report, Cases).lines) == 2
    counts = comment.comment([report], ABOUT).split("> Gates: ")[1].splitlines()[0]
    assert "held" not in counts
    assert "gone" not in counts


# a run without keys


def test_what_a_run_lacks_is_missing_once_and_nothing_of_it_can_be_accepted() -> None:
    made = in_part(lost=46).with_run(replayed=True, complete=False)
    report = made.with_verdict(
        result="incomparable", findings=(), reason="replies are missing from the recording"
    ).report()
    head = {each.label: plain(each.text) for each in block_of(report, Headline).lines}
    assert head["apart"] == "46 missing"
    assert head["state"].startswith("incomplete: replies are missing; replayed")
    kinds = {each.kind for each in block_of(report, Cases).lines}
    assert "missing" in kinds
    assert "gone" not in kinds
    text = comment.comment([report], ABOUT)
    assert "gone" not in text
    assert "if meant" not in text
    assert "46 missing" in text
    assert text.count("46 cases without a stored reply") == 2, "above, and in what to do"


def test_what_is_gone_beside_what_is_missing_is_counted_apart() -> None:
    report = in_part(lost=40).report()
    head = {each.label: plain(each.text) for each in block_of(report, Headline).lines}
    assert head["apart"] == "40 missing, 6 gone"


# a first run


def test_a_first_run_in_which_all_fails_shows_a_question_and_its_answer() -> None:
    made = askacme(24)
    rows = {
        id_: replace(each, scores={CHECKS: [0.0]}, reasons={CHECKS: "contains: no date"})
        for id_, each in made.after.items()
    }
    first = next(iter(rows))
    case = next(iter(made.cases.values()))
    diff = replace(made.diff, baseline=None, subject=(), status=dict.fromkeys(rows, "new"))
    floor = Finding(
        name="checks >= 0.80", metric=CHECKS, kind="floor", result="below", after=0.0, floor=0.8
    )
    strict = must_pass(first, "failed", "1 of 1 trials failed")
    made = replace(
        made.with_verdict(result="below", findings=[floor, strict], slices_compared=0),
        diff=diff,
        before={},
        after=rows,
        answers={first: (None, Output(text="I can't tell. " * 40))},
        cases={first: replace(case, id=first, input={"question": "How long is leave?"})},
    )
    lines = screen(made.report()).splitlines()
    at = next(at for at, each in enumerate(lines) if each.strip().startswith("answer"))
    assert "How long is leave?" in lines[at]
    assert lines[at + 1].strip().startswith("I can't tell.")
    assert lines[at + 1].endswith("(contains: no date)")
    assert any(each.strip().startswith("baseline") for each in lines[at + 2 :]), "only below it"
    assert max(map(len, lines[at : at + 2])) < 250


# slices that say the same


@pytest.mark.parametrize(("further", "named"), [((), False), (("travel-003",), True)])
def test_a_derived_slice_that_fell_with_a_declared_red_one_is_no_suspect(
    further: tuple[str, ...], named: bool
) -> None:
    made = askacme()
    legal = next(each for each in made.verdict.findings if each.slice == "topic=legal")
    derived = replace(
        legal,
        name="checks, input_length=longest",
        slice="input_length=longest",
        declared=False,
        derived=True,
        mode="observe",
        fell=(*legal.fell[:5], *further),
    )
    verdict = made.with_verdict(findings=[*made.verdict.findings, derived]).verdict
    assert (derived in suspects(verdict)) is named


def test_a_derived_slice_of_all_cases_is_not_listed_beside_them() -> None:
    made = askacme(48)
    derived = {"documents=3": list(made.after), "language=en": list(made.after)[:5]}
    report = replace(made, diff=replace(made.diff, derived=derived)).report()
    names = [each.slice for each in block_of(report, Heat).rows]
    assert "documents=3" not in names
    assert "language=en" in names


# what is accepted


def test_all_that_is_accepted_red_is_named_with_its_figures() -> None:
    made = with_incident()
    floor = Finding(
        name="checks >= 0.95",
        metric=CHECKS,
        kind="floor",
        result="below",
        after=0.83,
        low=0.8,
        high=0.86,
        floor=0.95,
        n=240,
    )
    change = made.with_verdict(findings=[*made.verdict.findings, floor])
    change = change.with_run(accepted={"reason": "shorter"})
    lines = comment.comment([askacme(48).report()], ABOUT, [change.report()]).splitlines()
    told = next(each for each in lines if "Accepted here" in each)
    assert "`checks` on `topic=legal` 87.5% → 45.0% (-42.5 points" in told
    assert "`checks` overall is below its floor of 95.0%: 83.0% (95% CI 80.0% to 86.0%)" in told
    assert f"the must\\_pass case `{STRICT}` fails" in told
