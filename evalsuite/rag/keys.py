"""What rag metrics are: of what is asked, the model, and how replies are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from evalsuite.canonical import key
from evalsuite.judging.keys import JudgeKeys
from evalsuite.rag.names import CITATIONS, GIVEN, REFERENCE
from evalsuite.rag.prompt import TEMPLATE

PARSER = 1
"""Raised with every change of how prompts are made and fenced, of the schema, of how replies are
read and quotes looked up, or of how verdicts become a value. What touches the
metrics of one of `PARTS` alone raises that."""

PARTS: Mapping[tuple[str, ...], int] = {CITATIONS: 2, GIVEN: 2}
"""The same, of what a call is asked for beside what it always is."""


def rag_key(names: Collection[str], spec: str) -> str:
    """The identity of what is asked, of the model with its parameters, and of how replies are
    read. Metrics of one call have one key, whichever of them are asked for together."""
    asked = [_asked(each, names) for each in (CITATIONS, GIVEN)]
    return key("rag", [TEMPLATE, PARSER, asked, spec])


def metric_keys(name: str, names: Collection[str], spec: str) -> JudgeKeys:
    """The keys of one metric that is asked together with others (`names`, its own among them), for
    its certificate: what else is asked in its call may change what is said of it."""
    beside = GIVEN if name in REFERENCE else CITATIONS
    template = key("rag metric", [name, TEMPLATE, _asked(beside, names)])
    model = key("judge model", {"spec": spec, "params": {}})
    return JudgeKeys(template, model, key("rag parser", PARSER))


def _asked(part: tuple[str, ...], names: Collection[str]) -> int | bool:
    """The version of a part of a call, False where it is not asked for."""
    return PARTS[part] if any(name in names for name in part) else False
