"""What a lane may do, and what it counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a lane may do at most; None where only the provider's answers tell.

    All times are seconds. `patience`: no call may succeed for so long before the run stops, nor may
    the provider ask for a longer wait; `attempt`: one attempt outside of a case, at most; `hang`:
    how long any attempt may take, however fast the answers so far were; `backoff`: the first wait
    between two attempts at most, doubled each time; `window`: what the breaker looks back on.
    """

    concurrency: int = 20
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    patience: float = 120.0
    attempt: float = 120.0
    hang: float = 5.0
    backoff: float = 0.5
    window: float = 20.0


@dataclass(slots=True)
class Counts:
    """What a lane's calls met: attempts in all, repeated ones by what had failed, refusals for
    their rate, seconds of waiting summed over calls."""

    calls: int = 0
    attempts: int = 0
    refused: int = 0
    waited: float = 0.0
    retried: Counter[str] = field(default_factory=Counter)
