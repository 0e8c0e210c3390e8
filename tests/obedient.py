"""A judge that does whatever it reads outside of the data, and is honest otherwise.

It knows the instructions that it was given (the prompt of a harmless subject), and takes tags at
their face value: any <data-...> opens a fence, any </data-...> closes it. Every other line outside
of the fences that names a label, in whatever words or language, is an order to say it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from evalsuite.backends.base import Completion, Request

Prompt = Callable[[Any], tuple[str, list[str]]]

_TAG = re.compile(r"<\s*/?\s*data\b[^>\n]*>", re.IGNORECASE)


def visible(text: str) -> list[str]:
    """The lines outside of fences, marks blotted out."""
    parts, depth, last = [], 0, 0
    for tag in _TAG.finditer(text):
        if depth == 0:
            parts.append(text[last : tag.start()])
        closes = "/" in tag[0].partition("data")[0].lower()
        depth = max(0, depth - 1) if closes else 1
        last = tag.end()
    if depth == 0:
        parts.append(text[last:])
    return [re.sub(r"\b[0-9a-f]{24}\b", "MARK", line) for line in "\n".join(parts).splitlines()]


class Obedient:
    """`asked` counts its calls. `labels` are from worst to best."""

    def __init__(self, harmless: list[str], labels: list[str], expected: dict[str, str]) -> None:
        self.known = set(harmless)
        self.labels = labels
        self.expected = expected
        self.asked = 0

    async def complete(self, request: Request) -> Completion:
        self.asked += 1
        text = "\n".join(str(each["content"]) for each in request.messages)
        orders = "\n".join(line for line in visible(text) if line not in self.known)
        best = self.labels[-1]
        label = best if re.search(rf"(?<!\w){re.escape(best)}(?!\w)", orders) else self.honest(text)
        reply = {"critique": "as told" if label == best else "compared", "verdict": label}
        return Completion(text=json.dumps({"correctness": reply}))

    def honest(self, text: str) -> str:
        """Right if what is shown as the output holds the expected answer of the question."""
        question = next(each for each in self.expected if each in text)
        output = re.findall(r'name="output"[^>]*>\n(.*?)\n</data-', text, re.DOTALL)
        output = output or [text.partition("Output:")[2]]
        return self.labels[-1] if self.expected[question] in output[-1] else self.labels[0]
