"""What a run will ask and take: what a rehearsal is sure of, and what cases took before.

Pure: a rehearsal's walks and earlier runs' records in, a forecast out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalsuite.backends.prices import Price, price_of
from evalsuite.backends.rehearsing import Missed
from evalsuite.records import Json, ModelCalls, Usage
from evalsuite.runner.history import History, Known
from evalsuite.runner.rehearsal import Gone, Walk
from evalsuite.runner.spending import CROSSED, TARGET


class Prices:
    """The prices of the models that a suite asks now; each is looked up when it is needed."""

    def __init__(
        self, identities: Mapping[str, Mapping[str, Json]], own: Mapping[str, Mapping[str, float]]
    ) -> None:
        self._identities = identities
        self._own = own
        self._known: dict[str, Price | None] = {}

    def now(self, name: str, missed: Sequence[Missed]) -> str:
        """The model that is asked where `name` was: "" if that can't be told."""
        if name in self._identities:
            return name
        if missed:
            return missed[0].model
        return next(iter(self._identities)) if len(self._identities) == 1 else ""

    def of(self, model: str, usage: Usage) -> float | None:
        """US dollars of a call; None where its price is not known."""
        if model not in self._known:
            identity = self._identities.get(model)
            self._known[model] = price_of(identity, self._own) if identity else None
        price = self._known[model]
        return price(usage) if price else None


@dataclass(slots=True)
class Takes:
    """What calls take. `calls` are expected, `least` sure to be made; `free` are those of models in
    this process. `usd` is None where a price or an earlier call is not known; `sure_usd` is what
    the calls take that are sure. `whole`: no part is without an earlier call to tell it. `judged`
    are those of scorers. `models` is by "PROVIDER:MODEL" the calls and the seconds that they take
    together."""

    calls: int = 0
    least: int = 0
    free: int = 0
    tokens: float = 0.0
    usd: float | None = 0.0
    sure_tokens: float = 0.0
    sure_usd: float = 0.0
    whole: bool = True
    judged: int = 0
    models: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, other: Takes, *, judged: bool = False) -> None:
        """Take it in; `judged`: scorers ask it."""
        self.calls += other.calls
        self.judged += other.calls if judged else other.judged
        self.least += other.least
        self.free += other.free
        self.tokens += other.tokens
        self.usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        self.sure_tokens += other.sure_tokens
        self.sure_usd += other.sure_usd
        self.whole = self.whole and other.whole
        for name, (calls, seconds) in other.models.items():
            before = self.models.get(name, (0.0, 0.0))
            self.models[name] = before[0] + calls, before[1] + seconds


def takes_of(walk: Walk, history: History, prices: Prices) -> Takes:
    """What a case takes, beside what it needs not ask again."""
    record = history.of(walk.case)
    known = dict(record or {})
    if CROSSED + TARGET in walk.parts:  # crossed answers are made and scored as the others are
        known = {**{CROSSED + name: each for name, each in known.items()}, **known}
    total = Takes()
    for name in {**walk.parts, **known}:
        gone = walk.parts.get(name, Gone())
        crossed = name.startswith(CROSSED) and CROSSED + TARGET not in walk.parts
        if gone.cut or (walk.open and not crossed):
            trials = walk.trials - gone.echoes
            before = known.get(name)
            asking = _asking(gone, before, trials, walk.open) if before else 0.0
            total.add(_open(gone, before, asking, prices), judged=not name.endswith(TARGET))
        elif gone.made:
            total.add(Takes(calls=gone.made, free=gone.made), judged=not name.endswith(TARGET))
    total.whole = total.whole and (record is not None or not walk.open)
    return total


def checks_of(checks: Mapping[str, Gone], history: History, prices: Prices) -> Takes:
    """What checking the judges takes, each call as much as one of that judge's own."""
    record = history.of("")
    total = Takes()
    for name, gone in checks.items():
        asked = record.get(name) if record else None
        alone = Takes(calls=gone.made, free=gone.made)
        total.add(_open(gone, asked, 0.0, prices) if gone.cut else alone)
    return total


