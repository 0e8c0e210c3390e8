"""What a run will take, from what an earlier one took: calls, tokens, money, minutes.

The worst case is told: that nothing can be answered from the store. Whether it can is only known
once the target has run.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from evalsuite import snapshot
from evalsuite.config import Config
from evalsuite.errors import SnapshotError
from evalsuite.gate.rules import AGAIN
from evalsuite.records import Operations
from evalsuite.report import figures
from evalsuite.runner.plan import Plan, further
from evalsuite.snapshot import Head

_LOOKED = 10
"""How many runs back are looked at: each costs a file."""

_FRESH = 0.5
"""A run of which so many calls were fresh tells what a call takes."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """At most so much; `usd` is None where a price is unknown. `known` is the run that it is
    taken from, `sample` how many answers it had."""

    answers: int
    calls: int
    tokens: int
    usd: float | None
    seconds: float
    known: str
    sample: int


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
    runs = (config.state_dir / "runs").glob(f"*/{suite}/manifest.json")
    folders = [each.parent for each in sorted(runs, reverse=True)[:_LOOKED]]  # ids sort by time
    heads = []
    for folder in (*folders, config.snapshot_dir / suite):
        with contextlib.suppress(SnapshotError):
            heads.append(snapshot.read_head(folder))
    for name in dict.fromkeys([tier, ""]):
        for head in heads:
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
