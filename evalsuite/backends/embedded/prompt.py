"""What the embedded model reads out of chat messages: documents, a question, and its rules.

A rule holds only where the prompt states it, in one of the spellings that docs/embedded.md lists:
so a changed line of a prompt changes answers, as it does with a real model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.records import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the prompt asks for. `absent` is the sentence to say where the documents hold no
    answer; `wary` names where instructions are to be ignored: "documents", "question"."""

    only_context: bool = False
    absent: str | None = None
    cite: bool = False
    fully: bool = False
    same_language: bool = False
    words: int | None = None
    sentences: int | None = None
    wary: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """`documents` are (id, text) in the order given; `instructions` is what is neither document
    nor question; `used` names the tools whose results are among the documents."""

    instructions: str
    rules: Rules
    documents: Sequence[tuple[str, str]]
    question: str
    used: frozenset[str] = frozenset()


_document = re.compile(
    r"<document\b(?:[^>]{0,200}?\bid=[\"']([^\"'>]{0,200})[\"'])?[^>]{0,200}>(.*?)(?:</document\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_question = re.compile(r"^[ \t]*question:[ \t]*", re.MULTILINE | re.IGNORECASE)


def read(messages: Sequence[Mapping[str, Json]]) -> Prompt:
    """System messages instruct; the last user message asks, after "Question:" if it says so, and
    what it says before that instructs too. Documents count wherever they stand, and so does what
    a tool returned."""
    instructions: list[str] = []
    documents: list[tuple[str, str]] = []
    used: set[str] = set()
    question = ""
    for message in messages:
        role = message.get("role")
        text = content(message)
        if role == "tool":
            name = str(message.get("name") or f"tool-{len(used) + 1}")
            used.add(name)
            documents.append((name, text))
        elif role in ("system", "developer"):
            instructions.append(_take(text, documents))
        elif role == "user":
            before, question = _ask(_take(text, documents))
            instructions.append(before)
    told = "\n".join(part for part in instructions if part)
    return Prompt(
        instructions=told,
        rules=rules(told),
        documents=documents,
        question=question,
        used=frozenset(used),
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
    absent = _absent.search(instructions)
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
    )


def _least(instructions: str, unit: str) -> int | None:
    limits = (
        int(found[1])
        for found in _limit.finditer(instructions)
        if found[2].casefold().startswith(unit)
    )
    return min(limits, default=None)
