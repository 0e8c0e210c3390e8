"""Metrics of deepeval through our models: the library's own numbers, its gaps named, asked once."""

from __future__ import annotations

import asyncio
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from judged import CASES, CONTEXTS, deepeval, judged, output_of, setting, values
from serving import Served

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.records import Case, Output

pytestmark = deepeval

GEVAL = {"criteria": "Is it polite?", "evaluation_params": ["input", "actual_output"]}
RUBRIC = [
    {"score_range": [0, 5], "expected_outcome": "rude"},
    {"score_range": [6, 10], "expected_outcome": "polite"},
]
COMPARED = [
    ("FaithfulnessMetric", {}),
    ("AnswerRelevancyMetric", {}),
    ("ContextualPrecisionMetric", {}),
    ("ContextualRecallMetric", {"include_reason": False}),
    ("ContextualRelevancyMetric", {}),
    ("HallucinationMetric", {}),
    ("BiasMetric", {}),
    ("ToxicityMetric", {}),
    ("GEval", GEVAL),
    ("GEval", {**GEVAL, "rubric": RUBRIC}),
    ("ToolCorrectnessMetric", {}),
    ("ToolCorrectnessMetric", {"should_consider_ordering": True}),
    ("ArgumentCorrectnessMetric", {}),
]


async def directly(name: str, params: dict[str, Any], served: Served) -> list[float]:
    """The library on its own, with its own model class."""
    import deepeval.metrics as home
    from deepeval.metrics.g_eval import Rubric
    from deepeval.models import OpenAIModel
    from deepeval.test_case import LLMTestCase, SingleTurnParams, ToolCall

    given = dict(params)
    if name == "GEval":
        given["name"] = "x"
        given["evaluation_params"] = [SingleTurnParams(each) for each in GEVAL["evaluation_params"]]
        given["rubric"] = [Rubric(**each) for each in params.get("rubric", [])] or None
    found = []
    for case in CASES:
        output = output_of(case)
        model = OpenAIModel(model="gpt-4o", base_url=served.url, api_key="x")
        metric = getattr(home, name)(model=model, **given)
        called = [
            ToolCall(name=each.name, input_parameters=each.arguments, output=each.result)
            for each in output.tool_calls
        ]
        await metric.a_measure(
            LLMTestCase(
                input=case.input["question"],
                actual_output=output.text,
                expected_output=case.expected["answer"],
                context=list(case.contexts),
                retrieval_context=CONTEXTS,
                tools_called=called,
                expected_tools=[
                    ToolCall(name="find", input_parameters={"n": 1}),
                    ToolCall(name="tell"),
                ],
            ),
            _show_indicator=False,
        )
        found.append(float(metric.score))
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "params"), COMPARED, ids=[f"{n}{len(p) or ''}" for n, p in COMPARED]
)
def test_the_numbers_are_the_librarys_own(
    name: str, params: dict[str, Any], served: Served, tmp_path: Path
) -> None:
    ours = judged(ev.deepeval.metric(name, **params), served, tmp_path)
    asked = len(served.bodies)
    theirs = asyncio.run(directly(name, params, served))
    assert values(ours) == theirs
    assert len(served.bodies) == 2 * asked
    before = len(served.bodies)
    assert judged(ev.deepeval.metric(name, **params), served, tmp_path) == ours
    assert len(served.bodies) == before


def test_the_values_that_are_compared_differ(served: Served, tmp_path: Path) -> None:
    for metric in (ev.deepeval.faithfulness(), ev.deepeval.geval(**GEVAL)):
        assert len(set(values(judged(metric, served, tmp_path)))) > 1


