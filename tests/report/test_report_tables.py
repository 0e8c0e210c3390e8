"""Tables fit their place: a terminal's width, a page's, and what stands in them stands once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from browser import browser, dom
from paired_runs import row, run_of, verdict_of
from report_samples import HOSTILE, Sample, askacme, hostile

from evalsuite.diff import compare
from evalsuite.records import CHECKS, Metric, Row, Standing
from evalsuite.report import Commands, Report, build, html, markdown, terminal
from evalsuite.report.blocks import Headline, Name, Table, TableRow, compact
from evalsuite.report.escape import plain
from evalsuite.stats.trials import tries

JUDGED = ("faithfulness", "context_relevance", "unanswerable_refusal", "answer_relevancy")
VOID, BROKEN = "the question is unanswerable", "unparsable verdict: no JSON in the reply"


def remedy(name: str) -> str:
    return f"67 more labels, about 37 minutes: `evalsuite rate {name} --from-run last`"


def judged(at: int, value: float, side: str) -> Row:
    """Of every judge: 6 answers that there is nothing to say of, for two reasons, 3 without a
    verdict, for two reasons."""
    made = row(f"c{at:02d}", value, side=side)
    void, broken = at < 6, 6 <= at < 9
    reason = (VOID if at < 4 else "no claim") if void else (BROKEN if at < 8 else HOSTILE[0])
    silent = void or broken
    return replace(
        made,
        scores={**made.scores, **{name: [None if silent else value] for name in JUDGED}},
        reasons=dict.fromkeys(JUDGED, reason) if silent else {},
        void=JUDGED if void else (),
    )


def judges_report() -> Report:
    metrics = [Metric(CHECKS), *map(Metric, JUDGED)]
    standings = {
        name: Standing(judge=name, says="no certificate", remedy=remedy(name)) for name in JUDGED
    }
    before = run_of([judged(at, 1.0, "a") for at in range(40)], metrics=metrics)
    after = run_of(
        [judged(at, float(at % 3 > 0), "b") for at in range(40)], metrics=metrics, judges=standings
    )
    return build(
        compare(before, after),
        verdict_of(before, after),
        before=before.rows,
        after=after.rows,
        answers={},
        commands=Commands(),
    )


def table_of(report: Report, title: str) -> Table:
    return next(each for each in report.blocks if isinstance(each, Table) and each.title == title)


def tables(text: str) -> list[str]:
    """The lines of a terminal report's tables."""
    parts = text.split("\n\n")
    return [
        line for part in parts if part.startswith(("Gates", "Judges")) for line in part.split("\n")
    ]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_of_a_terminals_table_is_wider_than_the_terminal(width: int) -> None:
    for report in (judges_report(), askacme().report()):
        lines = tables(terminal.render(report, width=width))
        assert len(lines) > 2
        assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 100, 300])
def test_all_that_a_table_says_is_said_at_any_width(width: int) -> None:
    report = judges_report()
    text = terminal.render(report, width=width)
    shown = re.sub(r"\s+", "", text)
    row_ = table_of(report, "Judges").rows[0]
    for cell in row_.cells:
        for word in plain(cell).split():
            assert word in shown or len(word) > width


@pytest.mark.parametrize("width", [80, 100, 300])
def test_the_way_out_is_told_once_per_judge_and_on_one_line(width: int) -> None:
    for text in (terminal.render(judges_report(), width=width), markdown.render(judges_report())):
        for name in JUDGED:
            assert text.count(f"evalsuite rate {name} --from-run last") == 1


@pytest.mark.parametrize("width", range(30, 130, 9))
def test_a_wrapped_cell_starts_no_command_of_a_build_host(width: int) -> None:
    cells: Sequence[tuple[Name]] = [
        (Name(f"a ({text}), ::error::x (::warning::y"),) for text in HOSTILE[8:11]
    ]
    made = askacme(24).report()
    table = Table("Gates", ["A", "B", "C"], [TableRow(cells, "bad")])
    made = replace(
        made, blocks=(*(each for each in made.blocks if isinstance(each, Headline)), table)
    )
    for report in (made, hostile().report()):
        for line in terminal.render(report, width=width).split("\n"):
            assert not line.lstrip().startswith("::")
            assert "##[" not in line


