"""What a run's calls were: counted attempt by attempt, where each one is priced.

Only calls that were made are counted. A reply from the store has the latency and the price of
another day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from evalsuite.backends.base import Completion
from evalsuite.records import ModelCalls

_STEPS = 50
"""Durations are counted by their logarithm, this many steps to a factor of e: exact to 1 %, and
two processes' counts add up."""

_SHORTEST = 1e-6

_SHOWN = 80
"""Characters that are kept of what a server calls itself."""

_MOST = 20
"""Different names of servers that are kept."""


@dataclass(slots=True, eq=False)
class Account:
    """Counts that add up over cases, suites and processes; JSON as it is.

    `models` are by "PROVIDER:MODEL"; `failures` the attempts without a reply, by their fault;
    `calls`, `first_tokens` and `answers` count durations (see `quantile`): of a fresh call, to its
    first token where it was streamed, of a target all of whose calls were fresh. `samples` count
    the answers to equal requests, by "PROVIDER:MODEL HASH"; `fresh` and `stored` the replies, by
    "MODEL FINGERPRINT" as the server calls itself. `parts` are the calls by who asked and model.
    """

    models: Mapping[str, ModelCalls] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)
    first_tokens: Mapping[str, int] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, int] = field(default_factory=dict)
    fresh: Mapping[str, int] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, ModelCalls]] = field(default_factory=dict)

    @property
    def cost(self) -> float | None:
        """US dollars of all calls, None once a price is unknown."""
        known = not any(each.unpriced for each in self.models.values())
        return sum(each.cost for each in self.models.values()) if known else None

    def replied(self, part: str, model: str, completion: Completion, seconds: float) -> None:
        """A call of a part was answered, `seconds` after it was sent."""
        call = call_of(completion, seconds)
        self.models = _summed(self.models, {model: call})
        self._of_part(part, {model: call})
        self.calls = _plus(self.calls, {_step(seconds): 1})
        if completion.first_token is not None:
            self.first_tokens = _plus(self.first_tokens, {_step(completion.first_token): 1})

    def made(self, part: str, model: str, completion: Completion, seconds: float) -> None:
        """A model in this process answered a part. It has no speed and no price that would tell
        anything of a provider's, so that only its part counts it."""
        self._of_part(part, {model: call_of(completion, seconds)})

    def recalled(self, part: str, model: str) -> None:
        """A reply to a part came from the store."""
        self._of_part(part, {model: ModelCalls(stored=1)})

    def failed(self, fault: str) -> None:
        """An attempt got no reply."""
        self.failures = _plus(self.failures, {fault: 1})

    def sampled(self, model: str, answer: str) -> None:
        """A request that is asked several times in a run got the answer with this hash."""
        self.samples = _plus(self.samples, {f"{model} {answer}": 1})

    def said(self, completion: Completion, *, fresh: bool) -> None:
        """A reply came, from the server or from the store, with what its server calls itself."""
        if completion.fingerprint:
            name = (
                f"{completion.model[:_SHOWN]} {'-'.join(completion.fingerprint.split())[:_SHOWN]}"
            )
            known = self.fresh if fresh else self.stored
            if name not in known and len(known) >= _MOST:  # a server may say anything
                return
            self.fresh = _plus(self.fresh, {name: 1} if fresh else {})
            self.stored = _plus(self.stored, {} if fresh else {name: 1})

    def answered(self, seconds: float) -> None:
        """A target answered, none of its calls from the store."""
        self.answers = _plus(self.answers, {_step(seconds): 1})

    def add(self, other: Account) -> None:
        """Another case's, suite's or process's."""
        self.models = _summed(self.models, other.models)
        for part, models in other.parts.items():
            self._of_part(part, models)
        self.failures = _plus(self.failures, other.failures)
        self.calls = _plus(self.calls, other.calls)
        self.first_tokens = _plus(self.first_tokens, other.first_tokens)
        self.answers = _plus(self.answers, other.answers)
        self.samples = _plus(self.samples, other.samples)
        self.fresh = _plus(self.fresh, other.fresh)
        self.stored = _plus(self.stored, other.stored)

    def _of_part(self, part: str, models: Mapping[str, ModelCalls]) -> None:
        self.parts = {**self.parts, part: _summed(self.parts.get(part, {}), models)}


def call_of(completion: Completion, seconds: float) -> ModelCalls:
    """One answered call."""
    usage = completion.usage
    return ModelCalls(
        calls=1,
        seconds=seconds,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cost=completion.cost or 0.0,
        unpriced=int(completion.cost is None),
    )


def quantile(durations: Mapping[str, int], share: float) -> float | None:
    """The nearest-rank quantile in seconds, None without durations."""
    rank = min(math.floor(share * sum(durations.values())) + 1, sum(durations.values()))
    for step in sorted(durations, key=int):
        rank -= durations[step]
        if rank <= 0:
            return float(f"{math.exp(int(step) / _STEPS):.3g}")
    return None


def _step(seconds: float) -> str:
    return str(round(_STEPS * math.log(max(seconds, _SHORTEST))))


def _summed(
    one: Mapping[str, ModelCalls], other: Mapping[str, ModelCalls]
) -> Mapping[str, ModelCalls]:
    return {
        **one,
        **{name: one.get(name, ModelCalls()) + calls for name, calls in other.items()},
    }


def _plus(one: Mapping[str, int], other: Mapping[str, int]) -> Mapping[str, int]:
    if not other:
        return one
    return {**one, **{name: one.get(name, 0) + count for name, count in other.items()}}