@pytest.mark.filterwarnings("ignore")
def test_a_weighted_score_is_the_librarys_own(served: Served, tmp_path: Path) -> None:
    plain = values(judged(ev.deepeval.geval(**GEVAL), served, tmp_path))
    served.weighs = True
    metric = ev.deepeval.geval(**GEVAL, top_logprobs=20)
    ours = values(judged(metric, served, tmp_path))
    assert ours == asyncio.run(directly("GEval", GEVAL, served))
    assert all(one != other for one, other in zip(ours, plain, strict=True))
    asked = len(served.bodies)
    apart = ev.deepeval.geval(**GEVAL, top_logprobs=20, python=sys.executable)
    assert values(judged(apart, served, tmp_path)) == ours
    assert len(served.bodies) == asked


def test_a_score_that_can_t_be_weighted_is_none(served: Served, tmp_path: Path) -> None:
    metric = ev.deepeval.geval(**GEVAL, top_logprobs=20)
    (score,) = judged(metric, served, tmp_path, CASES[:1])
    assert (score.value, score.reason) == (
        None,
        "the reply has no log probabilities: leave out top_logprobs",
    )


def test_its_reason_is_the_scores(served: Served, tmp_path: Path) -> None:
    (score,) = judged(ev.deepeval.geval(**GEVAL), served, tmp_path, CASES[:1])
    assert "says reason" in score.reason
    assert [each["asked for"] for each in score.evidence] == ["Steps", "ReasonScore"]


def test_a_reply_that_is_no_json_is_no_score_and_not_asked_for_without_a_schema(
    served: Served, tmp_path: Path
) -> None:
    served.broken = 1
    metric = ev.deepeval.answer_relevancy()
    (score,) = judged(metric, served, tmp_path, CASES[:1])
    assert (score.value, score.reason) == (None, "Statements: the reply is no JSON object")
    assert len(served.bodies) == 1


def test_a_type_error_is_no_reason_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """deepeval takes one for a model that knows no schema."""
    from deepeval.metrics.answer_relevancy.schema import Statements

    from evalsuite.adapters import inside_deepeval
    from evalsuite.adapters.inside import Answers, Unanswered

    inside_deepeval.load()
    asked = []

    class Wrong:
        async def chat(self, prompt: str, schema: Any) -> Any:
            asked.append(schema)
            raise TypeError("no")

    answers = Answers(Wrong())  # type: ignore[arg-type]
    model = inside_deepeval._llm()(answers)
    with pytest.raises(Unanswered):
        asyncio.run(model.a_generate_with_schema("x", schema=Statements))
    assert len(asked) == 1
    assert answers.trouble == ["Statements: TypeError: no"]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("faithfulness", 1),
        ("answer_relevancy", 1),
        ("contextual_precision", 0),
        ("contextual_recall", 0),
        ("contextual_relevancy", 0),
    ],
)
def test_nothing_to_judge_is_no_score(
    metric: str, value: int, served: Served, tmp_path: Path
) -> None:
    served.lists = 0
    (score,) = judged(getattr(ev.deepeval, metric)(), served, tmp_path, CASES[:1])
    reason = f"nothing to judge: deepeval says {value} for that"
    assert (score.value, score.reason) == (None, reason)


def test_an_output_that_pretends_to_hold_an_image_is_no_score(
    served: Served, tmp_path: Path
) -> None:
    output = Output(text="See [DEEPEVAL:IMAGE:1]", contexts=["x"])
    (score,) = judged(ev.deepeval.faithfulness(), served, tmp_path, CASES[:1], [output])
    assert score.value is None
    assert "multimodal" in score.reason
    assert not served.bodies


@pytest.mark.parametrize("text", ["half a letter: \ud800", "\x00\x1b[2J", "{{ x }}" * 9_000])
def test_hostile_answers_have_a_value_or_a_reason(
    text: str, served: Served, tmp_path: Path
) -> None:
    output = [Output(text=text, contexts=[text])]
    (score,) = judged(ev.deepeval.faithfulness(), served, tmp_path, CASES[:1], output)
    assert score.value is not None or score.reason


