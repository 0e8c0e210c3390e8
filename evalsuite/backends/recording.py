"""Calls that belong to a case: seeded from what is run, answered from the store, kept in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.backends.calls import QUIET, Halt, current
from evalsuite.canonical import canonical, key
from evalsuite.errors import BackendError
from evalsuite.records import Json, ToolCall, Usage
from evalsuite.seeds import derive
from evalsuite.store import Store


class MissingReply(BackendError):
    """`--evals-replay=only`, and the store has no reply to this request."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A backend whose replies come from the store where it has them, and go into it.

    With `replay_only` nothing is asked: a reply that is not stored is a MissingReply.
    """

    backend: Backend
    store: Store
    replay_only: bool = False
    halt: Halt = field(default_factory=Halt)

    async def complete(self, request: Request) -> Completion:
        """The stored or fresh reply; BackendError where there is none."""
        tally = current()
        request_key = key("request", {"backend": self.backend.identity, **asked(request)})
        nth = tally.occurrence(request_key)
        if request.seed is None and self.backend.capabilities.seed:
            seed = derive(tally.root_seed, tally.case_id, tally.trial, request_key, nth)
            request = replace(request, seed=seed)
        place = {"seed": request.seed, "trial": tally.trial, "occurrence": nth}
        call_key = key("call", {"request": request_key, **place})
        completion = self._stored(call_key)
        fresh = completion is None
        if completion is None:
            try:
                completion = await self._ask(request, call_key)
            except BackendError as error:
                tally.fail(error)
                raise
        tally.add(call_key, completion, fresh=fresh)
        return completion

    async def _ask(self, request: Request, call_key: str) -> Completion:
        if self.replay_only:
            raise MissingReply(f"no stored reply to request {call_key}")
        self.halt.check()
        token = QUIET.set(True)
        try:
            completion = await self.backend.complete(request)
        finally:
            QUIET.reset(token)
        self.store.put("call", call_key, canonical(asdict(completion)))
        await self.store.committed()
        return completion

    def _stored(self, call_key: str) -> Completion | None:
        value = self.store.get("call", call_key)
        return None if value is None else completion_from(json.loads(value))


def asked(request: Request) -> dict[str, Json]:
    """All of a request that can change its answer, but for the seed. What a request does not use
    is left out, so that a field which is added to Request leaves the keys of others alone."""
    return {
        "messages": request.messages,
        "tools": request.tools,
        "schema": request.schema,
        "params": request.params,
        **({"embed": request.embed} if request.embed else {}),
        **({"raw": request.raw} if request.raw is not None else {}),
    }


def completion_from(value: Mapping[str, Json]) -> Completion:
    """A Completion from its stored JSON."""
    fields: dict[str, Any] = dict(value)
    fields["tool_calls"] = tuple(ToolCall(**call) for call in fields["tool_calls"])
    fields["usage"] = Usage(**fields["usage"])
    return Completion(**fields)
