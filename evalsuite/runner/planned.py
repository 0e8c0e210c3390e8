"""One suite's plan: its cases rehearsed, and what that comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalsuite.backends.probe import SAMPLE, due
from evalsuite.backends.recording import model_of
from evalsuite.backends.rehearsing import Rehearsal
from evalsuite.records import Case, ModelCalls
from evalsuite.runner.checkups import Occasions
from evalsuite.runner.engine import Engine
from evalsuite.runner.forecast import Forecast, rehearsed
from evalsuite.runner.history import heads, history_of
from evalsuite.runner.plan import Plan, further
from evalsuite.runner.planning import Prices, Takes, checks_of, samples_of, takes_of
from evalsuite.runner.spending import TARGET
from evalsuite.scoring import scorer_name


@dataclass(slots=True, eq=False)
class Outlook:
    """What the suites planned so far will have asked: what is not asked again, and by
    "PROVIDER:MODEL" how many calls."""

    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    calls: dict[str, float] = field(default_factory=dict)


def plan_suite(
    engine: Engine,
    plan: Plan,
    cases: Sequence[Case],
    occasions: Occasions,
    outlook: Outlook,
    *,
    still: bool,
) -> tuple[Forecast, int]:
    """What these cases of a suite take after those of the `outlook`, which is added to, and how
    many of them ask something; on the engine's loop, without a call. `still`: the target can't be
    called."""
    bench = engine.benches[plan]
    total, asking = Takes(), 0
    if plan.config.replay == "only":
        return rehearsed(total, 0, plan.config), 0
    backends = [each.backend for each in bench.llm.roles.values()]
    paid = [each for each in backends if not each.capabilities.deterministic]
    prices = Prices({model_of(each): each.identity for each in paid}, plan.config.prices)
    parts = {TARGET, *map(scorer_name, plan.scorers)}
    history = history_of(plan.config, plan.suite.name, parts)
    walks = engine.rehearse(plan, cases, outlook.rehearsal, still=still)
    for walk in walks:
        takes = takes_of(walk, history, prices)
        asking += bool(takes.calls) or not takes.whole
        total.add(takes)
    if total.judged:
        checks = engine.rehearse_checks(plan, occasions, outlook.rehearsal)
        total.add(checks_of(checks, history, prices))
    known = _samples_before(plan) if bench.sampled else {}
    for model in bench.sampled:
        before = outlook.calls.get(model, 0.0)
        outlook.calls[model] = before + total.models.get(model, (0.0, 0.0))[0]
        count = due(round(outlook.calls[model])) - due(round(before))
        total.add(samples_of(model, count, known.get(model), total))
    answers = sum(walk.trials for walk in walks)
    again = 0 if bench.sure or not any(walk.moved for walk in walks) else further(plan)
    return replace(rehearsed(total, answers, plan.config), again=again), asking


def _samples_before(plan: Plan) -> Mapping[str, ModelCalls]:
    """By model what the samples of the newest run took that had some."""
    found = (
        head.manifest.operations.parts.get(SAMPLE)
        for _, head in heads(plan.config, plan.suite.name)
    )
    return next(filter(None, found), {})