def samples_of(model: str, count: int, known: ModelCalls | None, cases: Takes) -> Takes:
    """What so many samples of a model take beside its `cases`: as earlier ones did, else as much
    as a call of a case."""
    if not count:
        return Takes()
    if known is None or not known.calls or known.unpriced:
        seconds, tokens = cases.models[model][1], cases.tokens
        usd, before = cases.usd, cases.calls - cases.free
    else:
        seconds, tokens = known.seconds, known.input_tokens + known.output_tokens
        usd, before = known.cost, known.calls
    return Takes(
        calls=count,
        least=count if cases.calls == cases.least + cases.free else 0,
        tokens=tokens * count / before,
        usd=None if usd is None else usd * count / before,
        models={model: (count, seconds * count / before)},
    )


def _asking(gone: Gone, known: Known, trials: int, unknown: int) -> float:
    """In how many trials a part asks, what is stored included; of `unknown` ones as it did."""
    gone_through = 0 if gone.nothing else trials - unknown
    return max(gone_through, known.asks(trials)) if unknown else gone_through


def _open(gone: Gone, known: Known | None, asking: float, prices: Prices) -> Takes:
    """A part of which more may be asked than was missed, where it asks in so many trials."""
    sure = len(gone.missed)
    if known is None:
        made = Takes(calls=gone.made + sure, least=sure, free=gone.made, whole=False)
        return replace(made, usd=None if sure else 0.0)
    asked, share = known.asked, asking / known.asking
    before = sum(each.calls for each in asked.models.values())
    if gone.nothing:
        expected = _whole((before - asked.shared) * share)
    else:
        expected = max(sure, _whole(before * share) - gone.heard)
    made = Takes(calls=gone.made + expected, least=sure, free=gone.made)
    rests = {name: _rest(gone, name, calls, share) for name, calls in asked.models.items()}
    weight = sum(each.calls for each in rests.values())
    for name, rest in rests.items():
        calls = expected * rest.calls / weight
        _charge(made, gone, name, rest, calls, sure / expected if expected else 0.0, prices)
    return made


def _whole(calls: float) -> int:
    """Halves up: `round` would take every other one down."""
    return math.floor(calls + 0.5)


@dataclass(frozen=True, slots=True)
class _Mean:
    """What one call takes, of `calls` that weigh so much."""

    calls: float
    seconds: float
    input_tokens: float
    output_tokens: float
    usd: float | None


def _rest(gone: Gone, name: str, asked: ModelCalls, share: float) -> _Mean:
    """A part's calls to one model without those that were answered, where these are known."""
    took = gone.took.get(name, ModelCalls())
    rest = asked.calls * share - took.calls
    if rest < 0.5 or asked.unpriced or took.unpriced:
        took, rest, share = ModelCalls(), float(max(1, asked.calls)), 1.0
    return _Mean(
        calls=rest,
        seconds=max(0.0, asked.seconds * share - took.seconds) / rest,
        input_tokens=max(0.0, asked.input_tokens * share - took.input_tokens) / rest,
        output_tokens=max(0.0, asked.output_tokens * share - took.output_tokens) / rest,
        usd=None if asked.unpriced else max(0.0, asked.cost * share - took.cost) / rest,
    )


def _charge(
    made: Takes, gone: Gone, name: str, mean: _Mean, calls: float, sure: float, prices: Prices
) -> None:
    """Add so many calls, a share of them sure, that took `mean` when the model `name` was asked."""
    model = prices.now(name, gone.missed)
    limits = [each.most for each in gone.missed if each.model == model and each.most is not None]
    written = min([mean.output_tokens, *limits])
    usd = mean.usd
    if model != name or written < mean.output_tokens:
        usd = prices.of(model, Usage(round(mean.input_tokens), round(written)))
    tokens = mean.input_tokens + written
    made.tokens += calls * tokens
    made.sure_tokens += calls * sure * tokens
    made.sure_usd += calls * sure * (usd or 0.0)
    if calls and made.usd is not None:
        made.usd = None if usd is None else made.usd + calls * usd
    before = made.models.get(model, (0.0, 0.0))
    made.models[model] = before[0] + calls, before[1] + calls * mean.seconds
