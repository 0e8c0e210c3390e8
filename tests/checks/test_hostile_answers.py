"""Answers are written by somebody else: no size, depth or character may hang or crash a check."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_every_check import BASE, BUILT_IN, CASE, ids, says

from evalsuite import checks
from evalsuite.canonical import canonical
from evalsuite.checks import patterns
from evalsuite.errors import ProblemsError
from evalsuite.records import Output, ToolCall

MEGABYTE = 1_000_000
SECONDS = 5.0  # each takes well under 2; the machine may be busy

SPECS = [spec for _, spec in {next(iter(spec)): spec for spec, _, _ in BUILT_IN}.items()]
LARGE = {
    "words": "leave it " * (MEGABYTE // 9),
    "digits": "1" * MEGABYTE,
    "brackets": "[" * (MEGABYTE // 2) + "]" * (MEGABYTE // 2),
    "quotes": '"a b c' * (MEGABYTE // 6),
    "iban": "DE89 3704 0044 " * (MEGABYTE // 15),
    "slashes": "https://" * (MEGABYTE // 8),
    "wide json": "[" + "1," * (MEGABYTE // 2 - 1) + "1]",
    "tags": "<a>" * (MEGABYTE // 3),
    "commas": "1,234," * (MEGABYTE // 6),
    "dots": ". " * (MEGABYTE // 2),
}
ODD = ["\ud800\udfff\ud800", "\0\x01\x1b[31m", "\u202e\u2066drow\u2069", "", " \n", "\U0010ffff"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern gets a tenth of a second, since every one of these takes all it gets."""
    monkeypatch.setattr(patterns, "SECONDS", 0.1)


@pytest.mark.parametrize("name", LARGE)
def test_a_megabyte_ends_soon_in_every_check(name: str) -> None:
    slow = {}
    for spec in SPECS:
        (check,) = checks.compile_checks([spec])
        began = time.perf_counter()
        score = checks.score(CASE, says(LARGE[name]), [check], 1)
        seconds = time.perf_counter() - began
        if seconds > SECONDS:
            slow[json.dumps(spec)] = seconds
        assert "raised" not in score.reason, (spec, score.reason)
        assert len(canonical(score.evidence)) < 10_000
    assert slow == {}


@pytest.mark.parametrize("spec", SPECS, ids=ids)
def test_odd_characters_crash_nothing_and_leave_scores_that_can_be_stored(
    spec: dict[str, Any],
) -> None:
    pair = checks.compile_checks([spec, {"not": spec}])
    for text in ODD:
        output = replace(says(text), tool_calls=[ToolCall(text, {"q": text})])
        for check in pair:
            score = checks.score(CASE, output, [check], 1)
            assert "raised" not in score.reason, score.reason
            canonical([score.value, score.reason, score.evidence])


@settings(max_examples=60)
@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_any_text_gives_a_decision_or_a_reason(text: str) -> None:
    cheap = [spec for spec in SPECS if not {"language", "sql", "bleu", "chrf"} & spec.keys()]
    for check in checks.compile_checks(cheap):
        found = check(CASE, says(text))
        assert found.reason
        assert found.holds in (True, False, None)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"json_valid": True}, "[" * 100_000),
        ({"json_schema": {"items": {"type": "integer"}}}, "[" * 99_000),
        ({"json_schema": {"items": {"$ref": "#"}}}, "[" * 900 + "]" * 900),
        ({"jsonpath": "$..a"}, "[" * 900 + "]" * 900),
        ({"sql": True}, "SELECT " + "(" * 5_000 + "1" + ")" * 5_000),
        ({"xml": True}, "<a>" * 5_000 + "</a>" * 5_000),
    ],
    ids=ids,
)
def test_what_is_nested_too_deeply_fails_with_a_reason(spec: dict[str, Any], text: str) -> None:
    (check,) = checks.compile_checks([spec])
    found = check(CASE, says(text))
    assert found.holds is False
    assert "deep" in found.reason.lower() or "depth" in found.reason.lower()


