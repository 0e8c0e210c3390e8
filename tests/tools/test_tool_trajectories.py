"""`ev.trajectory`: each metric by its formula, each edge by the docs, each fault by its rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.records import Case, Output, Source, ToolCall
from evalsuite.scoring import fold, scorer_key
from evalsuite.trajectories import measures
from evalsuite.trajectories.faults import CLASSES
from evalsuite.trajectories.naming import Trajectory, trajectory
from evalsuite.trajectories.reference import MOST, Step, steps

CALLS = st.lists(st.sampled_from("abc"), max_size=6)
REFERENCE_METRICS = ("order", "precision", "recall", "steps")


class Setting:
    def __init__(self, *cases: Case) -> None:
        self.cases = cases


def case(*reference: Any, **fields: Any) -> Case:
    wanted = [{"name": each} if isinstance(each, str) else each for each in reference]
    return Case(id="c", input="q", expected={"trajectory": wanted}, **fields)


def made(*calls: str | ToolCall, finish: str | None = "stop") -> Output:
    found = [ToolCall(each, {}) if isinstance(each, str) else each for each in calls]
    return Output(text="t", tool_calls=found, finish_reason=finish)


def values(given: Case, output: Output, scorer: Trajectory | None = None) -> dict[str, Any]:
    scores = (scorer or trajectory(tools=["a", "b", "c"], max_calls=4))(given, output)
    return {name.removeprefix("trajectory."): each.value for name, each in scores.items()}


def fault(given: Case, output: Output, scorer: Trajectory | None = None) -> str | None:
    found = values(given, output, scorer)
    hits = [name for name in CLASSES if found[name]]
    assert len(hits) <= 1
    return hits[0] if hits else None


# --- the metrics --------------------------------------------------------------------------------


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """By trying every subsequence."""
    for size in range(min(len(first), len(second)), 0, -1):
        if {*combinations(first, size)} & {*combinations(second, size)}:
            return size
    return 0


@given(CALLS, CALLS)
def test_order_is_the_longest_common_subsequence_over_the_longer(
    wanted: list[str], called: list[str]
) -> None:
    value, _ = measures.order(wanted, called)
    longer = max(len(wanted), len(called))
    assert value == (longest_common(wanted, called) / longer if longer else 1.0)
    assert (value == 1.0) == (wanted == called)


@given(CALLS, CALLS)
def test_precision_and_recall_count_each_call_as_often_as_both_have_it(
    wanted: list[str], called: list[str]
) -> None:
    left, both = list(called), 0
    for each in wanted:
        if each in left:
            left.remove(each)
            both += 1
    precision, recall = measures.precision(wanted, called)[0], measures.recall(wanted, called)[0]
    assert precision == (both / len(called) if called else (None if wanted else 1.0))
    assert recall == (both / len(wanted) if wanted else 1.0)


@given(CALLS, CALLS)
def test_every_value_is_in_its_range_or_has_a_reason(wanted: list[str], called: list[str]) -> None:
    scorer = trajectory(tools=["a", "b"], max_calls=3)
    for name, score in scorer(case(*wanted), made(*called)).items():
        [folded] = fold({name: score}, scorer.metric, "c", 1)
        assert folded.value == score.value
        assert folded.value is not None or folded.reason == measures.NO_CALL


def test_a_worked_example() -> None:
    found = values(case("a", "b", "c"), made("a", "c", "b", "b", "x"))
    assert found == {
        "order": 2 / 5,
        "precision": 3 / 5,
        "recall": 1.0,
        "steps": 3 / 5,
        "loops": 4 / 5,
        "known": 4 / 5,
        "budget": 0.0,
        **dict.fromkeys(CLASSES, 0.0),
        "tool_misuse": 1.0,
    }


@pytest.mark.parametrize(
    ("wanted", "called", "expected"),
    [
        ((), (), (1.0, 1.0, 1.0, 1.0)),
        ((), ("a",), (0.0, 0.0, 1.0, 0.0)),
        (("a",), (), (0.0, None, 0.0, None)),
    ],
    ids=["nothing wanted, nothing done", "nothing wanted", "nothing done"],
)
def test_empty_trajectories_have_their_documented_values(
    wanted: tuple[str, ...], called: tuple[str, ...], expected: tuple[float | None, ...]
) -> None:
    found = values(case(*wanted), made(*called))
    assert tuple(found[name] for name in REFERENCE_METRICS) == expected
    assert found["loops"] == found["known"] == found["budget"] == 1.0


def test_without_a_reference_what_needs_one_is_not_scored_and_says_so() -> None:
    scores = trajectory(tools=["a"])(Case(id="c", input="q", expected="text"), made("a", "a"))
    for name in REFERENCE_METRICS:
        assert scores[f"trajectory.{name}"].value is None
        assert "no reference" in scores[f"trajectory.{name}"].reason
    assert scores["trajectory.loops"].value == 0.5


def test_arguments_count_unless_names_are_enough_and_one_is_one_point_zero() -> None:
    given = case({"name": "a", "arguments": {"n": 1, "s": "x"}})
    same, other = ToolCall("a", {"s": "x", "n": 1.0}), ToolCall("a", {"n": 2, "s": "x"})
    assert values(given, made(same))["order"] == 1.0
    assert values(given, made(other))["order"] == 0.0
    assert values(given, made(other), trajectory(arguments=False))["order"] == 1.0


def test_arguments_that_are_no_json_equal_no_others() -> None:
    odd = ToolCall("a", {"x": {1, 2}})
    found = values(case("a"), made(odd, odd))
    assert found["precision"] == 0.0
    assert found["loops"] == 1.0


def test_a_call_may_be_repeated_as_the_reference_does_and_once_after_an_error() -> None:
    failed = ToolCall("a", {}, error="late")
    assert values(case("a", "a"), made("a", "a"))["loops"] == 1.0
    assert values(case("a"), made(failed, "a"))["loops"] == 1.0
    assert values(case("a"), made(failed, "a", "a"))["loops"] == 2 / 3
    assert values(case("a"), made("a", "a"))["loops"] == 0.5


def test_a_flood_of_calls_is_not_compared_but_is_over_the_budget() -> None:
    found = values(case("a"), made(*["a"] * (MOST + 1)))
    assert {found[name] for name in (*REFERENCE_METRICS, "loops", "known")} == {None}
    assert found["budget"] == 0.0
    assert len(steps(made(*["a"] * (MOST + 5)).tool_calls)) == MOST


# --- the classes --------------------------------------------------------------------------------

LATE = ToolCall("a", {}, error="late")


@pytest.mark.parametrize(
    ("reference", "output", "expected"),
    [
        (("a",), made("a"), None),
        ((), made(), None),
        (("a",), made("a", finish="length"), "context_overflow"),
        (("a",), made("x", finish="length"), "context_overflow"),
        (("a",), made("a", "x"), "tool_misuse"),
        (("a",), made(ToolCall("a", {"n": 2})), "tool_misuse"),
        (("a",), made(LATE), "tool_failure"),
        (("a",), made(LATE, "a"), "planning"),  # made good, but one call more than the optimum
        (("a", "a"), made(LATE, "a"), None),
        (("a", "b"), made("b", "a"), "planning"),
        (("a", "b"), made("a"), "planning"),
        (("a",), made("a", "b"), "planning"),
        (("a",), made(), "planning"),
        (("a",), made("a", "a"), "planning"),
        (("a",), made("a", "b", "b", "c", "c"), "planning"),
    ],
)
def test_the_first_rule_that_holds_is_the_class(
    reference: tuple[str, ...], output: Output, expected: str | None
) -> None:
    assert fault(case(*reference), output) == expected


def test_more_of_a_tool_whose_calls_were_all_made_is_planning_and_no_misuse() -> None:
    extra = made("a", ToolCall("a", {"n": 2}))
    assert fault(case("a"), extra) == "planning"


def test_without_a_reference_only_what_needs_none_is_told() -> None:
    plain = Case(id="c", input="q")
    assert fault(plain, made("a", "b")) is None
    assert fault(plain, made("a", "a")) == "planning"
    assert fault(plain, made("x")) == "tool_misuse"
    assert fault(plain, made("x"), trajectory()) is None


def test_evidence_shows_both_trajectories_and_the_class() -> None:
    scores = trajectory(tools=["a"])(case("a"), made("x" * 500))
    [evidence] = scores["trajectory.order"].evidence
    assert evidence["reference"] == "a {}"
    assert len(evidence["called"]) <= 200
    assert evidence["fault"].startswith("tool misuse: ")
    [long] = trajectory()(case("a", "b"), made(*["a"] * 25))["trajectory.order"].evidence
    assert long["reference"] == "a {} → b {}"
    assert long["called"].endswith(" → a {} → 5 more")
    [none] = trajectory()(case(), made())["trajectory.order"].evidence
    assert none == {"called": "nothing", "reference": "nothing"}


# --- the scorer ---------------------------------------------------------------------------------


def test_it_is_a_public_name_whatever_was_imported_before() -> None:
    assert ev.trajectory is trajectory
    assert ev.trajectory is trajectory


def test_it_has_the_metrics_that_it_can_tell() -> None:
    def names(scorer: Trajectory) -> set[str]:
        return {each.name.removeprefix("trajectory.") for each in scorer.metrics}

    every = {*REFERENCE_METRICS, "loops", *CLASSES}
    assert names(trajectory()) == every
    assert names(trajectory(tools=[{"name": "a"}], max_calls=0)) == every | {"known", "budget"}
    roles = {each.name: each.role for each in trajectory().metrics}
    assert {name for name, role in roles.items() if role == "class"} == {
        f"trajectory.{name}" for name in CLASSES
    }
    assert set(values(case(), made(), trajectory())) == every


def test_its_key_follows_what_it_measures() -> None:
    made_of: list[Mapping[str, Any]] = [
        {},
        {"tools": []},
        {"tools": ["a"]},
        {"arguments": False},
        {"max_calls": 3},
    ]
    keys = [scorer_key(trajectory(**each)) for each in made_of]
    assert len(set(keys)) == len(keys)
    assert scorer_key(trajectory(tools=["b", "a"])) == scorer_key(
        trajectory(tools=[{"name": "a"}, "b"])
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"tools": "a"},
        {"tools": 5},
        {"tools": {"name": "a"}},
        {"tools": [{}]},
        {"tools": [3]},
        {"tools": [""]},
        {"arguments": 1},
        {"max_calls": -1},
        {"max_calls": True},
        {"max_calls": 2.5},
    ],
)
def test_a_bad_argument_is_said_at_import(arguments: Any) -> None:
    with pytest.raises(SuiteError, match="trajectory: "):
        trajectory(**arguments)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("a", "must be a list"),
        (["a"], r"expected.trajectory\[0\] must be an object with a name"),
        ([{"name": 1}], r"\[0\] must be an object with a name"),
        ([{"name": "a", "args": {}}], "unknown field 'args'"),
        ([{"name": "a"}, {"name": "a", "arguments": []}], r"\[1\].arguments must be an object"),
        ([{"name": "a"}] * (MOST + 1), f"more than {MOST}"),
        ([{"name": "z"}], r"expected.trajectory: 'z' is not offered \(a, b are\)"),
        ([{"name": "a"}] * 3, "expected.trajectory has 3 calls, max_calls is 2: raise it, or"),
    ],
)
def test_a_bad_reference_is_said_with_file_line_and_field_before_the_run(
    reference: Any, said: str
) -> None:
    source = Source("golden/x.jsonl", 7)
    bad = Case(id="c", input="q", expected={"trajectory": reference}, source=source)
    with pytest.raises(SuiteError, match=rf"golden/x.jsonl:7: trajectory: case 'c': .*{said}"):
        trajectory(tools=["a", "b"], max_calls=2).bind(Setting(bad))


def test_where_no_tool_is_offered_that_is_said() -> None:
    asked = case("a")
    with pytest.raises(SuiteError, match=r"'a' is not offered \(tools= names none: leave it out\)"):
        trajectory(tools=[]).bind(Setting(asked))


def test_a_dataset_without_any_reference_is_an_error_and_one_of_empty_ones_is_not() -> None:
    scorer = trajectory()
    with pytest.raises(SuiteError, match=r"no case has a reference trajectory \(write "):
        scorer.bind(Setting(Case(id="c", input="q", expected={"trajectory": None})))
    assert scorer.bind(Setting(case(), Case(id="d", input="q"))) is scorer


def test_steps_keep_what_failed() -> None:
    assert steps([ToolCall("a", None, error="x")]) == (Step("a", "a {}", True),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "arguments", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, st.lists(st.tuples(st.text(max_size=3) | st.none(), JSON), max_size=4))
def test_hostile_references_are_refused_at_collection_and_hostile_calls_are_scored(
    reference: Any, calls: list[tuple[Any, Any]]
) -> None:
    given_case = Case(id="c", input="q", expected={"trajectory": reference})
    output = made(*(ToolCall(name, arguments) for name, arguments in calls))
    scorer = trajectory(max_calls=3)
    said = ""
    try:
        scorer.bind(Setting(given_case))
    except SuiteError as error:
        said = str(error)
    if said:
        assert "trajectory" in said
        assert said.isprintable()
        return
    scores = scorer(given_case, output)
    assert all(fold({name: each}, scorer.metric, "c", 1) for name, each in scores.items())
