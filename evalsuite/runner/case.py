"""One case: its trials answered and scored, and the row that says all that a run knows of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from evalsuite import checks, snapshot
from evalsuite.backends.calls import Tally
from evalsuite.backends.together import together
from evalsuite.records import (
    CHECKS,
    COMPLETION,
    Case,
    Output,
    Row,
    Score,
    Spent,
    kept,
    shared,
)
from evalsuite.runner.answer import Bench, answer
from evalsuite.runner.crossing import Crossing, cross, crossed_of, scored
from evalsuite.runner.facts import case_facts, output_facts
from evalsuite.runner.plan import Plan
from evalsuite.runner.score import score
from evalsuite.runner.slots import Slots
from evalsuite.runner.spending import spent_of
from evalsuite.runner.target import MISSING, not_asked

MORE_TRIALS = 4
"""How often a must_pass case that failed is tried again before it fails the build."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case. `status` is what a person sees beside its name; "missing" says that a
    call was not made (the run has ended, or the reply is not stored), so that it has no row. The
    keys of the replies that it needed are `calls`; `evidence` is what its scorers showed, and
    `judged` how many fresh calls they made."""

    case: Case
    row: Row | None
    outputs: Sequence[tuple[str, Output]]
    status: str
    message: str
    tallies: Sequence[Tally]
    reused: int
    seconds: float
    calls: Sequence[str] = ()
    evidence: Sequence[snapshot.Evidence] = ()
    judged: int = 0

    @property
    def size(self) -> int:
        """Bytes that it takes until it is read, roughly."""
        outputs = [output for _, output in self.outputs]
        contexts = [document.text for output in outputs for document in output.contexts]
        return 4_096 + sum(len(output.text) for output in outputs) + sum(map(len, contexts))


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer and its scores. `tallies` count what the target asked and what each scorer did;
    `missing` says which call was not made, so that the trial counts for nothing. Its `crossed` run
    has tallies of its own."""

    output: Output
    scores: Sequence[Score]
    tallies: Sequence[Tally]
    reused: bool
    missing: str
    crossed: Crossing | None = None

    @property
    def asked(self) -> Sequence[Sequence[Tally]]:
        """The tallies of its run and of the crossed one: the target's, then those of scorers."""
        return [self.tallies, self.crossed.tallies if self.crossed else ()]


async def run_case(bench: Bench, case: Case, slots: Slots) -> CaseResult:
    """All trials of a case side by side. Never raises but for cancellation and bugs of our own.

    The caller has taken one of the `slots` for it, which comes free with the first trial.
    """
    began = time.perf_counter()
    made = await try_all(bench, case, slots)
    tallies = [tally for each in made for asked in each.asked for tally in asked]
    reused = sum(each.reused for each in made)
    missing = next((each.missing for each in made if each.missing), "")
    if missing:
        return CaseResult(case, None, (), "missing", missing, tallies, reused, 0.0)
    row = replace(row_of(bench.plan, case, made), spent=_spent(bench, made))
    status, message = _status(case, made)
    outputs = [(key, each.output) for key, each in zip(row.outputs, made, strict=True) if key]
    crossed = [each.crossed for each in made if each.crossed and each.crossed.new]
    outputs += [(each.key, each.output) for each in crossed if each.key and each.output]
    seconds = time.perf_counter() - began
    calls = tuple(dict.fromkeys(key for tally in tallies for key in tally.keys))
    return CaseResult(
        case=case,
        row=row,
        outputs=outputs,
        status=status,
        message=message,
        tallies=tallies,
        reused=reused,
        seconds=seconds,
        calls=calls,
        evidence=_evidence(case, made),
        judged=sum(tally.fresh for each in made for asked in each.asked for tally in asked[1:]),
    )


async def try_all(bench: Bench, case: Case, slots: Slots) -> list[Trial]:
    """The trials that the suite declares, and those that a must_pass case gets which failed."""
    compiled = bench.plan.checks_of(case)

    async def trials(numbers: Iterable[int]) -> list[Trial]:
        return await together([try_once(bench, case, each, compiled, slots) for each in numbers])

    wanted = bench.plan.suite.trials
    made = await trials(range(1, wanted + 1))
    if case.must_pass and not bench.sure and _failed(made[0]):
        made += await trials(range(wanted + 1, MORE_TRIALS + 2))
    return made


async def try_once(
    bench: Bench, case: Case, number: int, compiled: Sequence[checks.Check], slots: Slots
) -> Trial:
    """Its slot is free again as soon as nothing of it may wait any more: the next case's target
    starts while this one is checked and put into its row."""
    if number > 1:
        await slots.take()
    number += bench.plan.config.afresh
    held = True
    try:
        tally = Tally(case.id, number, bench.plan.config.seed)
        output, reused = await answer(bench, case, tally)
        crossed = await cross(bench, case, number, output)
        if any(bench.aside):
            scores, asked = await score(bench, case, output, compiled, number)
            crossed = await scored(bench, case, number, crossed, compiled)
        held = False
        slots.give()
        for _ in range(2):  # let the others of the same commit do so, then successors start
            await asyncio.sleep(0)
        if not any(bench.aside):
            scores, asked = await score(bench, case, output, compiled, number)
            crossed = await scored(bench, case, number, crossed, compiled)
    finally:
        if held:
            slots.give()
    tallies = [tally, *asked]
    missing = output.error.message if output.error and output.error.detail == MISSING else ""
    stop = next(filter(None, map(not_asked, tallies)), None)
    return Trial(output, scores, tallies, reused, missing or (str(stop) if stop else ""), crossed)