@pytest.mark.usefixtures("impatient")
def test_a_pattern_that_never_comes_back_is_undecided() -> None:
    (check,) = checks.compile_checks([{"regex": r"^(?:(?:a|a)+)+$"}])
    began = time.perf_counter()
    found = check(CASE, says("a" * 40 + "b"))
    assert found.holds is None
    assert "took over" in found.reason
    assert time.perf_counter() - began < SECONDS


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": r"^(?:(?:a|a)+)+$"},
        {"patternProperties": {r"^(?:(?:a|a)+)+$": True}},
        {"patternProperties": {r"^(?:(?:a|a)+)+$": True}, "additionalProperties": False},
    ],
)
def test_a_schema_whose_pattern_never_comes_back_is_undecided(schema: dict[str, Any]) -> None:
    hostile = "a" * 40 + "b"
    value = hostile if "pattern" in schema else {hostile: 1}
    found = checks.json_schema(schema)(CASE, says(json.dumps(value)))
    assert found.holds is None
    assert "took over" in found.reason


def test_a_schema_that_branches_without_end_is_undecided() -> None:
    branch = {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["y"]}
    value: Any = {"y": 1, "x": 0}
    for _ in range(40):
        value = {"y": 1, "x": value}
    schema = {"anyOf": [branch, branch], "type": "object"}
    found = checks.json_schema(schema)(CASE, says(json.dumps(value)))
    assert found.holds is None
    assert "steps" in found.reason


def test_many_items_are_told_apart_quickly() -> None:
    began = time.perf_counter()
    items = [{"n": n} for n in range(15_000)]
    check = checks.json_schema({"uniqueItems": True})
    assert check(CASE, says(json.dumps(items))).holds is True
    assert check(CASE, says(json.dumps([*items, {"n": 0.0}]))).holds is False
    assert check(CASE, says("[1, true, 0, false]")).holds is True
    assert time.perf_counter() - began < SECONDS


def test_a_schema_never_leads_to_the_network() -> None:
    with pytest.raises(ProblemsError, match="not there"):
        checks.json_schema({"$ref": "http://127.0.0.1:9/schema.json"})


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a b="&x;"/>',
        '<!DOCTYPE a [<!ENTITY x "' + "x" * 999 + '"><!ENTITY y "' + "&x;" * 999 + '">'
        '<!ENTITY z "' + "&y;" * 999 + '">]><a b="&z;"/>',
    ],
)
def test_xml_entities_are_not_followed_into_files_or_memory(text: str) -> None:
    assert checks.xml()(CASE, says(text)).holds is False


def test_a_parser_does_not_log_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    assert checks.sql()(CASE, says("Explain the \x1b[31mhandbook")).holds is False
    assert caplog.records == []


def test_what_was_found_is_masked_in_the_evidence() -> None:
    secret = "ghp_" + "a1B2" * 10
    for check, text in ((checks.no_secrets(), secret), (checks.no_pii(), "jo.doe@mail.example")):
        score = checks.score(CASE, says(f"It is {text}."), [check], 1)
        assert score.value == 0.0
        assert text not in str(score)


