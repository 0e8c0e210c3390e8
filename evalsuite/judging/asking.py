"""The only place of judging that waits: prompts go out, replies come back as judgements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.backends.llm import LLM
from evalsuite.backends.together import together
from evalsuite.canonical import key
from evalsuite.judging.matter import HOLDS
from evalsuite.judging.prompt import POSITIONS, Prompt, prompts
from evalsuite.judging.records import TIE, UNSURE, Card, Judgement, Level, Order, Subject
from evalsuite.judging.reply import CRITIQUE, RAW, Unparsable, repairable, verdicts_in
from evalsuite.records import Json
from evalsuite.scoring import clip
from evalsuite.seeds import derive

T = TypeVar("T")

EQUAL = "the two outputs are equal: a tie without a call"

_REPAIR = (
    "A first reply to this was no verdict: {problem}. Answer with the JSON object alone, of the "
    "fields that you were told."
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A model to ask. `structured`: it keeps to a JSON Schema, so that it is given one."""

    complete: Callable[[Request], Awaitable[Completion]]
    structured: bool


def of_llm(llm: LLM) -> Ask:
    """The model of a role, as a scorer has it."""

    def complete(request: Request) -> Awaitable[Completion]:
        return llm.chat(request.messages, schema=request.schema, **request.params)

    return Ask(complete, llm.capabilities.json_schema)


def of_backend(backend: Backend) -> Ask:
    """A backend asked directly."""
    return Ask(backend.complete, backend.capabilities.json_schema)


@dataclass(frozen=True, slots=True)
class Heard:
    """A judgement per criterion (or statement), order and vote. `left_out` says of the texts, as
    the first order names them, how many characters were cut."""

    judgements: tuple[Judgement, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


async def judge(
    card: Card, subject: Subject, ask: Ask, *, votes: int | None = None
) -> tuple[Judgement, ...]:
    """What the judge says of a subject; `hear` says more."""
    return (await hear(card, subject, ask, votes=votes)).judgements


async def hear(card: Card, subject: Subject, ask: Ask, *, votes: int | None = None) -> Heard:
    """What the judge says of a subject, and what of it was cut.

    A pair of equal outputs is a tie without a call. Equal calls of several votes are told apart by
    their occurrence, so that each is a sample of its own.

    Raises:
        BackendError: a call had no reply.
        ValueError: the subject lacks what the card judges by.
    """
    if card.kind == "pairwise":
        if subject.other is None:
            raise ValueError(f"{card.name} compares two outputs, and there is one")
        if subject.output == subject.other:
            return Heard(tuple(_equal(each.name) for each in card.criteria))
    orders = orders_of(card, subject)
    rounds = [each for order in orders for each in prompts(card, subject, order)]
    asked = [
        _ask(card, ask, prompt, vote)
        for vote in range(1, (votes or card.votes) + 1)
        for prompt in rounds
    ]
    judgements = tuple(each for found in await together(asked) for each in found)
    first = [each.left_out for each in rounds if each.order == orders[0]]
    return Heard(judgements, {name: n for left_out in first for name, n in left_out.items()})


def orders_of(card: Card, subject: Subject) -> tuple[Order, ...]:
    """The orders in which a subject is shown. Where one must do, the pair's own content chooses
    it, so that neither run nor machine can."""
    if card.kind != "pairwise":
        return ("",)
    if card.orders == 2:
        return ("ab", "ba")
    content = key("pair", [subject.input, subject.output, subject.other])
    return ("ba",) if derive(0, content) % 2 else ("ab",)


def _equal(criterion: str) -> Judgement:
    return Judgement(criterion=criterion, label=TIE, value=0.5, reason=EQUAL)


async def _ask(card: Card, ask: Ask, prompt: Prompt, vote: int) -> list[Judgement]:
    """One call, and a second one where the first reply is a slip."""
    schema = prompt.schema if ask.structured else None
    request = Request(messages=prompt.messages, schema=schema, params=dict(card.params))
    found = await read(ask, request, lambda reply: verdicts_in(reply, prompt.fields))
    if not isinstance(found, Unread):
        return _judgements(card, prompt, vote, found)
    return [
        Judgement(
            criterion=each.criterion,
            label=None,
            value=None,
            reason=found.reason,
            order=prompt.order,
            vote=vote,
            raw=found.raw,
        )
        for each in prompt.fields
    ]


UNPARSABLE = "unparsable verdict"
"""How the reason of a judgement begins that nobody can read."""


@dataclass(frozen=True, slots=True)
class Unread:
    """No verdict: why, and the reply as far as it is kept."""

    reason: str
    raw: str


async def read(ask: Ask, request: Request, parse: Callable[[Completion], T]) -> T | Unread:
    """What `parse` reads in the reply. Where it is Unparsable and a slip, one more is asked for.

    Raises:
        BackendError: a call had no reply.
    """
    reply = await ask.complete(request)
    try:
        return parse(reply)
    except Unparsable as bad:
        problem = str(bad)
    if repairable(reply):
        reply = await ask.complete(replace(request, messages=_repair(request.messages, problem)))
        try:
            return parse(reply)
        except Unparsable as bad:
            problem = str(bad)
    kind = UNPARSABLE if repairable(reply) else "no verdict"
    return Unread(f"{kind}: {problem}", clip(reply.text, RAW))


def _repair(messages: Sequence[Mapping[str, Json]], problem: str) -> Sequence[Mapping[str, Json]]:
    """The same question with a note. The reply is not shown again: it may repeat what it judged,
    and would do so outside of a fence."""
    *before, last = messages
    return (*before, {**last, "content": f"{last['content']}\n\n{_REPAIR.format(problem=problem)}"})


def _judgements(
    card: Card, prompt: Prompt, vote: int, found: Mapping[str, tuple[str, str]]
) -> list[Judgement]:
    made = []
    for criterion, (said, critique) in found.items():
        label = POSITIONS[prompt.order].get(said, said) if prompt.order else said
        made.append(
            Judgement(
                criterion=criterion,
                label=label,
                value=_value(card, criterion, label),
                critique=clip(critique, CRITIQUE),
                reason="unable to tell" if label == UNSURE else "",
                order=prompt.order,
                vote=vote,
            )
        )
    return made


def _value(card: Card, criterion: str, label: str) -> float | None:
    scale: Sequence[Level] = HOLDS
    if card.kind != "expectations":
        scale = card.criterion(criterion).scale
    return next((level.value for level in scale if level.label == label), None)