def _evidence(case: Case, made: Sequence[Trial]) -> tuple[snapshot.Evidence, ...]:
    """What scorers showed; of checks the reason says enough."""
    return tuple(
        snapshot.Evidence(case.id, score.metric, score.trial, score.evidence)
        for each in made
        for score in each.scores
        if score.evidence and score.metric != CHECKS
    )


def _failed(trial: Trial) -> bool:
    if trial.output.error is not None:
        return trial.output.error.kind == "target"
    return any(score.metric == CHECKS and score.value == 0.0 for score in trial.scores)


def row_of(plan: Plan, case: Case, made: Sequence[Trial]) -> Row:
    metrics = dict.fromkeys(score.metric for trial in made for score in trial.scores)
    values: dict[str, list[float | None]] = {name: [] for name in metrics}
    reasons: dict[str, str] = {}
    for trial in made:
        by_name = {score.metric: score for score in trial.scores}
        for name, column in values.items():
            score = by_name.get(name)
            column.append(kept(score.value) if score else None)
            if score and score.reason and score.value != 1.0:
                reasons.setdefault(name, score.reason)
    answers = [trial.output for trial in made]
    first = answers[0]
    errors = tuple(f"{o.error.kind}: {o.error.message}" if o.error else None for o in answers)
    return Row(
        id=case.id,
        case_key=plan.dataset.keys[case.id].case,
        scorer_keys=plan.scorer_keys(case),
        scores=shared({name: tuple(column) for name, column in values.items()}),
        outputs=tuple(None if o.error else snapshot.output_key(o) for o in answers),
        errors=errors if any(errors) else (),
        reasons=shared(reasons),
        slices=case.slices,
        facts=shared(case_facts(case)),
        output_facts=shared({} if first.error else output_facts(case, first)),
        must_pass=case.must_pass,
        cluster=case.cluster,
        void=_void(made),
        crossed=crossed_of([each.crossed for each in made[: plan.suite.trials]]),
    )


def _spent(bench: Bench, made: Sequence[Trial]) -> tuple[Spent, ...]:
    if bench.plan.config.replay:
        return ()
    trials = made[: bench.plan.suite.trials]
    return spent_of(
        [(t.output, t.scores, t.asked[0], t.reused, t.asked[1]) for t in trials], bench.asked
    )


def _void(made: Sequence[Trial]) -> tuple[str, ...]:
    """The metrics that no trial has a value of, since none has anything to judge."""
    silent: dict[str, bool] = {}
    for each in (found for trial in made for found in trial.scores):
        silent[each.metric] = silent.get(each.metric, True) and each.void
    return tuple(sorted(name for name, void in silent.items() if void))


def _status(case: Case, made: Sequence[Trial]) -> tuple[str, str]:
    """passed, missed (checks), unscored, error, or for must_pass: failed and flaky."""
    output = made[0].output
    by_name = {score.metric: score for score in made[0].scores}
    if case.must_pass and _failed(made[0]):
        again = sum(map(_failed, made[1:]))
        reason = output.error.message if output.error else by_name[CHECKS].reason
        if len(made) > 1 and again < 2:
            return "flaky", f"failed once, then {again} of {len(made) - 1}: {reason}"
        return "failed", reason
    return _vote(made)


def _vote(made: Sequence[Trial]) -> tuple[str, str]:
    """What most trials say; what only the harness lost has no vote, and a tie is no pass."""
    said = [_one(trial) for trial in made]
    passed = [each for each in said if each[0] == "passed"]
    failed = [each for each in said if each[0] == "missed" or each[1].startswith("target: ")]
    if not passed and not failed:
        return said[0]
    if len(passed) > len(failed):
        return passed[0]
    status, reason = next((each for each in failed if each[0] == "missed"), failed[0])
    return status, f"{len(failed)} of {len(made)} trials: {reason}" if len(made) > 1 else reason


def _one(trial: Trial) -> tuple[str, str]:
    if trial.output.error is not None:
        return "error", f"{trial.output.error.kind}: {trial.output.error.message}"
    found = next((score for score in trial.scores if score.metric == CHECKS), None)
    if found is None:  # other scorers judge it: without any value it was not scored
        values = [score for score in trial.scores if score.metric != COMPLETION]
        silent = bool(values) and all(score.value is None for score in values)
        return ("unscored", values[0].reason) if silent else ("passed", "")
    if found.value is None:
        return "unscored", found.reason
    return ("passed", "") if found.value == 1.0 else ("missed", found.reason)
