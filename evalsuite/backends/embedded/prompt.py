"""What the embedded model reads out of chat messages: documents, a question, and its rules.

A rule holds only where the prompt states it, in one of the spellings that docs/embedded.md lists:
so a changed line of a prompt changes answers, as it does with a real model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite import strictjson
from evalsuite.canonical import alike
from evalsuite.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the prompt asks for. `absent` is the sentence to say where the documents hold no
    answer, `failed` that for a tool that failed; `wary` names where instructions are to be ignored:
    "documents", "question". `firm`: what was found stands when the user disagrees. `never` holds
    the words of what is not to be called."""

    only_context: bool = False
    absent: str | None = None
    cite: bool = False
    fully: bool = False
    same_language: bool = False
    words: int | None = None
    sentences: int | None = None
    wary: frozenset[str] = frozenset()
    failed: str | None = None
    firm: bool = False
    never: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """`documents` are (id, text) in the order given; `instructions` is what is neither document
    nor question; `earlier` the user's questions before this one, the latest first. `objection` is
    what the user holds against an answer, and then `question` the one that was answered.

    Since the user's last message: `results` are what tools returned, `called` the calls of known
    arguments, each in one spelling, `used` the tools that answered a call that is not known."""

    instructions: str
    rules: Rules
    documents: Sequence[tuple[str, str]]
    question: str
    earlier: Sequence[str] = ()
    objection: str = ""
    results: Sequence[str] = ()
    called: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()


