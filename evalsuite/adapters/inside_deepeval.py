"""deepeval, where it is installed: its switches and versions, what it says of a metric, a value.

Only `a_measure` is called: `measure` patches the event loop, `evaluate` and `assert_test` report
and upload. State lives on deepeval's metrics, so each value is of an instance of its own.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import sys
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from evalsuite.adapters.inside import (
    Answers,
    Found,
    Json,
    Known,
    Model,
    broken,
    check_params,
    class_of,
    converted,
    installed,
    muted,
    said_by,
)
from evalsuite.errors import SuiteError

SWITCHES = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_TELEMETRY_ENABLED": "0",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_NO_INSPECT_PROMPT": "1",
    "DEEPEVAL_UPDATE_WARNING_OPT_IN": "0",
    "DEEPEVAL_DISABLE_TIMEOUTS": "1",  # a case has one deadline, ours
    "DEEPEVAL_EVAL_MODE": "llm",
    "CONFIDENT_TRACING_ENABLED": "NO",
    "CONFIDENT_OPEN_BROWSER": "0",
}

_PLUGIN = "deepeval.plugins.plugin"
_NEEDS = {
    "input": "input",
    "actual_output": "response",
    "expected_output": "reference",
    "context": "reference_contexts",
    "retrieval_context": "contexts",
    "tools_called": "tools",
    "expected_tools": "trajectory",
}
_OURS = (
    *("self", "model", "system_one_model", "eval_mode", "async_mode", "verbose_mode", "flaky"),
    *("name", "evaluation_template", "_include_g_eval_suffix"),
)
_NOTHING_JUDGED = {
    "FaithfulnessMetric",
    "AnswerRelevancyMetric",
    "ContextualPrecisionMetric",
    "ContextualRecallMetric",
    "ContextualRelevancyMetric",
}
"""Of these deepeval says 1 or 0 where it found nothing to judge."""


@functools.cache
def load() -> str:
    """Import deepeval with telemetry, uploads, `.env` and prompts off, once; its version.

    Raises:
        MissingExtra, SuiteError: it is not there, in a wrong version, can't be imported, or its
            pytest plugin is loaded.
    """
    found = installed("deepeval", (4, 3), (5,))
    if _PLUGIN in sys.modules and "pytest" in sys.modules:
        raise SuiteError(
            "deepeval's pytest plugin is loaded: it reads .env, reports, and slows every start. "
            'Switch it off: addopts = ["-p", "no:deepeval"] in pytest\'s settings, or give the '
            "metric an environment of its own (python=)"
        )
    os.environ.update(SWITCHES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("deepeval.metrics")
            telemetry = importlib.import_module("deepeval.telemetry.client")
    except Exception as error:
        raise broken("deepeval", found, error, "its version") from error
    if not telemetry.telemetry_opt_out():
        raise SuiteError(
            "deepeval was imported with its telemetry on: set DEEPEVAL_TELEMETRY_OPT_OUT=1 first"
        )
    muted("deepeval")
    return found


def known(name: str, params: Mapping[str, Json]) -> Known:
    """What deepeval says of a metric with these parameters; SuiteError if it is none of its, or one
    of sounds, images, traces or arenas."""
    found = load()
    cls = _class(name)
    shape = inspect.signature(cls.__init__).parameters
    check_params(f"deepeval.{cls.__name__}", params, shape, _OURS)
    metric = _made(cls, params, Answers(None))
    if getattr(metric, "requires_trace", False):
        remedy = ": give it evaluation_params" if "evaluation_params" in shape else ""
        raise SuiteError(f"deepeval.{cls.__name__} judges traces that deepeval records{remedy}")
    if _of_turns(cls):
        return Known(version=found, theirs=cls.__name__, needs=["messages", "response"])
    wanted = getattr(metric, "evaluation_params", None) if _evals(cls) else None
    wanted = cls._required_params if wanted is None else wanted
    names = [each.value for each in wanted]
    unknown = [each for each in names if each not in _NEEDS]
    if unknown:
        raise SuiteError(f"deepeval.{cls.__name__} needs {unknown[0]}, which is not passed on")
    return Known(version=found, theirs=cls.__name__, needs=[_NEEDS[each] for each in names])


async def measure(
    about: Known, params: Mapping[str, Json], fields: Mapping[str, Json], model: Model
) -> Found:
    """The value of one case; an error of deepeval is its reason, and never raised."""
    answers = Answers(model)
    try:
        load()
        cls = _class(about.theirs)
        metric = _made(cls, params, answers)
        case = _turns(fields) if _of_turns(cls) else _case(fields)
        quiet = {"_show_indicator": False}
        shape = inspect.signature(cls.a_measure).parameters
        await metric.a_measure(case, **{n: v for n, v in quiet.items() if n in shape})
    except Exception as error:  # noqa: BLE001 (whatever a library raises)
        return Found(None, answers.trouble[0] if answers.trouble else said_by(error))
    if about.theirs in _NOTHING_JUDGED and not answers.trouble and not _judged(metric):
        return Found(None, f"nothing to judge: deepeval says {metric.score:g} for that")
    return answers.found(metric.score, metric.reason, about.low, about.high)


def _class(name: str) -> Any:
    """A metric's class, however its name is written, with or without "Metric"."""
    home = importlib.import_module("deepeval.metrics")
    bases = (home.BaseMetric, home.BaseConversationalMetric)
    classes = {
        each: value
        for each in home.__all__
        if inspect.isclass(value := getattr(home, each))
        and issubclass(value, bases)
        and value not in bases
    }
    found = class_of("deepeval", name, classes, "Metric")
    module = classes[found].__module__
    if any(part in module for part in (".voice", ".multimodal", "audio", "transcription")):
        raise SuiteError(f"deepeval.{found} is about images or sound, which are not passed on")
    return classes[found]


