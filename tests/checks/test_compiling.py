"""Golden lines become checks; what is wrong with one is said with field and remedy."""

import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite import checks
from evalsuite.errors import DataError, MissingExtra, ProblemsError

DEEP: Any = {"contains": "x"}
for _ in range(5_000):
    DEEP = {"not": DEEP}

WRONG: list[tuple[Any, str, str, str]] = [
    ("contains", "checks[0]", "object of one key", "write"),
    ({}, "checks[0]", "object of 0 keys", "one object per check"),
    ({"contains": "a", "equals": "b"}, "checks[0]", "object of 2 keys", "one object per check"),
    ({"contain": "a"}, "checks[0]", 'unknown check "contain"', 'did you mean "contains"?'),
    ({"not": {"regx": "a"}}, "checks[0]", 'unknown check "regx"', 'did you mean "regex"?'),
    ({1: "a"}, "checks[0]", 'unknown check "1"', ""),
    (DEEP, "checks[0].not", "nested too deeply", "cancel out"),
    ({"contains": {"txt": "a"}}, "checks[0].contains", 'unknown parameter "txt"', '"text"'),
    ({"contains": 16}, "checks[0].contains.text", "must be text, not 16", "docs/checks.md"),
    ({"contains": True}, "checks[0].contains", "needs a text", "write"),
    ({"contains": ""}, "checks[0].contains.text", "must not be empty", "every answer"),
    ({"contains": ["a"]}, "checks[0].contains.text", "must be text, not a list", ""),
    ({"contains": {"any": []}}, "checks[0].contains.any", "must not be empty", ""),
    ({"contains": {"all": ["a", ""]}}, "checks[0].contains.all", "must not be empty", ""),
    ({"contains": {"any": ["a", 1]}}, "checks[0].contains.any", "a list, each text, not 1", ""),
    ({"contains": "\ud800"}, "checks[0].contains", "not plain JSON", ""),
    ({"refusal": False}, "checks[0].refusal", "can't be false", '{"not": {"refusal": true}}'),
    ({"refusal": None}, "checks[0].refusal", "can't be null", "true"),
    ({"equals": {"text": "a", "ignore_case": "no"}}, "checks[0].equals.ignore_case", "true or", ""),
    ({"regex": "(a"}, "checks[0].regex.pattern", "missing )", "JSON"),
    ({"regex": "((a{1000}){1000}){1000}"}, "checks[0].regex.pattern", "repeats too much", "{"),
    ({"regex": "a" * 6_000}, "checks[0].regex.pattern", "6000 characters", "at most"),
    ({"json_schema": {"type": "objekt"}}, "checks[0].json_schema.type", "not a JSON Schema", ""),
    ({"json_schema": {"$ref": "#"}}, "checks[0].json_schema", "without end", "part of"),
    ({"json_schema": {"$ref": "#/$defs/x"}}, "checks[0].json_schema", "not there", "part of"),
    ({"json_schema": {"$schema": "x:y"}}, "checks[0].json_schema", "unknown $schema", "leave"),
    ({"json_schema": {"pattern": "(a"}}, "checks[0].json_schema.pattern", "JSON Schema", ""),
    ({"json_schema": "x"}, "checks[0].json_schema.schema", "must be an object", ""),
    ({"jsonpath": "$.["}, "checks[0].jsonpath.path", "not a JSONPath", "e.g. $.total"),
    ({"jsonpath": "a.b"}, "checks[0].jsonpath.path", "not a JSONPath", "e.g. $.total"),
    ({"jsonpath": "$[?match(@.a, 'x')]"}, "checks[0].jsonpath.path", "not a JSONPath", ""),
    ({"sql": "postgresql"}, "checks[0].sql.dialect", "unknown dialect", 'mean "postgres"'),
    ({"language": "german"}, "checks[0].language", 'unknown code "german"', ""),
    ({"number": "16"}, "checks[0].number.value", "must be a number", ""),
    ({"number": {"value": 1, "tolerance": -1}}, "checks[0].number.tolerance", "negative", "0"),
    ({"number": float("nan")}, "checks[0].number", "not plain JSON", ""),
    ({"words": 12}, "checks[0].words", "too many", "min, max"),
    ({"words": True}, "checks[0].words", "needs a minimum or a maximum", '"max"'),
    ({"words": {"max": 1.5}}, "checks[0].words.max", "must be a whole number, not 1.5", ""),
    ({"words": {"max": True}}, "checks[0].words.max", "must be a whole number, not true", ""),
    ({"words": {"min": 5, "max": 2}}, "checks[0].words.min", "over the maximum", "swap"),
    ({"latency": -1}, "checks[0].latency.max", "negative", ""),
    ({"levenshtein": 80}, "checks[0].levenshtein.min", "at most 1", "0.6"),
    ({"levenshtein": True}, "checks[0].levenshtein", "min", "parameters"),
    ({"tokens": {"max": 1, "of": "all"}}, "checks[0].tokens.of", 'one of "output"', ""),
    ({"no_pii": ["mail"]}, "checks[0].no_pii.kinds", 'each one of "email"', ""),
    ({"no_leak": "abc"}, "checks[0].no_leak.canary", "under 6", "longer"),
    (
        {"urls_allowed": ["https://a.example"]},
        "checks[0].urls_allowed.hosts",
        "no host name",
        "e.g.",
    ),
    ({"citation": {"pattern": "x"}}, "checks[0].citation.pattern", "0 groups", "around the id"),
    ({"citation": {"min": 0}}, "checks[0].citation.min", "at least 1", ""),
    ({"tool_arguments_valid": "a"}, "checks[0].tool_arguments_valid", "schema", "name, schema"),
    ({"python": "module.function"}, "checks[0].python", "must name a function", "module:function"),
    ({"python": "nosuch_module:f"}, "checks[0].python", "can't import nosuch_module", "importable"),
    ({"python": "os.path:nosuch"}, "checks[0].python", "os.path has no nosuch", "after the colon"),
    ({"python": "os:sep"}, "checks[0].python", "no plain function", "def"),
    ({"python": {"call": "operator:is_", "x": 1}}, "checks[0].python", "operator:is_", "output"),
    ({"python": {}}, "checks[0].python", "call", ""),
]


