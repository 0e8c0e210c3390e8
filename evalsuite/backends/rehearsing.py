"""A run's calls without a call: what the store answers is answered, what it would ask is noted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from evalsuite.backends.base import Completion, Request
from evalsuite.backends.calls import Tally
from evalsuite.backends.metered import Counted
from evalsuite.backends.recording import MissingReply, Recorded, model_of
from evalsuite.records import Json

_TURNS = 10
"""Turns of the loop in which what a case asks side by side comes together."""

MOST = ("max_completion_tokens", "max_tokens", "max_output_tokens")
"""What providers call the limit of an answer in tokens."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A call that would be made: for whom first, to which "PROVIDER:MODEL", and how many tokens its
    answer may have, None where the request says nothing."""

    tally: Tally
    model: str
    most: int | None


@dataclass(slots=True, eq=False)
class Rehearsal:
    """What a run would ask, by call.key. `replies` are of models in this process: they cost nothing
    and are the same each time, so they are asked."""

    missed: dict[str, Missed] = field(default_factory=dict)
    replies: dict[str, Completion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rehearsed(Recorded):
    """A Recorded that makes no call and leaves nothing in the store: a reply that is not there is a
    MissingReply."""

    rehearsal: Rehearsal = field(default_factory=Rehearsal)

    def _stored(self, call_key: str, *, anew: bool = False) -> Completion | None:
        known = self.rehearsal.replies.get(call_key)
        return known or Recorded._stored(self, call_key, anew=anew)

    async def _asked_once(
        self, request: Request, call_key: str, tally: Tally
    ) -> tuple[Completion, bool]:
        if self.backend.capabilities.deterministic:
            backend = self.backend
            if isinstance(backend, Counted):  # a look takes nothing of the budget
                backend = backend.backend
            reply = await backend.complete(request)
            self.rehearsal.replies[call_key] = reply
            return reply, True
        tally.unheard.append(call_key)
        missed = Missed(tally, model_of(self.backend), _most(self.backend.identity, request))
        self.rehearsal.missed.setdefault(call_key, missed)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        raise MissingReply(f"no stored reply to request {call_key}")


def _most(identity: Mapping[str, Json], request: Request) -> int | None:
    if request.embed:
        return 0
    body = (request.raw or {}).get("body")
    given = body if isinstance(body, dict) else request.params
    own = identity.get("params")
    params = {**(own if isinstance(own, dict) else {}), **given}
    limits = [params[name] for name in MOST if type(params.get(name)) is int]
    return limits[0] if limits else None
