"""Each call is priced, counted and taken out of the run's budget.

A price is a fact of the provider's at the time of the call, so it is kept with the reply. An
unknown price is None, never zero.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace

from evalsuite.backends.account import Account
from evalsuite.backends.base import Backend, Completion, Request, name_of
from evalsuite.backends.budget import Budget, Spend
from evalsuite.backends.calls import TALLY
from evalsuite.backends.prices import Price, price_of
from evalsuite.canonical import canonical
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import Json, Usage

_TOKENS_PER_CHARACTER = 0.5
"""Of a request, before any reply has told."""

_ANSWER = 1_000
"""Tokens that an answer may have, before any reply has told, where the request sets no limit."""

_MOST = ("max_completion_tokens", "max_tokens", "max_output_tokens")


class Counted:
    """A backend in this process, `backend`: a call of it counts as one, and takes no tokens and no
    money of a budget. What it costs is nothing, which is known."""

    def __init__(self, backend: Backend, budget: Budget) -> None:
        self.backend = backend
        self.identity = backend.identity
        self.capabilities = backend.capabilities
        self._budget = budget
        self._name = name_of(backend)

    async def complete(self, request: Request) -> Completion:
        """The answer; RunStopped where the budget does not cover it."""
        self._budget.watch()
        held = await self._budget.reserve(lambda: Spend(calls=1))
        began = time.perf_counter()
        try:
            completion = await self.backend.complete(request)
        finally:
            self._budget.settle(held, held)
        completion = replace(completion, cost=completion.cost or 0.0)
        if tally := TALLY.get(None):
            took = time.perf_counter() - began
            tally.account.made(tally.part, self._name, completion, took)
        return completion

    async def close(self) -> None:
        await self.backend.close()


class Metered:
    """A backend whose calls are priced, counted and come out of a budget. It stands inside the
    retries: each attempt is a call of its own.

    Raises OptionError where the budget is in USD and the model's price unknown.
    """

    def __init__(
        self, backend: Backend, budget: Budget, prices: Mapping[str, Mapping[str, float]]
    ) -> None:
        self._backend = backend
        self.identity = backend.identity
        self.capabilities = backend.capabilities
        self._budget = budget
        self._name = name_of(backend)
        self._own = prices
        self._prices: dict[str, Price | None] = {}
        self._ratio = 0.0
        self._answer = 0
        if "usd" in budget.limits and self._price({}) is None:
            raise OptionError(
                f"a budget in USD, and the price of {self._name} is unknown: say it in "
                f'[tool.evalsuite.prices."{self._name}"] as input and output, US dollars per '
                "million tokens"
            )

    async def complete(self, request: Request) -> Completion:
        """One attempt; RunStopped where the budget does not cover it."""
        self._budget.watch()
        if not self._budget.counts:
            self._budget.halt.check()
            return await self._ask(request)
        held = await self._budget.reserve(lambda: self._expected(request))
        spent = held  # of an attempt that is cut off nobody knows what it took
        try:
            completion = await self._ask(request)
            spent = _spent(completion, held)
            self._learn(request, completion.usage)
        except BackendError:
            spent = Spend(calls=1)
            raise
        finally:
            self._budget.settle(held, spent)
        return completion

    async def close(self) -> None:
        await self._backend.close()

    async def _ask(self, request: Request) -> Completion:
        tally = TALLY.get(None)
        account = tally.account if tally else Account()
        price = self._price(_params(self.identity, request))  # loads the table, before it counts
        began = time.perf_counter()
        try:
            completion = await self._backend.complete(request)
        except BackendError as error:
            account.failed(error.fault)
            raise
        took = time.perf_counter() - began
        if completion.cost is None and price is not None:
            completion = replace(completion, cost=price(completion.usage))
        part = tally.part if tally else ""
        account.replied(part, self._name, completion, completion.latency or took)
        return completion

    def _price(self, params: Mapping[str, Json]) -> Price | None:
        tier = params.get("service_tier")
        tier = tier if isinstance(tier, str) else ""
        if tier not in self._prices:
            self._prices[tier] = price_of(self.identity, self._own, tier=tier)
        return self._prices[tier]

    def _expected(self, request: Request) -> Spend:
        """What a call may take: its size in tokens as replies have taught, and its answer's limit,
        else the longest answer yet."""
        if self._budget.limits.keys() <= {"calls", "minutes"}:
            return Spend(calls=1)
        params = _params(self.identity, request)
        sent = math.ceil(_size(request) * (self._ratio or _TOKENS_PER_CHARACTER))
        limits = [params[name] for name in _MOST if isinstance(params.get(name), int)]
        answer = 0 if request.embed else limits[0] if limits else self._answer or _ANSWER
        price = self._price(params)
        usd = price(Usage(input_tokens=sent, output_tokens=answer)) if price else None
        return Spend(calls=1, tokens=sent + answer, usd=usd or 0.0)

    def _learn(self, request: Request, usage: Usage) -> None:
        if usage.input_tokens:
            self._ratio = max(self._ratio, usage.input_tokens / _size(request))
        self._answer = max(self._answer, usage.output_tokens)


def _spent(completion: Completion, held: Spend) -> Spend:
    """What a call took; what a provider does not report counts as it was expected."""
    usage = completion.usage
    tokens = usage.input_tokens + usage.output_tokens
    usd = held.usd if completion.cost is None else completion.cost
    return Spend(calls=1, tokens=tokens or held.tokens, usd=usd)


def _params(identity: Mapping[str, Json], request: Request) -> Mapping[str, Json]:
    """The sampling parameters that reach the provider."""
    if request.raw is not None:
        body = request.raw.get("body")
        return body if isinstance(body, dict) else {}
    own = identity.get("params")
    return {**(own if isinstance(own, dict) else {}), **request.params}


def _size(request: Request) -> int:
    """The characters of a request."""
    asked = [request.messages, request.tools, request.schema, request.embed, request.raw]
    return len(canonical(asked))
