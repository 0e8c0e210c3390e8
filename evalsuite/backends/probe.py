"""Does a backend give equal requests equal answers? Measured, not assumed.

A seed is a promise: a server that batches may compute a request among others differently from the
same request alone. `probe` asks and compares; `Sampled` does so a little in every run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite.backends.account import Account
from evalsuite.backends.base import Backend, Completion, Request, name_of
from evalsuite.backends.calls import TALLY
from evalsuite.canonical import key
from evalsuite.errors import BackendError
from evalsuite.records import Json
from evalsuite.stats.bounds import rate_bounds

AFTER = 100
"""Calls that a run makes before it samples."""

TIMES = 3
"""Equal requests of a run's sample."""

SAMPLE = "sample"
"""Who asks it (Operations.parts)."""

_SEED = 20_260
_MOST = 128
_PROMPT = "Write one sentence about the sea. Choose its words freely."
_LIMITS = {"openai": "max_completion_tokens"}
"""What a provider calls the limit of an answer, where it is not max_tokens."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `asked` replies were as said."""

    hits: int
    asked: int

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the rate; None where nothing was asked."""
        return rate_bounds(self.hits / self.asked, self.asked) if self.asked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What was measured. `alone` and `load` are the replies equal to the first one; `seeds` those
    to other seeds that differ from it, None where the backend takes no seed; `failures` the
    messages of calls without a reply; `seconds` one per reply, `loaded` the same under load."""

    alone: Rate
    load: Rate
    seeds: Rate | None
    failures: Sequence[str]
    models: Sequence[str]
    fingerprints: Sequence[str]
    seconds: Sequence[float]
    loaded: Sequence[float]


def calls(backend: Backend, repeats: int) -> int:
    """How many calls a probe makes."""
    return repeats * (3 if backend.capabilities.seed else 2)


async def probe(backend: Backend, *, repeats: int, load: int) -> Probe:
    """Ask `repeats` (2 or more) equal requests one after the other, then again with `load` calls
    at once, among as many with other seeds, so that batches are mixed.

    Raises:
        BackendError: the first request got no reply.
    """
    request = probing(backend)
    first = await _timed(backend, request)
    alone = [first, *[await _tried(backend, request) for _ in range(repeats - 1)]]
    equal = [request] * repeats
    company = [replace(request, seed=_SEED + 1 + place) for place in range(repeats)]
    seeded = backend.capabilities.seed
    mixed = [one for pair in zip(equal, company, strict=True) for one in pair] if seeded else equal
    slots = asyncio.Semaphore(load)

    async def in_turn(one: Request) -> _Reply | BackendError:
        async with slots:
            return await _tried(backend, one)

    loaded = await asyncio.gather(*map(in_turn, mixed))
    step = 2 if seeded else 1
    replies = [each for each in [*alone, *loaded] if isinstance(each, _Reply)]
    return Probe(
        alone=_equal(alone[1:], first),
        load=_equal(loaded[::step], first),
        seeds=_differ(loaded[1::step], first) if seeded else None,
        failures=[str(each) for each in [*alone, *loaded] if isinstance(each, BackendError)],
        models=sorted({each.completion.model for each in replies}),
        fingerprints=sorted({each.completion.fingerprint for each in replies} - {""}),
        seconds=[each.seconds for each in alone if isinstance(each, _Reply)],
        loaded=[each.seconds for each in loaded if isinstance(each, _Reply)],
    )


def probing(backend: Backend) -> Request:
    """The fixed, short request that probes ask."""
    given = dict(backend.identity.get("params") or {})
    limit = _LIMITS.get(str(backend.identity.get("provider")), "max_tokens")
    limit = next((name for name in ("max_tokens", "max_completion_tokens") if name in given), limit)
    params: Mapping[str, Json] = {limit: _MOST}
    seed = _SEED if backend.capabilities.seed else None
    return Request(messages=[{"role": "user", "content": _PROMPT}], params=params, seed=seed)


@dataclass(frozen=True, slots=True)
class _Reply:
    completion: Completion
    seconds: float

    @property
    def answer(self) -> Json:
        return (self.completion.text, self.completion.finish_reason)


