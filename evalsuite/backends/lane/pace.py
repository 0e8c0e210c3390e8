"""How fast a provider may be asked, learned from what it refuses: a state machine without a clock.

A provider's limit is a bucket that fills at a steady rate. A refusal is a moment at which it was
empty, so what was accepted between two refusals ÷ the time *is* the rate, whatever the bucket holds
and whenever its content was taken. The pace starts just under that rate and rises slowly past it,
until the next refusal tells the rate anew: flat where the estimate is sure, steeply once the limit
must have grown. Of requests and tokens that limit binds for which these moments lie on a line.
Headers that tell what is left spare most refusals.
"""

from __future__ import annotations

import math
from collections import deque

from evalsuite.backends.lane.binding import Sized, misfit
from evalsuite.backends.lane.bucket import Bucket, Mark, Ticket
from evalsuite.backends.lane.doubt import Doubt
from evalsuite.backends.lane.headers import Left

_SURE = 16.0
"""Accepted requests between refusals from which on the rate is more than a guess."""

_SEARCH, _AT_ONCE = 3, 8
"""Refusals until which a guess may be far off, and so few replies are waited for at once."""

_CYCLE = 400.0
"""Requests from one refusal to the next, where nothing changes: 0.25 % are refused."""

_LEAST, _MOST = 0.02, 0.3
"""How far the pace starts below the estimated rate, and rises above it, at least and at most."""

_SLOWEST = 0.1
"""Requests a second that are always tried: a provider that was down for a while must be noticed
to be back."""

_LATELY = 32
"""Requests that tell how fast was sent lately."""

_MARKS = 10
"""Refusals that an estimate rests on."""

_BROKEN = 4.0
"""How many requests moments of an empty bucket may be off a line before the limit must have changed
in between."""


