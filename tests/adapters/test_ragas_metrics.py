"""Metrics of ragas through our models: the library's own numbers, its gaps named, asked once."""

from __future__ import annotations

import asyncio
import inspect
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judged import CASES, CONTEXTS, judged, output_of, ragas, setting, values
from serving import Served

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.records import Case, Output

pytestmark = ragas

COMPARED = [
    ("Faithfulness", {}),
    ("AnswerRelevancy", {"strictness": 2}),
    ("ContextPrecision", {}),
    ("ContextUtilization", {}),
    ("ContextRecall", {}),
    ("ContextRelevance", {}),
    ("ResponseGroundedness", {}),
    ("AnswerCorrectness", {}),
    ("AnswerAccuracy", {}),
    ("FactualCorrectness", {"mode": "precision"}),
    ("DomainSpecificRubrics", {}),
    ("ToolCallAccuracy", {}),
    ("ToolCallF1", {}),
    ("QuotedSpansAlignment", {}),
]


async def directly(name: str, params: dict[str, Any], served: Served) -> list[float]:
    """The library on its own: its client, its model class, its embeddings."""
    import openai
    import ragas.metrics.collections as home
    from ragas.embeddings.base import embedding_factory
    from ragas.llms import llm_factory
    from ragas.messages import AIMessage, HumanMessage, ToolCall

    client = openai.AsyncOpenAI(base_url=served.url, api_key="x")
    cls = getattr(home, name)
    found = []
    for case in CASES:
        output = output_of(case)
        answer = output.text
        calls = [ToolCall(name=each.name, args=each.arguments) for each in output.tool_calls]
        fields = {
            "user_input": case.input["question"],
            "response": answer,
            "retrieved_contexts": CONTEXTS,
            "reference": case.expected["answer"],
            "reference_tool_calls": [
                ToolCall(name="find", args={"n": 1}),
                ToolCall(name="tell", args={}),
            ],
        }
        takes = inspect.signature(cls.ascore).parameters
        if name.startswith("ToolCall"):
            asked = HumanMessage(content=case.input["question"])
            fields["user_input"] = [asked, AIMessage(content=answer, tool_calls=calls)]
        if name == "DomainSpecificRubrics":
            del fields["reference"]
        shape = inspect.signature(cls.__init__).parameters
        given = dict(params)
        if "llm" in shape:
            given["llm"] = llm_factory("m", client=client)
        if "embeddings" in shape:
            given["embeddings"] = embedding_factory("openai", model="m", client=client)
        result = await cls(**given).ascore(**{n: v for n, v in fields.items() if n in takes})
        found.append(float(result.value))
    await client.close()
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "params"), COMPARED, ids=[each for each, _ in COMPARED])
def test_the_numbers_are_the_librarys_own(
    name: str, params: dict[str, Any], served: Served, tmp_path: Path
) -> None:
    ours = judged(ev.ragas.metric(name, **params), served, tmp_path)
    asked = len(served.bodies)
    theirs = asyncio.run(directly(name, params, served))
    assert values(ours) == theirs
    assert len(served.bodies) == 2 * asked
    before = len(served.bodies), len(served.embedded)
    assert judged(ev.ragas.metric(name, **params), served, tmp_path) == ours
    assert (len(served.bodies), len(served.embedded)) == before


def test_the_values_that_are_compared_differ(served: Served, tmp_path: Path) -> None:
    for metric in (ev.ragas.faithfulness(), ev.ragas.context_precision()):
        assert len(set(values(judged(metric, served, tmp_path)))) > 1


def test_evidence_is_what_the_questions_were_answered_with(served: Served, tmp_path: Path) -> None:
    score = judged(ev.ragas.faithfulness(), served, tmp_path, CASES[:1])[0]
    asked = [each["asked for"] for each in score.evidence]
    assert asked == ["StatementGeneratorOutput", "NLIStatementOutput"]
    assert "verdict" in score.evidence[1]["said"]


def test_the_schema_of_an_answer_is_sent_with_the_request(served: Served, tmp_path: Path) -> None:
    judged(ev.ragas.faithfulness(), served, tmp_path, CASES[:1])
    wanted = [each["response_format"]["json_schema"]["schema"]["title"] for each in served.bodies]
    assert wanted == ["StatementGeneratorOutput", "NLIStatementOutput"]
    assert all("seed" in each for each in served.bodies)


def test_vectors_come_from_the_role_that_is_named(served: Served, tmp_path: Path) -> None:
    judged(ev.ragas.answer_relevancy(strictness=1), served, tmp_path, CASES[:1])
    assert [(model, len(texts)) for model, texts in served.vectors] == [("v", 1), ("v", 1)]


def test_a_model_without_vectors_is_an_error_before_the_run(served: Served) -> None:
    specs = {"default": "embedded", "embed": "anthropic:m"}
    for metric, said in [
        (ev.ragas.answer_relevancy(), 'the backend of role "embed" has no embeddings'),
        (ev.ragas.answer_relevancy(embeddings="x"), 'no backend has the role "x"'),
    ]:
        with pytest.raises(SuiteError, match=said):
            metric.bind(replace(setting(served.url), specs=specs))


def test_a_reply_that_is_no_json_is_no_score(served: Served, tmp_path: Path) -> None:
    served.broken = 1
    (score,) = judged(ev.ragas.faithfulness(), served, tmp_path, CASES[:1])
    assert score.value is None
    assert score.reason == "StatementGeneratorOutput: the reply is no JSON object"
    assert len(served.bodies) == 1


def test_a_metric_that_asks_again_has_no_score_from_what_is_left(
    served: Served, tmp_path: Path
) -> None:
    """ragas would take the second judge's rating alone."""
    served.broken = 5
    (score,) = judged(ev.ragas.answer_accuracy(), served, tmp_path, CASES[:1])
    assert score.value is None
    assert "no JSON object" in score.reason


