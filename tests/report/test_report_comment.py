"""What a pull request shows of a run: one comment on all suites, whole and within its limits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from report_samples import COMMANDS, Sample, askacme, must_pass

from evalsuite.records import CHECKS, Output, Source
from evalsuite.report import Report, build
from evalsuite.report import comment as pull

ABOUT = pull.About(
    head="abcdef0123456789abcdef0123456789abcdef01",
    base="1234567890abcdef1234567890abcdef12345678",
    found="merge base with main",
    run_url="https://github.com/acme/bot/actions/runs/123456",
    artifact="evalsuite-run",
    artifact_url="https://github.com/acme/bot/actions/runs/123456/artifacts/77",
    repository="acme/bot",
    pull="12",
)


def sourced(sample: Sample, path: str = "golden/askacme/cases.jsonl") -> Sample:
    """With the line of each case at hand."""
    cases = {
        name: replace(case, source=Source(path, at))
        for at, (name, case) in enumerate(sample.cases.items(), 1)
    }
    return replace(sample, cases=cases)


def test_the_first_lines_say_whether_what_by_how_much_and_how_sure() -> None:
    lines = pull.comment([askacme().report()], ABOUT).splitlines()
    assert lines[0] == "<!-- evalsuite:report v1 key=evals -->"
    assert lines[2] == "> [!CAUTION]"
    assert lines[3].startswith(
        "> **Blocked** · `askacme` · Merging would regress `checks` on `topic=legal`:"
        " 87.5% → 45.0% (-42.5 points, 95% CI -58.3 to -26.7, adjusted p = 0.004"
    )
    assert "reproduce" in "\n".join(lines[:15])
    assert "look at first" in "\n".join(lines[:15])


def test_blocking_cases_are_marked_on_their_lines() -> None:
    marks = pull.annotations([sourced(askacme()).report()])
    assert [each.level for each in marks[:11]] == ["error"] * 10 + ["warning"]
    assert (marks[0].file, marks[0].line) == ("golden/askacme/cases.jsonl", 1)
    assert pull.annotations([askacme().report()]) == [], "no line is known"


def test_a_hostile_path_makes_no_mark_and_no_link() -> None:
    for path in ("/etc/passwd", "../../x", "C:/../x", "", "a\\..\\..\\b"):
        sample = sourced(askacme(48), path)
        assert pull.annotations([sample.report()]) == [], path
        assert "blob" not in pull.comment([sample.report()], ABOUT), path
    sample = sourced(askacme(48), 'g/a>b "c)\n%0A::error::x,line=9.jsonl')
    text = pull.comment([sample.report()], ABOUT)
    assert "/g/a%3Eb%20%22c%29%0A%250A%3A%3Aerror%3A%3Ax%2Cline%3D9.jsonl#L1>)" in text
    printed = pull.command(pull.annotations([sample.report()])[0])
    assert len(printed.splitlines()) == 1
    assert printed.startswith(
        '::error file=g/a>b "c) %250A%3A%3Aerror%3A%3Ax%2Cline=9.jsonl,line=1,'
    )


def test_a_must_pass_case_is_marked_as_such() -> None:
    sample = sourced(askacme(48))
    findings = [must_pass("legal-000", "failed", "2 of 5 trials failed")]
    marks = pull.annotations([sample.with_verdict(findings=findings).report()])
    assert [each.title for each in marks] == ["askacme: legal-000 fails"]
    assert marks[0].message.startswith("a must_pass case failed (")


def test_cases_that_do_not_block_are_not_marked() -> None:
    sample = sourced(askacme())
    findings = [replace(each, mode="observe") for each in sample.verdict.findings]
    assert pull.annotations([sample.with_verdict(findings=findings).report()]) == []


def test_what_is_unknown_makes_no_link() -> None:
    report = sourced(askacme(48)).report()
    for about in (
        pull.About(),
        replace(ABOUT, head="", base="", run_url="", artifact_url=""),
        replace(ABOUT, repository="a/b/../c", run_url="javascript:x", artifact_url="http://x>)"),
        replace(ABOUT, head="main", base="<x>", run_url="", artifact_url="file:///x"),
    ):
        assert "](" not in pull.comment([report], about).replace("](<https://github.com/acme", "")
        assert "javascript" not in pull.comment([report], about)


def test_an_enterprise_host_is_the_runs_own() -> None:
    about = replace(ABOUT, run_url="https://git.corp.example/acme/bot/actions/runs/9/attempts/2")
    explain = "evalsuite explain '{gate}' --run .evalsuite/uploaded/1"
    made = replace(sourced(askacme(48)), commands=replace(COMMANDS, explain=explain))
    text = pull.comment([made.report()], about)
    assert f"https://git.corp.example/acme/bot/blob/{ABOUT.head}/golden/" in text
    assert "gh run download 9 -n evalsuite-run -D .evalsuite/uploaded" in text


# Several suites


def named(suite: str, sample: Sample) -> Report:
    return replace(sample.report(), suite=suite)


def clear(n: int = 48) -> Sample:
    """Every compared answer is the stored one."""
    made = askacme(n)
    findings = [replace(made.verdict.findings[0], result="unchanged", fell=(), rose=(), low=-0.01)]
    made = replace(made, after=made.before, answers={})
    status = dict.fromkeys(made.diff.status, "same")
    made = replace(made, diff=replace(made.diff, status=status, subject=()))
    return made.with_verdict(result="unchanged", findings=findings, changed=0, moved=0)


def test_the_worst_suite_leads_and_a_table_names_all() -> None:
    reports = [named("first", clear()), named("second", askacme(48))]
    lines = pull.comment(reports, ABOUT).splitlines()
    assert lines[3].startswith("> **Blocked** · `second` ·")
    assert lines[7:9] == ["| Suite | Verdict | Worst finding |", "| --- | --- | --- |"]
    assert lines[9].startswith("| `second` | blocked | 🔴 Merging would regress")
    assert lines[10] == (
        "| `first` | pass (unchanged) | 🟢 All 48 compared answers are the stored ones. |"
    )
    assert "### `second`: blocked" in lines
    assert "<details><summary><code>first</code>: pass (unchanged)</summary>" in lines


def test_the_order_of_equals_is_the_order_given() -> None:
    reports = [named(name, clear()) for name in ("b", "a")]
    text = pull.comment(reports, ABOUT)
    assert text.index("`b`") < text.index("`a`")


def test_the_key_of_a_comment_is_its_workflow() -> None:
    about = replace(ABOUT, workflow="evals --> nightly")
    mark = "<!-- evalsuite:report v1 key=evals-_-_-nightly -->"
    assert pull.key_of(about) == mark
    assert pull.comment([], about).splitlines()[0] == mark


def test_no_suite_at_all_is_said() -> None:
    assert "no suite was run" in pull.comment([], ABOUT)
    assert not pull.anything([])


# Limits


@cache
def crowded() -> Report:
    """More regressions than any comment could hold."""
    made = askacme(240)
    for id_ in made.answers:
        made.answers[id_] = (Output(text="old word " * 100), Output(text="new word " * 100))
    findings = [
        replace(made.verdict.findings[0], name=f"{'x' * 400} {at}", result="regression")
        for at in range(400)
    ]
    return made.with_verdict(findings=findings).report()


def test_too_much_for_a_comment_is_cut_between_sections_and_said() -> None:
    some = askacme(240).report()
    text = pull.comment([replace(some, suite=f"suite{at}") for at in range(40)], ABOUT)
    assert 30_000 < len(text) <= 60_000
    assert text.count("<details>") == text.count("</details>")
    assert "*Left out for length: " in text
    assert "[the step's summary](<https://github.com/acme/bot/actions/runs/123456>)" in text
    assert text.rstrip().endswith("</sub>")


def test_a_crowded_run_keeps_its_verdict_gates_and_commands() -> None:
    text = pull.comment([crowded()], ABOUT)
    assert len(text) <= 60_000
    for part in ("[!CAUTION]", "#### Gates", "#### What to do", "#### Regressed cases"):
        assert part in text
    assert "370 more in the step's summary." in text


def test_the_summary_holds_ten_times_as_much() -> None:
    report = crowded()
    short, long = pull.comment([report], ABOUT), pull.summary([report], ABOUT)
    assert long.count("Run it: ") > 4 * short.count("Run it: ")
    assert len(long.encode()) <= 900_000
    some = askacme(240).report()
    many = [replace(some, suite=f"suite{at}") for at in range(200)]
    assert 800_000 < len(pull.summary(many, ABOUT).encode()) <= 900_000


# States


def test_an_unchanged_run_needs_no_comment() -> None:
    assert not pull.anything([clear().report()])
    assert pull.anything([clear().report(), askacme(48).report()])
    assert pull.anything([clear().report()], [askacme(48).report()])
    assert pull.anything([clear().with_run(partial=True).with_verdict(result="partial").report()])
    made = clear()
    status = {**made.diff.status, next(iter(made.diff.status)): "new"}
    assert pull.anything([replace(made, diff=replace(made.diff, status=status)).report()])


def test_a_changed_snapshot_is_told_with_its_reason_and_old_and_new() -> None:
    change = askacme().with_run(accepted={"reason": "legal asked for short answers"}).report()
    lines = pull.comment([clear().report()], ABOUT, [change]).splitlines()
    assert lines[2] == "> [!WARNING]"
    assert lines[3].startswith(
        "> **Accepted here**: the snapshot of `askacme` changes, for the reason"
        " `legal asked for short answers`: `checks` on `topic=legal` 87.5% → 45.0% (-42.5 points"
    )
    assert lines[5].startswith("> **Pass (unchanged)** · `askacme` ·")
    assert lines[9].startswith("- **changed**: `prompt` `answer.j2 v3` →"), "against the base"
    assert "if meant" not in "\n".join(lines), "it is accepted already"
    assert "<details><summary>Accepted: the snapshot of <code>askacme</code>" in "\n".join(lines)


def test_a_better_or_first_snapshot_is_told_without_alarm() -> None:
    better = askacme().with_verdict(findings=[], result="pass").report()
    first = replace(better, baseline=None)
    lines = pull.comment([clear().report()], ABOUT, [better, first]).splitlines()
    assert lines[2] == "> [!TIP]"
    assert "without a reason: it is the first one" in "\n".join(lines)


def test_a_run_without_keys_says_what_a_maintainer_must_run() -> None:
    made = askacme(48).with_run(
        replayed=True,
        complete=False,
        expected=60,
    )
    text = pull.comment([made.with_verdict(result="incomparable").report()], ABOUT)
    assert (
        "- ⚠️ **a maintainer must run**: this run had no keys (12 cases without a stored reply)."
        " Read the change, then push this commit: `git fetch origin pull/12/head &&"
        f" git push origin {ABOUT.head}:refs/heads/evals/pull-12`" in text
    )
    here = pull.comment([made.report()], replace(ABOUT, pull=""))
    assert "then with keys: `pytest --evals tests/evals/test_askacme.py`" in here
    assert "12 missing" in text
    whole = askacme(48).with_run(replayed=True).report()
    assert "maintainer" not in pull.comment([whole], ABOUT)


def test_of_many_suites_the_worst_few_stand_before_what_changed_and_the_rest_is_folded() -> None:
    made = [replace(askacme(48).report(), suite=f"s{at:02}") for at in range(30)]
    lines = pull.comment(made, ABOUT).splitlines()
    first = "\n".join(lines).partition("- **changed**")[0]
    assert [f"`s{at:02}`" in first for at in (0, 4, 5, 29)] == [True, True, False, False]
    assert "25 more suites are below." in first
    rest = "\n".join(lines).partition("All 30 suites</summary>")[2].partition("</details>")[0]
    assert rest.count("\n| `s") == 30
    assert "All 5 suites" not in pull.comment(made[:5], ABOUT)


def test_what_a_run_only_lacks_is_not_gone() -> None:
    made = clear()
    lost = dict(list(made.after.items())[8:])
    status = {id_: "same" if id_ in lost else "gone" for id_ in made.after}
    diff = replace(made.diff, status=status, lost=8)
    counts = pull.comment([replace(made, after=lost, diff=diff).report()], ABOUT).splitlines()[5]
    assert counts.endswith("cases: 8 missing, 40 unchanged")


def test_every_regressed_case_has_its_command_and_its_line() -> None:
    text = pull.comment([sourced(askacme()).report()], ABOUT)
    shown = text.split("#### Regressed cases")[1].split("#### ")[0]
    cases = shown.count("<details><summary><code>legal-")
    assert cases == 10
    assert shown.count("Run it: `pytest --evals ") == cases
    assert shown.count("[The golden file's line](<https://github.com/acme/bot/blob/") == cases


def test_a_word_diff_has_no_long_line() -> None:
    text = pull.comment([askacme().report()], ABOUT)
    inside = [
        each for part in text.split("```diff\n")[1:] for each in part.split("```")[0].split("\n")
    ]
    assert {each[:1] for each in inside if each} == {" ", "-", "+"}
    assert max(map(len, inside)) <= 98


def test_a_case_shows_what_its_judge_said_in_both_orders_and_what_asking_again_gave() -> None:
    made = askacme(48)
    first = next(iter(made.answers))
    made.after[first] = replace(made.after[first], again={CHECKS: [0.0, 1.0, 0.0, 0.0]})
    verdicts = [
        {"criterion": "kind", "order": order, "label": "no", "critique": f"It is {word}."}
        for order, word in (("ab", "short"), ("ba", "curt"))
    ]
    report = build(
        made.diff,
        made.verdict,
        before=made.before,
        after=made.after,
        answers=made.answers,
        commands=made.commands,
        cases=made.cases,
        evidence={first: [("faithfulness", 1, verdicts), ("unmoved", 1, verdicts)]},
    )
    case = pull.comment([report], ABOUT).split("#### Regressed cases")[1].split("</details>")[0]
    assert "asked 4 times more: 1 of 4 held" in case
    assert "- **faithfulness**: `kind, order ab: no. It is short.`" in case
    assert "- **faithfulness**: `kind, order ba: no. It is curt.`" in case
    assert "unmoved" not in case