def test_a_value_that_json_has_not_fails() -> None:
    output = Output(text="", value={"n": float("nan")})
    assert checks.json_valid()(CASE, output).holds is False
    assert checks.json_schema({})(CASE, output).holds is False


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example\\@acme.example/",
        "https:\\\\evil.example/acme.example",
        "HTTPS:evil.example",
        "[a](//evil.example/x)",
        "www.evil.example",
        "https://acme.example.evil.example",
        "https://notacme.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://evil.example",
        "https://[::1",
        "https://acme.example@evil.example",
        '<img src="/\\evil.example/f">',
        "<img src='\\\\evil.example/f'>",
        "<img src=/\\evil.example/f>",
        '<img src=" \t//evil.example/f">',
        '<img src="/\n/evil.example/f">',
        '<img src="\x01//evil.example/f">',
        '<img src="&#x2f;/evil.example">',
        '<img src="&sol;&NewLine;&bsol;evil.example">',
        '<img src="h&Tab;ttps:&#0000047;/evil.example">',
        '<img\nsrc\n=\n"//evil.example">',
        "<img src=//acme.example'@evil.example>",
        "<img src=//evil.example\n.acme.example>",
        '<img srcset="/a.png 1x,\n//evil.example/b.png 2x">',
        '<a ping="https://acme.example\n//evil.example">',
        '<meta http-equiv=refresh content="0; url=/\\evil.example">',
        "<a href=' javascript&colon;alert(1)'>",
        "<a href=java&Tab;script:alert(1)>",
        "<p style=\"background:url('/\\evil.example')\">",
        '<p style="background:url(\\2f\\2f evil.example)">',
        "![a](  //evil.example/x)",
        "![a](\n//evil.example/x)",
        "![a](<//evil.example/x>)",
        "![a](/\\evil.example/x)",
        "![a](https\\://evil.example)",
        "![a](//acme.example\\)@evil.example)",
        "![a](<//acme.example)@evil.example>)",
        "![a](//acme.example<@evil.example)",
        "[form]: //evil.example/x",
        "[form]:\n  <//evil.example/x>",
        "[form]: //evil.example\n.acme.example",
        '<https://acme.example"!@evil.example>',
        'https://acme.example"@evil.example',
        "https&colon;//evil.example",
        "https&#58;//evil.example",
        "java&Tab;script:alert(1)",
        "javascript&colon;alert(1)",
        "https://acme.example:" + "0" * 3_000 + "@evil.example",
        '<img src="' + "&#32;" * 1_000 + '//evil.example">',
        '<img src="' + " " * 5_000 + '//evil.example">',
        '<img src="/' + "&Tab;" * 1_000 + '/evil.example">',
        '<a href="//acme.example:' + "&#48;" * 1_000 + '@evil.example">',
    ],
)
def test_links_that_only_look_allowed_are_not(text: str) -> None:
    check = checks.urls_allowed(["acme.example", "*.acme.example"])
    assert check(CASE, says(f"See {text} for more")).holds is False


@pytest.mark.parametrize(
    "text",
    [
        "no link, data: none",
        "(https://acme.example).",
        "**https://a.b.acme.example/x?y=1**",
        "a // b",
        '<img src="/a/b.png" alt="either // or"> <a href="mailto:a@b.example">mail</a>',
        '<a href="https://acme.example/a?b=c&amp;d=e"\nclass=x>https://acme.example</a>',
        "<img src=https://acme.example\nalt=x>",
        "[a]( <https://acme.example> ) and [b][form]\n\n[form]: https://acme.example 'title'",
        '<img srcset="https://acme.example/a.png 1x, /b.png 2x">',
        "<meta content=\"0; url='https://acme.example'\">",
        "<p style='background: url(\"https://a.acme.example/x\")'>",
        "Mail me at https://acme.example info@acme.example",
        "text.split('\\\\n')  # a // b\nf(\n  // a comment\n)",
        "https://acme.example/" + "a" * 3_000,
        "&#" + "9" * 10_000 + "; &#x110000; &#xffffffff;",
    ],
)
def test_allowed_links_and_prose_pass(text: str) -> None:
    assert checks.urls_allowed(["acme.example", "*.acme.example"])(CASE, says(text)).holds is True


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<img src=",
        "](",
        "[a]: ",
        "&#",
        "&amp",
        "url(",
        "\\",
        " ",
        "\n",
        "//",
        "src= ",
        "a@",
        '"',
        "a",
    ],
)
def test_a_megabyte_of_half_a_link_is_read_in_a_moment(piece: str) -> None:
    check = checks.urls_allowed(["acme.example"])
    began = time.perf_counter()
    check(CASE, says(piece * (1_000_000 // len(piece))))
    assert time.perf_counter() - began < 5


def test_of_too_many_links_it_is_not_said_that_all_are_allowed() -> None:
    many = "https://acme.example/a " * 10_001
    found = checks.urls_allowed(["acme.example"])(CASE, says(f"{many} https://evil.example"))
    assert (found.holds, found.reason) == (None, "the answer has over 10000 links")


def test_no_check_changes_what_it_reads() -> None:
    before = canonical([BASE.text, [call.arguments for call in BASE.tool_calls]])
    for check in checks.compile_checks(SPECS):
        check(CASE, BASE)
    assert canonical([BASE.text, [call.arguments for call in BASE.tool_calls]]) == before
