"""What a case and its first answer tell, from which derived slices are cut."""

from __future__ import annotations

import re

from evalsuite import scoring
from evalsuite.records import STYLE, Case, Json, Output


def case_facts(case: Case) -> dict[str, Json]:
    """From which derived slices are cut: what the case itself tells."""
    facts: dict[str, Json] = {"input_length": _length(case.input)}
    if isinstance(case.input, dict) and isinstance(case.input.get("language"), str):
        facts["language"] = case.input["language"]
    return facts


def output_facts(case: Case, output: Output) -> dict[str, Json]:
    """What the first trial's output tells: which model served it, size of the context, whether
    retrieval found it."""
    facts: dict[str, Json] = dict(zip(STYLE, (len(output.text), layout(output.text)), strict=True))
    if output.model:
        facts["model"] = scoring.clip(output.model, 100)
    if not output.contexts:
        return facts
    characters = sum(len(document.text) for document in output.contexts)
    facts |= {"documents": len(output.contexts), "context_tokens": characters // 4}
    if case.relevant:
        found = {document.id for document in output.contexts}
        facts["relevant_retrieved"] = not found.isdisjoint(case.relevant)
    return facts


def layout(text: str) -> str:
    """How an answer is laid out: "code", "table", "list", "data" or "plain".

    >>> layout('{"days": 30}'), layout("30 days.")
    ('data', 'plain')
    """
    text = text[:LAYOUT]
    if "```" in text:
        return "code"
    if _TABLE.search(text):
        return "table"
    if len(_POINT.findall(text)) > 1:
        return "list"
    return "data" if text.lstrip()[:1] in ("{", "[") else "plain"


LAYOUT = 20_000
"""Characters of an answer by which its layout is told."""

# Bounded white space within one line: an answer may be a megabyte of it.
_TABLE = re.compile(r"^[ \t]{0,8}\|?[ \t]{0,8}:?-{3,}:?[ \t]{0,8}\|", re.MULTILINE)
_POINT = re.compile(r"^[ \t]{0,8}(?:[-*+•]|\d{1,3}[.)])[ \t]", re.MULTILINE)


def _length(value: Json) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_length, value.values()))
    return sum(map(_length, value)) if isinstance(value, list | tuple) else 0
