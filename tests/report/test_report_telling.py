"""What is said of a case and of a drop is of the metric that it is about, and said once."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from report_samples import COMMANDS, HOSTILE, Sample, askacme, row

from evalsuite.gate import Finding
from evalsuite.gate.attribution import Attribution, Share
from evalsuite.records import CHECKS, Document, Output
from evalsuite.report import attribution, html, json, markdown
from evalsuite.report.blocks import Answers, Cases, Headline, Line, Table
from evalsuite.report.documents import alone, differences
from evalsuite.report.escape import plain
from evalsuite.report.material import Material, suspects


def lines(sample: Sample) -> dict[str, str]:
    head = next(each for each in sample.report().blocks if isinstance(each, Headline))
    return {line.label: plain(line.text) for line in head.lines}


def changed(sample: Sample, name: str, **changes: object) -> Sample:
    found = [
        replace(each, **changes) if each.name == name else each  # type: ignore[arg-type]
        for each in sample.verdict.findings
    ]
    return sample.with_verdict(findings=found)


# the first screen


def test_overall_is_of_the_metric_that_the_sentence_is_about() -> None:
    assert lines(askacme())["overall"].startswith("checks ")
    sample = changed(askacme(), "checks, topic=legal", result="not proven")
    base = next(each for each in sample.verdict.findings if each.name == "faithfulness")
    red = replace(base, name="faithfulness, topic=it", slice="topic=it", result="regression")
    sample = sample.with_verdict(findings=[*sample.verdict.findings, red])
    assert lines(sample)["overall"].startswith("faithfulness ")


def test_overall_is_not_said_beside_a_sentence_that_says_it() -> None:
    sample = changed(askacme(), "checks, topic=legal", result="not proven")
    assert "overall" not in lines(changed(sample, "faithfulness", result="regression"))


def test_counts_of_cases_say_which_metric_they_are_of() -> None:
    sample = askacme()
    assert ", by checks 20 now worse, 0 better; " in lines(sample)["answers"]
    cases = next(each for each in sample.report().blocks if isinstance(each, Cases))
    assert plain(cases.note).startswith("Worse and better by checks, else by the next")
    for text in (html.render(sample.report()), markdown.render(sample.report())):
        assert "Worse and better by" in text


def test_a_long_example_is_cut_on_the_first_screen_and_leads_to_the_case() -> None:
    sample = askacme(24)
    first = next(iter(sample.answers))
    old = "word " * 1000 + "old ending"
    sample.answers = {first: (Output(text=old), Output(text=old.replace("old", "new")))}
    page = html.render(sample.report())
    head = page[page.index("<header") : page.index("</header>")]
    place = re.search(r'<a href="#([^"]+)">the whole case</a>', head)
    assert place
    assert re.search(f'<li id="{place[1]}"[^>]*><details[^>]*>', page)
    assert head.count("word") < 200
    assert "<del>old</del>" in head
    assert page.count("word ") > 1000


# suspects


def derived(drop: float, low: float, high: float) -> Finding:
    found = next(each for each in askacme().verdict.findings if each.derived)
    return replace(found, effect=drop, low=low, high=high, p=0.001)


@pytest.mark.parametrize(
    ("result", "slices_drop", "named"),
    [
        ("regression", (-0.10, -0.18, -0.02), False),
        ("regression", (-0.40, -0.50, -0.30), True),
        ("pass", (-0.10, -0.18, -0.02), True),
    ],
)
def test_a_derived_slice_of_a_red_metric_is_suspect_only_if_it_dropped_clearly_more(
    result: str, slices_drop: tuple[float, float, float], named: bool
) -> None:
    sample = askacme()
    whole = replace(sample.verdict.findings[0], result=result, effect=-0.08)
    found = derived(*slices_drop)
    sample = sample.with_verdict(findings=[whole, found], result=result)
    assert (found in suspects(sample.verdict)) is named
    report = sample.report()
    gates = next(each for each in report.blocks if isinstance(each, Table))
    assert any("(derived)" in plain(each.cells[0]) for each in gates.rows) is named


# a case


@pytest.mark.parametrize(
    ("checks", "faith", "said"),
    [
        ((1.0, 1.0), (1.0, 0.2), "2 of 3 claims are absent"),
        ((0.0, 0.0), (1.0, 0.2), "2 of 3 claims are absent"),
        ((1.0, 0.0), (1.0, 0.2), "contains: it does not"),
        ((0.0, 0.0), (0.5, 0.5), "contains: it does not"),
        ((0.0, 1.0), (0.5, 0.5), "contains: it does not"),
    ],
)
def test_the_reason_beside_a_case_is_that_of_the_metric_that_fell(
    checks: tuple[float, float], faith: tuple[float, float], said: str
) -> None:
    sample = askacme(24)
    id_ = next(iter(sample.answers))
    at = int(id_.rpartition("-")[2])
    reasons = {CHECKS: "contains: it does not", "faithfulness": "2 of 3 claims are absent"}
    sample.before[id_] = row(at, checks[0], faith[0])
    sample.after[id_] = row(at, checks[1], faith[1], reasons=reasons, outputs=["n"])
    cases = next(each for each in sample.report().blocks if isinstance(each, Cases))
    assert next(each.note for each in cases.lines if each.id == id_) == said


def test_what_there_is_nothing_to_judge_of_is_no_reason_where_another_is() -> None:
    sample = askacme(24)
    reasons = {"faithfulness": "no claim", "tone": "rude"}
    sample.after["legal-000"] = row(0, 1.0, 1.0, reasons=reasons, void=["faithfulness"])
    sample.before["legal-000"] = row(0, 1.0, 1.0)
    cases = next(each for each in sample.report().blocks if isinstance(each, Cases))
    assert next(each.note for each in cases.lines if each.id == "legal-000") == "rude"


# documents


def output(*ids: str, text: str = "") -> Output:
    return Output(text="It is 16 weeks.", contexts=[Document(each, text) for each in ids])


def test_documents_lost_gained_and_moved_are_told_with_their_ranks() -> None:
    told = plain(differences((output("a", "b", "c"), output("c", "a", "d"))))
    assert told == ("lost b (rank 2); gained d (rank 3); moved a (rank 1 → 2), c (rank 3 → 1)")
    assert plain(differences((output("a"), output("a", text="new")))) == "other text of a"
    assert differences((output("a", "b"), output("a", "b"))) == ()
    assert differences((None, output("a"))) == differences((output("a"), None)) == ()


def test_at_most_ten_documents_are_named_and_the_others_counted() -> None:
    told = plain(differences((output(*map(str, range(25))), output())))
    assert told.startswith("lost 0 (rank 1), 1 (rank 2)")
    assert told.endswith("9 (rank 10) and 15 more")


def test_what_a_case_lost_is_in_its_section_in_every_report_and_inert() -> None:
    sample = askacme(24)
    first = next(iter(sample.answers))
    sample.answers = {first: (output("leave", *HOSTILE), output("pay"))}
    report = sample.report()
    (answer,) = next(each for each in report.blocks if isinstance(each, Answers)).items
    assert plain(answer.documents).startswith("lost leave (rank 1), <script>")
    page = html.render(report)
    assert "Documents: lost <code>leave</code> (rank 1)" in page
    assert "<iframe" not in page
    assert "Documents: lost `leave` (rank 1)" in markdown.render(report)
    assert "gained pay (rank 1)" in json.render(report)


# where a change comes from


def test_metrics_that_look_only_at_documents_are_known_by_name() -> None:
    names = ("recall", "recall@5", "ndcg@10", "r_precision", "context_recall")
    assert all(map(alone, (*names, "ragas.context_precision")))
    others = ("checks", "faithfulness", "trajectory.recall", "citation_recall", "mapping")
    assert not any(map(alone, others))


def told_apart(metric: str, retrieval: float, generation: float) -> Attribution:
    return Attribution(
        metric=metric,
        slice="overall",
        total=Share(retrieval + generation, -1.0, 1.0),
        retrieval=Share(retrieval, -1.0, 1.0),
        generation=Share(generation, -1.0, 1.0),
        n=20,
        documents=20,
    )


def material(*metrics: str) -> Material:
    """Each metric is red, the first the gravest."""
    sample = askacme(24)
    base = sample.verdict.findings[0]
    red = [
        replace(base, name=name, metric=name, result="regression", p=0.001 * at)
        for at, name in enumerate(metrics, 1)
    ]
    return Material(
        diff=sample.diff,
        verdict=replace(sample.verdict, findings=red),
        before=sample.before,
        after=sample.after,
        answers={},
        cases={},
        commands=COMMANDS,
        attributions=[told_apart(name, -0.2, 0.0 if alone(name) else -0.1) for name in metrics],
    )


def test_where_it_comes_from_is_told_of_an_answers_metric_where_one_is_red() -> None:
    made = material("recall@5", CHECKS)
    line = attribution.cause(made, made.verdict.findings[0])
    assert isinstance(line, Line)
    assert plain(line.text).startswith("checks: of -30.0 points, retrieval -20.0 ")
    alone_ = material("recall@5")
    line = attribution.cause(alone_, alone_.verdict.findings[0])
    assert isinstance(line, Line)
    assert plain(line.text).startswith("of -20.0 points, retrieval -20.0 ")


def test_metrics_of_documents_alone_have_no_parts_and_that_is_said() -> None:
    made = material("recall@5", CHECKS)
    table = attribution.table(made)
    assert table is not None
    assert [plain(each.cells[0]) for each in table.rows] == [CHECKS]
    assert "only at the documents" in table.note
    recall, checks = made.verdict.findings
    assert attribution.shares(made, recall) == ""
    assert attribution.shares(made, checks) == "retrieval -20.0, generation -10.0"
    only = attribution.table(material(CHECKS))
    assert only is not None
    assert "only at the documents" not in only.note
