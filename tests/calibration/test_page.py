"""A calibration as a page: everything is said, nothing that is quoted acts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from browser import armed, browser, dom, listening
from making import CARD, FAIL, FIVE, GRADES, KEYS, PASS, POLITE, TODAY, binary, by_id, item, said

from evalsuite.calibration.bar import Bar
from evalsuite.calibration.calibrate import calibrate
from evalsuite.calibration.records import Item, Label
from evalsuite.calibration.standing import standings
from evalsuite.calibration.telling import page
from evalsuite.judging.records import Card
from evalsuite.report import html, markdown, plots, terminal
from evalsuite.report.blocks import Matrix, Name, Readings
from evalsuite.report.charts import as_table, figure, matrix
from evalsuite.report.drawn import Intervals, Mark
from evalsuite.report.reports import Document

HOSTILE = "<img src=x onerror=alert(1)> =1+1 \x1b[31m \u202e `x` | @all"


def document(card: Card, items: dict[str, Item], labels: list[Label], judged: object) -> Document:
    found = calibrate(card, items, labels, judged, readable=lambda each: True)  # type: ignore[arg-type]
    worth = standings(card, KEYS, None, items=items, labels=labels, bar=Bar(), today=TODAY)
    return page(card, found, worth)


def hostile(text: str = HOSTILE) -> Document:
    items = [
        replace(
            made,
            case=text,
            slices={"topic": text},
            subject=replace(made.subject, output=text, input={"q": text}),
        )
        for made in map(item, range(30))
    ]
    labels = [
        Label(item=x.id, rater="r<b>", criterion="polite", value=FAIL, critique=text) for x in items
    ]
    verdict = replace(said(PASS), critique=text)
    return document(CARD, by_id(items), labels, {x.id: {"polite": verdict} for x in items})  # type: ignore[arg-type]


def test_what_is_quoted_is_shown_and_inert() -> None:
    made = hostile()
    text = html.document(made)
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text
    assert "\u202e" not in text
    assert "\\u202e" in text
    for out in (terminal.document(made), markdown.document(made)):
        assert "\x1b" not in out
        assert "\u202e" not in out
    shown = markdown.document(made)
    outside = re.sub(r"(`+).+?\1", "", shown, flags=re.DOTALL)
    assert "<img" not in outside
    assert "@all" not in outside


def test_a_policy_of_the_page_allows_its_own_style_and_script_alone() -> None:
    text = html.document(hostile())
    assert "default-src 'none'; style-src 'sha256-" in text
    body = text[text.index("<body>") : text.rindex("<script>")]
    assert " style=" not in body
    assert not re.search(r"\son\w+=", re.sub(r"&\w+;[^<]*", "", body))


def test_every_part_is_there_in_words() -> None:
    items, labels, judged = binary(60, 40, missed=6, passed=4)
    out = terminal.document(document(CARD, items, labels, judged), width=200)
    for words in (
        "tone UNCERTIFIED: no certificate",
        "100 items with a verdict and people's answer, 200 ratings of 2 raters",
        "TPR 0.90",
        "(always pass: 60%), kappa 0.79, a gap of 11 points",
        "Confusion table",
        "Reliability",
        "People among themselves",
        "Krippendorff's alpha, nominal  ",
        'in brackets and charts two-sided 95 % intervals; "at least" is a one-sided',
        "the majority of raters; a split counts as the worse level",
        "next          measure it: evalsuite judge calibrate tone --certify",
    ):
        assert words in out
    assert "nan" not in out.lower()


def test_one_most_common_answer_is_named_with_one_weighted_share() -> None:
    items, labels, judged = binary(20, 20)
    good = {x.item for x in labels if x.value == PASS}
    items = {k: replace(v, weight=3.0 if k in good else 1.0) for k, v in items.items()}
    made = document(CARD, items, labels, judged)
    out = terminal.document(made)
    assert "agreement 100% (always pass: 75%)" in out
    shares = next(x for x in made.blocks if isinstance(x, Intervals))
    assert [x.reference for x in shares.marks if x.label == "agreement"] == [0.75]
    assert "weighted by the inverse chance of each item to be chosen, counts" in out


def test_shares_have_an_axis_of_their_own_with_numbers() -> None:
    items, labels, judged = binary(30, 20, missed=10, passed=18)
    shares, beyond = (
        x
        for x in document(CARD, items, labels, judged).blocks
        if isinstance(x, Intervals) and x.title.startswith("Judge against people")
    )
    assert [x.label for x in shares.marks][:2] == ["agreement", "TPR"]
    assert (shares.low, shares.high) == (0.0, 1.0)
    assert "Cohen's kappa" in [x.label for x in beyond.marks]
    assert (beyond.low, beyond.high) == (-1.0, 1.0)
    drawn = plots.intervals(beyond, figure)
    assert ">-0.80</text>" in drawn
    assert ">0.80</text>" in drawn


def test_what_rounds_to_nothing_has_no_sign() -> None:
    drawn = plots.intervals(Intervals("T", [Mark("x", -0.001, -0.004, 0.2)]), figure)
    assert "x: 0.00, 95 % interval 0.00 to 0.20" in drawn


def test_the_next_step_is_words_and_the_command_code() -> None:
    items, labels, judged = binary(10, 10)
    text = html.document(document(CARD, items, labels, judged))
    assert re.search(r"<dd>\d+ more labels, about \d+ minutes?: <code>evalsuite rate tone", text)


def test_a_weighted_kappa_names_its_weights() -> None:
    items = [item(number) for number in range(40)]
    labels = [
        Label(item=x.id, rater=rater, criterion="good", value=str(1 + (at + shift) % 5))
        for at, x in enumerate(items)
        for shift, rater in enumerate(("ann", "bob"))
    ]
    judged = {x.id: {"good": said(str(1 + at % 5), "good")} for at, x in enumerate(items)}
    made = document(GRADES, by_id(items), labels, judged)  # type: ignore[arg-type]
    out = terminal.document(made, width=200)
    assert "kappa, quadratic weights, of two" in out
    assert "Gwet's AC2, quadratic weights" in out
    assert "kappa without weights" in out
    assert "Cohen's kappa of two" not in out


def test_several_criteria_have_a_part_each() -> None:
    short = replace(POLITE, name="short")
    card = replace(CARD, criteria=(POLITE, short))
    items, labels, judged = binary(30, 20)
    both = [*labels, *(replace(each, criterion="short") for each in labels)]
    judged = {
        name: {**each, "short": replace(each["polite"], criterion="short")}
        for name, each in judged.items()
    }
    out = terminal.document(document(card, items, both, judged))
    for title in ("Criteria", "Judge against people, polite", "Judge against people, short"):
        assert f"\n{title}\n" in out


def test_a_scale_of_grades_has_its_levels_in_the_table() -> None:
    items = [item(number) for number in range(50)]
    labels = [
        Label(item=x.id, rater="ann", criterion="good", value=str(1 + at % 5))
        for at, x in enumerate(items)
    ]
    judged = {
        x.id: {"good": said(str(min(5, 1 + (at + at % 2) % 5)), "good")}
        for at, x in enumerate(items)
    }
    made = document(GRADES, by_id(items), labels, judged)  # type: ignore[arg-type]
    out = terminal.document(made, width=200)
    assert f"people \\ judge  {'  '.join(level.label for level in FIVE.scale)}"[:22] in out
    assert "Spearman's rho" in out


def test_an_unknown_value_has_no_dot_and_no_nan() -> None:
    chart = Intervals("Title", [Mark("x", None), Mark(Name("y"), 0.5, 0.2, 0.9, 0.4, "n=3")])
    text = plots.intervals(chart, figure)
    assert text.count("<circle") == 1
    assert "nan" not in text.lower()
    assert "<title>y: 0.50, 95 % interval 0.20 to 0.90; n=3</title>" in text
    rows = [[span for cell in row.cells for span in cell] for row in as_table(chart).rows]
    assert rows == [["x", "–", "–", "–", ""], [Name("y"), "0.50", "0.20 to 0.90", "0.40", "n=3"]]


@pytest.mark.parametrize("value", [-5.0, 5.0])
def test_what_lies_outside_the_axis_stays_in_the_picture(value: float) -> None:
    drawn = plots.intervals(Intervals("T", [Mark("x", value)]), figure)
    found = re.search(r'cx="([\d.]+)"', drawn)
    assert found is not None
    assert 0 <= float(found[1]) <= 480


def test_counts_are_shaded_by_their_share_of_the_row() -> None:
    text = matrix(Matrix("T", "people", "judge", ["a", "b"], ["a", "b"], [[9, 1], [0, 0]]))
    assert '<td class="up4">9</td><td class="up1">1</td>' in text
    assert '<td class="flat">0</td>' in text


def test_nothing_to_read_is_no_section() -> None:
    assert html.document(Document("x", [Readings("Disagreements", [])])).count("<section") == 0


@browser
def test_in_a_browser_nothing_foreign_runs_and_nothing_leaves(tmp_path: Path) -> None:
    attack = (
        "<img src=http://127.0.0.1:1/img onerror=\"document.title='owned'\">"
        "<script>document.title='owned'</script><svg onload=\"document.title='owned'\">"
    )
    with listening() as (port, requests):
        file = tmp_path / "page.html"
        file.write_text(html.document(hostile(armed(attack, port))), encoding="utf-8")
        text = dom(file, tmp_path)
        assert requests == []
    assert "<title>tone: uncertified</title>" in text
    assert text.count("<script>") == 1
    assert "<svg onload" not in text
    assert '<circle cx="' in text
