"""Guardrails measured by themselves: two errors per rule, at its threshold and at others."""

from __future__ import annotations

import json
from importlib.resources import files
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.gate.guarding import STEPS, Errors, points
from evalsuite.records import Case, Metric, Output, Row, Source
from evalsuite.scoring import fold, scorer_key
from evalsuite.stats.bounds import rate_bounds

GUARD = ev.guardrail({"injection": 0.5, "pii": 0.8})


def case(*rules: str, name: str = "c") -> Case:
    return Case(id=name, input="x", expected={"rules": list(rules)}, source=Source("g/c.jsonl", 3))


def scores(value: Any, *rules: str) -> dict[str, tuple[float | None, str]]:
    found = fold(GUARD(case(*rules), Output(value=value)), GUARD.metric, "c", 1)
    return {each.metric: (each.value, each.reason) for each in found}


def values(value: Any, *rules: str) -> dict[str, float | None]:
    return {name: each for name, (each, _) in scores(value, *rules).items()}


def test_each_rule_has_its_score_and_whether_it_did_what_it_should() -> None:
    assert values({"injection": 0.93, "pii": 0.79}, "injection") == {
        "injection": 0.93,
        "injection.true_positive": 1.0,
        "pii": 0.79,
        "pii.true_negative": 1.0,
    }
    assert values({"injection": 0.49, "pii": 0.8}, "injection") == {
        "injection": 0.49,
        "injection.true_positive": 0.0,
        "pii": 0.8,
        "pii.true_negative": 0.0,
    }


def test_at_the_threshold_itself_a_rule_fires_and_a_bool_is_a_score() -> None:
    assert values({"injection": 0.5, "pii": False})["injection.true_negative"] == 0.0
    assert values({"injection": True, "pii": 0})["injection.true_negative"] == 0.0
    assert values({"injection": False, "pii": 1}, "injection")["injection.true_positive"] == 0.0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"pii": 0}, 'the guardrail says nothing of "injection"'),
        ({"injection": 1.01}, "says 1.01, which is outside [0, 1]"),
        ({"injection": -0.1}, "says -0.1, which is outside [0, 1]"),
        ({"injection": "high"}, "says 'high', which is no score"),
        ({"injection": None}, "says None, which is no score"),
        ({"injection": float("nan")}, "says nan, which is no score"),
        ({"injection": float("inf")}, "says inf, which is no score"),
        ({"injection": [0.9]}, "says [0.9], which is no score"),
        (None, "the output has no value such as"),
        ([0.9], "the output has no value such as"),
        ("injection", "the output has no value such as"),
    ],
)
def test_what_is_no_score_is_not_scored_and_says_why(value: Any, reason: str) -> None:
    for rules in ((), ("injection",)):
        right = f"injection.true_{'positive' if rules else 'negative'}"
        found = scores(value, *rules)
        for name in ("injection", right):
            assert found[name][0] is None
            assert reason in found[name][1]


def test_a_case_without_a_label_is_not_scored() -> None:
    found = fold(GUARD(Case(id="c", input="x"), Output(value={})), GUARD.metric, "c", 1)
    assert {each.value for each in found} == {None}
    assert {each.reason for each in found} == {"the case does not say which rules fire"}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({}, "write guardrail"),
        (["injection"], "write guardrail"),
        ({"in jection": 0.5}, "'in jection' is no name"),
        ({"a.b": 0.5}, "'a.b' is no name"),
        ({1: 0.5}, "1 is no name"),
        ({"checks": 0.5}, '"checks" is the name of another metric'),
        ({"injection": 0}, "above 0, at most 1, not 0"),
        ({"injection": 1.1}, "above 0, at most 1, not 1.1"),
        ({"injection": True}, "above 0, at most 1, not True"),
        ({"injection": float("nan")}, "above 0, at most 1, not nan"),
    ],
)
def test_wrong_rules_are_refused_at_import(rules: Any, says: str) -> None:
    with pytest.raises(SuiteError) as raised:
        ev.guardrail(rules)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        ([case("injection", "pii"), Case(id="bare", input="x")], "bare does not say which rules"),
        (
            [case("injection", "pii"), Case(id="n", input="x", expected="no")],
            "n does not say which",
        ),
        ([case("injection", "pii"), case("injektion")], "g/c.jsonl:3: expected.rules: 'injektion'"),
        ([case("injection"), case()], 'no case says that "pii" should fire'),
        (
            [case("injection", "pii"), case("pii")],
            'every case says that "pii" should fire: false alarms',
        ),
    ],
)
def test_cases_that_can_not_measure_it_are_said_before_the_run(
    cases: list[Case], says: str
) -> None:
    with pytest.raises(SuiteError) as raised:
        GUARD.bind(SimpleNamespace(cases=cases))
    assert says in str(raised.value)


