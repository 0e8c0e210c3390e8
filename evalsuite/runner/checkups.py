"""After the cases: are the judges that were asked afresh still what their certificates say?"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalsuite.backends.calls import TALLY, Tally
from evalsuite.errors import BackendError
from evalsuite.records import Standing
from evalsuite.runner.answer import Bench
from evalsuite.runner.counts import Counts
from evalsuite.runner.plan import Plan

if TYPE_CHECKING:
    from evalsuite.calibration.checkup import Checkup
    from evalsuite.judging.scorer import BoundJudge


def judges_of(plan: Plan) -> dict[str, tuple[BoundJudge, ...]]:
    """The judges behind each metric that is a judge's or a jury's own."""
    found = {}
    for scorer in plan.scorers:
        members = getattr(scorer, "members", (scorer,))
        if all(hasattr(each, "card") for each in members):
            found[scorer.metric.name] = tuple(members)
    return found


@dataclass(frozen=True, slots=True)
class Occasions:
    """What tells this run's anchors and this week's canaries from earlier ones: trial numbers,
    equal in all processes of a run, which ask together once."""

    run: int
    week: int


async def check_judges(
    bench: Bench, counts: Counts, occasions: Occasions
) -> Mapping[str, Standing]:
    """The standings with what anchors and canaries say."""
    standings = dict(bench.plan.standings)
    done: dict[tuple[str, str], Sequence[Checkup]] = {}
    for metric, members in judges_of(bench.plan).items():
        for each in members:
            if (each.key, each.role) not in done:
                done[each.key, each.role] = await _checked(bench, counts, each, occasions)
        found = [part for each in members for part in done[each.key, each.role]]
        for name, standing in standings.items():
            if name == metric or name.startswith(f"{metric}."):
                standings[name] = replace(
                    standing,
                    checked="; ".join(filter(None, (each.says for each in found))),
                    broken="; ".join(filter(None, (each.broken for each in found))),
                )
    return standings


async def _checked(
    bench: Bench, counts: Counts, judge: BoundJudge, occasions: Occasions
) -> Sequence[Checkup]:
    from evalsuite.calibration import anchors, checkup  # noqa: PLC0415 (only where there is a judge)
    from evalsuite.judging.asking import of_llm  # noqa: PLC0415

    card, ask = judge.card, of_llm(bench.llm[judge.role])
    anchored = anchors.read_anchors(bench.plan.config.judge_dir / card.name)
    work = (
        (occasions.run, checkup.ask_anchors(card, judge.key, anchored, ask)),
        (occasions.week, checkup.ask_canaries(card, ask)),
    )
    return [await _asked(bench, counts, card.name, *each) for each in work]


async def _asked(
    bench: Bench, counts: Counts, name: str, occasion: int, work: Coroutine[Any, Any, Checkup]
) -> Checkup:
    from evalsuite.calibration.checkup import Checkup  # noqa: PLC0415 (as above)

    tally = Tally(f"judge {name}", occasion, bench.plan.config.seed, part="checkup")
    context = contextvars.copy_context()
    context.run(TALLY.set, tally)
    try:
        return await asyncio.create_task(work, context=context)
    except BackendError as error:
        return Checkup(f"could not be checked: {error}")
    finally:
        tally.over = True
        counts.spent(tally)
