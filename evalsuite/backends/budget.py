"""What a run may spend, and the end of the run that has spent it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from evalsuite.backends.calls import TALLY, Halt
from evalsuite.backends.recording import paused
from evalsuite.config import Config, budget_limits

_UNITS = ("calls", "tokens", "usd")
_ROUNDING = 1e-9


class Spend(NamedTuple):
    """What calls take out of a budget."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def plus(self, other: Spend, sign: int = 1) -> Spend:
        return Spend(
            self.calls + sign * other.calls,
            self.tokens + sign * other.tokens,
            self.usd + sign * other.usd,
        )


class Budget:
    """What a run may spend. Reserved before a call and settled after it, so that it is overshot by
    no more than what was in flight; without limits it lets everything pass.

    `limits` are by "usd", "calls", "tokens" and "minutes"; the minutes begin now. They are one
    of so many `workers`' part of the run's.
    """

    def __init__(self, limits: Mapping[str, float], halt: Halt, workers: int = 1) -> None:
        self.limits = limits
        self._whose = "the budget" if workers == 1 else "a worker's part of the budget,"
        self.halt = halt
        self.spent = Spend()
        self._held = Spend()
        self._waiting: list[asyncio.Future[None]] = []
        self._ends: float | None = None
        if "minutes" in limits:
            self._late = f"the budget of {limits['minutes']:g} minutes is used up"
            self._ends = time.monotonic() + 60 * limits["minutes"]
            halt.at(60 * limits["minutes"], self._late)
        halt.then(self._wake)

    def watch(self) -> None:
        """From the first call on, its minutes end those that wait, wherever they do."""
        if self._ends is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self._ends - time.monotonic(), self.halt.pull, self._late)
            self._ends = None

    @property
    def counts(self) -> bool:
        """Whether anything is limited that is spent by calls."""
        return any(unit in self.limits for unit in _UNITS)

    async def reserve(self, expected: Callable[[], Spend]) -> Spend:
        """Hold what one call may take, and return it. If it fits only once others turn out smaller
        than was held for them, wait for them: what they took teaches what to expect. RunStopped if
        it does not fit at all, which ends the run."""
        while True:
            self.halt.check()
            wanted = expected()
            if self._short(self.spent.plus(self._held).plus(wanted)) is None:
                self._held = self._held.plus(wanted)
                return wanted
            if not self._held.calls:
                self.halt.pull(self._says(wanted))
            else:
                tally = TALLY.get(None)
                self._waiting.append(asyncio.get_running_loop().create_future())
                with paused(tally.clock if tally else None):
                    await self._waiting[-1]

    def settle(self, held: Spend, spent: Spend) -> None:
        """A call has ended, and took `spent`."""
        self._held = self._held.plus(held, -1)
        self.spent = self.spent.plus(spent)
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def _short(self, total: Spend) -> str | None:
        """The unit of which `total` is too much."""
        for unit in _UNITS:
            limit = self.limits.get(unit, math.inf)
            if getattr(total, unit) > limit * (1 + _ROUNDING):
                return unit
        return None

    def _says(self, wanted: Spend) -> str:
        unit = self._short(self.spent.plus(wanted)) or "calls"
        spent, next_one = getattr(self.spent, unit), getattr(wanted, unit)
        limit = amount(self.limits[unit], unit)
        said = f"{self._whose} of {limit}"
        if not self.spent.calls:
            return f"{said} does not cover one call, which may take {amount(next_one, unit)}"
        return f"{said} is used up (spent {amount(spent, unit)})"


def amount(value: float, unit: str) -> str:
    """ "0.30 USD", "1,200 calls"."""
    if unit == "usd":
        return f"{value:.2f} USD" if value >= 0.1 else f"{value:.4g} USD"
    return f"{value:,.0f} {unit[:-1] if value == 1 else unit}"


def run_budget(configs: Iterable[Config], place: int = 0, workers: int = 1) -> dict[str, float]:
    """The limits of one of a run's `workers` (`place` from 0), by unit.

    A run has one budget, the least that any of its suites' settings give. Together the workers
    have the whole and never more; minutes are the same for all. Where only the store answers,
    nothing can be spent.
    """
    limits: dict[str, float] = {}
    for config in configs:
        if config.replay != "only":
            for unit, limit in budget_limits(config.budget).items():
                limits[unit] = min(limit, limits.get(unit, limit))
    for unit, grains in (("calls", 1), ("tokens", 1), ("usd", 1_000_000)):
        if unit in limits and workers > 1:
            each, rest = divmod(math.floor(limits[unit] * grains), workers)
            limits[unit] = (each + (place < rest)) / grains
    return limits
