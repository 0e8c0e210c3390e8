"""Whether refusals come from the pace at all: a provider in trouble refuses whatever the pace.

Where refusals keep coming after few requests, a trial at many times the pace shows it: if no larger
a part of its requests is refused than before, the pace is left alone.
"""

from __future__ import annotations

from evalsuite.backends.lane.bucket import Ticket

_SHORT, _LONG = 4.0, 10.0
"""Accepted requests between two refusals that raise a doubt, and that lessen it."""

_DOUBT = 8
_TRIAL, _TRIAL_REFUSED = 12, 6
"""Doubts that lead to a trial, its requests, and how many of them noise refuses at most."""


class Doubt:
    """The doubt, the trial that settles it, and what came of it."""

    def __init__(self) -> None:
        self.trial = False
        self.noisy = False
        """Refusals are known not to come from the pace."""
        self.floor = 0.0
        """Requests a second, until refusals are known to come from the pace."""
        self._doubt = 0
        self._tried = [0, 0, 0]  # sent, answered and refused
        self._tokens = [0.0, 0.0]  # of those, answered and refused
        self._share = 0.0  # of refused requests, lately

    @property
    def tries(self) -> int:
        """How many more requests the trial takes."""
        return _TRIAL - self._tried[0]

    def sent(self) -> bool:
        """A request goes; whether it is one of the trial's."""
        self._tried[0] += self.trial
        return self.trial

    def refused_after(self, accepted: float, *, sized: bool) -> None:
        """A refusal after so many accepted requests; `sized`: large ones are refused, which noise
        does not do."""
        if accepted < _SHORT and not sized:
            self._doubt += 1
        else:
            self.floor /= 2.0
            if self._doubt > 0 and accepted >= _LONG:
                self._doubt = max(0, self._doubt - 3)
        if self._doubt >= _DOUBT:
            self.trial = True
            self._tried = [0, 0, 0]
            self._tokens = [0.0, 0.0]

    def answered(self, ticket: Ticket, *, refused: bool) -> bool:
        """A request was answered; True if the trial has just shown that it is noise."""
        self._share = 0.95 * self._share + 0.05 * refused
        if self.noisy and self._share > 0.7:
            self.noisy = False
        if not ticket.trial or not self.trial:
            return False
        self._tried[1] += 1
        self._tried[2] += refused
        self._tokens[refused] += ticket.cost[1]
        if self._tried[1] < _TRIAL:
            return False
        self.floor = 0.0
        self.trial = False
        noise = self._tried[2] <= _TRIAL_REFUSED and self._tokens[1] <= self._tokens[0]
        self._doubt = 0 if noise else -2 * _DOUBT
        self.noisy = self.noisy or noise
        return noise
