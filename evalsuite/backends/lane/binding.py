"""Which of two limits binds, requests or tokens: told by the sizes of what is refused, and by which
limit's moments of an empty bucket lie on the line of one steady rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evalsuite.backends.lane.bucket import Mark

_ONE = 1.2
"""How much a single refusal proves at most; all of them, and the line, prove _MOST at most."""

_MOST = 3.0
_TOKENS = 2.2
"""What it takes to believe in a limit on tokens: a few large requests may be refused by chance."""


class Sized:
    """What the sizes of refused requests prove, for a limit on tokens or, below 0, on requests."""

    def __init__(self) -> None:
        self.proof = 0.0

    @property
    def sure(self) -> bool:
        """Whether large requests are refused for their size."""
        return self.proof > _TOKENS

    def refused(self, size: float) -> None:
        """A request of so many times the usual tokens was refused. An empty bucket of tokens
        refuses a request the likelier the larger it is, one of requests any: the size is the odds,
        its logarithm the proof."""
        self.proof = _within(self.proof + _within(math.log(size), _ONE), _MOST)

    def binding(self, marks: Sequence[Mark], before: int) -> int:
        """0 where requests bind, 1 where tokens do; `before` while nothing is proved."""
        proof = self.proof + _within(misfit(marks, 0) - misfit(marks, 1), _MOST)
        if proof < 0.0:
            return 0
        return 1 if proof > _TOKENS else before


def misfit(marks: Sequence[Mark], d: int) -> float:
    """How far, in requests, moments of an empty bucket are from one steady rate."""
    first, last = marks[0], marks[-1]
    seconds = max(1e-3, last.time - first.time)
    units = max(1e-9, last.sent[d] - first.sent[d])
    places = (
        (mark.time - first.time) / seconds - (mark.sent[d] - first.sent[d]) / units
        for mark in marks[1:-1]
    )
    return max(map(abs, places), default=0.0) * max(1.0, last.sent[0] - first.sent[0])


def _within(proof: float, most: float) -> float:
    return min(most, max(-most, proof))
