"""What a report says of the judges: their standing, figures with intervals, and the way out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from paired_runs import row, run_of, verdict_of

from evalsuite.diff import compare
from evalsuite.records import CHECKS, Metric, Row, Run, Standing
from evalsuite.report import Commands, Report, build
from evalsuite.report import html as as_html
from evalsuite.report import markdown as as_markdown
from evalsuite.report import terminal as as_terminal
from evalsuite.report.blocks import Table
from evalsuite.report.escape import plain

HOSTILE = "<img src=x onerror=alert(1)>"
METRICS = [
    Metric(CHECKS),
    Metric("preference", center=0.5),
    Metric("preference.consistent", role="diagnostic"),
    Metric("preference.first", role="diagnostic"),
]


def judged(case: str, value: float | None, consistent: float, first: float, side: str) -> Row:
    made = row(case, 1.0, side=side)
    scores = {
        "preference": [value],
        "preference.consistent": [consistent],
        "preference.first": [first],
    }
    reasons = {} if value is not None else {"preference": f"unparsable verdict: {HOSTILE}"}
    return replace(made, scores={**made.scores, **scores}, reasons=reasons)


def report_of(standing: Standing) -> Report:
    before = run_of([row(f"c{n:02d}", 1.0, side="a") for n in range(40)])
    rows = [
        judged(f"c{n:02d}", None if n == 0 else 0.5, float(n % 4 > 0), float(n % 2), "b")
        for n in range(40)
    ]
    after = run_of(rows, metrics=METRICS, judges={"preference": standing})
    diff = compare(before, after)
    return build(
        diff,
        verdict_of(before, after),
        before=before.rows,
        after=after.rows,
        answers={},
        commands=Commands(),
    )


def judges_of(report: Report) -> dict[str, str]:
    (table,) = [b for b in report.blocks if isinstance(b, Table) and b.title == "Judges"]
    (only,) = table.rows
    return dict(zip(table.columns, map(plain, only.cells), strict=True))


UNCERTIFIED = Standing(
    judge="preference",
    says="no certificate",
    remedy="63 more labels, about 35 minutes: `evalsuite rate preference --from-run last`",
)


def test_flip_rate_and_first_position_share_have_their_intervals():
    said = judges_of(report_of(UNCERTIFIED))
    assert said["Orders disagree"] == "25.0% (14.2% to 40.2%, n = 40)"
    assert said["First wins"] == "50.0% (35.2% to 64.8%, n = 40)"
    assert said["No verdict"].startswith("1 of 40: unparsable verdict")


def test_each_line_of_a_judge_that_may_not_gate_says_so_and_one_the_way_out():
    report = report_of(UNCERTIFIED)
    for text in (as_terminal.render(report, width=400), as_markdown.render(report)):
        lines = [line for line in text.splitlines() if line.lstrip(" |`").startswith("preference")]
        assert len(lines) > 1
        assert all("uncertified" in line for line in lines)
        assert text.count("evalsuite rate preference --from-run last") == 1


def test_a_trusted_judge_says_its_rate_as_people_would_give_it():
    trusted = Standing(
        state="trusted",
        judge="preference",
        says="120 labelled items",
        corrected=(0.48, 0.41, 0.55, 0.47),
        checked="40 anchors 81% → 80% (p = 0.6)",
    )
    said = judges_of(report_of(trusted))
    assert said["As people rate"] == "48.0% (41.0% to 55.0%) [47.0%]"
    assert "40 anchors" in said["Standing"]
    assert "Next" not in said


@pytest.mark.parametrize("state", ["uncertified", "trusted"])
def test_what_judges_say_is_inert(state):
    standing = Standing(state=state, judge="preference", says=HOSTILE, remedy=HOSTILE)
    page = as_html.render(report_of(standing))
    assert "<img" not in page
    assert "&lt;img src=x" in page


def test_without_judges_nothing_is_said_of_them():
    runs: tuple[Run, Run] = (run_of([row("c", 1.0)]), run_of([row("c", 1.0, side="b")]))
    made = build(
        compare(*runs),
        verdict_of(*runs),
        before=runs[0].rows,
        after=runs[1].rows,
        answers={},
        commands=Commands(),
    )
    assert "Judges" not in [getattr(block, "title", "") for block in made.blocks]
