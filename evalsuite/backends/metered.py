"""What calls cost, and the budget that ends a run: one place for both.

A price is a fact of the provider's at the time of the call, so it is kept with the reply. An
unknown price is None, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.backends.calls import Halt


class Budget:
    """What a run may spend. Reserved before a call and settled after it, so that it is overshot by
    no more than what was in flight; without limits it only counts."""

    def __init__(self, limits: Mapping[str, float], halt: Halt) -> None:
        self.limits = limits
        self.halt = halt


class Metered:
    """A backend whose calls are priced and come out of a budget."""

    def __init__(
        self, backend: Backend, budget: Budget, prices: Mapping[str, Mapping[str, float]]
    ) -> None:
        self._backend = backend
        self.identity = backend.identity
        self.capabilities = backend.capabilities
        self._budget = budget
        self._prices = prices

    async def complete(self, request: Request) -> Completion:
        return await self._backend.complete(request)

    async def close(self) -> None:
        await self._backend.close()
