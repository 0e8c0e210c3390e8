"""`LLM` is what a target gets: the models of its suite, by role."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalsuite.backends.base import Completion, Request
from evalsuite.backends.calls import TALLY, current
from evalsuite.backends.recording import Recorded
from evalsuite.errors import EvalsuiteError
from evalsuite.records import Json


@dataclass(frozen=True, slots=True)
class Call:
    """A call under way: `await` it in an async target, `.result()` it in a plain one."""

    _start: Callable[[], Awaitable[Completion]]
    _loop: asyncio.AbstractEventLoop

    def __await__(self) -> Generator[Any, None, Completion]:
        return self._start().__await__()

    def result(self) -> Completion:
        """Wait for the reply from a thread; a plain target runs in one."""
        tally = current()

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
