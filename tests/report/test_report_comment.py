"""What a pull request shows of a run: one comment on all suites, whole and within its limits."""

from __future__ import annotations

from dataclasses import replace

from report_samples import Sample, askacme

from evalsuite.records import Source
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


def sourced(sample: Sample) -> Sample:
    """With the line of each case at hand."""
    cases = {
        name: replace(case, source=Source("golden/askacme/cases.jsonl", at))
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
