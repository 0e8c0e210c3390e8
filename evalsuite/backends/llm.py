"""`LLM` is what a target gets: the models of its suite, by role."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from evalsuite.backends import clients
from evalsuite.backends.base import Capabilities, Completion, Request
from evalsuite.backends.calls import current, wait_for
from evalsuite.backends.recording import Recorded
from evalsuite.errors import EvalsuiteError
from evalsuite.records import Json

if TYPE_CHECKING:
    import anthropic
    import openai

T = TypeVar("T")

_BATCH = 64
"""Texts in one request for embeddings."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A call under way: `await` it in an async target, `.result()` it in a plain one."""

    _start: Callable[[], Awaitable[T]]
    _loop: asyncio.AbstractEventLoop

    def __await__(self) -> Generator[Any, None, T]:
        return self._start().__await__()

    def result(self) -> T:
        """Wait for the reply from a thread; a plain target runs in one."""
        return wait_for(self._start, current(), self._loop)


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

    @property
    def roles(self) -> Mapping[str, Recorded]:
        """Every role's model."""
        return self._roles

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
    ) -> Call[Completion]:
        """Ask once. Text is one user message; `params` go to the provider as they are."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        request = Request(
            messages=tuple(messages), tools=tuple(tools), schema=schema, params=params
        )
        recorded = self._roles[self._role]
        return Call(lambda: recorded.complete(request), self._loop)

    def embed(self, texts: Sequence[str], **params: Json) -> Call[list[Sequence[float]]]:
        """One vector per text, in their order; many texts are asked for in batches."""
        if isinstance(texts, str):
            raise EvalsuiteError("embed takes a list of texts, not one text")
        recorded = self._roles[self._role]
        batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]

        async def start() -> list[Sequence[float]]:
            requests = [Request(messages=(), params=params, embed=tuple(each)) for each in batches]
            replies = await asyncio.gather(*map(recorded.complete, requests))
            return [vector for reply in replies for vector in reply.embeddings]

        return Call(start, self._loop)

    def request(self, raw: Mapping[str, Json]) -> Call[Completion]:
        """The request of an SDK's own client: see `openai_client` and `anthropic_client`."""
        recorded = self._roles[self._role]
        return Call(lambda: recorded.complete(Request(messages=(), raw=raw)), self._loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that calls run on."""
        return self._loop

    @property
    def capabilities(self) -> Capabilities:
        """What this role's backend can do."""
        return self._roles[self._role].backend.capabilities

    @property
    def protocol(self) -> str:
        """Whose SDK's client can be passed on: "openai", "anthropic" or ""."""
        return self._roles[self._role].backend.capabilities.protocol

    @overload
    def openai_client(self, *, sync: Literal[False] = False) -> openai.AsyncOpenAI: ...

    @overload
    def openai_client(self, *, sync: Literal[True]) -> openai.OpenAI: ...

    def openai_client(self, *, sync: bool = False) -> Any:
        """A client of OpenAI's SDK for a pipeline that brings its own calls. They go to this role's
        model, through the same store, limits and budget, and belong to the case that it was made
        in where its threads do not say so."""
        return clients.bound("openai", self, sync=sync)

    @overload
    def anthropic_client(self, *, sync: Literal[False] = False) -> anthropic.AsyncAnthropic: ...

    @overload
    def anthropic_client(self, *, sync: Literal[True]) -> anthropic.Anthropic: ...

    def anthropic_client(self, *, sync: bool = False) -> Any:
        """The same for Anthropic's SDK."""
        return clients.bound("anthropic", self, sync=sync)