def test_a_conversation_is_judged_with_the_output_as_its_last_turn(
    served: Served, tmp_path: Path
) -> None:
    said = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}]
    case = Case(id="a", input={"messages": [*said, {"role": "user", "content": "How long?"}]})
    output = Output(text="It is 16 weeks.")
    (score,) = judged(ev.deepeval.turn_relevancy(), served, tmp_path, [case], [output])
    assert score.value is not None
    assert "It is 16 weeks." in str(served.bodies)


def test_no_tool_called_is_a_value(served: Served, tmp_path: Path) -> None:
    outputs = [Output(text="x")]
    (score,) = judged(ev.deepeval.tool_correctness(), served, tmp_path, CASES[:1], outputs)
    assert score.value == 0.0


def test_what_no_case_has_is_said_before_the_run(served: Served) -> None:
    cases = [Case(id="a", input="How?")]
    for name, what in [
        ("contextual_recall", "a reference answer"),
        ("hallucination", "reference contexts"),
        ("tool_correctness", "a reference trajectory"),
    ]:
        with pytest.raises(SuiteError, match=f"deepeval.{name} needs {what}"):
            getattr(ev.deepeval, name)().bind(setting(served.url, cases))
    params = ["actual_output", "expected_output"]
    metric = ev.deepeval.geval(criteria="x", evaluation_params=params)
    with pytest.raises(SuiteError, match="needs a reference answer"):
        metric.bind(setting(served.url, cases))


def test_every_metric_can_be_had_by_its_name_or_is_refused(served: Served) -> None:
    import deepeval.metrics as home

    needed = {
        "GEval": GEVAL,
        "ConversationalGEval": {"criteria": "x"},
        "PatternMatchMetric": {"pattern": "x"},
        "PromptAlignmentMetric": {"prompt_instructions": ["x"]},
        "RoleViolationMetric": {"role": "x"},
        "NonAdviceMetric": {"advice_types": ["x"]},
        "MisuseMetric": {"domain": "x"},
        "TopicAdherenceMetric": {"relevant_topics": ["x"]},
        "ToolUseMetric": {"available_tools": [{"name": "x"}]},
        "ToolPermissionMetric": {"allowed_tools": ["x"]},
    }
    bases = (home.BaseMetric, home.BaseConversationalMetric)
    had = set()
    for name in home.__all__:
        cls = getattr(home, name)
        if inspect.isclass(cls) and issubclass(cls, bases) and cls not in bases:
            try:
                bound = ev.deepeval.metric(name, params=needed.get(name)).bind(setting(served.url))
            except SuiteError as error:
                words = ("traces", "images", "another kind", "not passed on", "Field required")
                words += ("missing", "dag")
                assert any(word in str(error) for word in words), f"{name}: {error}"  # noqa: PT017
            else:
                assert bound.metric.higher_is_better
                had.add(name)
    assert {*needed, "FaithfulnessMetric", "SummarizationMetric", "KnowledgeRetentionMetric"} <= had


def test_names_and_parameters_are_checked(served: Served) -> None:
    with pytest.raises(SuiteError, match="did you mean"):
        ev.deepeval.metric("Faithfulnes").bind(setting(served.url))
    with pytest.raises(SuiteError, match=r'no parameter "model" \(is set here\)'):
        ev.deepeval.faithfulness(model="gpt-4o").bind(setting(served.url))
    with pytest.raises(SuiteError, match="evaluation_params"):
        ev.deepeval.geval(criteria="x", evaluation_params=["nonsense"]).bind(setting(served.url))


def test_its_pytest_plugin_is_an_error_that_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from evalsuite.adapters import inside_deepeval

    inside_deepeval.load.cache_clear()
    monkeypatch.setitem(sys.modules, "deepeval.plugins.plugin", ModuleType("plugin"))
    with pytest.raises(SuiteError, match="no:deepeval"):
        inside_deepeval.load()


def test_nothing_of_it_is_left_in_project_or_event_loop(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    judged(ev.deepeval.faithfulness(), served, tmp_path / "state", CASES[:1])
    assert [each.name for each in tmp_path.iterdir()] == ["state"]
    assert not hasattr(asyncio, "_nest_patched")