async def _timed(backend: Backend, request: Request) -> _Reply:
    began = time.perf_counter()
    completion = await backend.complete(request)
    if not completion.text:
        raise BackendError("an empty answer, which tells nothing: give the model more tokens")
    return _Reply(completion, time.perf_counter() - began)


async def _tried(backend: Backend, request: Request) -> _Reply | BackendError:
    try:
        return await _timed(backend, request)
    except BackendError as error:
        return error


def _equal(found: Sequence[_Reply | BackendError], first: _Reply) -> Rate:
    replies = [each for each in found if isinstance(each, _Reply)]
    return Rate(sum(each.answer == first.answer for each in replies), len(replies))


def _differ(found: Sequence[_Reply | BackendError], first: _Reply) -> Rate:
    same = _equal(found, first)
    return Rate(same.asked - same.hits, same.asked)


class Sampled:
    """A backend that a run is sampled at: after AFTER calls it is asked TIMES the same, each beside
    a call of a case, whose account takes what was answered. Failures of it are nobody's.

    It stands outside of retries, limits and budget, so that the sample is subject to them, and
    inside of the store, so that it is asked."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.identity = backend.identity
        self.capabilities = backend.capabilities
        self._asked = 0

    async def complete(self, request: Request) -> Completion:
        self._asked += 1
        if not (self.capabilities.seed and AFTER <= self._asked < AFTER + TIMES):
            return await self._backend.complete(request)
        sample = asyncio.create_task(self._sample())
        try:
            completion = await self._backend.complete(request)
            await sample
        finally:
            sample.cancel()
        return completion

    async def close(self) -> None:
        await self._backend.close()

    async def _sample(self) -> None:
        tally = TALLY.get(None)
        if tally is not None:  # counted with its case, and by a name of its own
            TALLY.set(replace(tally, part=SAMPLE))
        try:
            reply = await _timed(self._backend, probing(self._backend))
        except BackendError:
            return
        if tally is not None:
            tally.account.sampled(name_of(self._backend), key("sample", reply.answer))


def due(calls: int) -> int:
    """How many samples so many calls of cases bring about."""
    return min(max(0, calls - AFTER + 1), TIMES)


def sampled(account: Account) -> dict[str, tuple[int, int]]:
    """Of a run's samples, by model: the replies that are equal, and all of them."""
    counts = _by_model(account.samples)
    return {model: (max(each.values()), sum(each.values())) for model, each in counts.items()}


def fingerprints(account: Account) -> dict[str, str]:
    """What the server of each model calls itself, by "model MODEL": versions of a run."""
    both = _by_model({**account.stored, **account.fresh})
    return {f"model {model}": ", ".join(sorted(each)) for model, each in both.items()}


def notes(account: Account, before: Mapping[str, str]) -> list[str]:
    """What a reader of the run has to know: a promise that was not kept, a server that changed,
    since the run that has the versions `before` too."""
    found = []
    for model, now in fingerprints(account).items():
        if model in before and not {*now.split(", ")} & {*before[model].split(", ")}:
            found.append(
                f"the server of {model.removeprefix('model ')} has changed since the snapshot, "
                f"from {before[model]} to {now}; what moved may be its drift"
            )
    for model, (hits, asked) in sampled(account).items():
        if hits < asked:
            found.append(
                f"{model} takes a seed, but of {asked} equal requests among the load {hits} got "
                "the same answer: it is not pinned; trials=3 and their vote take the seed's place"
            )
    stored = _by_model(account.stored)
    for model, prints in _by_model(account.fresh).items():
        if new := sorted(prints.keys() - stored.get(model, prints).keys()):
            found.append(
                f"the server of {model} has changed: it calls itself {', '.join(new)}, and stored "
                f"replies are of {', '.join(sorted(stored[model]))}; what moved may be its drift"
            )
        elif len(prints) > 1:
            found.append(
                f"the server of {model} changed during the run: {', '.join(sorted(prints))}"
            )
    return found


def _by_model(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, count in counts.items():
        model, _, what = name.rpartition(" ")
        found.setdefault(model, {})[what] = count
    return found
