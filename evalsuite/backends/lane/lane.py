"""The lane of one model behind one endpoint and key: all its calls, of all suites of a process."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.backends.calls import ATTEMPT, TALLY, Attempt, Halt
from evalsuite.backends.lane.breaker import Breaker
from evalsuite.backends.lane.bucket import Ticket
from evalsuite.backends.lane.hangs import Hangs
from evalsuite.backends.lane.headers import left
from evalsuite.backends.lane.limits import Counts, Limits
from evalsuite.backends.lane.pace import Pace
from evalsuite.backends.lane.turns import Turns
from evalsuite.errors import BackendError, RunStopped

ATTEMPTS = 10
"""How often a call is tried at most, not counting what fails while the breaker is open."""

_LONGEST = 30.0
"""Seconds of the longest wait between two attempts, where the provider names none."""

_SHARE = 0.4
"""The part of a case's time that one attempt may take: a hang leaves room for another."""

_UNPAID = 20.0
"""Seconds that the unpaid question may take at most: without its answer the calls tell."""

_FEW = 3
"""Failures in a row without which a provider is not given up, however long one of them took."""

_PROCESS = secrets.token_hex(8)


class Lane:
    """Retries, pace, concurrency and the breaker of one model's calls; used on one loop."""

    def __init__(self, name: str, limits: Limits, halt: Halt | None = None) -> None:
        self.name = name
        self.limits = limits
        self.counts = Counts()
        per = (limits.requests_per_minute, limits.tokens_per_minute)
        self.pace = Pace((per[0] and per[0] / 60.0, per[1] and per[1] / 60.0))
        self.breaker = Breaker(limits.window)
        self.turns = Turns(limits.concurrency, self.pace, self.breaker, self.counts)
        self._hangs = Hangs(limits.hang)
        self._model = name.removesuffix("@None")
        self._halt = halt or Halt()
        self._halt.then(lambda: self.turns.stop(self._halt.reason))
        self._asked: asyncio.Task[None] | None = None
        self._more = 0.0  # tokens of a call beyond a quarter of its characters: its answer
        self._answered = self._silent = 0.0  # the last answer; since when there was none
        self._failures = 0

    @property
    def summary(self) -> str:
        """What went other than straight, in one line; "" if nothing did."""
        counts = self.counts
        if not counts.refused and not counts.retried:
            return ""
        reasons = ", ".join(f"{count} × {kind}" for kind, count in counts.retried.most_common(5))
        line = f"{self._model}: {counts.attempts} attempts for {counts.calls} calls"
        line += f" (again after {reasons})" if reasons else ""
        if known := self.pace.rate:
            line += f"; paced at {known[0]:.3g} {known[1]} a second"
        if self.breaker.openings:
            line += f"; paused {self.breaker.openings} × since most calls failed"
        return line

    async def call(
        self,
        backend: Backend,
        request: Request,
        preflight: Callable[[], Awaitable[None]] | None = None,
    ) -> Completion:
        """Ask until there is an answer, or a BackendError that no repetition would mend;
        RunStopped where the run has ended, or ends since the provider fails every call."""
        self._halt.check()
        if preflight is not None:
            await self._preflight(preflight)
        self.counts.calls += 1
        order = self.counts.calls
        attempt = Attempt(f"evalsuite-{_PROCESS}-{order}")
        tokens = _characters(request) / 4.0
        token = ATTEMPT.set(attempt)
        try:
            return await self._retried(backend, request, attempt, order, tokens)
        finally:
            ATTEMPT.reset(token)

    async def _retried(
        self, backend: Backend, request: Request, attempt: Attempt, order: int, tokens: float
    ) -> Completion:
        tries = asked = late = 0
        while True:
            ticket = await self.turns.next(order, max(1.0, tokens + self._more))
            asked += 1
            self.counts.attempts += 1
            try:
                completion = await self._once(backend, request, ticket, attempt, late)
            except RunStopped:
                raise
            except BackendError as error:
                tries += not self.breaker.open
                late += isinstance(error, _Late)
                self._judge(error, tries)
                if error.fault != "throttled":
                    await self.turns.sleep(self._backoff(tries, error.after))
                continue
            used = completion.usage.input_tokens + completion.usage.output_tokens
            self.pace.accepted(ticket, float(used) or ticket.cost[1])
            if used:
                self._more += 0.1 * (used - tokens - self._more)
            self.turns.pump()
            return completion if asked == 1 else replace(completion, attempts=asked)

    async def _once(
        self, backend: Backend, request: Request, ticket: Ticket, attempt: Attempt, late: int
    ) -> Completion:
        """One attempt; its slot is free afterwards, and what it tells is known."""
        attempt.headers = None
        tally = TALLY.get(None)
        clock = tally.clock if tally else None
        most = _SHARE * clock.limit if clock else self.limits.attempt
        began = time.monotonic()
        try:
            async with asyncio.timeout(None) as scope:
                with self._hangs.watch(scope, most, late):
                    completion = await backend.complete(request)
        except TimeoutError:
            seconds = round(time.monotonic() - began, 1)
            error = _Late(f"{self.name}: no answer in time: none within {seconds:g} s")
            self._failed(error, ticket, attempt, began)
            self.turns.too_late(began)
            raise error from None
        except BackendError as error:
            self._failed(error, ticket, attempt, began)
            raise
        except BaseException:
            self.pace.lost(ticket)
            self.breaker.gone()
            raise
        finally:
            self.turns.free()
        now = time.monotonic()
        self._answered, self._failures = now, 0
        self._hangs.answered(now - began)
        self.breaker.ended(now, True)
        self.turns.in_time()
        self._read(ticket, attempt, now)
        return completion

    def _failed(self, error: BackendError, ticket: Ticket, attempt: Attempt, began: float) -> None:
        now = time.monotonic()
        if error.fault in ("throttled", "transient"):
            if not self._failures:
                self._silent = max(self._answered, began)
            self._failures += 1
        if error.fault == "throttled":
            self.counts.refused += 1
            self.pace.refused(ticket, now, error.after)
            self._read(ticket, attempt, now)
        else:
            self.pace.lost(ticket)
        if error.fault == "transient":
            self.breaker.ended(now, False)
        else:
            self.breaker.gone()

    def _judge(self, error: BackendError, tries: int) -> None:
        """Raise where another attempt would be of no use; end the run where any would."""
        kind = _kind(error)
        if error.fault == "provider":
            self._give_up(_said(error))
        if error.fault == "request":
            raise error
        now, patience = time.monotonic(), self.limits.patience
        if error.after is not None and error.after > patience:
            self._give_up(
                f"{_said(error)}; it asks to wait {_spoken(error.after)}, and patience is "
                f"{_spoken(patience)}: run it again then"
            )
        if self._failures >= _FEW and now - self._silent > patience:
            self._give_up(
                f"nothing was answered for {_spoken(patience)}; the last failure: {error}"
            )
        self._halt.check()
        if tries >= ATTEMPTS:
            message = f"{error} (given up after {tries} attempts)"
            raise BackendError(message, fault=error.fault, after=error.after) from None
        self.counts.retried[kind] += 1

    def _give_up(self, problem: str) -> None:
        kept = "The run ends here: what is finished is kept, and run again it goes on"
        self._halt.pull(f"{self._model}: {problem}. {kept}")
        self._halt.check()

    def _backoff(self, tries: int, after: float | None) -> float:
        """Exponential with full jitter, so that what failed together does not return together."""
        most = min(_LONGEST, self.limits.backoff * 2.0 ** max(0, tries - 1))
        return (after or 0.0) + random.uniform(0.0, most)  # noqa: S311

    def _read(self, ticket: Ticket, attempt: Attempt, now: float) -> None:
        if attempt.headers:
            told = left(attempt.headers, time.time())
            if told != (None, None):
                self.pace.told(ticket, told, now)

    # The provider is asked once, unpaid, whether it knows key and model.

    async def _preflight(self, ask: Callable[[], Awaitable[None]]) -> None:
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._ask(ask))
        if not self._asked.done():
            with self.turns.held():
                await asyncio.shield(self._asked)
        self._halt.check()

    async def _ask(self, ask: Callable[[], Awaitable[None]]) -> None:
        """A failure that is not the provider's word on every call is left to the calls."""
        with contextlib.suppress(BackendError, TimeoutError):
            try:
                async with asyncio.timeout(min(_UNPAID, self.limits.attempt)):
                    await ask()
            except BackendError as error:
                if error.fault == "provider":
                    self._give_up(_said(error))


class Resilient:
    """A backend whose calls go through a lane; the first one after `preflight`."""

    def __init__(
        self,
        backend: Backend,
        lane: Lane,
        preflight: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._backend = backend
        self.identity = backend.identity
        self.capabilities = backend.capabilities
        self._lane = lane
        self._preflight = preflight

    async def complete(self, request: Request) -> Completion:
        return await self._lane.call(self._backend, request, self._preflight)

    async def close(self) -> None:
        await self._backend.close()


class _Late(BackendError):
    """An attempt had no answer in time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, fault="transient")


def _said(error: BackendError) -> str:
    """An error without the provider's name before it."""
    return str(error).partition(": ")[2] or str(error)


def _kind(error: BackendError) -> str:
    """What happened, in a few words, without the server's own."""
    return _said(error).partition(": ")[0][:60]


def _characters(request: Request) -> int:
    """How long what is asked is; the size of an answer is learned."""
    count = sum(map(len, request.embed))
    for message in request.messages:
        content = message.get("content")
        count += len(content) if isinstance(content, str) else len(str(content))
    if request.raw is not None:
        count += len(str(request.raw.get("body")))
    return count


def _spoken(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
