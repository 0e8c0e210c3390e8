"""The embedded model as a judge: it counts words in common, and can't tell where there are none to
compare with.

It is no judge of quality. It lets judge cards, calibration and gates be tried and tested for
nothing, with the same verdicts everywhere: of a pair, a statement or a scale it says what the
overlap with the expected answer, else with the contexts, says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from evalsuite import retrieval
from evalsuite.backends.embedded import words
from evalsuite.backends.embedded.prompt import content
from evalsuite.records import Json

HOLDS = 0.6
"""Share of a statement's words from which it holds of an output."""

SLACK = 0.3
"""Of a step of the scale: the best level takes a little less than every word."""

_fence = re.compile(r'<data-([0-9a-f]{24}) name="([^"]*)"[^>]*>\n(.*?)\n</data-\1>', re.DOTALL)


def verdict(messages: Sequence[Mapping[str, Json]], schema: Mapping[str, Json]) -> str:
    """The reply to a judge's request, as its schema has it."""
    texts = fenced(messages)
    answer = {}
    for name, each in schema["properties"].items():
        label, critique = _field(name, each["properties"]["verdict"]["enum"], texts)
        answer[name] = {"critique": critique, "verdict": label}
    return json.dumps(answer, ensure_ascii=False)


def fenced(messages: Sequence[Mapping[str, Json]]) -> dict[str, str]:
    """The fenced texts of a request by name."""
    texts: dict[str, str] = {}
    for message in messages:
        for _, name, text in _fence.findall(content(message)):
            texts.setdefault(name, text)
    return texts


def _field(name: str, labels: Sequence[str], texts: Mapping[str, str]) -> tuple[str, str]:
    statement = texts.get(name.replace("_", " ")) if name.startswith("statement_") else None
    if statement is not None:
        share, said = _recall(statement, texts.get("output", ""), "statement")
        return ("yes" if share >= HOLDS else "no"), said
    reference = _reference(texts)
    if reference is None:
        return "unsure", "no expected answer or context to count words in"
    if "first" in texts:
        first, said = _overlap(reference, texts["first"])
        second, also = _overlap(reference, texts["second"])
        best = "tie" if first == second else "first" if first > second else "second"
        return best, f"first: {said}; second: {also}"
    share, said = _overlap(reference, texts.get("output", ""))
    levels = [label for label in labels if label != "unsure"]
    return levels[int(share * (len(levels) - 1) + SLACK)], said


def _reference(texts: Mapping[str, str]) -> tuple[str, str] | None:
    """What to count in, and what it is: the expected answer, else all contexts."""
    if "expected" in texts:
        return "expected answer", texts["expected"]
    contexts = [text for name, text in texts.items() if name.startswith("context ")]
    return ("contexts", "\n".join(contexts)) if contexts else None


def _overlap(reference: tuple[str, str], output: str) -> tuple[float, str]:
    what, text = reference
    if what == "contexts":
        return _recall(output, text, "output")
    return _recall(text, output, what)


def _recall(wanted: str, there: str, what: str) -> tuple[float, str]:
    """The share of one text's words that are in another; none if one of its numbers is not."""
    every = dict.fromkeys(retrieval.tokens(wanted))
    asked = [token for token in every if token not in words.TOPICLESS] or list(every)
    found = set(retrieval.tokens(there))
    missing = [token for token in asked if token not in found]
    said = f"{len(asked) - len(missing)} of {len(asked)} words of the {what} are there"
    numbers = [token for token in missing if token[0].isdigit()]
    if numbers:
        return 0.0, f"{said}, {numbers[0]} is not"
    return (1 - len(missing) / len(asked) if asked else 0.0), said
