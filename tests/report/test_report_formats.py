"""Each format prints the same report, holds its host's limits, and keeps foreign text inert."""

from __future__ import annotations

import csv as csv_reader
import io
import json as json_reader
import re
import tomllib
from dataclasses import replace
from importlib.metadata import EntryPoint
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_samples import HOSTILE, Sample, askacme, hostile, must_pass

from evalsuite.records import Output
from evalsuite.report import csv, html, json, junit, markdown, terminal

SAMPLES = [askacme(48), hostile()]
IDS = ["askacme", "hostile"]


def test_every_format_is_registered_under_its_name() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    groups = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"]
    registered = groups["evalsuite.formats"]
    assert sorted(registered) == ["csv", "html", "json", "junit", "markdown", "terminal"]
    for name, target in registered.items():
        point = EntryPoint(name, target, "evalsuite.formats")
        assert isinstance(point.load()(SAMPLES[0].report()), str)


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_equal_reports_are_printed_equally(sample: Sample) -> None:
    for form in (html, json, junit, markdown, terminal, csv):
        assert form.render(sample.report()) == form.render(sample.report())


# terminal


@pytest.mark.parametrize("colour", [False, True])
def test_no_line_of_a_terminal_report_acts(colour: bool) -> None:
    text = terminal.render(SAMPLES[1].report(), colour=colour)
    for line in text.split("\n"):
        bare = line.replace("\x1b[0m", "")
        assert not bare.lstrip().startswith("::")
        assert "##[" not in line
        assert "##vso[" not in line
        assert "##teamcity[" not in line
    left = text
    for code in ("0", "2", "31", "32", "33", "1;31", "1;33", "9;31"):
        left = left.replace(f"\x1b[{code}m", "")
    assert left.replace("\n", "").isprintable()


def test_without_colour_there_is_no_escape() -> None:
    assert "\x1b" not in terminal.render(SAMPLES[0].report())


def test_colour_marks_words_without_brackets() -> None:
    text = terminal.render(SAMPLES[0].report(), colour=True)
    assert "\x1b[9;31m" in text
    assert "[-" not in text


# Markdown


def test_markdown_starts_with_the_mark_the_alert_and_what_changed() -> None:
    lines = markdown.render(SAMPLES[0].report()).splitlines()
    assert lines[0] == "<!-- evalsuite:report v1 key=askacme -->"
    assert lines[2] == "> [!CAUTION]"
    assert lines[3].startswith("> **Blocked** · `askacme` · Merging would regress `checks`")
    assert lines[5].startswith("> **changed**: `prompt` `answer.j2 v3` → `answer.j2 v4`")


OWN_HTML = re.compile(
    r"<!-- evalsuite:report v1 key=[\w.-]+ -->|</details>"
    r"|<details><summary>[\w ,]+</summary>(\n</details>)?"
)


def test_hostile_text_is_code_or_text_in_markdown() -> None:
    source = markdown.render(SAMPLES[1].report())
    allowed = {"code_inline", "text", "text_special", "strong_open", "strong_close"}
    for block in MarkdownIt("commonmark").enable("table").parse(source):
        if block.type == "html_block":
            assert OWN_HTML.fullmatch(block.content.strip()), block.content
        for child in block.children or ():
            assert child.type in allowed | {"softbreak", "em_open", "em_close"}, child
            if child.type == "text":
                assert "@octocat" not in child.content
                assert "http://" not in child.content
        assert block.type != "heading_open" or block.tag == "h4"


def test_markdown_never_exceeds_what_a_comment_may_hold() -> None:
    big = askacme(600)
    for id_ in big.answers:
        big.answers[id_] = (Output(text="old word " * 5000), Output(text="new word " * 5000))
    findings = [
        replace(big.verdict.findings[0], name=f"{'x' * 400} {at}", result="regression")
        for at in range(400)
    ]
    text = markdown.render(big.with_verdict(findings=findings).report())
    assert len(text) <= 60_000
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0