def test_a_column_in_which_no_row_says_anything_is_left_out() -> None:
    table = Table("T", ["a", "b", "c"], [TableRow([("x",), ("",), ()]), TableRow([("",), (), ()])])
    assert compact(table).columns == ["a"]
    assert compact(table).rows[1].cells == [("",)]
    assert compact(replace(table, rows=[])) == replace(table, rows=[])


def test_repeated_tries_have_a_column_for_what_is_not_told_only_where_something_is_not() -> None:
    from evalsuite.report.repeats import table

    whole, lacking = tries([(3, 2), (3, 3)], 2), tries([(3, 2), (1, 1)], 2)
    assert (both := table([whole])) is not None
    assert "Not told" not in both.columns
    assert (some := table([whole, lacking])) is not None
    assert "Not told" in some.columns


def test_what_there_is_nothing_to_say_of_is_no_verdict_that_failed() -> None:
    table = table_of(judges_report(), "Judges")
    said = dict(zip(table.columns, map(plain, table.rows[0].cells), strict=True))
    assert said["No verdict"].startswith(f"3 of 34: {BROKEN} (2); <script>")
    assert said["No verdict"].endswith(" (1)")
    assert said["Nothing to judge"] == f"6 of 40: {VOID} (4); no claim (2)"
    assert said["Before → mean"].startswith("100.0% → ")


def test_a_floors_interval_stands_beside_the_floor() -> None:
    sample = askacme()
    findings = [
        replace(each, low=0.82, high=0.89) if each.kind == "floor" else each
        for each in sample.verdict.findings
    ]
    table = table_of(sample.with_verdict(findings=findings).report(), "Gates")
    (floor,) = [each for each in table.rows if plain(each.cells[0]) == "checks >= 0.80"]
    assert re.fullmatch(r"\d+\.\d%", plain(floor.cells[1]))
    assert plain(floor.cells[2]) == "82.0% to 89.0%, floor 80.0%"


def wide_names() -> Sample:
    """Eight metrics with long names, each with a gate."""
    sample = askacme(48)
    names = [f"{word}_{at}_relevance_of_it" for at, word in enumerate(("context", "answer") * 4)]
    overall = sample.verdict.findings[0]
    more = [replace(overall, name=name, metric=name, low=-0.1, high=0.1) for name in names]
    for rows in (sample.before, sample.after):
        for id_, each in rows.items():
            scores = {**each.scores, **dict.fromkeys(names, each.scores[CHECKS])}
            rows[id_] = replace(each, scores=scores)
    sample = sample.with_verdict(findings=[*sample.verdict.findings, *more])
    return sample.with_run(metrics=[Metric(CHECKS), *map(Metric, names)])


@browser
def test_on_a_screen_no_table_is_cut_and_no_word_is_broken(tmp_path: Path) -> None:
    see = "document.querySelectorAll('details').forEach((each) => (each.open = true));"
    see += "const cut = [...document.querySelectorAll('.wide')]"
    see += ".filter((each) => each.scrollWidth > each.clientWidth);"
    see += "const broken = [...document.querySelectorAll('td code, dt, th')].filter((each) => {"
    see += "const node = document.createTreeWalker(each, NodeFilter.SHOW_TEXT).nextNode();"
    see += "const words = node ? node.textContent.matchAll(/\\w+/g) : [];"
    see += "return [...words].some((word) => { const all = document.createRange();"
    see += "all.setStart(node, word.index); all.setEnd(node, word.index + word[0].length);"
    see += "return all.getClientRects().length > 1; }); });"
    see += "document.title = `cut ${cut.length} broken ${broken.length}`"
    for at, report in enumerate((judges_report(), wide_names().report())):
        text = re.sub(r"<meta http-equiv[^>]*>", "", html.render(report))
        page = tmp_path / f"report{at}.html"
        page.write_text(text.replace("</body>", f"<script>{see}</script>"), encoding="utf-8")
        assert "<title>cut 0 broken 0</title>" in dom(page, tmp_path, width=1300)


def test_only_a_verdict_is_bold() -> None:
    style = html.render(askacme(4).report()).split("<style>")[1].split("</style>")[0]
    assert ".gates td[data-label=Verdict]{font-weight:600}" in style
    assert ".gates td:last-child{font-weight" not in style
