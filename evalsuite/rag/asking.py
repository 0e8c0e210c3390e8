"""The only place of rag metrics that waits: one call for all that needs no reference, one for all
that does."""

from __future__ import annotations

from collections.abc import Collection, Coroutine
from typing import Any

from evalsuite.backends.base import Request
from evalsuite.backends.together import together
from evalsuite.judging.asking import Ask, Unread, read
from evalsuite.rag.material import applies, settled
from evalsuite.rag.measuring import scores_of
from evalsuite.rag.names import CITATIONS, GIVEN, REFERENCE
from evalsuite.rag.prompt import Prompt, coverage_prompt, grounding_prompt
from evalsuite.rag.records import Coverage, Grounding, Heard, Material
from evalsuite.rag.reply import coverage_in, grounding_in
from evalsuite.records import Score


def calls(names: Collection[str], material: Material) -> int:
    """How many calls `measure` makes: 0 to 2. A reply that is a slip takes one more."""
    open_ = [name for name in names if applies(name, material) and not settled(name, material)]
    return len({name in REFERENCE for name in open_})


async def measure(
    names: Collection[str], material: Material, ask: Ask, case_id: str = ""
) -> dict[str, Score]:
    """A score for each of these metrics that applies to the material. What can be told without a
    model is; for the rest one call is made, or two where a reference is needed.

    Raises:
        BackendError: a call had no reply.
    """
    mine = [name for name in names if applies(name, material)]
    known = {name: found for name in mine if (found := settled(name, material))}
    open_ = [name for name in mine if name not in known]
    heard = await _hear(open_, names, material, ask)
    return scores_of(mine, material, known, heard, case_id)


async def _hear(
    open_: Collection[str], names: Collection[str], material: Material, ask: Ask
) -> Heard:
    """What is asked depends on the metrics named and never on those still open, so that their
    values do not depend on each other."""
    calls: list[Coroutine[Any, Any, Grounding | Coverage | Unread]] = []
    prompts: list[Prompt] = []
    citations = any(name in CITATIONS for name in names)
    given = any(name in GIVEN for name in names)
    if any(name not in REFERENCE for name in open_):
        prompts.append(grounding_prompt(material, citations=citations))
        calls.append(
            read(
                ask,
                _request(prompts[-1], ask),
                lambda reply: grounding_in(reply, material, citations=citations),
            )
        )
    if any(name in REFERENCE for name in open_):
        prompts.append(coverage_prompt(material, given=given))
        calls.append(
            read(
                ask,
                _request(prompts[-1], ask),
                lambda reply: coverage_in(reply, material, given=given),
            )
        )
    found = await together(calls)
    kinds = [str(each.schema["title"]).rpartition(" ")[2] for each in prompts]
    unread = {k: each for k, each in zip(kinds, found, strict=True) if isinstance(each, Unread)}
    return Heard(
        grounding=next((each for each in found if isinstance(each, Grounding)), None),
        coverage=next((each for each in found if isinstance(each, Coverage)), None),
        unread={kind: each.reason for kind, each in unread.items()},
        raw={kind: each.raw for kind, each in unread.items()},
        left_out={name: n for each in prompts for name, n in each.left_out.items()},
    )


def _request(prompt: Prompt, ask: Ask) -> Request:
    return Request(messages=prompt.messages, schema=prompt.schema if ask.structured else None)
