"""What a run will take: calls, tokens, money, minutes.

Without a look at the cases the worst one is told, from what an earlier run took: that nothing can
be answered from the store. What it answers is known once the cases were rehearsed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evalsuite.backends.budget import amount
from evalsuite.config import Config
from evalsuite.gate.rules import AGAIN
from evalsuite.records import Operations
from evalsuite.report import figures
from evalsuite.runner.history import heads
from evalsuite.runner.plan import Plan, further
from evalsuite.runner.planning import Takes
from evalsuite.snapshot import Head

UNITS = ("calls", "tokens", "usd")
"""What a budget counts of calls."""

_ROUNDING = 1e-9

_FRESH = 0.5
"""A run of which so many calls were fresh tells what a call takes."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run takes; `usd` is None where a price is unknown.

    Of a worst case `known` is the run that it is taken from, `sample` how many answers it had. Of a
    rehearsed run `least` calls are sure, and `sure` are they and what they take by the units of a
    budget; not `whole`: what follows some of them is not known, since no run here has asked it.
    Cases that moved are asked `again` times more.
    """

    answers: int
    calls: int
    tokens: int
    usd: float | None
    seconds: float
    known: str = ""
    sample: int = 0
    least: int = 0
    whole: bool = True
    sure: Mapping[str, float] = field(default_factory=dict)
    again: int = 0


@dataclass(frozen=True, slots=True)
class _Model:
    """The calls to one model: how many, and what one takes."""

    name: str
    calls: float
    seconds: float
    tokens: float
    usd: float | None


def basis(config: Config, suite: str, tier: str = "") -> Head | None:
    """The newest run of a suite that made most of its calls, else its snapshot, if that did; of a
    tier its own runs come first, since it may ask fewer scorers, and other tiers' tell nothing."""
    known = [head for _, head in heads(config, suite)]
    for name in dict.fromkeys([tier, ""]):
        for head in known:
            if head.manifest.tier == name and _tells(head):
                return head
    return None


def forecast(known: Head, answers: int, config: Config) -> Forecast:
    """What `answers` answers (cases times trials) take, at the settings' concurrency and limits,
    if each takes what it took in the run `known`."""
    spent = known.manifest.operations
    sample = _answers(known)
    models = list(_models(spent, answers / sample))
    path = sum(each.calls * each.seconds for each in models) / max(1, answers)
    own = answers * (spent.latency_p50 or 0.0) / config.concurrency
    lanes = [_seconds(each, config) for each in models]
    costs = [each.usd for each in models]
    return Forecast(
        answers=answers,
        calls=round(sum(each.calls for each in models)),
        tokens=round(sum(each.calls * each.tokens for each in models)),
        usd=None if None in costs else sum(each.calls * (each.usd or 0.0) for each in models),
        seconds=max([own, *lanes]) + path,
        known=known.manifest.run,
        sample=sample,
    )


def by_the_clock(config: Config, suite: str, answers: int) -> Forecast | None:
    """What `answers` answers take where no model is called over a network: as long as in the newest
    run that made most of its own afresh; None where there is none."""
    for _, head in heads(config, suite):
        spent, sample = head.manifest.operations, _answers(head)
        if not spent.models and sample > 0 and spent.stored_calls <= spent.fresh_calls:
            more = answers / sample
            return Forecast(
                answers=answers,
                calls=round(more * spent.fresh_calls),
                tokens=round(more * (spent.input_tokens + spent.output_tokens)),
                usd=None if spent.cost is None else more * spent.cost,
                seconds=more * spent.seconds,
                known=head.manifest.run,
                sample=sample,
            )
    return None


def rehearsed(takes: Takes, answers: int, config: Config) -> Forecast:
    """What a rehearsed run takes, at the settings' concurrency and limits."""
    models = [
        _Model(name, calls, seconds / calls, takes.tokens / max(1, takes.calls), None)
        for name, (calls, seconds) in takes.models.items()
        if calls
    ]
    path = sum(each.calls * each.seconds for each in models) / max(1, answers)
    return Forecast(
        answers=answers,
        calls=takes.calls,
        tokens=round(takes.tokens),
        usd=takes.usd,
        seconds=max([_seconds(each, config) for each in models], default=0.0) + path,
        least=takes.least + takes.free,
        whole=takes.whole,
        sure={
            "calls": takes.least + takes.free,
            "tokens": takes.sure_tokens,
            "usd": takes.sure_usd,
        },
    )


def summed(made: Sequence[Forecast]) -> Forecast:
    """Several suites' forecasts as one run's."""
    costs = [each.usd for each in made]
    return Forecast(
        answers=sum(each.answers for each in made),
        calls=sum(each.calls for each in made),
        tokens=sum(each.tokens for each in made),
        usd=None if None in costs else sum(each or 0.0 for each in costs),
        seconds=sum(each.seconds for each in made),
        least=sum(each.least for each in made),
        whole=all(each.whole for each in made),
        again=max((each.again for each in made), default=0),
        sure={unit: sum(each.sure.get(unit, 0.0) for each in made) for unit in UNITS},
    )