def test_two_judges_of_which_one_has_no_rating_have_none_together() -> None:
    from evalsuite.adapters import inside_ragas
    from evalsuite.adapters.inside import Answers

    inside_ragas.load()
    metric = inside_ragas._made(inside_ragas._class("AnswerAccuracy"), {}, Answers(None))
    assert math.isnan(metric._average_scores(float("nan"), 1.0))
    assert metric._average_scores(0.5, 1.0) == 0.75


@pytest.mark.parametrize("name", ["agent_goal_accuracy", "topic_adherence"])
def test_a_conversation_is_judged_with_its_tool_calls_and_the_output(
    name: str, served: Served, tmp_path: Path
) -> None:
    (score,) = judged(getattr(ev.ragas, name)(), served, tmp_path, CASES[:1])
    assert score.value is not None, score.reason
    asked = str(served.bodies)
    assert all(each in asked for each in ("in year 0?", "find", "16 weeks", "It is 0 weeks."))


@pytest.mark.parametrize("text", ["half a letter: \ud800", "\x00\x1b[2J", "{" * 50_000])
def test_hostile_answers_have_a_value_or_a_reason(
    text: str, served: Served, tmp_path: Path
) -> None:
    output = [Output(text=text, contexts=[text])]
    (score,) = judged(ev.ragas.faithfulness(), served, tmp_path, CASES[:1], output)
    assert score.value is not None or score.reason


def test_not_a_number_is_no_score(served: Served, tmp_path: Path) -> None:
    served.lists = 0
    (score,) = judged(ev.ragas.faithfulness(), served, tmp_path, CASES[:1])
    assert (score.value, score.reason) == (
        None,
        "the library's value is not a number: nothing to judge",
    )


@pytest.mark.parametrize(
    ("metric", "output", "reason"),
    [
        ("faithfulness", Output(text="x"), "the output has no contexts"),
        ("faithfulness", Output(contexts=["x"]), "the output is empty"),
        ("context_recall", Output(text="x", contexts=["x"]), "the case has no reference answer"),
    ],
)
def test_what_lacks_is_said_without_a_call(
    metric: str, output: Output, reason: str, served: Served, tmp_path: Path
) -> None:
    cases = [Case(id="a", input="How?"), CASES[0]]
    outputs = [output, output_of(CASES[0])]
    score = judged(getattr(ev.ragas, metric)(), served, tmp_path, cases, outputs)[0]
    assert (score.value, score.reason) == (None, reason)


def test_a_reference_that_no_case_has_is_said_before_the_run(served: Served) -> None:
    cases = [Case(id="a", input="How?")]
    for name in ("context_recall", "context_precision", "tool_call_accuracy"):
        with pytest.raises(SuiteError, match=f"ragas.{name} needs a reference .* no case has one"):
            getattr(ev.ragas, name)().bind(setting(served.url, cases))


def test_ranges_and_directions_are_the_librarys(served: Served) -> None:
    bound = ev.ragas.domain_specific_rubrics().bind(setting(served.url))
    assert (bound.metric.low, bound.metric.high) == (1.0, 5.0)
    bound = ev.ragas.metric("NoiseSensitivity", mode="irrelevant").bind(setting(served.url))
    assert not bound.metric.higher_is_better
    assert ev.ragas.faithfulness().bind(setting(served.url)).metric.higher_is_better


def test_every_metric_can_be_had_by_its_name_or_is_refused(served: Served) -> None:
    import ragas.metrics.collections as home

    lacking = {  # packages that ragas itself leaves out
        "BleuScore",
        "CHRFScore",
        "RougeScore",
        "NonLLMStringSimilarity",
        "DataCompyScore",
    }
    refused = set()
    for name, cls in vars(home).items():
        if inspect.isclass(cls) and issubclass(cls, home.BaseMetric) and cls is not home.BaseMetric:
            try:
                bound = ev.ragas.metric(name).bind(setting(served.url))
                assert bound.known.needs
                assert getattr(home, bound.known.theirs) is cls
            except SuiteError as error:
                assert "images" in str(error) or name in lacking, error  # noqa: PT017
                refused.add(name)
    assert {"MultiModalFaithfulness", "MultiModalRelevance"} <= refused
    assert refused <= lacking | {"MultiModalFaithfulness", "MultiModalRelevance", "SummaryScore"}


def test_names_and_parameters_are_checked(served: Served) -> None:
    with pytest.raises(SuiteError, match='no metric "Faithfulnes": did you mean "Faithfulness"'):
        ev.ragas.metric("Faithfulnes").bind(setting(served.url))
    with pytest.raises(SuiteError, match='no parameter "strict"'):
        ev.ragas.answer_relevancy(strict=2).bind(setting(served.url))
    with pytest.raises(SuiteError, match=r"ragas\.AnswerCorrectness"):
        ev.ragas.answer_correctness(weights=["many"]).bind(setting(served.url))


def test_its_telemetry_is_off_and_the_event_loop_is_left_alone(
    served: Served, tmp_path: Path
) -> None:
    judged(ev.ragas.faithfulness(), served, tmp_path, CASES[:1])
    from ragas import _analytics

    assert _analytics.do_not_track()
    assert not hasattr(asyncio, "_nest_patched")


def test_telemetry_that_was_on_before_is_switched_off() -> None:
    from ragas import _analytics

    from evalsuite.adapters import inside_ragas

    inside_ragas.load.cache_clear()
    _analytics.do_not_track.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAGAS_DO_NOT_TRACK")
        assert not _analytics.do_not_track()
    inside_ragas.load()
    assert _analytics.do_not_track()
