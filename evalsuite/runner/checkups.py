"""After the cases: are the judges that were asked afresh still what their certificates say?"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from evalsuite.backends.calls import TALLY, Tally
from evalsuite.errors import BackendError
from evalsuite.records import Standing
from evalsuite.runner.answer import Bench
from evalsuite.runner.counts import Counts
from evalsuite.runner.plan import Plan

if TYPE_CHECKING:
    from evalsuite.judging.checkup import Checkup
    from evalsuite.judging.scorer import BoundJudge


def judges_of(plan: Plan) -> dict[str, tuple[BoundJudge, ...]]:
    """The judges behind each metric that is a judge's or a jury's own."""
    found = {}
    for scorer in plan.scorers:
        members = getattr(scorer, "members", (scorer,))
        if all(hasattr(each, "card") for each in members):
            found[scorer.metric.name] = tuple(members)
    return found


async def check_judges(bench: Bench, counts: Counts, occasion: int) -> Mapping[str, Standing]:
    """The standings with what anchors and canaries say. `occasion` is the run's: equal in its
    processes, which ask together once, and in no other run."""
    standings = dict(bench.plan.standings)
    done: dict[tuple[str, str], Checkup] = {}
    for metric, members in judges_of(bench.plan).items():
        found = []
        for each in members:
            place = each.key, each.role
            if place not in done:
                done[place] = await _checked(bench, counts, each, occasion)
            found.append(done[place])
        for name, standing in standings.items():
            if name == metric or name.startswith(f"{metric}."):
                standings[name] = replace(
                    standing,
                    checked=_joined(each.says for each in found),
                    broken=_joined(each.broken for each in found),
                )
    return standings


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(filter(None, texts))


async def _checked(bench: Bench, counts: Counts, judge: BoundJudge, occasion: int) -> Checkup:
    from evalsuite.judging.asking import of_llm  # noqa: PLC0415 (only where there is a judge)
    from evalsuite.judging.checkup import Checkup, check_up, read_anchors  # noqa: PLC0415

    config = bench.plan.config
    tally = Tally(f"judge {judge.card.name}", occasion, config.seed)
    context = contextvars.copy_context()
    context.run(TALLY.set, tally)
    anchored = read_anchors(config.judge_dir / judge.card.name)
    work = check_up(judge.card, anchored, of_llm(bench.llm[judge.role]))
    try:
        return await asyncio.create_task(work, context=context)
    except BackendError as error:
        return Checkup(f"could not be checked: {error}", "")
    finally:
        tally.over = True
        counts.spent(tally)
