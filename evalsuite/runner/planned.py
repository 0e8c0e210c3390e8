"""One suite's plan: its cases rehearsed, and what that comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalsuite.backends.recording import model_of
from evalsuite.records import Case
from evalsuite.runner.checkups import Occasions
from evalsuite.runner.engine import Engine
from evalsuite.runner.forecast import Forecast, rehearsed
from evalsuite.runner.history import history_of
from evalsuite.runner.plan import Plan, further
from evalsuite.runner.planning import Prices, Takes, checks_of, takes_of
from evalsuite.runner.spending import TARGET
from evalsuite.scoring import scorer_name


def plan_suite(
    engine: Engine, plan: Plan, cases: Sequence[Case], occasions: Occasions, *, still: bool
) -> tuple[Forecast, int]:
    """What these cases of a suite take, and how many of them ask something; on the engine's loop,
    without a call. `still`: the target can't be called."""
    bench = engine.benches[plan]
    total, asking = Takes(), 0
    if plan.config.replay == "only":
        return rehearsed(total, 0, plan.config), 0
    backends = [each.backend for each in bench.llm.roles.values()]
    paid = [each for each in backends if not each.capabilities.deterministic]
    prices = Prices({model_of(each): each.identity for each in paid}, plan.config.prices)
    parts = {TARGET, *map(scorer_name, plan.scorers)}
    history = history_of(plan.config, plan.suite.name, parts)
    walks = engine.rehearse(plan, cases, still=still)
    for walk in walks:
        takes = takes_of(walk, history, prices)
        asking += bool(takes.calls) or not takes.whole
        total.add(takes)
    if total.judged:
        total.add(checks_of(engine.rehearse_checks(plan, occasions), history, prices))
    answers = sum(walk.trials for walk in walks)
    again = 0 if bench.sure or not any(walk.moved for walk in walks) else further(plan)
    return replace(rehearsed(total, answers, plan.config), again=again), asking
