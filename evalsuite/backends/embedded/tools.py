"""When the embedded model calls a tool: if the tool is about the question, and the question holds
every argument that the tool's schema requires.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalsuite import retrieval
from evalsuite.backends.embedded import words
from evalsuite.records import Json, ToolCall

_quoted = re.compile(r"[\"“«„]([^\"”»“\n]{1,200})[\"”»“]")
_name = re.compile(r"(?<=[\w,] )(?:[A-ZÄÖÜ][\w-]*)(?: [A-ZÄÖÜ][\w-]*)*")
_code = re.compile(
    r"\b(?=\w{0,40}[0-9])(?=[\w-]{0,40}[A-Z])[A-Z0-9][\w-]{0,80}\b|#?\b[0-9]{3,80}\b"
)
_FORMATS = {
    "date": re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b"),
    "email": re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b"),
}
_plain_number = re.compile(r"(?<![\w.,-])-?[0-9]+(?:\.[0-9]+)?(?![\w-])")
_camel = re.compile(r"(?<=[a-z])(?=[A-Z])|_+")


def choose(
    question: str, tools: Sequence[Mapping[str, Json]], used: frozenset[str]
) -> ToolCall | None:
    """The call of the tool that shares most words with the question, at least two, or one that
    is in its name; None if none does or a required argument is not in the question. A tool that
    has answered already is not called again."""
    asked = set(retrieval.tokens(question)) - words.TOPICLESS
    ranked = []
    for place, tool in enumerate(tools):
        spoken = _camel.sub(" ", str(tool.get("name", "")))
        name = asked.intersection(retrieval.tokens(spoken))
        about = asked.intersection(retrieval.tokens(str(tool.get("description", "")))) | name
        if tool.get("name") not in used and (name or len(about) > 1):
            ranked.append((-len(about) - len(name), place))
    for _, place in sorted(ranked):
        arguments = _arguments(question, tools[place].get("parameters") or {})
        if arguments is not None:
            return ToolCall(str(tools[place]["name"]), arguments)
    return None


def _arguments(question: str, schema: Mapping[str, Any]) -> dict[str, Json] | None:
    """A value per property that the question holds; None if a required one is not in it."""
    found: dict[str, Json] = {}
    properties = schema.get("properties") or {}
    for name, wanted in properties.items():
        value = _value(question, wanted if isinstance(wanted, dict) else {})
        if value is not None:
            found[name] = value
    return found if set(schema.get("required", ())) <= set(found) else None


def _value(question: str, schema: Mapping[str, Any]) -> Json:
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _option(question, schema["enum"])
    kind = schema.get("type", "string")
    if kind == "string":
        return _text(question, schema)
    return _number(question, kind) if kind in ("integer", "number") else None


def _text(question: str, schema: Mapping[str, Any]) -> str | None:
    if "pattern" in schema:
        return _matching(question, str(schema["pattern"]))
    if form := _FORMATS.get(schema.get("format", "")):
        hit = form.search(question)
        return hit[0] if hit else None
    if hit := _quoted.search(question):
        return hit[1]
    hit = _code.search(question) or _name.search(question)
    return hit[0] if hit else None


def _option(question: str, options: Sequence[Json]) -> Json:
    asked = question.casefold()
    named = [option for option in options if str(option).casefold() in asked]
    return max(named, key=lambda option: len(str(option)), default=None)


def _number(question: str, kind: str) -> float | None:
    for hit in _plain_number.finditer(question):
        if kind == "number":
            return float(hit[0])
        if "." not in hit[0]:
            return int(hit[0])
    return None


def _matching(question: str, pattern: str) -> str | None:
    import regex  # noqa: PLC0415  (dear to import, and seldom needed)

    try:
        hit = regex.search(pattern.removeprefix("^").removesuffix("$"), question, timeout=0.05)
    except (regex.error, TimeoutError):
        return None
    return hit[0] if hit else None
