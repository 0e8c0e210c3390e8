"""Calls that belong to a case: seeded from what is run, answered from the store, kept in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace

from evalsuite.backends.base import Backend, Completion, Request, name_of
from evalsuite.backends.calls import QUIET, Clock, Halt, Tally, current
from evalsuite.canonical import canonical, key
from evalsuite.errors import BackendError
from evalsuite.records import Json
from evalsuite.seeds import derive
from evalsuite.snapshot.codec import decoder
from evalsuite.store import Store
from evalsuite.strictjson import Malformed, parse


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
        # A vector is the same for all cases: without a seed it is asked for once.
        if request.seed is None and self.backend.capabilities.seed and not request.embed:
            seed = derive(tally.root_seed, tally.case_id, tally.trial, request_key, nth)
            request = replace(request, seed=seed)
        place = {"seed": request.seed, "trial": tally.trial, "occurrence": nth}
        call_key = key("call", {"request": request_key, **place})
        completion, fresh = self._stored(call_key), False
        if completion is None:
            try:
                completion, fresh = await self._asked_once(request, call_key, tally)
            except BackendError as error:
                tally.fail(error)
                raise
        if not fresh:
            tally.account.recalled(tally.part, name_of(self.backend))
        tally.add(call_key, completion, fresh=fresh)
        if not self.backend.capabilities.deterministic:
            tally.take(model_of(self.backend), completion)
        return completion

    async def _asked_once(
        self, request: Request, call_key: str, tally: Tally
    ) -> tuple[Completion, bool]:
        """The reply, and whether this task asked for it: of equal calls in flight, in whatever
        process, one asks. Waiting for another's reply is not the case's own time."""
        if self.replay_only:
            raise MissingReply(f"no stored reply to request {call_key}")
        async with AsyncExitStack() as stack:
            with paused(tally.clock):
                await stack.enter_async_context(self.store.claim(call_key, self.halt.check))
            completion = self._stored(call_key, anew=True)
            if completion is not None:
                return completion, False
            return await self._ask(request, call_key), True

    async def _ask(self, request: Request, call_key: str) -> Completion:
        self.halt.check()
        token = QUIET.set(True)
        try:
            completion = await self.backend.complete(request)
        finally:
            QUIET.reset(token)
        try:
            kept = canonical(asdict(completion))
        except (TypeError, ValueError) as error:
            raise BackendError(f"the reply is nothing that can be kept: {error}") from None
        self.store.put("call", call_key, kept)
        await self.store.committed()
        return completion

    def _stored(self, call_key: str, *, anew: bool = False) -> Completion | None:
        """The kept reply. What is none, in a recording say, is a reported miss."""
        value = self.store.get("call", call_key, anew=anew)
        if value is None:
            return None
        try:
            completion: Completion = decoder(Completion)(parse(value.decode("utf-8")))
        except (Malformed, ValueError) as bad:
            self.store.report(f"the reply {call_key} is not one of a model ({bad}); asked again")
            return None
        return completion


def model_of(backend: Backend) -> str:
    """ "PROVIDER:MODEL" as accounts name it."""
    return f"{backend.identity.get('provider')}:{backend.identity.get('model')}"


@contextmanager
def paused(clock: Clock | None) -> Iterator[None]:
    """Time that is not the case's own."""
    if clock is not None:
        clock.pause()
    try:
        yield
    finally:
        if clock is not None:
            clock.resume()


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