def told(made: Forecast) -> str:
    """A rehearsed run in words: what is sure is said as such, and what is not known."""
    again = f"; cases that moved are asked {made.again} times more" if made.again else ""
    if not made.whole:
        calls = f"at least {figures.many(made.least, 'call')}; what follows them, and"
        known = "is not known: no run that is kept here tells it"
        return f"{calls if made.least else 'how many calls, and'} what they take, {known}{again}"
    if not made.calls:
        return f"no call{again}"
    time = f", about {minutes(made.seconds)}" if made.seconds else ""
    calls = f"{figures.many(made.calls, 'call')}, {_exactly(made.usd)}{time}"
    sure = "" if made.least == made.calls else f" (at least {made.least:,} of them)"
    return f"{calls}{sure}{again}"


def short(made: Forecast, budget: Mapping[str, float]) -> str:
    """Why a budget can't cover a rehearsed run: more than it has is sure to be asked. "" if it may.

    What only may be asked refuses no run: that ends it where it is true."""
    for unit in UNITS:
        needed, limit = made.sure.get(unit, 0.0), budget.get(unit, math.inf)
        if needed > limit * (1 + _ROUNDING):
            return (
                f"the budget of {amount(limit, unit)} does not cover the run, which takes "
                f"{amount(needed, unit)}: raise it (--evals-budget), or run a part of it (-k)"
            )
    return ""


def beforehand(plans: Iterable[Plan]) -> list[str]:
    """What a run of these cases (a plan for each) takes, in a line; none where nothing is known."""
    found = []
    cases = Counter(plan for plan in plans if plan.config.replay != "only")
    for plan, count in cases.items():
        known = basis(plan.config, plan.suite.name, plan.tier)
        if known is not None:
            found.append(forecast(known, count * plan.suite.trials, plan.config))
    if not found:
        return []
    of = "" if len(found) == len(cases) else f"{len(found)} of {len(cases)} suites: "
    calls = figures.many(sum(each.calls for each in found), "call")
    costs = [each.usd for each in found]
    usd = money(None if None in costs else sum(each or 0.0 for each in costs))
    time = minutes(sum(each.seconds for each in found))
    crossed = any(plan.suite.contexts and plan.baseline is not None for plan in cases)
    again = "; as much again where other documents are retrieved" if crossed else ""
    if any(map(further, cases)):
        again += f"; cases that moved are asked {AGAIN} times more"
    return [f"{of}at most {calls}, {usd}, about {time}, less what the store answers{again}"]


def minutes(seconds: float) -> str:
    if seconds < 90:
        return figures.many(max(1, round(seconds)), "second")
    return f"{seconds / 60:.1f} minutes"


def money(usd: float | None) -> str:
    return "cost unknown" if usd is None else figures.dollars(usd)


def _exactly(usd: float | None) -> str:
    """In four digits, so that one percent can be read."""
    return f"{usd:.{3 - math.floor(math.log10(usd))}f} USD" if usd and usd < 1 else money(usd)


def _tells(head: Head) -> bool:
    spent = head.manifest.operations
    calls = spent.fresh_calls + spent.stored_calls
    fresh = sum(each.calls for each in spent.models.values())
    return bool(fresh) and fresh >= _FRESH * calls and _answers(head) > 0


def _answers(head: Head) -> int:
    """The answers that a run's calls were made for."""
    return head.cases * head.manifest.trials - head.manifest.operations.reused_outputs


def _models(spent: Operations, more: float) -> Iterable[_Model]:
    """`more` times a run's calls, stored ones included, shared among models as its fresh ones."""
    fresh = sum(each.calls for each in spent.models.values())
    scale = more * max(1.0, (spent.fresh_calls + spent.stored_calls) / fresh)
    for name, each in spent.models.items():
        calls = max(1, each.calls)
        yield _Model(
            name=name,
            calls=scale * each.calls,
            seconds=each.seconds / calls,
            tokens=(each.input_tokens + each.output_tokens) / calls,
            usd=None if each.unpriced else each.cost / calls,
        )


def _seconds(model: _Model, config: Config) -> float:
    """How long one model's calls take: as many at once, and as many a minute, as may be."""
    provider = model.name.partition(":")[0]
    limits = {**config.limits.get(provider, {}), **config.limits.get(model.name, {})}
    at_once = min(limits.get("concurrency", config.concurrency), config.concurrency)
    waits = [model.calls * model.seconds / max(1.0, at_once)]
    if limits.get("requests_per_minute"):
        waits.append(60 * model.calls / limits["requests_per_minute"])
    if limits.get("tokens_per_minute"):
        waits.append(60 * model.calls * model.tokens / limits["tokens_per_minute"])
    return max(waits)
