"""Metrics of other libraries, before the library: names, fields, and errors that name a remedy."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest
from judged import setting

import evalsuite as ev
from evalsuite.adapters.fields import fields_of, lacking
from evalsuite.adapters.inside import Answers, installed
from evalsuite.adapters.naming import friendly
from evalsuite.errors import EvalsuiteError, MissingExtra, SuiteError
from evalsuite.records import Case, Document, Output, ToolCall

hypothesis = pytest.importorskip("hypothesis")
st = pytest.importorskip("hypothesis.strategies")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Faithfulness", "faithfulness"),
        ("faithfulness", "faithfulness"),
        ("NoiseSensitivity", "noise_sensitivity"),
        ("ToolCorrectnessMetric", "tool_correctness"),
        ("GEval", "geval"),
        ("ConversationalGEval", "conversational_geval"),
        ("SQLSemanticEquivalence", "sql_semantic_equivalence"),
        ("PIILeakageMetric", "pii_leakage"),
        ("ToolCallF1", "tool_call_f1"),
    ],
)
def test_a_metric_has_the_librarys_name_as_ours_are_written(theirs: str, ours: str) -> None:
    assert friendly(theirs) == ours
    assert ev.ragas.metric(theirs).metric.name == f"ragas.{ours}"


def test_an_attribute_is_a_metric_of_that_name() -> None:
    metric = ev.deepeval.geval(name="tone", criteria="Is it polite?")
    assert (metric.theirs, metric.name, metric.params) == (
        "geval",
        "tone",
        {"criteria": "Is it polite?"},
    )
    metric = ev.deepeval.metric("RoleViolationMetric", params={"role": "clerk"}, role="judge")
    assert (metric.role, metric.params) == ("judge", {"role": "clerk"})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ev.ragas.metric("not a name"), "the name of a metric is a word"),
        (lambda: ev.ragas.faithfulness(name="Ü"), "name must be lower-case"),
        (lambda: ev.ragas.faithfulness(role=""), "role must be the name of a role"),
        (lambda: ev.ragas.faithfulness(python=3), "python must be the path"),
        (lambda: ev.ragas.faithfulness(rubrics=object()), "must be JSON"),
        (lambda: ev.ragas.faithfulness(beta=float("nan")), "must be JSON"),
        (lambda: ev.ragas.faithfulness(params=["x"]), "must be JSON"),
    ],
)
def test_what_can_t_be_used_is_said_at_import(make: Any, said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        make()


def test_a_role_that_is_not_there_is_an_error_that_names_the_remedy() -> None:
    with pytest.raises(SuiteError, match=r'no backend has the role "judge" \(there are default'):
        ev.ragas.faithfulness(role="judge").bind(setting("http://127.0.0.1:1/v1"))


def test_a_library_that_is_not_installed_names_its_extra() -> None:
    with pytest.raises(MissingExtra, match=r"evalsuite\[nothing-of-the-kind\]"):
        installed("nothing-of-the-kind", (1,), (2,))


@pytest.mark.parametrize(("version", "good"), [("0.4.3", True), ("0.4.10", True), ("0.5.0", False)])
def test_a_version_that_is_not_known_is_an_error(
    version: str, good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evalsuite.adapters.inside.version", lambda _: version)
    if good:
        assert installed("ragas", (0, 4, 3), (0, 5)) == version
    else:
        with pytest.raises(SuiteError, match=f"ragas {version} is installed.*evalsuite.ragas"):
            installed("ragas", (0, 4, 3), (0, 5))
    assert importlib.metadata.version("pytest")


def test_unbound_it_says_where_it_belongs() -> None:
    coming = ev.ragas.faithfulness()(Case(id="a", input="x"), Output(text="x"), None)
    with pytest.raises(EvalsuiteError, match="within a suite"):
        coming.send(None)


def test_fields_come_from_case_and_output() -> None:
    case = Case(
        id="a",
        input={"question": "How long?", "user": "x"},
        expected={"answer": "16 weeks", "trajectory": [{"name": "find"}], "topics": ["leave"]},
        contexts=["law"],
    )
    output = Output(
        text="It is 16 weeks.",
        contexts=[Document("d", "policy")],
        tool_calls=[ToolCall("find", {"q": 1}, "found")],
    )
    assert fields_of(case, output) == {
        "input": "How long?",
        "messages": [{"role": "user", "content": "How long?"}],
        "response": "It is 16 weeks.",
        "contexts": ["policy"],
        "reference": "16 weeks",
        "reference_contexts": ["law"],
        "tools": [{"name": "find", "arguments": {"q": 1}, "result": "found"}],
        "trajectory": [{"name": "find", "arguments": None}],
        "expected": case.expected,
    }


def test_a_reference_trajectory_may_be_empty_and_must_be_one() -> None:
    def lack(expected: Any) -> str:
        return lacking(
            ["trajectory"], fields_of(Case(id="a", input="x", expected=expected), Output())
        )

    assert lack({"trajectory": []}) == ""
    assert lack({"trajectory": [{"name": "x"}]}) == ""
    for wrong in (None, "x", {}, {"trajectory": "x"}, {"trajectory": [{"tool": "x"}]}):
        assert lack(wrong) == "the case has no reference trajectory"


@hypothesis.given(given=values, expected=values)
def test_whatever_a_case_holds_its_fields_are_texts_and_lists(given: Any, expected: Any) -> None:
    fields = fields_of(Case(id="a", input=given, expected=expected), Output())
    assert isinstance(fields["input"], str)
    assert fields["reference"] is None or isinstance(fields["reference"], str)
    assert all(isinstance(each["content"], str) for each in fields["messages"])
    assert lacking(["response"], fields) == "the output is empty"


@hypothesis.given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_value_is_a_number_in_its_range_or_none(value: float) -> None:
    found = Answers(None).found(value, "", 0.0, 1.0)
    if value != value:
        assert found.value is None
        assert found.reason
    else:
        assert found.value == value or abs(found.value - value) <= 1e-6


@pytest.mark.parametrize("value", [None, "many", [1.0]])
def test_no_number_is_no_value(value: Any) -> None:
    assert Answers(None).found(value, None, 0.0, 1.0).value is None
    assert Answers(None).found(value, "it said so", 0.0, 1.0).reason == "it said so"


def test_rounding_does_not_put_a_value_out_of_its_range() -> None:
    assert Answers(None).found(1.0000000000000002, "", 0.0, 1.0).value == 1.0
    assert Answers(None).found(1.1, "", 0.0, 1.0).value == 1.1
