"""The lane of one model behind one endpoint and key: all its calls, of all suites of a process."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.backends.calls import ATTEMPT, TALLY, Attempt, Halt
from evalsuite.backends.lane.breaker import Breaker
from evalsuite.backends.lane.headers import left
from evalsuite.backends.lane.pace import Pace, Ticket
from evalsuite.errors import BackendError, RunStopped

ATTEMPTS = 10
"""How often a call is tried at most, not counting what fails while the breaker is open."""

_LONGEST = 30.0
"""Seconds of the longest wait between two attempts, where the provider names none."""

_SHARE = 0.4
"""The part of a case's time that one attempt may take: a hang leaves room for another."""

_FEW = 3
"""Failures in a row without which a provider is not given up, however long one of them took."""

_PROCESS = secrets.token_hex(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a lane may do at most; None where only the provider's answers tell.

    `patience` is how many seconds no call may succeed before the run stops, and how long a wait
    the provider may ask for; `attempt` the seconds of one attempt outside of a case; `backoff` the
    seconds of the first wait between two attempts at most, doubled each time.
    """

    concurrency: int = 20
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    patience: float = 120.0
    attempt: float = 120.0
    backoff: float = 0.5


@dataclass(slots=True)
class Counts:
    """What a lane's calls met: attempts in all, repeated ones by what had failed, refusals for
    their rate, seconds of waiting summed over calls."""

    calls: int = 0
    attempts: int = 0
    refused: int = 0
    waited: float = 0.0
    retried: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, eq=False, order=False)
class _Waiter:
    """A call that waits for its turn, in the order in which calls were made."""

    order: int
    tokens: float
    turn: asyncio.Future[Ticket]

    def __lt__(self, other: _Waiter) -> bool:
        return self.order < other.order


class Lane:
    """Retries, pace, concurrency and the breaker of one model's calls; used on one loop."""

    def __init__(self, name: str, limits: Limits, halt: Halt | None = None) -> None:
        self.name = name
        self.limits = limits
        self.counts = Counts()
        per = (limits.requests_per_minute, limits.tokens_per_minute)
        self.pace = Pace((per[0] and per[0] / 60.0, per[1] and per[1] / 60.0))
        self.breaker = Breaker()
        self._model = name.removesuffix("@None")
        self._halt = halt or Halt()
        self._halt.then(self._stop)
        self._window = float(limits.concurrency)
        self._shrunk = 0.0
        self._under_way = 0
        self._waiting: list[_Waiter] = []
        self._sleeping: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._asked: asyncio.Task[None] | None = None
        self._more = 0.0  # tokens of a call beyond a quarter of its characters: its answer
        self._answered = 0.0
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
        tries = asked = 0
        while True:
            ticket = await self._turn(order, max(1.0, tokens + self._more))
            asked += 1
            self.counts.attempts += 1
            try:
                completion = await self._once(backend, request, ticket, attempt)
            except RunStopped:
                raise
            except BackendError as error:
                tries += not self.breaker.open
                self._judge(error, tries)
                if error.fault != "throttled":
                    await self._sleep(self._backoff(tries, error.after))
                continue
            used = completion.usage.input_tokens + completion.usage.output_tokens
            self.pace.accepted(ticket, float(used) or ticket.cost[1])
            if used:
                self._more += 0.1 * (used - tokens - self._more)
            self._pump()
            return completion if asked == 1 else replace(completion, attempts=asked)

    async def _once(
        self, backend: Backend, request: Request, ticket: Ticket, attempt: Attempt
    ) -> Completion:
        """One attempt; its slot is free afterwards, and what it tells is known."""
        attempt.headers = None
        tally = TALLY.get(None)
        clock = tally.clock if tally else None
        seconds = _SHARE * clock.limit if clock else self.limits.attempt
        try:
            async with asyncio.timeout(seconds):
                completion = await backend.complete(request)
        except TimeoutError:
            message = f"{self.name}: no answer within {seconds:g} s"
            error = BackendError(message, fault="transient")
            self._failed(error, ticket, attempt)
            self._narrow()
            raise error from None
        except BackendError as error:
            self._failed(error, ticket, attempt)
            raise
        except BaseException:
            self.pace.lost(ticket)
            self.breaker.gone()
            raise
        finally:
            self._under_way -= 1
            self._pump()
        now = time.monotonic()
        self._answered, self._failures = now, 0
        self.breaker.ended(now, True)
        if self._window < self.limits.concurrency:
            self._window += 1.0 / self._window
        self._read(ticket, attempt, now)
        return completion

    def _failed(self, error: BackendError, ticket: Ticket, attempt: Attempt) -> None:
        now = time.monotonic()
        if error.fault == "throttled":
            self.counts.refused += 1
            self.pace.refused(ticket, now, error.after)
            self._read(ticket, attempt, now)
            self.breaker.gone()
            self._failures += 1
            return
        self.pace.lost(ticket)
        if error.fault == "transient":
            self._failures += 1
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
        if self._failures >= _FEW and now - self._answered > patience:
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

    # Turns

    async def _turn(self, order: int, tokens: float) -> Ticket:
        """Wait until a call may go, first come first served."""
        now = time.monotonic()
        free = not self._waiting and self._under_way < self._window
        if free and not self.breaker.delay(now) and not self.pace.delay(now, tokens):
            return self._grant(now, tokens)
        waiter = _Waiter(order, tokens, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, waiter)
        self._pump()
        with self._held():
            try:
                return await waiter.turn
            except asyncio.CancelledError:
                if waiter.turn.done() and not waiter.turn.cancelled():
                    self.pace.lost(waiter.turn.result())
                    self.breaker.gone()
                    self._under_way -= 1
                    self._pump()
                raise

    def _grant(self, now: float, tokens: float) -> Ticket:
        if not self._under_way and not self._failures:
            self._answered = now  # idle until now: patience begins here
        self._under_way += 1
        self.breaker.sent()
        return self.pace.send(now, tokens)

    def _pump(self) -> None:
        """Let those go whose turn it is, and wake up when the next one's comes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._under_way < self._window:
            waiter = self._waiting[0]
            if waiter.turn.done():
                heapq.heappop(self._waiting)
                continue
            now = time.monotonic()
            wait = max(self.breaker.delay(now), self.pace.delay(now, waiter.tokens))
            if wait > 0.0:
                if wait < float("inf"):
                    loop = asyncio.get_running_loop()
                    self._timer = loop.call_later(wait, self._pump)
                return
            heapq.heappop(self._waiting)
            waiter.turn.set_result(self._grant(now, waiter.tokens))

    async def _sleep(self, seconds: float) -> None:
        """A wait between two attempts; RunStopped once the run ends."""
        loop = asyncio.get_running_loop()
        over: asyncio.Future[None] = loop.create_future()
        self._sleeping.add(over)
        timer = loop.call_later(seconds, _finish, over)
        try:
            with self._held():
                await over
        finally:
            timer.cancel()
            self._sleeping.discard(over)

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """The case's clock stands still: it is not its own time."""
        tally = TALLY.get(None)
        clock = tally.clock if tally else None
        began = time.monotonic()
        if clock:
            clock.pause()
        try:
            yield
        finally:
            self.counts.waited += time.monotonic() - began
            if clock:
                clock.resume()

    def _backoff(self, tries: int, after: float | None) -> float:
        """Exponential with full jitter, so that what failed together does not return together."""
        most = min(_LONGEST, self.limits.backoff * 2.0 ** max(0, tries - 1))
        return (after or 0.0) + random.uniform(0.0, most)  # noqa: S311

    def _narrow(self) -> None:
        """Fewer calls at once after a timeout; once for all that were under way together."""
        now = time.monotonic()
        if now - self._shrunk > self.limits.attempt / 2.0:
            self._shrunk = now
            self._window = max(1.0, self._window / 2.0)

    def _read(self, ticket: Ticket, attempt: Attempt, now: float) -> None:
        if attempt.headers:
            told = left(attempt.headers, time.time())
            if told != (None, None):
                self.pace.told(ticket, told, now)

    def _stop(self) -> None:
        """The run has ended: what waits is not asked any more."""
        for waiter in self._waiting:
            if not waiter.turn.done():
                waiter.turn.set_exception(RunStopped(self._halt.reason))
        self._waiting.clear()
        for over in self._sleeping:
            if not over.done():
                over.set_exception(RunStopped(self._halt.reason))

    # The provider is asked once, unpaid, whether it knows key and model.

    async def _preflight(self, ask: Callable[[], Awaitable[None]]) -> None:
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._ask(ask))
        if not self._asked.done():
            with self._held():
                await asyncio.shield(self._asked)
        self._halt.check()

    async def _ask(self, ask: Callable[[], Awaitable[None]]) -> None:
        """A failure that is not the provider's word on every call is left to the calls."""
        with contextlib.suppress(BackendError, TimeoutError):
            try:
                async with asyncio.timeout(self.limits.attempt):
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


def _finish(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


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
