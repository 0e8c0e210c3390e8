"""Lint finds what would make a dataset say less than it seems to."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.golden.contradict import contradictions
from evalsuite.golden.lint import lint
from evalsuite.golden.near import near_duplicates

TRADES = ("abbot", "baker", "cooper", "dyer", "fletcher", "mason", "smith", "tailor", "wright", "x")
CHECKED: dict[str, Any] = {"checks": [{"contains": "16"}]}


def findings(tmp_path: Path, *cases: dict[str, Any], about: Any = None) -> list[tuple[str, ...]]:
    """(severity, line, field, message) of each."""
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    if about is not None:
        (folder / "dataset.json").write_text(json.dumps(about))
    found = lint(folder)
    assert all(each.problem.remedy for each in found)
    return [
        (each.severity, each.problem.line, each.problem.field, each.problem.message)
        for each in found
    ]


def test_a_sound_dataset_has_no_findings(tmp_path: Path) -> None:
    cases = [
        {"input": f"What does the {name} do?", "slices": {"t": "x"}, **CHECKED} for name in TRADES
    ]
    assert findings(tmp_path, *cases) == []


def test_problems_of_loading_are_errors_and_the_rest_is_linted(tmp_path: Path) -> None:
    found = findings(tmp_path, {"inptu": "x"}, {"input": "y"})
    assert [(severity, line) for severity, line, *_ in found] == [
        ("error", 1),
        ("error", 1),
        ("note", 2),
    ]
    assert 'did you mean "input"' in str(lint(tmp_path / "set")[0])


def test_an_exact_duplicate_is_an_error(tmp_path: Path) -> None:
    case = {"input": "x", "expected": "16", **CHECKED}
    found = findings(tmp_path, {"id": "a", **case}, {"id": "b", **case, "slices": {}})
    (severity, line, field, message) = found[0]
    assert (severity, line, field, len(found)) == ("error", 2, "input", 1)
    assert message.startswith("b: exact duplicate of a (")
    assert message.endswith("a.jsonl:1)")


def test_one_input_with_two_expectations_is_a_warning(tmp_path: Path) -> None:
    found = findings(
        tmp_path,
        {"id": "a", "input": "x", "expected": "16"},
        {"id": "b", "input": "x", "expected": "12"},
    )
    assert [(each[0], each[2]) for each in found] == [("warning", "expected")]


def test_a_near_duplicate_is_a_warning_unless_both_share_a_cluster(tmp_path: Path) -> None:
    one = {"id": "a", "input": {"q": "How long is parental leave at Acme?"}, **CHECKED}
    two = {"id": "b", "input": {"q": "how long is the parental leave at Acme"}, **CHECKED}
    found = findings(tmp_path, one, two)
    assert [(each[0], each[1], each[2]) for each in found] == [("warning", 2, "input")]
    assert "near duplicate of a" in found[0][3]
    together = tmp_path / "together"
    together.mkdir()
    assert findings(together, {**one, "cluster": "c"}, {**two, "cluster": "c"}) == []


@pytest.mark.parametrize(
    ("value", "expected", "leaks"),
    [
        ("Is it true that leave is 16 weeks?", "16  Weeks", True),
        ({"q": "Say 42.", "n": 1}, "42", True),
        ({"messages": [{"role": "user", "content": "Answer Lisbon"}]}, "Lisbon", True),
        ("Is it 160 weeks?", "16", False),
        ("Can I say yes or no?", "no", False),
        ("Where?", "Lisbon", False),
        ({"q": "Where?", "document": "The office is in Lisbon. " + "x " * 600}, "Lisbon", False),
        ({"q": "Where?"}, {"city": "Where"}, False),
    ],
)
def test_an_expected_answer_in_the_prompt_is_a_warning(
    value: Any, expected: Any, leaks: bool, tmp_path: Path
) -> None:
    found = findings(tmp_path, {"input": value, "expected": expected})
    assert [(each[0], each[2]) for each in found] == [("warning", "expected")] * leaks


def test_empty_tiny_unknown_and_missing_slices_are_named(tmp_path: Path) -> None:
    cases = [{"input": f"the {word}", "slices": {"topic": "legal"}, **CHECKED} for word in TRADES]
    cases.append({"input": "another thing", "slices": {"topic": "legl"}, **CHECKED})
    cases.append({"input": "without any slice", **CHECKED})
    found = findings(tmp_path, *cases, about={"slices": {"topic": ["legal", "travel"]}})
    assert [(each[0], each[1]) for each in found] == [
        ("warning", 11),
        ("warning", 11),
        ("note", 12),
        ("warning", 0),
    ]
    messages = " ".join(each[3] for each in found)
    assert "'legl' is not among the values" in messages
    assert "topic=legl has 1 of at least 10 cases" in messages
    assert found[3][2:] == ("slices.topic=travel", "an empty slice")


def test_a_case_that_expects_nothing_is_a_note(tmp_path: Path) -> None:
    assert [each[0] for each in findings(tmp_path, {"input": "x"})] == ["note"]
    other = tmp_path / "other"
    other.mkdir()
    assert findings(other, {"input": "x", "relevant": ["d"]}) == []


def test_contradictory_checks_are_errors(tmp_path: Path) -> None:
    checks = [{"contains": "16 weeks"}, {"not": {"contains": "16"}}]
    found = findings(tmp_path, {"input": "x", "checks": checks})
    assert [(each[0], each[2]) for each in found] == [("error", "checks[1].not")]


NEVER: list[list[dict[str, Any]]] = [
    [{"contains": "x"}, {"not": {"contains": "x"}}],
    [{"not": {"not": {"contains": "x"}}}, {"not": {"contains": "x"}}],
    [{"contains": "16 weeks"}, {"not": {"contains": "weeks"}}],
    [{"contains": "Weeks"}, {"not": {"contains": {"text": "weeks", "ignore_case": True}}}],
    [{"contains": {"all": ["a", "bc"]}}, {"not": {"contains": "b"}}],
    [{"contains": {"any": ["ab", "ac"]}}, {"not": {"contains": "a"}}],
    [{"contains": {"any": ["a", "b"]}}, {"not": {"contains": {"any": ["b", "a"]}}}],
    [{"equals": "a"}, {"equals": "b"}],
    [{"equals": "a"}, {"equals": {"text": "B", "ignore_case": True}}],
    [{"equals": "abc"}, {"contains": "d"}],
    [{"contains": "d"}, {"equals": "abc"}],
    [{"equals": "abc"}, {"not": {"contains": "b"}}],
    [{"equals": "abc"}, {"one_of": ["ab", "bc"]}],
    [{"equals": "abc"}, {"starts_with": "b"}],
    [{"equals": "abc"}, {"ends_with": {"text": "b", "ignore_case": True}}],
    [{"words": {"min": 10}}, {"words": {"max": 5}}],
    [{"refusal": True}, {"not": {"refusal": True}}],
]
SATISFIABLE: list[list[dict[str, Any]]] = [
    [],
    [{"contains": "weeks"}, {"not": {"contains": "16 weeks"}}],
    [{"contains": "16"}, {"contains": "weeks"}],
    [{"contains": {"text": "weeks", "ignore_case": True}}, {"not": {"contains": "weeks"}}],
    [{"contains": {"any": ["ab", "cd"]}}, {"not": {"contains": "a"}}],
    [{"contains": "a"}, {"not": {"contains": {"all": ["a", "b"]}}}],
    [{"equals": "a"}, {"equals": {"text": "A", "ignore_case": True}}],
    [{"equals": "abc "}, {"contains": "c"}, {"starts_with": "a"}, {"one_of": ["abc", "x"]}],
    [{"equals": {"text": "ABC", "ignore_case": True}}, {"contains": "b"}],
    [{"not": {"equals": "a"}}, {"not": {"equals": "b"}}],
    [{"words": {"min": 5, "max": 5}}, {"words": {"max": 10}}, {"sentences": {"max": 1}}],
    [{"equals": "a"}, {"contains": "a "}],
    [{"equals": {"value": 1}}, {"equals": {"value": 2}}],
    [{"contains": None}, {"contains": {"any": None}}, {"one_of": None}, {"contains": []}],
]


@pytest.mark.parametrize("checks", NEVER, ids=json.dumps)
def test_checks_that_nothing_satisfies_are_found(checks: list[dict[str, Any]]) -> None:
    assert contradictions(checks)


@pytest.mark.parametrize("checks", SATISFIABLE, ids=json.dumps)
def test_checks_that_something_satisfies_pass(checks: list[dict[str, Any]]) -> None:
    assert contradictions(checks) == []


TEXTS = st.text(alphabet="ab B", max_size=3)
PARAMS = TEXTS | st.fixed_dictionaries(
    {},
    optional={
        "text": TEXTS,
        "any": st.lists(TEXTS),
        "all": st.lists(TEXTS),
        "ignore_case": st.booleans(),
    },
)


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["contains", "equals", "starts_with"]), PARAMS),
        max_size=4,
    ),
    st.text(alphabet="ab B", max_size=5),
)
def test_whatever_an_answer_satisfies_is_no_contradiction(
    wishes: list[tuple[bool, str, Any]], answer: str
) -> None:
    checks = [{kind: value} for _, kind, value in wishes]
    held = [check if _holds(check, answer) else {"not": check} for check in checks]
    assert contradictions(held) == []


def _holds(check: dict[str, Any], answer: str) -> bool:
    ((kind, given_value),) = check.items()
    value = given_value if isinstance(given_value, dict) else {"text": given_value}
    fold = str.casefold if value.get("ignore_case") else str
    text, answer = value.get("text"), fold(answer)
    if kind == "contains":
        needed = [*([text] if text is not None else []), *value.get("all", [])]
        some = value.get("any")
        return all(fold(each) in answer for each in needed) and (
            not some or any(fold(each) in answer for each in some)
        )
    if text is None:
        return True
    if kind == "equals":
        return answer.strip() == fold(text.strip())
    return answer.strip().startswith(fold(text.strip()))


def test_near_duplicates_are_found_among_many() -> None:
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 9))) for _ in range(500)]
    texts = [" ".join(rng.choices(words, k=14)) for _ in range(1_000)]
    planted = [place * 97 for place in range(1, 10)]
    for place in planted:
        texts[place] = texts[place - 50].upper().replace(" ", "  ") + "!"
        texts[place + 1] = texts[place - 60] + " too"
    found = near_duplicates(texts)
    assert [(each.first, each.later) for each in found] == [
        pair for place in planted for pair in ((place - 50, place), (place - 60, place + 1))
    ]


def test_texts_that_differ_in_a_number_are_not_near() -> None:
    assert near_duplicates(["the limit for level 3 hotels", "the limit for level 4 hotels"]) == []


@given(st.lists(st.text(max_size=30), max_size=8))
def test_near_duplicates_hold_for_any_text(texts: list[str]) -> None:
    for first, later, similarity in near_duplicates(texts):
        assert 0 <= first < later < len(texts)
        assert 0.7 <= similarity <= 1.0
