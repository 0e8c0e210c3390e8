"""Calls that belong to a case: seeded from what is run, answered from the store, kept in it.

`LLM` is what a target gets. Each call is attributed to its case by a context variable, so that
`gather`, threads and retries inside a pipeline can't mix cases up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.canonical import canonical, key
from evalsuite.errors import BackendError, EvalsuiteError
from evalsuite.records import Json, ToolCall, Usage
from evalsuite.seeds import derive
from evalsuite.store import Store


class MissingReply(BackendError):
    """`--evals-replay=only`, and the store has no reply to this request."""


@dataclass(slots=True)
class Tally:
    """What one case and trial asked, counted as it goes. `cost` is None once a price is unknown."""

    case_id: str
    trial: int
    root_seed: int
    fresh: int = 0
    stored: int = 0
    usage: Usage = Usage()
    cost: float | None = 0.0
    models: set[str] = field(default_factory=set)
    finish_reason: str | None = None
    first_token: float | None = None
    seen: dict[str, int] = field(default_factory=dict)

    def occurrence(self, request_key: str) -> int:
        """How often this request was made before in this case and trial."""
        count = self.seen.get(request_key, 0)
        self.seen[request_key] = count + 1
        return count


TALLY: ContextVar[Tally] = ContextVar("evalsuite_tally")
"""The case that the current task or thread works for; the runner sets it."""

QUIET: ContextVar[bool] = ContextVar("evalsuite_quiet", default=False)
"""True while the harness itself, not the target, opens files or connections."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A backend whose replies come from the store where it has them, and go into it.

    With `replay_only` nothing is asked: a reply that is not stored is a MissingReply.
    """

    backend: Backend
    store: Store
    replay_only: bool = False

    async def complete(self, request: Request) -> Completion:
        tally = _current()
        asked = {
            "backend": self.backend.identity,
            "messages": request.messages,
            "tools": request.tools,
            "schema": request.schema,
            "params": request.params,
        }
        request_key = key("request", asked)
        nth = tally.occurrence(request_key)
        if request.seed is None and self.backend.capabilities.seed:
            seed = derive(tally.root_seed, tally.case_id, tally.trial, request_key, nth)
            request = replace(request, seed=seed)
        place = {"seed": request.seed, "trial": tally.trial, "occurrence": nth}
        call_key = key("call", {"request": request_key, **place})
        completion = self._stored(call_key)
        if completion is not None:
            tally.stored += 1
        elif self.replay_only:
            raise MissingReply(f"no stored reply to request {request_key}")
        else:
            completion = await self._ask(request)
            self.store.put("call", call_key, canonical(asdict(completion)))
            await self.store.committed()
            tally.fresh += 1
        _count(tally, completion)
        return completion

    async def _ask(self, request: Request) -> Completion:
        token = QUIET.set(True)
        try:
            return await self.backend.complete(request)
        finally:
            QUIET.reset(token)

    def _stored(self, call_key: str) -> Completion | None:
        value = self.store.get("call", call_key)
        return None if value is None else completion_from(json.loads(value))


def _current() -> Tally:
    try:
        return TALLY.get()
    except LookupError:
        raise EvalsuiteError(
            "a model was called outside of a case: call it inside the decorated function, or, in "
            "a thread pool of your own, submit with contextvars.copy_context().run"
        ) from None


def _count(tally: Tally, completion: Completion) -> None:
    tally.usage += replace(completion.usage, calls=completion.usage.calls or 1)
    known = completion.cost is not None and tally.cost is not None
    tally.cost = tally.cost + completion.cost if known else None  # type: ignore[operator]
    tally.finish_reason = completion.finish_reason
    if completion.model:
        tally.models.add(completion.model)
    if tally.first_token is None:
        tally.first_token = completion.first_token


def completion_from(value: Mapping[str, Json]) -> Completion:
    """A Completion from its stored JSON."""
    fields: dict[str, Any] = dict(value)
    fields["tool_calls"] = tuple(ToolCall(**call) for call in fields["tool_calls"])
    fields["usage"] = Usage(**fields["usage"])
    return Completion(**fields)


@dataclass(frozen=True, slots=True)
class Call:
    """A call under way: `await` it in an async target, `.result()` it in a plain one."""

    _start: Callable[[], Awaitable[Completion]]
    _loop: asyncio.AbstractEventLoop

    def __await__(self) -> Generator[Any, None, Completion]:
        return self._start().__await__()

    def result(self) -> Completion:
        """Wait for the reply from a thread; a plain target runs in one."""
        tally = _current()

        async def bound() -> Completion:
            TALLY.set(tally)
            return await self._start()

        return asyncio.run_coroutine_threadsafe(bound(), self._loop).result()


class LLM:
    """The models of a suite, by role: `llm` is the default one, `llm["fast"]` another."""

    def __init__(
        self,
        roles: Mapping[str, Recorded],
        loop: asyncio.AbstractEventLoop,
        role: str = "default",
    ) -> None:
        self._roles = roles
        self._loop = loop
        self._role = role

    def __getitem__(self, role: str) -> LLM:
        if role not in self._roles:
            raise EvalsuiteError(
                f'no model has the role "{role}": add it to [tool.evalsuite] backends '
                f"(there: {', '.join(sorted(self._roles))})"
            )
        return LLM(self._roles, self._loop, role)

    def chat(
        self,
        messages: str | Sequence[Mapping[str, Json]],
        *,
        tools: Sequence[Mapping[str, Json]] = (),
        schema: Mapping[str, Json] | None = None,
        **params: Json,
    ) -> Call:
        """Ask once. Text is one user message; `params` go to the provider as they are."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        request = Request(
            messages=tuple(messages), tools=tuple(tools), schema=schema, params=params
        )
        recorded = self._roles[self._role]
        return Call(lambda: recorded.complete(request), self._loop)
