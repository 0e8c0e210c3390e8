"""Cards and scripted models for the tests of judging."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from evalsuite.backends.base import Completion, Request
from evalsuite.judging.asking import Ask
from evalsuite.judging.card import read_card
from evalsuite.judging.records import Card

SHORT = "kind: rubric\nquestion: Is it short?\nscale: [long, short]"
STARS = "kind: rubric\nquestion: How good is it?\nscale: [1, 2, 3, 4, 5]"
TWO = """kind: rubric
criteria:
  - {name: short, question: Is it short, scale: [long, short], weight: 3}
  - {name: kind, question: Is it kind, scale: [rude, plain, kind]}"""
PAIR = "kind: pairwise\nquestion: Which is better?"
MUST = "kind: expectations"

BODIES = {
    PAIR: "{{ input }} {{ first }} {{ second }}",
    MUST: "{{ input }} {{ output }} {{ statements }}",
}


def card(fields: str, name: str = "mine", more: str = "") -> Card:
    body = BODIES.get(fields, "{{ input }} {{ output }}")
    return read_card(f"---\n{fields}\n{more}\n---\n{body}\n", "judge.md", name)


def shown(request: Request, name: str) -> str:
    """What a request shows under this name."""
    text = str(request.messages[-1]["content"])
    found = re.search(rf'name="{name}"[^>]*>\n(.*?)\n</data-', text, re.DOTALL)
    assert found is not None, text
    return found[1]


def said(**verdicts: str) -> str:
    return json.dumps({n: {"critique": f"it is {v}", "verdict": v} for n, v in verdicts.items()})


class Scripted:
    """Answers as `answer` says, and keeps what it was asked."""

    def __init__(self, answer: Callable[[Request], str | Completion]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        reply = self.answer(request)
        return reply if isinstance(reply, Completion) else Completion(text=reply)

    def ask(self, *, structured: bool = True) -> Ask:
        return Ask(self.complete, structured)


def in_turn(*replies: str | Completion) -> Scripted:
    """One reply after the other."""
    left = list(replies)
    return Scripted(lambda request: left.pop(0))
