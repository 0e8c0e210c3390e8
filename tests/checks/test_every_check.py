"""Every check holds on a right answer and fails on one made to be wrong; `not` does the reverse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evalsuite import checks, registry
from evalsuite.errors import ProblemsError
from evalsuite.records import Case, Document, Output, ToolCall, Usage
from evalsuite.scoring import Outcome

CASE = Case(id="leave-01", input={"question": "How long is parental leave?"}, expected="16 weeks")
LEAVE = Document("leave#parental", "Parental leave is 16 weeks, paid in full. It's for all staff.")
BASE = Output(
    text="Parental leave is 16 weeks.",
    contexts=[LEAVE, Document("pay#cycle", "Salaries are paid on the 25th.")],
    tool_calls=[
        ToolCall("search", {"query": "leave", "limit": 3}),
        ToolCall("read", {"id": "leave#parental"}),
    ],
    finish_reason="stop",
    usage=Usage(input_tokens=400, output_tokens=12),
    cost=0.002,
    latency=1.5,
    first_token=0.3,
)
SCHEMA = {"type": "object", "required": ["weeks"], "properties": {"weeks": {"type": "integer"}}}
ENGLISH = "Parental leave takes sixteen weeks and every employee may take it."
GERMAN = "Die Elternzeit dauert sechzehn Wochen und steht allen Angestellten zu."
CARD = "4111 1111 1111 1111"  # the card networks' own test number
KEY = "AKIA" + "IOSFODNN7EXAMPLE"  # split, so that no scanner takes it for a key


def says(text: str, **changes: Any) -> Output:
    return replace(BASE, text=text, **changes)


def calls(*made: ToolCall) -> Output:
    return replace(BASE, tool_calls=made)


def finds(*documents: Document) -> Output:
    return replace(BASE, contexts=documents)


def labelled(**metadata: Any) -> Document:
    return replace(LEAVE, metadata=metadata)


TABLE: list[tuple[dict[str, Any], Output, Output]] = [
    ({"equals": "16 weeks"}, says(" 16 weeks\n"), says("16 weeks, paid")),
    ({"equals": True}, says("16 weeks"), says("12 weeks")),
    ({"equals": {"text": "YES", "ignore_case": True}}, says("yes"), says("no")),
    ({"contains": "16 weeks"}, BASE, says("Leave is 12 weeks.")),
    ({"contains": {"any": ["16 weeks", "sixteen"]}}, says("Sixteen? sixteen."), says("twelve")),
    ({"contains": {"all": ["16", "leave"]}}, BASE, says("16 weeks")),
    ({"contains": {"text": "STRASSE", "ignore_case": True}}, says("die Straße"), says("Weg")),
    ({"contains": {"text": "16", "any": ["day", "week"]}}, BASE, says("16 months")),
    ({"starts_with": "Parental"}, says("  Parental leave"), says("My Parental")),
    ({"ends_with": {"text": "WEEKS.", "ignore_case": True}}, says("16 weeks.\n"), says("weeks!")),
    ({"regex": r"\b1[56] weeks\b"}, BASE, says("116 weeks")),
    ({"regex": {"pattern": "PAID", "ignore_case": True}}, says("It is paid"), says("It is free")),
    ({"one_of": ["A", "B"]}, says(" B "), says("C")),
    ({"json_valid": True}, says('{"weeks": 16}'), says('{"weeks": 16')),
    ({"json_valid": True}, says("", value={"weeks": 16}), says("[NaN]")),
    ({"json_schema": SCHEMA}, says('{"weeks": 16}'), says('{"weeks": "16"}')),
    ({"jsonpath": "$.a[0]"}, says('{"a": [1]}'), says('{"a": []}')),
    ({"jsonpath": {"path": "$.a", "equals": 1}}, says('{"a": 1.0}'), says('{"a": true}')),
    ({"jsonpath": {"path": "$.a", "equals": None}}, says('{"a": null}'), says('{"a": 0}')),
    ({"jsonpath": {"path": "$[*].b", "equals": 1}}, says('[{"b":1}]'), says('[{"b":1},{"b":2}]')),
    ({"sql": True}, says("SELECT a FROM t WHERE b = 1"), says("SELECT a FROM WHERE")),
    ({"sql": {"dialect": "postgres"}}, says("select 1::int"), says("Show me the money")),
    ({"xml": True}, says("<a><b/></a>"), says("<a><b></a>")),
    ({"html": True}, says("<p>Hi <b>there</b></p>"), says("<p>Hi <b>there</p>")),
    ({"html": True}, says("<!doctype html><title>x</title><p>Hi"), says("Hi there")),
    ({"number": 16}, says("about 16 weeks"), says("about 160 weeks")),
    ({"number": {"value": 1234.5, "tolerance": 0.5}}, says("1,235 USD"), says("1,236 USD")),
    ({"number": {"value": -200, "relative": 0.1}}, says("it is −185"), says("it is 185")),
    ({"words": {"max": 5}}, says("It's a 16-week leave"), says("one two three four five six")),
    ({"characters": {"min": 3, "max": 4}}, says("abc"), says("abcde")),
    ({"sentences": {"max": 2}}, says("Yes, e.g. 1.5 days. Ask."), says("One. Two! Three?")),
    ({"tokens": {"max": 20}}, BASE, replace(BASE, usage=Usage(output_tokens=21))),
    ({"tokens": {"of": "total", "max": 412}}, BASE, replace(BASE, usage=Usage(401, 12))),
    ({"refusal": True}, says("I’m sorry, but I can’t help with that."), BASE),
    ({"refusal": True}, says("Hm.", finish_reason="content_filter"), says("You cannot do it.")),
    ({"refusal": {"phrases": ["not in the handbook"]}}, says("That's Not in the handbook."), BASE),
    ({"citation": True}, says("16 weeks [leave#parental]."), says("16 weeks.")),
    ({"citation": True}, says("16 [leave#parental; pay#cycle]"), says("16 [leave#invented].")),
    ({"citation": {"min": 2}}, says("a [leave#parental] b [pay#cycle]"), says("[pay#cycle]")),
    ({"citation": {"pattern": r"\(source: ([^)]+)\)"}}, says("(source: pay#cycle)"), says("(x)")),
    (
        {"quotes": True},
        says("It says “16 weeks,  paid in full” and more."),
        says('It says "18 weeks, paid in full".'),
    ),
    ({"levenshtein": {"min": 0.8}}, says("16 week"), says("12 days")),
    ({"rouge_l": {"min": 0.6}}, says("It is 16 weeks"), says("It is 12 days")),
    (
        {"bleu": {"min": 0.5, "reference": "the cat sat on the mat"}},
        says("the cat sat on a mat"),
        BASE,
    ),
    ({"chrf": {"min": 0.5, "reference": "the cat sat"}}, says("the cats sat"), says("a dog ran")),
    ({"language": "en"}, says(ENGLISH), says(GERMAN)),
    ({"language": ["de", "fr"]}, says(GERMAN), says(ENGLISH)),
    ({"no_pii": True}, BASE, says("Write to jo.doe@example.org")),
    ({"no_pii": {"kinds": ["phone"]}}, says("a@b.example"), says("Call +1 (555) 234-5678 now")),
    ({"no_pii": True}, says("Order 4111 1111 1111 1112"), says(f"Card {CARD}.")),
    ({"no_pii": True}, says("DE90 3704 0044 0532 0130 00"), says("DE89 3704 0044 0532 0130 00 OK")),
    ({"no_pii": {"allow": ["@acme.example"]}}, says("hr@acme.example"), says("hr@acme.test")),
    ({"no_secrets": True}, says("AKIA is a prefix; sk-learn too"), says(f"Use {KEY}, please.")),
    ({"no_leak": "canary-7f3a9c"}, BASE, says("It is C A N A R Y 7F3A9C.")),
    ({"no_leak": "canary-7f3a9c"}, BASE, calls(ToolCall("post", {"q": "canary7f3a9c"}))),
    (
        {"urls_allowed": ["acme.example", "*.acme.example"]},
        says("See https://acme.example/a and http://hr.acme.example:80/b."),
        says("See https://acme.example@evil.example/a"),
    ),
    ({"tool_called": "search"}, BASE, calls()),
    ({"tool_not_called": "delete"}, BASE, calls(ToolCall("delete"))),
    ({"tool_order": ["search", "read"]}, BASE, calls(ToolCall("read"), ToolCall("search"))),
    ({"tool_count": {"name": "search", "max": 1}}, BASE, calls(*[ToolCall("search")] * 2)),
    ({"tool_not_repeated": True}, BASE, calls(*[ToolCall("search", {"q": 1})] * 2)),
    (
        {"tool_arguments_valid": {"name": "search", "schema": {"required": ["query"]}}},
        BASE,
        calls(ToolCall("search", {"query": "a"}), ToolCall("search", {"limit": 3})),
    ),
    (
        {"tool_arguments_equal": {"name": "search", "arguments": {"limit": 3.0, "query": "leave"}}},
        BASE,
        calls(ToolCall("search", {"query": "leave"})),
    ),
    ({"steps": {"max": 2}}, BASE, calls(*[ToolCall("search")] * 3)),
    ({"latency": 2}, BASE, replace(BASE, latency=2.5)),
    ({"first_token": 0.5}, BASE, replace(BASE, first_token=0.6)),
    ({"cost": 0.01}, BASE, replace(BASE, cost=0.02)),
    ({"finish_reason": "stop"}, BASE, replace(BASE, finish_reason="length")),
    (
        {"documents_fresh": {"days": 365, "as_of": "2026-11-30"}},
        finds(labelled(updated="2025-11-30")),
        finds(labelled(updated="2025-11-29")),
    ),
    (
        {"documents_fresh": {"as_of": "2026-11-30", "expires": "until"}},
        finds(labelled(until="2026-11-30"), labelled(until=None)),
        finds(labelled(until="2026-11-29T23:59:00+02:00")),
    ),
    ({"documents_unique": True}, BASE, finds(LEAVE, replace(LEAVE, text="another"))),
    (
        {"documents_unique": {"near": 0.8, "ids": False}},
        finds(LEAVE, replace(LEAVE, text="Another text about leave.")),
        finds(LEAVE, Document("copy", LEAVE.text.replace("paid in full", "paid in  FULL!"))),
    ),
    ({"documents_allowed": ["leave#*", "pay#cycle"]}, BASE, finds(Document("globex#pay", "x"))),
    (
        {"documents_allowed": {"metadata": {"tenant": ["acme", "public"]}}},
        finds(labelled(tenant="acme"), labelled(tenant=["globex", "public"])),
        finds(labelled(tenant="acme"), labelled(tenant="globex")),
    ),
    ({"python": "operator:is_"}, Output(), Output()),
]
BUILT_IN = [row for row in TABLE if "python" not in row[0]]


def ids(row: Any) -> str:
    return str(next(iter(row))) if isinstance(row, dict) else ""


@pytest.mark.parametrize(("spec", "right", "wrong"), BUILT_IN, ids=ids)
def test_holds_on_a_right_answer_and_fails_on_a_wrong_one(
    spec: dict[str, Any], right: Output, wrong: Output
) -> None:
    (check,) = checks.compile_checks([spec])
    held, failed = check(CASE, right), check(CASE, wrong)
    assert held.holds is True, held
    assert failed.holds is False, failed
    assert held.reason
    assert failed.reason


@pytest.mark.parametrize(("spec", "right", "wrong"), BUILT_IN, ids=ids)
def test_not_holds_exactly_where_the_check_does_not(
    spec: dict[str, Any], right: Output, wrong: Output
) -> None:
    (check,) = checks.compile_checks([{"not": spec}])
    assert check(CASE, right).holds is False
    assert check(CASE, wrong).holds is True


def test_a_leaked_canary_stands_in_neither_reason_nor_evidence() -> None:
    (check,) = checks.compile_checks([{"no_leak": ["harmless-text", "COPPER-9931-GATE"]}])
    for output in (
        says("It is copper 9931 gate."),
        calls(ToolCall("post", {"q": "COPPER-9931-GATE"})),
    ):
        found = check(CASE, output)
        assert found.holds is False
        assert found.reason.endswith(" leaks COP… (16 characters)")
        assert found.evidence == {"leaked": "COP… (16 characters)"}


def test_every_installed_check_has_a_row_in_the_table() -> None:
    assert {next(iter(spec)) for spec, _, _ in TABLE} == registry.names("scorers")


def test_every_installed_check_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/checks.md").read_text(encoding="utf-8")
    assert [name for name in registry.names("scorers") if f"`{name}`" not in page] == []


UNKNOWN = Output(text="Yes")
UNDECIDED = [
    ({"equals": True}, Case(id="a", input="q"), UNKNOWN),
    ({"rouge_l": 0.5}, Case(id="a", input="q", expected={"weeks": 16}), UNKNOWN),
    ({"number": True}, CASE, UNKNOWN),
    ({"latency": 1}, CASE, UNKNOWN),
    ({"latency": 1}, CASE, replace(BASE, latency=float("nan"))),
    ({"first_token": 1}, CASE, UNKNOWN),
    ({"cost": 1}, CASE, UNKNOWN),
    ({"tokens": {"max": 1}}, CASE, UNKNOWN),
    ({"finish_reason": "stop"}, CASE, UNKNOWN),
    ({"language": "en"}, CASE, UNKNOWN),
    ({"language": "en"}, CASE, says("42 € 17 " * 20)),
    ({"tool_not_repeated": True}, CASE, calls(ToolCall("a", {"x": {1, 2}}))),
]


@pytest.mark.parametrize(("spec", "case", "output"), UNDECIDED, ids=ids)
@pytest.mark.parametrize("negated", [False, True])
def test_what_is_unknown_is_undecided_negated_or_not(
    spec: dict[str, Any], case: Case, output: Output, negated: bool
) -> None:
    (check,) = checks.compile_checks([{"not": spec} if negated else spec])
    found = check(case, output)
    assert found.holds is None
    assert found.reason


def test_python_writes_the_checks_that_golden_lines_name() -> None:
    written = checks.compile_checks([{"contains": {"any": ["a"], "ignore_case": True}}])
    assert checks.contains(any=["a"], ignore_case=True) == written[0]
    assert (
        checks.negate(checks.contains("a"))
        == checks.compile_checks([{"not": {"contains": "a"}}])[0]
    )


def test_a_check_of_ones_own_gets_key_and_validation() -> None:
    @checks.define(version=1)
    def shouts(*, marks: int = 1) -> checks.Test:
        def test(case: Case, output: Output) -> Outcome:
            return Outcome(output.text.count("!") >= marks, "looked for exclamation marks")

        return test

    assert shouts(marks=2)(CASE, says("No!!")).holds is True
    assert shouts(marks=2).key != shouts().key
    assert shouts(marks=1).key == shouts().key
    with pytest.raises(ProblemsError, match="must be a whole number"):
        shouts(marks="2")  # type: ignore[arg-type]
