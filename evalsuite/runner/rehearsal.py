"""A run gone through without a call: what it would ask, as far as stored replies carry.

A stored output that stands asks nothing. Else the target runs, its calls answered from the store,
until the first one that is not there: that one is sure to be made, and what follows it is not known
here. Models in this process cost nothing and are asked, so that nothing is unknown with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from evalsuite.backends.calls import Halt, Tally
from evalsuite.backends.llm import LLM
from evalsuite.backends.rehearsing import Missed, Rehearsal, Rehearsed
from evalsuite.backends.together import together
from evalsuite.records import Case, ModelCalls
from evalsuite.runner.answer import Bench, answer
from evalsuite.runner.case import Trial, try_all
from evalsuite.runner.checkups import Occasions, check_judges, judges_of
from evalsuite.runner.counts import Counts
from evalsuite.runner.crossing import documents_before
from evalsuite.runner.slots import Slots
from evalsuite.runner.spending import crossed_part
from evalsuite.runner.target import MISSING
from evalsuite.snapshot import output_key


@dataclass(frozen=True, slots=True)
class Gone:
    """How far one part of a case went, all trials together: the replies over a network that it
    `heard`, those that a stored output stands for included, with what they `took`; the calls that
    it `missed`, each of them the run's first of its kind; those that it `made` in this process.
    `cut`: it went no further than to a call that it missed. `echoes` are the trials in which it
    asks nothing but what it asked in another one: equal outputs are judged
    once."""

    heard: int = 0
    made: int = 0
    missed: Sequence[Missed] = ()
    cut: bool = False
    took: Mapping[str, ModelCalls] = field(default_factory=dict)
    echoes: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.heard or self.made or self.cut)

    def __add__(self, other: Gone) -> Gone:
        took = dict(self.took)
        for name, calls in other.took.items():
            took[name] = took.get(name, ModelCalls()) + calls
        return Gone(
            self.heard + other.heard,
            self.made + other.made,
            (*self.missed, *other.missed),
            self.cut or other.cut,
            took,
            self.echoes + other.echoes,
        )


@dataclass(frozen=True, slots=True)
class Walk:
    """One case gone through, by part as in `Spent.asked`; `trials` it has, and `open` are those
    whose answer is not known; `moved`: they are not all the snapshot's."""

    case: str
    parts: Mapping[str, Gone]
    trials: int
    open: int
    moved: bool


async def rehearse(
    bench: Bench, cases: Sequence[Case], slots: Slots, rehearsal: Rehearsal, *, still: bool
) -> list[Walk]:
    """What each case would ask that the `rehearsal` of suites before it has not; `still`: targets
    are not called, where they need what is not there. Nor is one behind HTTP or a command: that
    would be a call."""
    stage = staged(bench, rehearsal, still=still)

    async def walk(case: Case) -> Walk:
        await slots.take()
        trials = await try_all(stage, case, slots)
        crossed = [
            await _crossed(stage, case, number, each) for number, each in enumerate(trials, 1)
        ]
        return _walked(stage, rehearsal, case, trials, crossed)

    return await together([walk(case) for case in cases])


def staged(bench: Bench, rehearsal: Rehearsal, *, still: bool) -> Bench:
    """A bench for a rehearsal: the same case, store and arguments, and no way to make a call."""
    config = replace(bench.plan.config, replay="only")
    roles = {
        role: Rehearsed(each.backend, each.store, True, Halt(), rehearsal)
        for role, each in bench.llm.roles.items()
    }
    return replace(
        bench,
        plan=replace(bench.plan, config=config, notes=[]),
        llm=LLM(roles, bench.llm.loop),
        halt=Halt(),
        still=still or hasattr(bench.plan.suite.target, "prepare"),
    )


async def rehearse_checks(
    bench: Bench, occasions: Occasions, rehearsal: Rehearsal
) -> dict[str, Gone]:
    """What checking the suite's judges asks after cases that asked them, by the judge's metric."""
    missed, made = len(rehearsal.missed), len(rehearsal.replies)
    await check_judges(staged(bench, rehearsal, still=True), Counts(), occasions)
    more = tuple(rehearsal.missed.values())[missed:]
    made = len(rehearsal.replies) - made
    if not more and not made:
        return {}
    names = list(judges_of(bench.plan))
    return {names[0]: Gone(made=made, missed=more, cut=bool(more))}


async def _crossed(stage: Bench, case: Case, number: int, trial: Trial) -> Sequence[Tally]:
    """What the crossed run asks where the answer is not known. It is one only if, given the
    baseline's documents, the target asks something else."""
    if stage.still or not _unknown(trial) or number > stage.plan.suite.trials:
        return ()
    given = documents_before(stage, case, number)
    if not given:
        return ()
    tally = Tally(case.id, number, stage.plan.config.seed)
    await answer(stage, case, tally, given)
    return [tally] if set(tally.unheard) - set(trial.tallies[0].unheard) else ()


def _walked(
    stage: Bench,
    rehearsal: Rehearsal,
    case: Case,
    trials: Sequence[Trial],
    crossed: Sequence[Sequence[Tally]],
) -> Walk:
    parts: dict[str, Gone] = {}
    own = {id(tally) for trial in trials for asked in trial.asked for tally in asked}

    def add(tallies: Iterable[Tally], *, crossed: bool = False) -> None:
        for tally in tallies:
            name = crossed_part(tally.part) if crossed else tally.part
            parts[name] = parts.get(name, Gone()) + _gone(rehearsal, tally, own)

    for trial, apart in zip(trials, crossed, strict=True):
        add(trial.asked[0])
        add([*trial.asked[1], *apart], crossed=True)
    row = stage.plan.baseline.rows.get(case.id) if stage.plan.baseline else None
    keys = [None if each.output.error else output_key(each.output) for each in trials]
    return Walk(
        case=case.id,
        parts=parts,
        trials=len(trials),
        open=sum(map(_unknown, trials)),
        moved=row is None or list(row.outputs[: len(keys)]) != keys,
    )


def _gone(rehearsal: Rehearsal, tally: Tally, own: Set[int]) -> Gone:
    keys = dict.fromkeys(tally.unheard)
    askers = [rehearsal.missed[each] for each in keys]
    first = [each for each in askers if each.tally is tally]
    echo = bool(keys) and all(id(x.tally) in own and _echoed(x.tally, tally) for x in askers)
    heard = sum(each.calls for each in tally.took.values())
    return Gone(
        heard=0 if echo else heard + len(keys) - len(first),
        made=tally.fresh,
        missed=first,
        cut=bool(keys),
        took={} if echo else tally.took,
        echoes=int(echo),
    )


def _echoed(first: Tally, tally: Tally) -> bool:
    """Whether a scorer asks what it asked of another trial of the case."""
    same = (first.case_id, first.part, first.trial) == (tally.case_id, tally.part, tally.trial)
    return same and first is not tally


def _unknown(trial: Trial) -> bool:
    error = trial.output.error
    return error is not None and error.detail == MISSING