@pytest.mark.parametrize(("spec", "field", "message", "remedy"), WRONG)
def test_a_wrong_check_is_one_problem_with_field_message_and_remedy(
    spec: Any, field: str, message: str, remedy: str
) -> None:
    (found,) = checks.problems([spec])
    assert found[0] == field
    assert message in found[1]
    assert remedy in found[2]
    assert found[2] or remedy == ""
    assert all(len(part) < 700 for part in found)
    with pytest.raises(DataError, match=r"checks\[0\]"):
        checks.compile_checks([spec])


def test_all_problems_of_a_case_are_said_at_once() -> None:
    specs = [{"contains": "a"}, {"words": 1}, {"contains": {"a": 1, "b": 2}}, {"not": {"sql": 1}}]
    assert [field for field, _, _ in checks.problems(specs)] == [
        "checks[1].words",
        "checks[2].contains",
        "checks[2].contains",
        "checks[3].sql.dialect",
    ]
    with pytest.raises(ProblemsError) as caught:
        checks.compile_checks(specs)
    assert len(caught.value.problems) == 4


def test_right_checks_have_no_problem() -> None:
    assert checks.problems([{"contains": "a"}, {"not": {"not": {"refusal": True}}}]) == []


@settings(max_examples=200)
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["not", "contains", "regex", "words", "json_schema", "min", "all"]
                    )
                    | st.text(max_size=4),
                    inner,
                    max_size=2,
                )
            ),
            max_leaves=8,
        ),
        max_size=3,
    )
)
def test_anything_written_as_checks_compiles_or_is_a_problem(specs: list[Any]) -> None:
    wrong = checks.problems(specs)
    if wrong:
        with pytest.raises(ProblemsError):
            checks.compile_checks(specs)
    else:
        assert len(checks.compile_checks(specs)) == len(specs)


def test_a_package_that_is_missing_is_no_problem_of_the_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("sqlglot", "rapidfuzz.distance", "jsonpath", "lxml"):
        monkeypatch.setitem(sys.modules, name, None)
    specs = [
        ({"sql": "sqlite"}, "formats"),
        ({"levenshtein": 0.123}, "text"),
        ({"jsonpath": "$.abc"}, "formats"),
        ({"xml": {}}, "formats"),
    ]
    for spec, extra in specs:
        assert checks.problems([spec]) == []
        with pytest.raises(MissingExtra, match=rf"evalsuite\[{extra}\]"):
            checks.compile_checks([spec])


def key(*specs: Any) -> str:
    return checks.checks_key(specs)


def test_the_key_tells_checks_apart_and_ignores_their_order_and_spelling() -> None:
    a, b = {"contains": "a"}, {"contains": "b"}
    assert key(a, b) == key(b, a)
    assert key(a) != key(b) != key(a, b) != key(a, a)
    assert (
        key(a) == key({"contains": {"text": "a"}}) == key({"contains": {"text": "a", "any": None}})
    )
    assert key(a) == key({"contains": {"text": "a", "ignore_case": False}})
    assert key(a) != key({"contains": {"text": "a", "ignore_case": True}})
    assert key(a) != key({"not": a}) != key({"not": {"not": a}})
    assert key(a) != key({"starts_with": "a"})
    assert checks.checks_key([a], [checks.contains("b")]) == key(a, b)
    assert key() != key(a)


def test_a_new_version_of_a_check_has_a_new_key() -> None:
    def made(version: int) -> str:
        def same(text: str) -> checks.Test:
            return lambda case, output: checks.Outcome(True, "yes")

        return checks.define(version=version)(same)("x").key

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_ten_thousand_cases_compile_in_a_moment() -> None:
    checks.compile_checks([{"contains": "warm"}, {"words": {"max": 50}}])
    began = time.process_time()
    for place in range(10_000):
        specs = [{"contains": f"{place} weeks"}, {"not": {"contains": "I"}}, {"words": {"max": 50}}]
        checks.compile_checks(specs)
    assert (time.process_time() - began) / 10_000 < 0.0002  # 0.03 ms when the machine is idle


def test_plain_checks_import_no_heavy_package() -> None:
    code = (
        "import sys; from evalsuite import checks;"
        "checks.compile_checks([{'contains': 'a'}, {'regex': 'a'}, {'words': {'max': 3}},"
        "{'citation': True}, {'refusal': True}, {'no_pii': True}, {'steps': {'max': 1}}]);"
        "heavy = {'jsonschema', 'sqlglot', 'lxml', 'html5lib', 'sacrebleu', 'rapidfuzz',"
        "'py3langid', 'jsonpath', 'numpy', 'asyncio'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
