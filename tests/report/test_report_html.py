"""The HTML report as text: it is whole without scripts, and nothing in it points outside."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from large_run import large_run
from report_samples import HOSTILE, askacme, hostile, must_pass

from evalsuite.records import CHECKS, Output, Standing
from evalsuite.report import html, plots
from evalsuite.report.blocks import Answers, Cases, Cell, Heat, HeatRow, Name
from evalsuite.report.cases import KINDS
from evalsuite.report.drawn import Distribution, Plots
from evalsuite.report.heatmap import forests
from evalsuite.report.markup import anchor
from evalsuite.report.reports import block_of


def body(text: str) -> str:
    return re.sub(r"<(script|style)>.*?</\1>", "", text, flags=re.DOTALL)


def test_the_page_is_complete_without_scripts() -> None:
    still = body(html.render(askacme(48).report()))
    for words in ("Merging would regress", "<del>", "<ins>", "topic=legal", "All cases"):
        assert words in still
    assert len(re.findall(r'<li id="case-', still)) == 48
    for kind in ("worse", "failing", "better"):
        assert f'id="k-{kind}"' in still


def test_an_opened_case_shows_what_its_scores_rest_on() -> None:
    report = large_run(60)
    still = body(html.render(report))
    first = block_of(report, Answers).items[0].id
    found = re.search(f'<li id="case-{first}".*?</details>', still, flags=re.DOTALL)
    assert found is not None
    case = found[0]
    assert "<th scope=col>Trial 3</th>" in case
    assert "1 → 0" in case
    for words in (
        "order ab: no. It leaves out the 14 days.",
        "order ba: no",
        "unsupported: Notice",
    ):
        assert words in case
    assert "only now" in case
    assert "failed: timeout after 2 s" in case
    assert "<del>" in case
    assert re.search(r'4 \(new\) <a href="#document-\d+">|lost, was 1', case)
    assert "Trial 2." not in case, "what a trial answered as the first did is told once"


def test_a_documents_text_is_in_the_page_once() -> None:
    still = body(html.render(large_run(600)))
    assert still.count('<p class="words">Chapter 7 of the handbook.') == 1
    assert len(re.findall(r'href="#document-\d+"', still)) > 200


def test_documents_that_are_texts_alone_go_by_their_first_words() -> None:
    sample = askacme(24)
    first, second = list(sample.answers)[:2]
    for id_, texts in {
        first: ("Leave takes a form.", "<b>Pay</b> is monthly."),
        second: (),
    }.items():
        given = texts or ("<b>Pay</b> is monthly.", "Leave takes a form.")
        old, new = sample.answers[id_]
        assert old is not None
        assert new is not None
        sample.answers[id_] = (replace(old, contexts=["Gone."]), replace(new, contexts=given))
    still = body(html.render(sample.report()))
    ranks = re.findall(r'<div class="ranks">.*?</div>', still)
    assert [re.findall(r">([^<>]+)</a>", each) for each in ranks[:2]] == [
        ["Leave takes a form.", "&lt;b&gt;Pay&lt;/b&gt; is monthly.", "Gone."],
        ["&lt;b&gt;Pay&lt;/b&gt; is monthly.", "Leave takes a form.", "Gone."],
    ]
    assert len(re.findall(r'id="document-\d+"', still)) == 3, "a text is told once, at any rank"
    assert "lost <code>Gone.</code> (rank 1)" in still


def test_the_documents_are_folded_until_one_is_looked_for() -> None:
    still = body(html.render(large_run(60)))
    section = still.split('<section id="part-Documents">')[1].split("</section>")[0]
    assert re.search(r'<details class="more"><summary>\d+ texts</summary>', section)
    assert re.search(
        r'<b>hr-7</b> <span class="tags">Chapter 7 of the handbook. [^<]{20,70}…</span>', section
    )


def test_a_case_that_must_pass_is_marked_stands_first_and_tells_where_it_comes_from() -> None:
    sample = askacme(240)
    worse = [each.id for each in block_of(sample.report(), Cases).lines if each.kind == "worse"]
    strict = worse[-1]
    sample.after[strict] = replace(sample.after[strict], must_pass=True)
    sample.cases[strict] = replace(sample.cases[strict], provenance={"incident": "<i>2026-01"})
    failed = must_pass(strict, "failed")
    sample = sample.with_verdict(findings=[*sample.verdict.findings, failed])
    still = body(html.render(sample.report()))
    marked = re.findall(
        r'<li id="case-([^"]*)"(?:(?!<li ).)*?<em class="kind">must_pass</em>', still
    )
    assert marked == [strict]
    assert re.search(r'<ol class="cases worse.*?<li id="case-([^"]*)"', still)[1] == strict  # type: ignore[index]
    assert '<p class="note">must_pass, incident &lt;i&gt;2026-01</p>' in still
    row = still.split(f'id="gate-must_pass,%20{strict}"')[1].split("</tr>")[0]
    assert f'<a href="#case-{strict}">' in row


def test_a_bin_without_cases_keeps_its_place_in_a_plot() -> None:
    edges = [at / 10 for at in range(10)]
    none = [0] * 10
    ends = [31, *none[1:9], 29]
    for after in (ends, [60] * 10, [12_000, *none[1:]]):
        drawn = plots.histogram(Distribution("checks", edges, none, after))
        assert re.findall(r"(\d+)–\d+</text>", drawn) == [str(10 * at) for at in range(10)]
    shown = plots.histogram(Distribution("checks", edges, none, ends))
    assert ">31</text>" in shown, "few bars have their counts"


def test_each_link_of_the_page_leads_somewhere() -> None:
    for report in (askacme(48).report(), large_run(120), hostile().report()):
        still = body(html.render(report))
        places = re.findall(r' id="([^"]*)"', still)
        assert len(places) == len(set(places))
        links = set(re.findall(r'href="#([^"?][^"]*)"', still))
        assert links <= set(places)


def test_every_case_slice_and_gate_can_be_linked_to() -> None:
    report = askacme(48).report()
    still = body(html.render(report))
    for line in block_of(report, Cases).lines:
        assert f'id="{anchor("case", line.id)}"' in still
    for row in block_of(report, Heat).rows:
        assert f'id="{anchor("slice", row.slice)}"' in still
    assert 'id="gate-checks,%20topic=legal"' in still


@pytest.mark.parametrize("name", [*HOSTILE, "x" * 500, "é" * 500, "a b", ""])
def test_a_name_of_any_form_is_an_anchor_of_its_own(name: str) -> None:
    made = anchor("case", name)
    assert re.fullmatch(r"case-[\w.~=,:@%-]*", made, flags=re.ASCII)
    assert len(made) < 150
    assert made != anchor("case", f"{name}y")


def test_a_slice_opens_the_cases_that_moved() -> None:
    report = askacme(240).report()
    rows = {row.slice: row for row in block_of(report, Heat).rows}
    legal = rows["topic=legal"].cases
    assert len(legal) == 40
    kinds = {line.id: line.kind for line in block_of(report, Cases).lines}
    order = [KINDS.index(kinds[each]) for each in legal]
    assert order == sorted(order)
    still = body(html.render(report))
    opened = still.split('id="slice-topic=legal"')[1].split("</details>")[0]
    assert opened.count("<li>") == 12
    assert "28 more cases moved." in opened
    assert 'href="#?slice=topic%3Dlegal"' in opened


def test_a_run_in_which_nothing_moved_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_chart", lambda *_: pytest.fail("nothing is to be drawn"))
    sample = askacme(24)
    sample.after = {
        id_: replace(row, outputs=sample.before[id_].outputs, scores=sample.before[id_].scores)
        for id_, row in sample.after.items()
    }
    same = [replace(each, effect=0.0, low=None, high=None) for each in sample.verdict.findings]
    sample = sample.with_verdict(findings=same, result="pass")
    sample.diff = replace(sample.diff, status=dict.fromkeys(sample.after, "same"))
    assert "<svg" not in body(html.render(sample.report()))


def test_a_plot_has_the_slices_of_what_moved_the_largest_fall_first() -> None:
    metrics = ["checks", "recall"]
    moves = {"overall": -0.1, "topic=a": -0.02, "topic=b": -0.3, "length=long": -0.2, "length=x": 0}
    rows = [
        HeatRow(
            name,
            name.startswith("length"),
            [
                Cell(
                    0.9,
                    0.8,
                    by,
                    40,
                    "bad" if name == "length=long" else "plain",
                    None,
                    by - 0.1,
                    by + 0.1,
                ),
                Cell(0.9, 0.9, 0.0, 40, "plain", None, -0.1, 0.1),
            ],
        )
        for name, by in moves.items()
    ]
    (plot,) = forests(Heat("Slices", metrics, rows))
    assert plot.title == "Change of checks"
    named = [mark.label.text for mark in plot.marks if isinstance(mark.label, Name)]
    assert named == ["overall", "topic=b", "length=long", "topic=a"]
    assert plot.low <= -0.4
    assert plot.high >= 0.08


def test_without_the_library_the_page_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "available", lambda: False)
    still = body(html.render(askacme(24).report()))
    assert "pip install &#x27;evalsuite[plots]&#x27;" in still
    assert "<svg" not in still
    assert "topic=legal" in still


def test_a_plot_leaves_the_imports_of_the_process_alone() -> None:
    seen = (
        "import sys, importlib.metadata as m; f = list(sys.meta_path); d = f[-1].find_distributions"
    )
    draw = "from evalsuite.report.plots import histogram as h; from evalsuite.report.drawn import *"
    draw += "; assert '<svg' in h(Distribution('x', [0.0], [1], [2])); assert f == sys.meta_path"
    draw += "; assert 'pygal' in sys.modules; assert 'importlib_metadata' not in sys.modules"
    draw += "; assert d == f[-1].find_distributions; assert m.version('pytest'); import statistics"
    command = [sys.executable, "-W", "error", "-c", f"{seen}; {draw}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_shape_of_a_plot_is_coloured_by_the_style_sheet_alone() -> None:
    text = html.render(large_run(120))
    drawn = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(drawn) >= 8
    for each in drawn:
        assert not re.search(r"<(style|script|a|image|use|foreignObject)\b", each)
        assert not re.search(r" (style|fill|stroke|on\w+|href)=", each)
        assert 'role="img" aria-label="' in each
    assert text == html.render(large_run(120)), "the same report is the same page"


def test_a_name_in_a_plot_is_text() -> None:
    drawn = re.findall(r"<svg.*?</svg>", html.render(hostile().report()), flags=re.DOTALL)
    assert drawn
    assert any("&lt;script&gt;" in each for each in drawn)
    for each in drawn:
        assert set(re.findall(r"<(\w+)", each)) <= {
            "svg",
            "g",
            "path",
            "rect",
            "circle",
            "text",
            "title",
        }


def test_what_answers_took_is_drawn_of_fresh_ones_only() -> None:
    report = large_run(60)
    spreads = [x for x in report.blocks if isinstance(x, Plots) and "fresh" in x.title]
    (latency, *_) = spreads[0].items
    assert len(latency.after) == 180  # type: ignore[union-attr]
    assert not [
        x for x in askacme(48).report().blocks if isinstance(x, Plots) and "fresh" in x.title
    ]


def test_a_judges_reliability_is_what_people_say_where_it_says_so_much() -> None:
    (block,) = [x for x in large_run(60).blocks if isinstance(x, Plots) and x.title[0] == "D"]
    (found,) = [x for x in block.items if getattr(x, "title", "").startswith("Reliability")]
    low, high = found.marks  # type: ignore[union-attr]
    assert (low.reference, high.reference) == (0.0, 1.0)
    assert low.value is not None
    assert high.value is not None
    assert low.value < 0.5 < high.value
    assert low.note == "n=40"


def test_pairs_that_are_none_draw_nothing() -> None:
    odd = [
        [],
        [1.0],
        [float("nan"), 1.0, 1.0],
        [1.0, float("inf"), 1.0],
        [1.0, 0.0, -1.0],
        [1, 1, 0],
    ]
    worth = {CHECKS: Standing(judge="x", pairs=odd)}
    report = askacme(24).with_run(judges=worth).report()
    plotted = [item for x in report.blocks if isinstance(x, Plots) for item in x.items]
    assert not [x for x in plotted if getattr(x, "title", "").startswith("Reliability")]


def test_nothing_in_the_page_points_outside() -> None:
    text = html.render(large_run(48))
    assert not re.findall(r'(?:src|href|action)="(?!#)', text)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert not re.findall(r"<[^>]+ style=", text)


def test_every_kind_of_case_can_be_filtered() -> None:
    style = html.render(askacme(4).report()).split("<style>")[1].split("</style>")[0]
    for kind in KINDS:
        assert f"#k-{kind}:checked~.cases:not(.{kind})" in style


def test_what_fails_as_before_opens_on_the_page_and_is_no_news() -> None:
    sample = askacme(24)
    failed = {id_: row for id_, row in sample.after.items() if row.scores[CHECKS][0] == 0}
    sample.diff = replace(sample.diff, status=dict.fromkeys(sample.after, "same"))
    sample = sample.with_verdict(findings=[])
    sample.answers = {id_: (Output(text="No."), Output(text="No.")) for id_ in sample.after}
    report = sample.report()
    shown = block_of(report, Answers)
    assert not shown.items
    assert {each.id for each in shown.still} == set(failed)
    assert body(html.render(report)).count("<li id=") == 24


def test_the_answers_error_and_an_empty_answer_are_shown() -> None:
    sample = askacme(12)
    first = next(iter(sample.answers))
    sample.answers = {first: (Output(text="before"), Output(text=""))}
    assert "[empty answer]" in html.render(sample.report()).replace("</ins>", "").replace(
        "<ins>", ""
    )
