"""Asks a judge for many subjects outside of a run: from the store where it answered before, else
through the lanes, the retries and the budget of a run."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from evalsuite.backends import open_backend
from evalsuite.backends.base import Backend
from evalsuite.backends.budget import Budget
from evalsuite.backends.calls import TALLY, Halt, Tally
from evalsuite.backends.lane import Lane, Limits, Resilient
from evalsuite.backends.llm import LLM
from evalsuite.backends.metered import Counted, Metered
from evalsuite.backends.recording import Recorded
from evalsuite.backends.starting import Started
from evalsuite.calibration.measurable import lack_of, metric_calls, metric_verdict
from evalsuite.calibration.records import Item
from evalsuite.config import Config, budget_limits
from evalsuite.errors import BackendError, RunStopped
from evalsuite.judging.asking import Ask, judge, orders_of
from evalsuite.judging.prompt import prompts
from evalsuite.judging.records import UNSURE, Card, Judgement
from evalsuite.judging.subjects import lacking
from evalsuite.judging.verdict import Verdict, settle
from evalsuite.store import Store

VOTE = 1
"""The trial that a run's judges ask under, so that replies are shared with it."""


ROLES = ("default", "embed")
"""What the one model is asked as: for verdicts, and for vectors."""


@dataclass(slots=True, eq=False)
class Consulted:
    """What a judge said, by item and criterion. `failed` and `lacked` are the items without a
    verdict, each with the reason; `fresh` and `stored` count calls; `stopped` says why the rest was
    not asked."""

    verdicts: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    lacked: dict[str, str] = field(default_factory=dict)
    fresh: int = 0
    stored: int = 0
    stopped: str = ""

    def reason(self, item: str) -> str:
        """Why an item has no verdict; "" if it has one, be it that the judge is unable to tell."""
        if item not in self.verdicts:
            return self.failed.get(item) or self.lacked.get(item) or "not asked"
        silent = [
            each
            for each in self.verdicts[item].values()
            if each.value is None and each.label != UNSURE
        ]
        return (silent[0].reason or "no verdict") if silent else ""


def calls_of(card: Card, items: Sequence[Item]) -> int:
    """How many calls verdicts on the items take if none is stored. A reply that is a slip
    takes one more."""
    if card.kind == "metric":
        return sum(metric_calls(card, item) for item in items)
    return card.votes * sum(
        len(prompts(card, item.subject, order))
        for item in items
        if not lacking(card, item.subject) and item.subject.output != item.subject.other
        for order in orders_of(card, item.subject)
    )


@asynccontextmanager
async def opened(config: Config, spec: str, *, offline: bool) -> AsyncIterator[LLM]:
    """A model to ask within the context; everything that it said is kept when it ends, however it
    does. `offline`: from the store alone."""
    store = Store(config.state_dir, [config.root / each for each in config.recordings])
    backend: Backend | None = None
    try:
        halt = Halt()
        backend = open_backend(spec, calls=not offline, state=config.state_dir)
        chained = backend if offline else _chained(backend, config, halt)
        recorded = Recorded(chained, store, offline, halt)
        yield LLM(dict.fromkeys(ROLES, recorded), asyncio.get_running_loop())
    finally:
        if backend is not None:
            with contextlib.suppress(Exception):
                await backend.close()
        store.close()


def _chained(backend: Backend, config: Config, halt: Halt) -> Backend:
    """The backends around a provider's, as around a run's."""
    if backend.capabilities.deterministic:
        return Counted(backend, Budget(budget_limits(config.budget), halt))
    provider = str(backend.identity["provider"])
    name = f"{provider}:{backend.identity.get('model')}"
    rates = {k: v for each in (provider, name) for k, v in config.limits.get(each, {}).items()}
    limits = Limits(
        concurrency=int(rates.pop("concurrency", config.concurrency)),
        patience=config.patience,
        **rates,
    )
    metered = Metered(backend, Budget(budget_limits(config.budget), halt), config.prices)
    lane = Lane(f"{name}@{backend.identity.get('url')}", limits, halt)
    made: Backend = Resilient(metered, lane, getattr(backend, "preflight", None))
    start = getattr(backend, "start", None)
    return Started(made, start, halt) if start else made


async def consult(
    card: Card,
    items: Sequence[Item],
    ask: Ask,
    config: Config,
    found: Consulted,
    *,
    trial: int = VOTE,
    said: Callable[[int], None] = lambda done: None,
) -> None:
    """Ask for every item's verdict, into `found`; `said` is told how many are done.

    No failure goes through: what a judge did not answer is named. Replies are stored by `trial`:
    another number than the run's asks anew.
    """
    free = asyncio.Semaphore(config.concurrency)
    done = 0

    async def one(item: Item) -> None:
        nonlocal done
        async with free:
            await _asked(card, item, ask, (trial, config.seed), found)
        done += 1
        said(done)

    async with asyncio.TaskGroup() as group:
        for item in items:
            lack = lack_of(card, item)
            if lack:
                found.lacked[item.id] = lack
            else:
                group.create_task(one(item))


async def _asked(
    card: Card, item: Item, ask: Ask, place: tuple[int, int], found: Consulted
) -> None:
    if found.stopped:
        found.failed[item.id] = found.stopped
        return
    tally = Tally(item.case or item.id, *place)
    context = contextvars.copy_context()
    context.run(TALLY.set, tally)
    try:
        said = await asyncio.create_task(_verdicts(card, item, ask), context=context)
        found.verdicts[item.id] = said
    except RunStopped as error:
        found.stopped = found.failed[item.id] = str(error)
    except BackendError as error:
        found.failed[item.id] = str(error)
    finally:
        tally.over = True
        found.fresh += tally.fresh
        found.stored += tally.stored


async def _verdicts(card: Card, item: Item, ask: Ask) -> dict[str, Verdict]:
    if card.kind == "metric":
        return {card.name: await metric_verdict(card, item, ask)}
    return by_criterion(card, await judge(card, item.subject, ask))


def by_criterion(card: Card, said: Sequence[Judgement]) -> dict[str, Verdict]:
    """Judgements of one subject as a verdict per criterion."""
    return {each.criterion: each for each in settle(card, said)}


def labels_of(verdicts: Mapping[str, Verdict]) -> dict[str, str | None]:
    """By criterion the label, as an item keeps it."""
    return {name: verdict.label for name, verdict in verdicts.items()}
