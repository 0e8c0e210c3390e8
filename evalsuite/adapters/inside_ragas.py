"""ragas, where it is installed: its switches and versions, what it says of a metric, a value.

Only its collections are used (`ragas.metrics.collections`): `evaluate` is deprecated there, turns
errors into NaN and patches the event loop. Each value is of an instance of its own.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import warnings
from collections.abc import Mapping
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

SWITCHES = {"RAGAS_DO_NOT_TRACK": "true"}  # no other word counts

_NEEDS = {
    "response": "response",
    "retrieved_contexts": "contexts",
    "reference": "reference",
    "reference_contexts": "reference_contexts",
    "reference_tool_calls": "trajectory",
}
_OURS = ("llm", "embeddings", "name", "self", "kwargs", "base_kwargs", "allowed_values")
_LOWER = {"NoiseSensitivity"}
"""Of these a lower value is better; ragas does not say so but in its documentation."""

_IMAGES = {"MultiModalFaithfulness", "MultiModalRelevance"}


@functools.cache
def load() -> str:
    """Import ragas with its telemetry off, once; its version.

    Raises:
        MissingExtra, SuiteError: it is not there, in a wrong version, or can't be imported.
    """
    found = installed("ragas", (0, 4, 3), (0, 5))
    os.environ.update(SWITCHES)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            analytics = importlib.import_module("ragas._analytics")
            importlib.import_module("ragas.metrics.collections")
    except Exception as error:
        raise broken("ragas", found, error, "langchain-community below 0.4.2") from error
    if not analytics.do_not_track():  # read once and kept, perhaps before we came
        analytics.do_not_track.cache_clear()
    if not analytics.do_not_track():
        raise SuiteError("ragas: its telemetry can't be switched off")
    muted("ragas")
    return found


def known(name: str, params: Mapping[str, Json]) -> Known:
    """What ragas says of a metric with these parameters; SuiteError if it is none of its."""
    found = load()
    cls = _class(name)
    shape = inspect.signature(cls.__init__).parameters
    check_params(f"ragas.{cls.__name__}", params, shape, _OURS)
    metric = _made(cls, params, Answers(None))
    low, high = metric.allowed_values
    takes = inspect.signature(cls.ascore).parameters
    needs = [_need(each) for each in takes.values() if each.default is inspect.Parameter.empty]
    needs = [each for each in needs if each]
    if getattr(metric, "with_reference", False):
        needs.append("reference")
    return Known(
        version=found,
        theirs=cls.__name__,
        needs=needs or ["input", "response"],
        low=float(low),
        high=float(high),
        higher_is_better=cls.__name__ not in _LOWER,
        embeds="embeddings" in shape,
    )


async def measure(
    about: Known, params: Mapping[str, Json], fields: Mapping[str, Json], model: Model
) -> Found:
    """The value of one case; an error of ragas is its reason, and never raised."""
    answers = Answers(model)
    try:
        load()
        cls = _class(about.theirs)
        metric = _made(cls, params, answers)
        given = {name: _given(each, about, fields) for name, each in _takes(cls).items()}
        result = await metric.ascore(**{n: each for n, each in given.items() if each is not None})
    except Exception as error:  # noqa: BLE001 (whatever a library raises)
        return Found(None, answers.trouble[0] if answers.trouble else said_by(error))
    if about.theirs == "AnswerRelevancy" and not answers.embedded:
        return Found(None, "no question was made from the answer: ragas says 0 for that")
    return answers.found(result.value, result.reason, about.low, about.high)


def _class(name: str) -> Any:
    """A metric's class, however its name is written."""
    home = importlib.import_module("ragas.metrics.collections")
    base = home.BaseMetric
    classes = {
        each: value
        for each, value in vars(home).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    }
    found = class_of("ragas", name, classes)
    if found in _IMAGES:
        raise SuiteError(f"ragas.{found} is about images, which are not passed on")
    return classes[found]


def _takes(cls: Any) -> dict[str, inspect.Parameter]:
    shape = inspect.signature(cls.ascore).parameters
    return {name: each for name, each in shape.items() if name != "self"}


