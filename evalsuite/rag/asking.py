"""The only place of rag metrics that waits: one call for all that needs no reference, one for all
that does."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from evalsuite.backends.base import Completion, Request
from evalsuite.backends.together import together
from evalsuite.judging.asking import Ask, Unread, read
from evalsuite.rag.material import settled
from evalsuite.rag.measuring import scores_of
from evalsuite.rag.names import CITATIONS, GIVEN, REFERENCE
from evalsuite.rag.prompt import Prompt, coverage_prompt, grounding_prompt
from evalsuite.rag.records import Coverage, Grounding, Heard, Material
from evalsuite.rag.reply import coverage_in, grounding_in
from evalsuite.records import Score


def calls(names: Collection[str], material: Material) -> int:
    """How many calls `measure` makes: 0 to 2. A reply that is a slip takes one more."""
    open_ = [name for name in names if not settled(name, material)]
    return len({name in REFERENCE for name in open_})


async def measure(
    names: Collection[str], material: Material, ask: Ask, case_id: str = ""
) -> dict[str, Score]:
    """A score for each of these metrics. What can be told without a model is; for the rest one call
    is made, or two where a reference is needed.

    Raises:
        BackendError: a call had no reply.
    """
    known = {name: found for name in names if (found := settled(name, material))}
    open_ = [name for name in names if name not in known]
    heard = await _hear(open_, names, material, ask)
    return scores_of(names, material, known, heard, case_id)


async def _hear(
    open_: Collection[str], names: Collection[str], material: Material, ask: Ask
) -> Heard:
    """What a call asks for depends on the metrics named, never on those still open: so their values
    do not depend on each other."""
    citations = any(name in CITATIONS for name in names)
    given = any(name in GIVEN for name in names)
    asks: list[tuple[Prompt, Callable[[Completion], Grounding | Coverage]]] = []
    if any(name not in REFERENCE for name in open_):
        prompt = grounding_prompt(material, citations=citations)
        asks.append((prompt, partial(grounding_in, material=material, citations=citations)))
    if any(name in REFERENCE for name in open_):
        prompt = coverage_prompt(material, given=given)
        asks.append((prompt, partial(coverage_in, material=material, given=given)))
    found = await together([read(ask, _request(each, ask), parse) for each, parse in asks])
    return Heard(
        grounding=next((each for each in found if isinstance(each, Grounding)), None),
        coverage=next((each for each in found if isinstance(each, Coverage)), None),
        unread={
            prompt.kind: each
            for (prompt, _), each in zip(asks, found, strict=True)
            if isinstance(each, Unread)
        },
        left_out={name: n for prompt, _ in asks for name, n in prompt.left_out.items()},
    )


def _request(prompt: Prompt, ask: Ask) -> Request:
    return Request(messages=prompt.messages, schema=prompt.schema if ask.structured else None)
