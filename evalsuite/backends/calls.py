"""Whose call is this? Each one is attributed to its case by a context variable, so that `gather`,
threads and retries inside a pipeline can't mix cases up.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from evalsuite.backends.account import Account, call_of
from evalsuite.backends.base import Completion
from evalsuite.errors import BackendError, EvalsuiteError, RunStopped
from evalsuite.records import ModelCalls, Usage

T = TypeVar("T")


class Clock(Protocol):
    """A case's deadline. Waiting for a slot, the pace or an open breaker is not the case's own
    time: its lane stops the clock meanwhile. Several calls of a case may wait at once, so that
    each `pause` has its `resume`. `limit` is the seconds that the case has in all."""

    limit: float

    def pause(self) -> None: ...

    def resume(self) -> None: ...


@dataclass(slots=True, eq=False)
class Attempt:
    """What a lane and a provider tell each other about one call. `key` is equal over all attempts
    of the call (for `Idempotency-Key`); the provider puts the headers of each reply into
    `headers`, those of an error included (`faults.failure` does that)."""

    key: str
    headers: Mapping[str, str] | None = None


@dataclass(slots=True, eq=False)
class Tally:
    """What one case and trial asked, counted as it goes. `cost` is None once a price is unknown;
    `keys` are the call.keys of the replies it got, `failed` the last call's error, None once a
    later one was answered, `failures` all of them. `over`: nobody waits for it any more. Without
    the replies of an `aside` one the case is whole: a judge's that only informs. `part` is who asks
    (Operations.parts).

    `took` is by "PROVIDER:MODEL" what the replies took when they were fresh, those of models in
    this process left out; `unheard` are the call.keys that got none where only the store answers.
    """

    case_id: str
    trial: int
    root_seed: int
    fresh: int = 0
    stored: int = 0
    usage: Usage = Usage()
    cost: float | None = 0.0
    models: set[str] = field(default_factory=set)
    finish_reason: str | None = None
    first_token: float | None = None
    seen: dict[str, int] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    failed: BackendError | None = None
    failures: list[BackendError] = field(default_factory=list)
    over: bool = False
    aside: bool = False
    part: str = "target"
    took: dict[str, ModelCalls] = field(default_factory=dict)
    unheard: list[str] = field(default_factory=list)
    clock: Clock | None = None
    account: Account = field(default_factory=Account)

    def occurrence(self, request_key: str) -> int:
        """How often this request was made before in this case and trial."""
        count = self.seen.get(request_key, 0)
        self.seen[request_key] = count + 1
        return count

    def fail(self, error: BackendError) -> None:
        """A call had no reply, for good."""
        self.failed = error
        self.failures.append(error)

    def take(self, model: str, completion: Completion) -> None:
        """A reply arrived that takes money or time wherever it is not stored."""
        call = call_of(completion, completion.latency or 0.0)
        self.took[model] = self.took.get(model, ModelCalls()) + call

    def add(self, call_key: str, completion: Completion, *, fresh: bool) -> None:
        """A reply arrived."""
        self.fresh += fresh
        self.stored += not fresh
        self.keys.append(call_key)
        self.account.said(completion, fresh=fresh)
        self.failed = None
        self.usage += replace(completion.usage, calls=completion.usage.calls or 1)
        known = completion.cost is not None and self.cost is not None
        self.cost = self.cost + completion.cost if known else None  # type: ignore[operator]
        self.finish_reason = completion.finish_reason
        if completion.model:
            self.models.add(completion.model)
        if self.first_token is None:
            self.first_token = completion.first_token


TALLY: ContextVar[Tally] = ContextVar("evalsuite_tally")
"""The case that the current task or thread works for; the runner sets it."""

ATTEMPT: ContextVar[Attempt | None] = ContextVar("evalsuite_attempt", default=None)
"""The call that a lane is making; None outside of a lane."""

QUIET: ContextVar[bool] = ContextVar("evalsuite_quiet", default=False)
"""True while the harness itself, not the target, opens files or connections."""


def current() -> Tally:
    """The case that is being worked for; EvalsuiteError names the remedies where there is none."""
    try:
        tally = TALLY.get()
    except LookupError:
        raise EvalsuiteError(
            "a model was called outside of a case: call it inside the decorated function, or, in "
            "a thread pool of your own, submit with contextvars.copy_context().run"
        ) from None
    if tally.over:  # a thread can't be ended from outside
        raise BackendError(f"case {tally.case_id} has ended: no further call is made for it")
    return tally


def wait_for(start: Callable[[], Awaitable[T]], tally: Tally, loop: asyncio.AbstractEventLoop) -> T:
    """What `start` comes to on `loop`, asked for from another thread, for one case. EvalsuiteError
    on the loop's own thread, which would wait for itself."""
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is loop:
        raise EvalsuiteError(
            "a call that waits would stop all cases here: await it, or make the target a plain def"
        )
    return asyncio.run_coroutine_threadsafe(for_case(start, tally), loop).result()


async def for_case(start: Callable[[], Awaitable[T]], tally: Tally) -> T:
    """What `start` comes to, for one case; in a task of its own."""
    TALLY.set(tally)
    return await start()


class Halt:
    """The run's brake: once it is pulled no further call is made, and what is in flight ends.

    What the store can answer is still answered, so that the run says as much as it can.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._deadline = (math.inf, "")
        self._then: list[Callable[[], None]] = []

    def pull(self, reason: str) -> None:
        """End the run; `reason` is for a person, and the first one stands."""
        if not self.reason:
            self.reason = reason
            for wake in self._then:
                wake()

    def then(self, wake: Callable[[], None]) -> None:
        """Call `wake` when the brake is pulled, so that nothing waits in vain."""
        self._then.append(wake)

    def at(self, seconds: float, reason: str) -> None:
        """End the run for `reason` once `seconds` from now have passed."""
        self._deadline = (time.monotonic() + seconds, reason)

    def check(self) -> None:
        """RunStopped once the run has ended."""
        deadline, late = self._deadline
        if time.monotonic() >= deadline:
            self.pull(late)
        if self.reason:
            raise RunStopped(self.reason)