def _made(cls: Any, params: Mapping[str, Json], answers: Answers) -> Any:
    """An instance; SuiteError if it can't be made."""
    shape = inspect.signature(cls.__init__).parameters
    ours = {"llm": _llm, "embeddings": _embeddings}
    label = f"ragas.{cls.__name__}"
    given = converted(label, params, shape)
    try:
        given |= {name: make()(answers) for name, make in ours.items() if name in shape}
        metric = cls(**given)
    except Exception as error:
        raise SuiteError(f"{label}: {said_by(error)}") from error
    if hasattr(metric, "_average_scores"):  # of two judges; ragas takes one alone if need be
        metric._average_scores = lambda first, second: (first + second) / 2
    return metric


def _need(parameter: inspect.Parameter) -> str:
    if parameter.name == "self":
        return ""
    if parameter.name == "user_input":
        return "messages" if "Message" in str(parameter.annotation) else "input"
    return _NEEDS.get(parameter.name, f"expected.{parameter.name}")


def _given(parameter: inspect.Parameter, about: Known, fields: Mapping[str, Json]) -> Any:
    """The value of one argument; None leaves it out. What ragas does without is given only if it
    is of the output: a reference would change what is asked."""
    need = _need(parameter)
    if need == "messages":
        return _conversation(fields)
    if need == "trajectory":
        calls = importlib.import_module("ragas.messages").ToolCall
        steps = fields["trajectory"]
        return [calls(name=each["name"], args=_arguments(each["arguments"])) for each in steps]
    if need.startswith("expected."):
        return fields["expected"].get(parameter.name)
    if need not in about.needs and need not in ("input", "response", "contexts"):
        return None
    return fields[need] or None


def _conversation(fields: Mapping[str, Json]) -> list[Any]:
    """The messages, the output's tool calls with their results, and its text."""
    kinds = importlib.import_module("ragas.messages")
    made: list[Any] = []
    for each in fields["messages"]:
        kind = kinds.AIMessage if each.get("role") == "assistant" else kinds.HumanMessage
        if each.get("role") in ("user", "assistant"):
            made.append(kind(content=each["content"]))
    for call in fields["tools"]:
        named = kinds.ToolCall(name=call["name"], args=_arguments(call["arguments"]))
        made.append(kinds.AIMessage(content="", tool_calls=[named]))
        if call["result"] is not None:
            made.append(kinds.ToolMessage(content=str(call["result"])))
    made.append(kinds.AIMessage(content=fields["response"]))
    return made


def _arguments(given: Json) -> dict[str, Json]:
    """Arguments as an object, which ragas wants; those that are none are one argument."""
    if given is None:
        return {}
    return dict(given) if isinstance(given, Mapping) else {"arguments": given}


@functools.cache
def _llm() -> Any:
    base = importlib.import_module("ragas.llms.base").InstructorBaseRagasLLM

    class OurModel(base):  # type: ignore[misc, valid-type]
        """The suite's model, as the metrics of ragas ask it."""

        def __init__(self, answers: Answers) -> None:
            self._answers = answers

        def generate(self, prompt: str, response_model: Any) -> Any:
            raise RuntimeError("a model of the suite is asked by agenerate alone")

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            return await self._answers.chat(prompt, response_model)

    return OurModel


@functools.cache
def _embeddings() -> Any:
    base = importlib.import_module("ragas.embeddings.base").BaseRagasEmbedding

    class OurVectors(base):  # type: ignore[misc, valid-type]
        """The suite's embeddings; many texts are one call."""

        def __init__(self, answers: Answers) -> None:
            super().__init__()
            self._answers = answers

        def embed_text(self, text: str, **_: Any) -> list[float]:
            raise RuntimeError("vectors of the suite are asked for by aembed_text alone")

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return (await self._answers.embed([text]))[0]

        async def aembed_texts(self, texts: list[str], **_: Any) -> list[list[float]]:
            return await self._answers.embed(texts)

    return OurVectors
