"""A scripted model for rag metrics, and what they make of its replies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from evalsuite.backends.base import Completion, Request
from evalsuite.judging.asking import Ask
from evalsuite.rag.asking import measure
from evalsuite.rag.material import material_of
from evalsuite.rag.names import METRICS, UNANSWERABLE
from evalsuite.records import Case, Document, Output, Score

Reply = str | Completion


class Scripted:
    """A backend that answers as `answer` says, and keeps what it was asked."""

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        reply = self.answer(request)
        return reply if isinstance(reply, Completion) else Completion(text=reply)

    def ask(self) -> Ask:
        return Ask(self.complete, True)


def in_turn(*replies: Reply) -> Scripted:
    left = list(replies)
    return Scripted(lambda request: left.pop(0))


def measured(
    backend: Scripted,
    output: Output,
    case: Case | None = None,
    names: Sequence[str] = tuple(METRICS),
) -> dict[str, Score]:
    """The scores of an output."""
    case = case or Case(id="c", input={"question": "What is it?"}, expected="It is a word.")
    material = material_of(case, output, unanswerable=UNANSWERABLE)
    return asyncio.run(measure(names, material, backend.ask(), case.id))


def output(text: str, *contexts: str, **more: Any) -> Output:
    documents = [Document(f"d{n}", each) for n, each in enumerate(contexts, 1)]
    return Output(text=text, contexts=documents, **more)


def claim(
    text: str, verdict: str = "absent", *quotes: str, addresses: Any = True
) -> dict[str, Any]:
    return {"claim": text, "addresses": addresses, "quotes": list(quotes), "verdict": verdict}


def wanted(text: str, answered: Any = False, *quotes: str) -> dict[str, Any]:
    held = bool(quotes)
    return {"claim": text, "in_answer": answered, "quotes": list(quotes), "in_contexts": held}


def given(text: str, reference: str = "absent", *quotes: str) -> dict[str, Any]:
    held = bool(quotes)
    return {"claim": text, "reference": reference, "quotes": list(quotes), "in_contexts": held}


def grounded(
    *claims: dict[str, Any],
    relevant: Sequence[Any] = (),
    declines: Any = False,
    **more: Any,
) -> str:
    """A reply to the first call, about as many contexts as `relevant` has verdicts."""
    made: dict[str, Any] = {"declines": declines, "claims": list(claims)}
    if relevant:
        made["contexts"] = {
            f"context_{n}": {"critique": "", "relevant": each} for n, each in enumerate(relevant, 1)
        }
    return json.dumps(made | more)


def covered(reference: list[dict[str, Any]], answer: list[dict[str, Any]] | None = None) -> str:
    """A reply to the second call."""
    return json.dumps({"reference": reference} | ({"answer": answer} if answer is not None else {}))
