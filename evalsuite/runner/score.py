"""The scores of one output: its checks, and the suite's other scorers side by side.

A scorer may ask models. Its calls belong to the case, but not to the trial: each scorer has a tally
of its own, so that equal outputs are judged once, whichever trials they come from, and the output
keeps the latency and cost of its target alone.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from evalsuite import checks, scoring
from evalsuite.backends.calls import TALLY, Tally
from evalsuite.backends.clients import MODELS
from evalsuite.backends.together import together
from evalsuite.records import CHECKS, COMPLETION, Case, Failure, Output, Score
from evalsuite.runner.answer import Bench
from evalsuite.runner.deadline import Deadline, Raised, call

VOTE = 1
"""What a judge's seeds are derived from instead of the number of the trial."""


def aside(scorer: scoring.Scorer) -> bool:
    """Whether a scorer may wait, and so runs as a target does: a plain one is called at once."""
    called = type(scorer).__call__ if not inspect.isfunction(scorer) else scorer
    waits = inspect.iscoroutinefunction(scorer) or inspect.iscoroutinefunction(called)
    return waits or scoring.takes_llm(scorer)


async def score(
    bench: Bench, case: Case, output: Output, compiled: Sequence[checks.Check], trial: int
) -> tuple[list[Score], list[Tally]]:
    """Every metric of one output, and what its scorers asked; without an output, each metric says
    why it has no value. Where there are other scorers, `checks` is no metric of a case without any:
    it lacks nothing."""
    checked = bool(compiled) or not bench.plan.suite.scorers
    if output.error is not None:
        found = _no_scores(bench, case, output.error, trial)
        return [each for each in found if checked or each.metric != CHECKS], []
    pairs = list(zip(bench.plan.scorers, bench.aside, strict=True))
    tallies, coming = [], []
    for (scorer, aside), asks in zip(pairs, bench.asking, strict=True):
        if aside:
            given = {"llm": bench.llm} if asks else {}
            bound = functools.partial(scorer, case, output, **given)
            tallies.append(_tally(bench, scorer, case, aside=_informs(bench, scorer)))
            coming.append(_within(bench, bound, scorer, case, trial, tallies[-1]))
    came = iter(await together(coming))
    found = [checks.score(case, output, compiled, trial)] if checked else []
    for scorer, aside in pairs:
        found += next(came) if aside else await _at_once(bench, scorer, case, output, trial)
    return [*found, Score(case.id, trial, COMPLETION, 1.0)], tallies


def _tally(bench: Bench, scorer: scoring.Scorer, case: Case, *, aside: bool = False) -> Tally:
    part = scoring.metric_of(scorer).name
    return Tally(case.id, VOTE, bench.plan.config.seed, aside=aside, part=part)


def _informs(bench: Bench, scorer: scoring.Scorer) -> bool:
    """Whether none of a scorer's metrics gates, since its model was not measured or need not be."""
    found = [bench.plan.standings.get(each.name) for each in scoring.metrics_of(scorer)]
    known = [each for each in found if each is not None]
    return bool(known) and all(x.state == "uncertified" or not x.gates for x in known)


def _no_scores(bench: Bench, case: Case, failure: Failure, trial: int) -> list[Score]:
    reason = f"{failure.kind}: {failure.message}"
    names = [metric.name for metric in bench.plan.metrics if metric.name != COMPLETION]
    completed = 0.0 if failure.kind == "target" else None
    return [
        *(Score(case.id, trial, name, None, reason) for name in names),
        Score(case.id, trial, COMPLETION, completed, reason),
    ]


async def _at_once(
    bench: Bench, scorer: scoring.Scorer, case: Case, output: Output, trial: int
) -> list[Score]:
    metric = scoring.metric_of(scorer)
    try:
        result = scorer(case, output)
    except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001 (a user's code)
        return [Score(case.id, trial, metric.name, None, scoring.complaint(error))]
    if not inspect.isawaitable(result):
        return scoring.fold(result, metric, case.id, trial)

    async def coming() -> Any:  # of a plain function around an async one
        return await result

    tally = _tally(bench, scorer, case)
    return await _within(bench, coming, scorer, case, trial, tally)


async def _within(
    bench: Bench,
    function: Callable[[], Any],
    scorer: scoring.Scorer,
    case: Case,
    trial: int,
    tally: Tally,
) -> list[Score]:
    """Call a scorer within its deadline; raises nothing but cancellation. What it makes of a call
    that failed is no score, even if it swallowed the error."""
    metric = scoring.metric_of(scorer)
    context = contextvars.copy_context()
    context.run(TALLY.set, tally)
    context.run(MODELS.set, bench.llm)
    deadline = tally.clock = Deadline(bench.limit)
    result, reason = None, ""
    try:
        result = await call(function, context=context, threads=bench.threads, deadline=deadline)
    except Raised as raised:
        reason = scoring.complaint(raised.error)
    except TimeoutError:
        reason = f"timeout: no score within {bench.limit:g} s"
    finally:
        tally.over = True
    if tally.failed is not None:
        reason = f"provider: {tally.failed}"
    if reason:
        text = scoring.clip(reason, 400)
        own = [each.name for each in scoring.metrics_of(scorer) if each.role == "gate"]
        return [Score(case.id, trial, name, None, text) for name in own or [metric.name]]
    return scoring.fold(result, metric, case.id, trial)