class Pace:
    """When the next request may go. All times are seconds of one steady clock; `most` are requests
    and tokens a second that are never exceeded."""

    def __init__(self, most: tuple[float | None, float | None] = (None, None)) -> None:
        self.limited = False
        self.refusals = 0
        self.known = 0.0
        """Accepted requests that the estimate rests on."""
        self._most = [(d, each, Bucket(each)) for d, each in enumerate(most) if each]
        self._buckets = (Bucket(), Bucket())
        self._binding = 0
        self._marks: list[Mark] = []
        self._began = -1.0
        self._last = -math.inf
        self._blocked = -math.inf
        self._largest = 0.0
        self._sized = Sized()
        self._epoch = 0  # refusals of what was sent before an earlier one was heard are one
        self._late = 0
        self._risen = 0.0
        self._held = False
        self._open = self._good = 0
        self._sends: deque[float] = deque(maxlen=_LATELY)
        self._doubt = Doubt()
        self._told = False

    @property
    def rate(self) -> tuple[float, str] | None:
        """The limit as it is known: units a second and their name; None where none is."""
        if not self.limited:
            return None
        return self._buckets[self._binding].rate, ("requests", "tokens")[self._binding]

    def delay(self, now: float, tokens: float) -> float:
        """Seconds until a request of this size may go, inf for "not before a reply has come"."""
        wait = max(0.0, self._blocked - now)
        for _, rate, bucket in self._most:
            bucket.fill(now, rate)
            wait = max(wait, -bucket.level / rate)
        if not self.limited:
            return wait
        if self._doubt.trial:
            return wait if self._doubt.tries else math.inf
        if self._epoch <= _SEARCH and self._open > _AT_ONCE + 2 * self._good:
            return math.inf
        bucket = self._buckets[self._binding]
        rate = self._rate()
        bucket.fill(now, rate)
        short = (min((1.0, tokens)[self._binding], bucket.size) - bucket.level) / rate
        self._held = self._held or short > 1e-9
        spaced = self._last + 0.5 * self._mean() / rate - now
        wait = max(wait, short, spaced)
        return wait if wait > 1e-9 else 0.0

    def send(self, now: float, tokens: float) -> Ticket:
        """A request goes, `tokens` as far as its size can be told beforehand."""
        if self._began < 0.0:
            self._began = now
        cost = (1.0, tokens)
        before = (self._buckets[0].sent, self._buckets[1].sent)
        ticket = Ticket(now, cost, before, self._epoch, self._held, self._doubt.sent())
        self._held = False
        self._last = now
        self._largest = max(self._largest, tokens)
        if self.limited:
            self._sends.append(now)
            self._open += 1
            if self._rate() >= 2.0 * self._buckets[self._binding].rate:
                self._faster()
        for bucket, each in zip(self._buckets, cost, strict=True):
            bucket.sent += each
            bucket.level -= each
        for d, rate, bucket in self._most:
            bucket.level = min(bucket.level, rate) - cost[d]
        return ticket

    def accepted(self, ticket: Ticket, tokens: float) -> None:
        """The reply came, and the request had cost so many tokens."""
        more = tokens - ticket.cost[1]
        for bucket in (self._buckets[1], *(bucket for d, _, bucket in self._most if d == 1)):
            bucket.sent += more
            bucket.level -= more
        for mark in self._marks:
            if mark.time < ticket.sent:
                mark.won[0] += 1.0
                mark.won[1] += tokens
        if ticket.epoch == self._epoch and self.limited:
            self._open -= 1
            self._good += 1
            self._risen += ticket.held
        self._heard(ticket, refused=False)

    def lost(self, ticket: Ticket) -> None:
        """The request failed otherwise: whether it was counted is not known, so it was."""
        self._heard(ticket, refused=False)
        if ticket.epoch == self._epoch and self.limited:
            self._open -= 1

    def refused(self, ticket: Ticket, now: float, after: float | None) -> None:
        """The provider said "too many", and perhaps how many seconds to wait."""
        self.refusals += 1
        for bucket, each in zip(self._buckets, ticket.cost, strict=True):
            bucket.sent -= each
        if self._doubt.noisy:
            self._heard(ticket, refused=True)
            return
        if ticket.epoch == self._epoch or not self._marks:
            self._late = 0
            self._react(ticket)
        self._heard(ticket, refused=True)
        self._late += 1
        self._blocked = max(self._blocked, now + (after or 0.0))
        mark = self._marks[-1]
        if ticket.sent >= mark.time:
            others = self._late - 1
            mark.time = ticket.sent
            mark.sent = (
                ticket.before[0] - others * ticket.cost[0],
                ticket.before[1] - others * ticket.cost[1],
            )
            for d, bucket in enumerate(self._buckets):
                bucket.time = now
                bucket.level = bucket.rate * (now - mark.time) - (bucket.sent - mark.sent[d])

    def told(self, ticket: Ticket, left: tuple[Left | None, Left | None], now: float) -> None:
        """What the headers of a reply say is left of both limits, since `ticket` was counted."""
        for d, each in enumerate(left):
            if each is None:
                continue
            bucket = self._buckets[d]
            since = max(0.0, bucket.sent - ticket.before[d] - ticket.cost[d])
            rate = each.rate or (bucket.rate if self.limited else each.limit / 60.0)
            level = min(each.limit, each.remaining + rate * (now - ticket.sent)) - since
            mean = 1.0 if d == 0 else self._mean_tokens()
            if not self.limited and level < 2.0 * mean + 0.1 * each.limit and each.rate:
                self._believe(d, each.rate, each.limit)
            if self.limited and d == self._binding and self._told:
                if each.rate and self.known <= 4 * _SURE:
                    bucket.rate = 0.9 * bucket.rate + 0.1 * each.rate
                bucket.level, bucket.time = level - mean, now

    def _believe(self, d: int, rate: float, limit: float) -> None:
        other = 1 - d
        share = self._buckets[other].sent / max(1.0, self._buckets[d].sent)
        self._buckets[d].rate, self._buckets[d].size = rate, limit
        self._buckets[other].rate = rate * share
        self._binding = d
        self.limited = self._told = True
        self.known = 4 * _SURE
        self._epoch = max(self._epoch + 1, _SEARCH + 1)

    def _react(self, ticket: Ticket) -> None:
        """A first refusal since the last reaction: a moment at which a bucket was empty."""
        self._epoch += 1
        self._open = self._good = 0
        if self._doubt.trial:
            self._marks = [Mark(ticket.sent, ticket.before)]
            return
        if self._marks:
            accepted = ticket.before[0] - self._marks[-1].sent[0]
            self._doubt.refused_after(accepted, sized=self._sized.sure)
        self._risen = 0.0
        self._sized.refused(ticket.cost[1] / self._mean_tokens())
        self._marks = [*self._marks, Mark(ticket.sent, ticket.before)][-_MARKS:]
        if not self.limited:
            self._guess(ticket)
        elif len(self._marks) > 1:
            self._learn(ticket)

    def _heard(self, ticket: Ticket, *, refused: bool) -> None:
        if self._doubt.answered(ticket, refused=refused):
            self.limited = False

    def _guess(self, ticket: Ticket) -> None:
        self.limited = True
        seconds = max(0.0, ticket.sent - self._began) + 1.0
        for bucket, cost, sent in zip(self._buckets, ticket.cost, ticket.before, strict=True):
            bucket.rate = max(4.0 * cost, sent) / seconds
            bucket.size = max(2.0 * cost, sent)
        self._doubt.floor = self._buckets[0].rate / 8.0

    def _learn(self, ticket: Ticket) -> None:
        """The rate from what was accepted between moments of an empty bucket. A bucket that has
        run over in between only tells the least that the rate may be."""
        self._told = False
        binding = self._buckets[self._binding]
        spilt, binding.spilt = binding.spilt, 0.0
        first, last = self._marks[-2:]
        seconds = max(1e-3, last.time - first.time)
        if spilt > 0.05 * (last.sent[self._binding] - first.sent[self._binding]):
            slower = 0.9 if self.known >= _SURE else 0.5
            lately = self._sends[-1] - self._sends[0]
            if len(self._sends) == _LATELY and lately > 0.0:  # no faster than what emptied it
                slower = min(slower, _LATELY / lately / self._buckets[0].rate)
            for d, bucket in enumerate(self._buckets):
                least = (first.won[d] - ticket.cost[d]) / seconds
                bucket.rate = max(least, slower * bucket.rate, self._slowest(ticket.cost[d]))
            binding.size = max(2.0 * ticket.cost[self._binding], 0.7 * binding.size)
            if self._sized.proof < 0.0:
                self._binding = 0
            self._marks = [last]
            self.known = max(self.known / 2.0, min(_SURE, first.won[0] / 2.0))
            return
        while len(self._marks) > 2 and min(misfit(self._marks, d) for d in (0, 1)) > _BROKEN:
            del self._marks[0]
        first = self._marks[0]
        seconds = max(1e-3, last.time - first.time)
        for d, bucket in enumerate(self._buckets):
            most = (last.sent[d] - first.sent[d] + ticket.cost[d]) / seconds
            least = (first.won[d] - ticket.cost[d]) / seconds
            bucket.rate = max(least, min(bucket.rate, most), self._slowest(ticket.cost[d]))
        self.known = last.sent[0] - first.sent[0]
        self._binding = self._sized.binding(self._marks, self._binding)

    def _slowest(self, cost: float) -> float:
        return max(_SLOWEST, self._doubt.floor) * cost

    def _rate(self) -> float:
        """Units a second of the limit that binds: the estimate, and how far the pace has risen."""
        rate = self._buckets[self._binding].rate
        if self._told:
            return rate
        share = min(_MOST, max(_LEAST, 1.0 / max(1.0, self.known)))
        place = 2.0 * self._risen / self._cycle() - 1.0
        return rate * min(2.0, 1.0 + share * place ** (3 if place < 1.0 else 7))

    def _cycle(self) -> float:
        """Requests until the pace is as far above the estimate as it began below it: few while the
        estimate is rough, or while it is open which of two limits binds."""
        undecided = len(self._marks) < 5 and self._largest > 1.2 * self._mean_tokens()
        longest = 48.0 if undecided else _CYCLE
        return min(longest, max(8.0, 4.0 * self.known), max(30.0, 90.0 * self._buckets[0].rate))

    def _faster(self) -> None:
        for bucket in self._buckets:
            bucket.rate *= 2.0
        self._risen = self._cycle() / 2.0

    def _mean(self) -> float:
        return 1.0 if self._binding == 0 else self._mean_tokens()

    def _mean_tokens(self) -> float:
        return max(1.0, self._buckets[1].sent / max(1.0, self._buckets[0].sent))