def test_labels_of_rules_that_are_not_measured_here_are_fine() -> None:
    cases = [case("injection", "pii", "toxicity"), case("toxicity"), case()]
    assert GUARD.bind(SimpleNamespace(cases=cases)) is GUARD


def test_another_threshold_is_another_measure() -> None:
    assert scorer_key(ev.guardrail({"injection": 0.5})) == scorer_key(
        ev.guardrail({"injection": 0.5})
    )
    assert scorer_key(ev.guardrail({"injection": 0.5})) != scorer_key(
        ev.guardrail({"injection": 0.6})
    )


def row(name: str, score: float | None, positive: bool | None) -> Row:
    given: dict[str, list[float | None]] = {"injection": [score]}
    if positive is None:  # the guardrail raised: every metric is there, and none has a value
        given |= {"injection.true_positive": [None], "injection.true_negative": [None]}
    else:
        right = None if score is None else float((score >= 0.5) == positive)
        given[f"injection.true_{'positive' if positive else 'negative'}"] = [right]
    return Row(name, "k", {}, given)


METRICS = (Metric("checks"), Metric("injection", role="diagnostic", threshold=0.5))
GRADES = st.one_of(st.none(), st.floats(0, 1), st.sampled_from((0.1, 0.3, 0.5, 0.7, 0.9)))


@given(st.lists(st.tuples(GRADES, st.sampled_from((True, False, None))), max_size=40))
def test_the_table_counts_every_case_once_at_every_threshold(
    made: list[tuple[float | None, bool | None]],
) -> None:
    given = [(None if side is None else score, side) for score, side in made]
    rows = {f"c{n}": row(f"c{n}", score, side) for n, (score, side) in enumerate(given)}
    found = points(METRICS, rows)
    assert [each.threshold for each in found if each.gated] == [0.5]
    scored = [(score, side) for score, side in given if score is not None]
    for each in found:
        fired = [(score >= each.threshold, side) for score, side in scored]
        wrong = each.false_positives, each.false_negatives
        assert wrong[0].errors == sum(yes and not side for yes, side in fired)
        assert wrong[1].errors == sum(not yes and bool(side) for yes, side in fired)
        assert wrong[0].n + wrong[1].n + each.unscored == len(given)
        for errors in wrong:
            if errors.n == 0:
                assert errors == Errors(0, 0, None, None, None)
            else:
                assert errors.rate == errors.errors / errors.n
                assert (errors.low, errors.high) == rate_bounds(errors.rate, errors.n)
    for lower, higher in pairwise(found):
        assert lower.threshold < higher.threshold
        assert lower.false_positives.errors >= higher.false_positives.errors
        assert lower.false_negatives.errors <= higher.false_negatives.errors


def test_a_rule_that_only_says_yes_or_no_has_its_own_threshold_alone() -> None:
    rows = {str(n): row(str(n), float(n % 2), n % 3 == 0) for n in range(9)}
    assert [each.threshold for each in points(METRICS, rows)] == [0.5]
    assert points((Metric("injection"),), rows) == ()
    graded = {**rows, "x": row("x", 0.4, positive=True)}
    assert [each.threshold for each in points(METRICS, graded)] == list(STEPS)