_document = re.compile(
    r"<document\b(?:[^>]{0,200}?\bid=[\"']([^\"'>]{0,200})[\"'])?[^>]{0,200}>(.*?)(?:</document\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_question = re.compile(r"^[ \t]*question:[ \t]*", re.MULTILINE | re.IGNORECASE)


def read(
    messages: Sequence[Mapping[str, Json]], tools: Sequence[Mapping[str, Json]] = ()
) -> Prompt:
    """System messages instruct; the last user message asks, after "Question:" if it says so, and
    what it says before that instructs too. Documents count wherever they stand, and so does what
    a tool returned, under a heading that says what the tool does."""
    about = {str(tool.get("name")): str(tool.get("description", "")) for tool in tools}
    instructions: list[str] = []
    documents: list[tuple[str, str]] = []
    questions: list[str] = []
    for message in messages:
        role = message.get("role")
        text = content(message)
        if role == "tool":
            name = str(message.get("name") or f"tool-{len(documents) + 1}")
            found: list[tuple[str, str]] = []
            if rest := _take(text, found):
                found.append((name, rest))
            documents += [(id_, _headed(each, name, about.get(name, ""))) for id_, each in found]
        elif role in ("system", "developer"):
            instructions.append(_take(text, documents))
        elif role == "user":
            lead, question = _ask(_take(text, documents))
            instructions.append(lead)
            questions.insert(0, question)
    told = "\n".join(part for part in instructions if part)
    question, *earlier = questions or [""]
    replied = any(each.get("role") == "assistant" and content(each) for each in messages)
    objects = replied and bool(earlier) and bool(_objects.search(question[:500]))
    since = _since_asked(messages)
    calls = _calls(since)
    answers = [each for each in since if each.get("role") == "tool"]
    return Prompt(
        instructions=told,
        rules=rules(told),
        documents=documents,
        question=earlier[0] if objects else question,
        earlier=earlier[1:] if objects else earlier,
        objection=question if objects else "",
        results=[content(each) for each in answers],
        called=frozenset(calls.values()),
        used=frozenset(
            str(each.get("name")) for each in answers if str(each.get("tool_call_id")) not in calls
        ),
    )


def _headed(text: str, name: str, about: str) -> str:
    return f"# {name.replace('_', ' ')}: {' '.join(about.split())}\n\n{text}" if about else text


def _since_asked(messages: Sequence[Mapping[str, Json]]) -> Sequence[Mapping[str, Json]]:
    """What came after the user's last message."""
    asked = [place for place, each in enumerate(messages) if each.get("role") == "user"]
    return messages[asked[-1] + 1 :] if asked else messages


def _calls(messages: Sequence[Mapping[str, Json]]) -> dict[str, str]:
    """The calls that the model made, in one spelling, by their id."""
    found = {}
    for message in messages:
        for call in message.get("tool_calls") or ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                name = str(function.get("name"))
                found[str(call.get("id"))] = spelled(name, function.get("arguments"))
    return found


def spelled(name: str, arguments: Json) -> str:
    """A call in one spelling, whether its arguments are an object or JSON in text."""
    if isinstance(arguments, str):
        try:
            arguments = strictjson.parse(arguments)
        except strictjson.Malformed:
            return f"{name} {arguments}"
    return f"{name} {alike(arguments)}"


def failed(result: str) -> bool:
    """Whether what a tool returned says that it failed: "error: ...", or {"error": ...}."""
    return bool(_error.match(result))


def before(prompt: Prompt) -> str:
    """Of a question that leaves open what it is about ("And Tom?"), the last one before it that
    does not; else ""."""
    if not _follows.match(prompt.question):
        return ""
    return next((each for each in prompt.earlier if not _follows.match(each)), "")


_follows = re.compile(r"\W*(?:and|what about|how about)\b", re.IGNORECASE)
_error = re.compile(r"\s*(?:\{\s*\"error\"\s*:|error\b)", re.IGNORECASE)
_objects = re.compile(
    r"\bare you (?:really |quite )?sure\b|\bI (?:don't|do not) (?:think so|believe (?:you|that))\b"
    r"|\b(?:that|this|it)(?:'s| is| can't be| cannot be) ?(?:not )?(?:wrong|right|true|correct)\b"
    r"|\byou(?:'re| are) (?:wrong|mistaken)\b|\bI (?:think|thought|believe|am sure|'m sure)\b"
    r"|\A\W*no\b[,.!]|\bactually,? (?:it|that)\b"
    r"|\b(?:says|said|told me|tells me|insists)\b.{0,40}\b(?:it|that|otherwise|differently)\b",
    re.IGNORECASE,
)


def content(message: Mapping[str, Json]) -> str:
    """The text of a message, whether it is a string or a list of typed parts."""
    body = message.get("content")
    if isinstance(body, list):
        parts = (part.get("text") if isinstance(part, dict) else part for part in body)
        return "\n".join(part for part in parts if isinstance(part, str))
    return body if isinstance(body, str) else ""


def _take(text: str, documents: list[tuple[str, str]]) -> str:
    """Move the documents out of `text`; one without an id is named by its number."""

    def move(found: re.Match[str]) -> str:
        documents.append((found[1] or str(len(documents) + 1), found[2]))
        return "\n"

    return _document.sub(move, text).strip()


def _ask(text: str) -> tuple[str, str]:
    # The first marker counts: a question that holds another one can't hide its beginning.
    if marker := _question.search(text):
        return text[: marker.start()].strip(), text[marker.end() :].strip()
    return "", text


_absent = re.compile(
    r"\bif\b[^.\n]{0,120}?(?:\b(?:not|no|nothing|missing|cannot|lacks?)\b|n't\b)[^.\n]{0,120}?"
    r"\b(?:say|reply|answer|respond|write)\b[^\"“\n]{0,60}[\"“]([^\"”\n]+)[\"”]",
    re.IGNORECASE,
)
_only = re.compile(
    r"\bonly\b.{0,40}\b(?:context|documents?|sources?|handbook|passages?)\b", re.IGNORECASE
)
_cite = re.compile(r"(?<!don't )(?<!not )(?<!never )\bcite\b", re.IGNORECASE)
_fully = re.compile(r"\banswer (?:fully|completely|in full)\b", re.IGNORECASE)
_language = re.compile(r"\b(?:language of the question|same language)\b", re.IGNORECASE)
_limit = re.compile(
    r"\b(?:at most|no more than|not more than|up to|within|max(?:imum)?(?: of)?)\s+"
    r"([0-9]{1,6})\s+(words?|sentences?)\b",
    re.IGNORECASE,
)
_failed = re.compile(
    r"\bif\b[^.\n]{0,60}?\b(?:fails?|errors?|unavailable|down|tim(?:es?|ed) out)\b[^.\n]{0,60}?"
    r"\b(?:say|reply|answer|respond|write)\b[^\"“\n]{0,60}[\"“]([^\"”\n]+)[\"”]",
    re.IGNORECASE,
)
_firm = re.compile(
    r"\b(?:keep|stick|stand)\b[^.\n]{0,40}"
    r"\b(?:tools?|results?|documents?|sources?|facts?|answers?)\b",
    re.IGNORECASE,
)
_never = re.compile(
    r"\b(?:never|do not|don't|must not) (?:call|use)\b(?P<what>[^.\n]*)", re.IGNORECASE
)
_wary = re.compile(
    r"\b(?:ignore|(?:never|do not|don't) (?:follow|obey))\b[^.\n]{0,40}"
    r"\b(?:instructions?|commands?|requests?|orders?)\b(?P<where>[^.\n]*)",
    re.IGNORECASE,
)
_places = {
    "documents": re.compile(r"\b(?:documents?|context|sources?|attachments?)\b", re.IGNORECASE),
    "question": re.compile(r"\b(?:questions?|users?|messages?)\b", re.IGNORECASE),
}


def rules(instructions: str) -> Rules:
    """The rules that a prompt states; of two limits the smaller counts."""
    absent, fails = _absent.search(instructions), _failed.search(instructions)
    barred = " ".join(found["what"] for found in _never.finditer(instructions))
    where = " ".join(found["where"] for found in _wary.finditer(instructions))
    return Rules(
        only_context=bool(_only.search(instructions)),
        absent=absent[1] if absent else None,
        cite=bool(_cite.search(instructions)),
        fully=bool(_fully.search(instructions)),
        same_language=bool(_language.search(instructions)),
        words=_least(instructions, "word"),
        sentences=_least(instructions, "sentence"),
        wary=frozenset(name for name, place in _places.items() if place.search(where)),
        failed=fails[1] if fails else None,
        firm=bool(_firm.search(instructions)),
        never=frozenset(re.findall(r"[\w-]+", barred)),
    )


def _least(instructions: str, unit: str) -> int | None:
    limits = (
        int(found[1])
        for found in _limit.finditer(instructions)
        if found[2].casefold().startswith(unit)
    )
    return min(limits, default=None)