def _of_turns(cls: Any) -> bool:
    home = importlib.import_module("deepeval.metrics")
    return issubclass(cls, home.BaseConversationalMetric)


def _evals(cls: Any) -> bool:
    """Whether `evaluation_params` names what it is shown, as GEval's does."""
    return cls.__name__ in ("GEval", "JevEval")


def _made(cls: Any, params: Mapping[str, Json], answers: Answers) -> Any:
    """An instance; SuiteError if it can't be made."""
    shape = inspect.signature(cls.__init__).parameters
    if "model" not in shape and "system_one_model" in shape:
        raise SuiteError(f"deepeval.{cls.__name__} asks models of another kind")
    ours = {"eval_mode": "llm", "async_mode": True, "name": cls.__name__}
    given = {name: each for name, each in ours.items() if name in shape}
    if "model" in shape:
        weighted = params.get("top_logprobs") is not None
        given["model"] = (_weighing_llm() if weighted else _llm())(answers)
    label = f"deepeval.{cls.__name__}"
    given |= converted(label, params, shape)
    try:
        return cls(**given)
    except Exception as error:
        raise SuiteError(f"{label}: {said_by(error)}") from error


def _case(fields: Mapping[str, Json]) -> Any:
    home = importlib.import_module("deepeval.test_case")
    steps = fields["trajectory"]
    return home.LLMTestCase(
        input=fields["input"],
        actual_output=fields["response"],
        expected_output=fields["reference"],
        context=fields["reference_contexts"] or None,
        retrieval_context=fields["contexts"],
        tools_called=[_call(each) for each in fields["tools"]],
        expected_tools=None if steps is None else [_call(each) for each in steps],
    )


def _turns(fields: Mapping[str, Json]) -> Any:
    """The conversation with the output as its last turn."""
    home = importlib.import_module("deepeval.test_case")
    turns = [
        home.Turn(role=each["role"], content=each["content"])
        for each in fields["messages"]
        if each.get("role") in ("user", "assistant")
    ]
    last = home.Turn(
        role="assistant",
        content=fields["response"],
        retrieval_context=fields["contexts"] or None,
        tools_called=[_call(each) for each in fields["tools"]] or None,
    )
    return home.ConversationalTestCase(turns=[*turns, last])


def _call(step: Mapping[str, Json]) -> Any:
    """A tool call; arguments that are no object are one argument."""
    home = importlib.import_module("deepeval.test_case")
    given = step["arguments"]
    if given is not None and not isinstance(given, Mapping):
        given = {"arguments": given}
    return home.ToolCall(name=step["name"], input_parameters=given, output=step.get("result"))


def _judged(metric: Any) -> int:
    """How many verdicts a value comes from."""
    lists = getattr(metric, "verdicts_list", None)
    if lists is not None:
        return sum(len(each.verdicts) for each in lists)
    return len(getattr(metric, "verdicts", None) or ())


@functools.cache
def _llm() -> Any:
    base = importlib.import_module("deepeval.models").DeepEvalBaseLLM

    class OurModel(base):  # type: ignore[misc, valid-type]
        """The suite's model, as the metrics of deepeval ask it. It gives no log probabilities, so
        that GEval's value is the score that was said."""

        def __init__(self, answers: Answers) -> None:
            self._answers = answers
            super().__init__("evalsuite")

        def load_model(self) -> Any:
            return self

        def get_model_name(self) -> str:
            return "evalsuite"

        def generate(self, prompt: Any, schema: Any = None) -> Any:
            raise RuntimeError("a model of the suite is asked by a_generate alone")

        async def a_generate(self, prompt: Any, schema: Any = None) -> Any:
            return await self._answers.chat(prompt, schema)

    return OurModel


@functools.cache
def _weighing_llm() -> Any:
    class OurWeighingModel(_llm()):  # type: ignore[misc]
        """A model that GEval's score is weighted with, by log probabilities."""

        async def a_generate_raw_response(self, prompt: Any, top_logprobs: int) -> Any:
            said = await self._answers.weigh(prompt, top_logprobs)
            tokens = [
                _token(each["token"], each["logprob"], each["top"]) for each in said["logprobs"]
            ]
            score = json.loads(said["text"]).get("score")
            if str(score) not in [each.token for each in tokens]:  # deepeval would not weigh it
                self._answers.trouble.append("the score is no token of the reply: it has no weight")
            message = SimpleNamespace(content=said["text"])
            weighed = SimpleNamespace(content=tokens)
            return SimpleNamespace(
                choices=[SimpleNamespace(message=message, logprobs=weighed)]
            ), None

    return OurWeighingModel


def _token(token: str, logprob: float, top: Mapping[str, float]) -> SimpleNamespace:
    """A token of a reply, as OpenAI's client has it."""
    alternatives = [SimpleNamespace(token=name, logprob=each) for name, each in top.items()]
    return SimpleNamespace(token=token, logprob=logprob, top_logprobs=alternatives)