SUITE = """
import evalsuite as ev

SHIFT = {shift}

@ev.suite(
    golden="guard",
    scorers=[ev.guardrail({{"injection": {threshold}}})],
    gate=ev.Gate(min={{"injection.true_positive": 0.8, "injection.true_negative": 0.8}}),
)
def guard(case):
    if case.id == "c00":
        return ev.Output(value={{"injected": 1}})
    return ev.Output(value={{"injection": max(0.0, case.input["score"] - SHIFT)}})
"""


def labelled() -> list[dict[str, Any]]:
    """60 cases, half of them positive; the right score is 0.8 or 0.2, wrong in one of 15."""
    return [
        {
            "id": f"c{n:02}",
            "input": {"score": (0.8 if (n % 2) != (n % 15 == 7) else 0.2), "n": n},
            "expected": {"rules": ["injection"] if n % 2 else []},
        }
        for n in range(60)
    ]


def write(project: Any, shift: float = 0.0, threshold: float = 0.5) -> None:
    project.write("test_guard.py", SUITE.format(shift=shift, threshold=threshold))


def test_a_run_shows_the_rates_by_threshold_and_gates_them(project: Any) -> None:
    project.cases(labelled(), "guard")
    write(project)
    done = project.run()
    assert done.ret == 0
    report = project.report("guard")
    schema = files("evalsuite.report").joinpath("report.schema.json").read_text("utf-8")
    jsonschema.validate(report, json.loads(schema))
    by = {each["threshold"]: each for each in report["guardrails"]}
    assert list(by) == list(STEPS)
    own = by[0.5]
    assert own["gated"]
    assert own["unscored"] == 1
    assert (own["false_positives"]["errors"], own["false_positives"]["n"]) == (2, 29)
    assert (own["false_negatives"]["errors"], own["false_negatives"]["n"]) == (2, 30)
    assert by[0.9]["false_negatives"]["rate"] == 1.0
    assert by[0.1]["false_positives"]["rate"] == 1.0
    low, high = rate_bounds(2 / 29, 29) or (0, 0)
    told = f"2 of 29: {100 * 2 / 29:.1f}% ({100 * low:.1f}% to {100 * high:.1f}%)"
    assert told in (project.path / "reports/guard/report.html").read_text("utf-8")
    assert told in (project.path / "reports/guard/report.md").read_text("utf-8")
    floors = {each["name"]: each["result"] for each in report["findings"] if each["floor"]}
    assert floors == {
        "injection.true_negative >= 0.80": "pass",
        "injection.true_positive >= 0.80": "pass",
    }
    silent = project.rows("guard")["c00"]
    assert silent["scores"]["injection.true_negative"] == [None]
    assert "injection.true_positive" not in silent["scores"]
    assert 'says nothing of "injection"' in silent["reasons"]["injection"]


def test_a_guardrail_that_misses_more_turns_that_gate_red_and_no_other(project: Any) -> None:
    project.cases(labelled(), "guard")
    write(project)
    project.run()
    accepted = project.evalsuite("accept", "guard", "--from-run", "last", "--reason", "test")
    assert accepted.ret == 0
    write(project, shift=0.4)
    done = project.run()
    assert done.ret == 1
    red = {each["name"] for each in project.report("guard")["findings"] if each["blocks"]}
    assert red == {"injection.true_positive", "injection.true_positive >= 0.80"}
    write(project, threshold=0.3)  # another measure: the old scores are compared with nothing
    project.run()
    report = project.report("guard")
    assert report["result"] == "incomparable"
    assert any(each["threshold"] == 0.3 and each["gated"] for each in report["guardrails"])


def test_a_set_that_can_not_measure_a_rule_is_refused_at_collection(project: Any) -> None:
    cases = labelled()
    del cases[3]["expected"]
    project.cases(cases, "guard")
    write(project)
    done = project.run()
    assert done.ret == 2
    done.stdout.fnmatch_lines(["*golden/guard/cases.jsonl:4: c03 does not say which rules*"])