def test_what_does_not_fit_in_a_comment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "BUDGET", 3_000)
    text = markdown.render(askacme(48).report())
    assert len(text) <= 3_000
    assert "Left out for length: " in text
    assert "Slices" in text.splitlines()[-1]


# JSON


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_json_holds_its_published_schema(sample: Sample) -> None:
    schema = json_reader.loads(
        files("evalsuite.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.render(sample.report())
    jsonschema.Draft202012Validator(schema).validate(json_reader.loads(text))
    assert text.isascii()


def test_json_without_a_baseline_is_valid_too() -> None:
    sample = askacme(12)
    sample = replace(sample, diff=replace(sample.diff, baseline=None), before={}, answers={})
    document = json_reader.loads(json.render(sample.report()))
    assert document["baseline"] is None
    assert len(document["cases"]) == 12


# JUnit


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
def test_junit_counts_what_it_holds(sample: Sample) -> None:
    suite = ElementTree.fromstring(junit.render(sample.report()).encode())[0]
    for name, tag in (("tests", "testcase"), ("failures", "testcase/failure")):
        assert int(suite.attrib[name]) == len(suite.findall(tag))
    for name, tag in (("skipped", "testcase/skipped"), ("errors", "testcase/error")):
        assert int(suite.attrib[name]) == len(suite.findall(tag))


def test_junit_fails_exactly_the_red_gates() -> None:
    sample = askacme()
    findings = [*sample.verdict.findings, must_pass("leave-01", "failed", "2 of 5 trials failed")]
    root = ElementTree.fromstring(junit.render(sample.with_verdict(findings=findings).report()))
    red = [
        each.attrib["name"] for each in root.iter("testcase") if each.find("failure") is not None
    ]
    assert red == ["gate[checks, topic=legal]", "gate[must_pass, leave-01]"]


def test_junit_says_when_nothing_could_be_decided() -> None:
    sample = askacme(12).with_verdict(result="incomparable", findings=(), reason="replies missing")
    root = ElementTree.fromstring(junit.render(sample.report()))
    assert root.find("testsuite/testcase/error") is not None


# CSV


def test_csv_has_a_line_per_case_and_no_formula() -> None:
    rows = list(csv_reader.reader(io.StringIO(csv.render(SAMPLES[1].report()))))
    assert rows[0][:3] == ["id", "kind", "slices"]
    assert len(rows) == 1 + len(SAMPLES[1].after)
    for row in rows[1:]:
        for cell in (row[0], row[2], row[-1]):
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))


# all


@settings(max_examples=30)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_answer_can_be_printed(before: str, after: str) -> None:
    sample = SAMPLES[0]
    answers = dict.fromkeys(sample.answers, (Output(text=before), Output(text=after)))
    report = replace(sample, answers=answers).report()
    for form in (html, json, junit, markdown, terminal, csv):
        assert form.render(report)


def test_ten_thousand_cases_are_no_longer_to_read_than_a_thousand() -> None:
    few, many = askacme(1_000).report(), askacme(10_000).report()
    for form in (markdown, terminal):
        assert len(form.render(many)) < 1.2 * len(form.render(few))
    for form in (html, json):
        assert len(form.render(many)) < 11 * len(form.render(few))


def test_a_run_without_any_case_can_be_printed() -> None:
    sample = askacme(12).with_verdict(
        result="inconclusive", findings=(), reason="no case was scored", moved=0
    )
    diff = replace(sample.diff, status={}, slices={}, derived={}, stale={})
    sample = replace(sample, diff=diff, before={}, after={}, answers={})
    for form in (html, json, junit, markdown, terminal, csv):
        assert form.render(sample.report())
    assert "Nothing is decided: no case was scored" in terminal.render(sample.report())


def test_hostile_samples_really_reach_the_formats() -> None:
    text = html.render(SAMPLES[1].report())
    assert "&lt;script&gt;" in text
    assert "\\u202e" in text
    assert all(each in HOSTILE or "\n" not in each for each in HOSTILE)
