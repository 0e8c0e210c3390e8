"""What is known of a provider's limits, and what was sent towards them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Units = tuple[float, float]
"""Requests and tokens."""


@dataclass(slots=True, eq=False)
class Ticket:
    """A request on its way: when it was sent, what it was taken to cost, and what had been sent and
    not refused before it. `held`: it had to wait for the pace; `trial`: it went at once, to see."""

    sent: float
    cost: Units
    before: Units
    epoch: int
    held: bool
    trial: bool


@dataclass(slots=True)
class Mark:
    """A moment at which the bucket was empty, what had been sent by then and not refused, and what
    was accepted for certain since."""

    time: float
    sent: Units
    won: list[float] = field(default_factory=lambda: [0.0, 0.0])


@dataclass(slots=True)
class Bucket:
    """What is known of one limit: units a second, what the bucket holds at `time` and at most, what
    was sent and not refused in all, and what ran over since the last refusal."""

    rate: float = math.inf
    level: float = 0.0
    time: float = 0.0
    size: float = math.inf
    sent: float = 0.0
    spilt: float = 0.0

    def fill(self, now: float, rate: float) -> None:
        self.level += rate * max(0.0, now - self.time)
        self.time = max(now, self.time)
        if self.level > self.size:
            self.spilt += self.level - self.size
            self.level = self.size
