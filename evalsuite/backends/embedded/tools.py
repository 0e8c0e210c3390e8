"""When the embedded model calls a tool, and with what.

A tool is called if it is about the question and there is a value for each argument that its schema
requires: in the question, in what tools returned since, in what was said before. One that lacks an
argument waits for a tool whose description names it: "Finds the employee id of a person" is asked
before what requires `employee_id`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalsuite import retrieval
from evalsuite.backends.embedded import words
from evalsuite.backends.embedded.prompt import Prompt, before, failed, spelled
from evalsuite.records import Json, ToolCall

MOST = 4
"""Values of one argument that are tried in turn, such as people whom a question names."""

Tool = Mapping[str, Any]
Values = Mapping[str, Sequence[Json]]
"""What each argument of a tool may be, the first choice first."""

_quoted = re.compile(r"[\"“«„]([^\"”»“\n]{1,200})[\"”»“]")
_name = re.compile(r"(?<=[\w,] )(?!I\b)(?:[A-ZÄÖÜ][\w-]*)(?: [A-ZÄÖÜ][\w-]*)*")
_code = re.compile(
    r"\b(?=\w{0,40}[0-9])(?=[\w-]{0,40}[A-Z])[A-Z0-9][\w-]{0,80}\b|#?\b[0-9]{3,80}\b"
)
_FORMATS = {
    "date": re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b"),
    "email": re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b"),
}
_plain_number = re.compile(r"(?<![\w.,-])-?[0-9]+(?:\.[0-9]+)?(?![\w-])")
_camel = re.compile(r"(?<=[a-z])(?=[A-Z])|_+")
_first_person = re.compile(
    r"\b(?:my|mine|(?:am|are|can|could|did|do|have|may|shall|should|will|would) I|I (?:have|am))\b",
    re.IGNORECASE,
)
_ASKED = ("query", "question", "search")
"""Arguments that take the question as it is."""


def choose(prompt: Prompt, tools: Sequence[Tool]) -> ToolCall | None:
    """The next call; None: answer. It is of the tool that shares most words with the question, at
    least two, or one that is in its name. Where the prompt bars that tool there is none; no call is
    made twice, and none after one that failed."""
    if any(map(failed, prompt.results)):
        return None
    free = [tool for tool in tools if tool.get("name") not in prompt.used]
    asked = _topic(prompt)
    ranked = []
    for place, tool in enumerate(free):
        name = asked.intersection(_words(tool.get("name")))
        about = asked.intersection(_words(tool.get("description"))) | name
        if name or len(about) > 1:
            ranked.append((-len(about) - len(name), place))
    ranked.sort()
    if ranked and free[ranked[0][1]].get("name") in prompt.rules.never:
        return None
    allowed = [tool for tool in free if tool.get("name") not in prompt.rules.never]
    fitting = (free[place] for _, place in ranked if free[place] in allowed)
    calls = (_call(prompt, tool, allowed) for tool in fitting)
    return next((call for call in calls if call is not None), None)


def _topic(prompt: Prompt) -> set[str]:
    """What a question is about; "And Tom?" is about what was asked before it."""
    return set(retrieval.tokens(f"{prompt.question} {before(prompt)}")) - words.TOPICLESS


def _words(text: Json) -> set[str]:
    return set(retrieval.tokens(_camel.sub(" ", str(text or ""))))


def _call(prompt: Prompt, tool: Tool, tools: Sequence[Tool]) -> ToolCall | None:
    """A call of the tool, or of the one that finds what it lacks; None if there is none to make."""
    schema = tool.get("parameters") or {}
    forms = schema.get("properties") or {}
    values = dict(_values(prompt.question, schema))
    for name in schema.get("required", ()):
        if not values.get(name):
            helpers = [each for each in tools if each is not tool and _finds(each, name)]
            found = _sought(prompt, forms.get(name) or {}, helpers)
            if found is None or isinstance(found, ToolCall):
                return found
            values[name] = found
    return _next(prompt, tool, values)


def _finds(tool: Tool, argument: str) -> bool:
    return _words(argument) <= _words(tool.get("description"))


def _sought(
    prompt: Prompt, form: Mapping[str, Any], helpers: Sequence[Tool]
) -> Sequence[Json] | ToolCall | None:
    """An argument that is not in the question: values for it, or the call of a tool that finds it.

    What such a tool found counts first. Who asks of themselves is who the instructions name; others
    were named before.
    """
    own = bool(_first_person.search(prompt.question))
    for text in [prompt.question, *([] if own else prompt.earlier)]:
        for helper in helpers:
            schema = helper.get("parameters") or {}
            values = _values(text, schema)
            if all(values.get(name) for name in schema.get("required", ())):
                return _next(prompt, helper, values) or _told(prompt, form) or None
    if prompt.results:
        return _told(prompt, form) or None
    told = [prompt.instructions] if own and _marked(form) else []
    found = (_options(text, form) for text in [*told, *prompt.earlier])
    return next((each[:1] for each in found if each), None)


def _told(prompt: Prompt, form: Mapping[str, Any]) -> list[Json]:
    """Values that tools returned, one a result: that of the sentence nearest to the question."""
    if not _marked(form):
        return []
    asked, found = _topic(prompt), []
    for result in prompt.results:
        best = max(
            (
                (len(asked & _words(sentence)), -place, options[0])
                for place, sentence in enumerate(_sentences(result))
                if (options := _options(sentence, form))
            ),
            default=None,
        )
        if best is not None and best[2] not in found:
            found.append(best[2])
    return found


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from words.sentences(line)


def _marked(form: Mapping[str, Any]) -> bool:
    """Whether a value can be told from any other text."""
    return "pattern" in form or form.get("format", "") in _FORMATS


def _next(prompt: Prompt, tool: Tool, values: Values) -> ToolCall | None:
    """The first call of the tool that was not made yet."""
    name, given = str(tool["name"]), {each: found for each, found in values.items() if found}
    for place in range(min(MOST, max(map(len, given.values()), default=1))):
        arguments = {each: found[min(place, len(found) - 1)] for each, found in given.items()}
        if spelled(name, arguments) not in prompt.called:
            return ToolCall(name, arguments)
    return None


def _values(text: str, schema: Mapping[str, Any]) -> Values:
    """For each property what a text says of it."""
    properties = schema.get("properties") or {}
    return {
        name: _said(text, name, form if isinstance(form, dict) else {})
        for name, form in properties.items()
    }


def _said(text: str, name: str, form: Mapping[str, Any]) -> Sequence[Json]:
    """What a text says of an argument: of "query" all of it, of "name" who is named."""
    if name in _ASKED:
        return [text]
    return _names(text) if name == "name" else _options(text, form)


def _names(text: str) -> list[str]:
    """Full names if there are any, else the first that looks like one."""
    found = dict.fromkeys(each for each in _name.findall(text) if not words.has_number(each))
    return [each for each in found if " " in each] or list(found)[:1]


def _options(text: str, form: Mapping[str, Any]) -> Sequence[Json]:
    if "const" in form:
        return [form["const"]]
    if "enum" in form:
        return _option(text, form["enum"])
    kind = form.get("type", "string")
    if kind == "string":
        return list(dict.fromkeys(_texts(text, form)))
    return _number(text, kind) if kind in ("integer", "number") else ()


def _texts(text: str, form: Mapping[str, Any]) -> list[str]:
    if "pattern" in form:
        return _matching(text, str(form["pattern"]))
    if found := _FORMATS.get(form.get("format", "")):
        return found.findall(text)
    if hit := _quoted.search(text) or _code.search(text):
        return [hit[1] if hit.re is _quoted else hit[0]]
    return _names(text)


def _option(text: str, options: Sequence[Json]) -> Sequence[Json]:
    asked = text.casefold()
    named = [option for option in options if str(option).casefold() in asked]
    return [max(named, key=lambda option: len(str(option)))] if named else ()


def _number(text: str, kind: str) -> Sequence[float]:
    for hit in _plain_number.finditer(text):
        if kind == "number":
            return [float(hit[0])]
        if "." not in hit[0]:
            return [int(hit[0])]
    return ()


def _matching(text: str, pattern: str) -> list[str]:
    """Every match that is no part of a longer word."""
    import regex  # noqa: PLC0415  (dear to import, and seldom needed)

    inner = pattern.removeprefix("^").removesuffix("$")
    try:
        found = regex.finditer(rf"(?<![\w-])(?:{inner})(?![\w-])", text, timeout=0.05)
        return [hit[0] for hit in found]
    except (regex.error, TimeoutError):
        return []
