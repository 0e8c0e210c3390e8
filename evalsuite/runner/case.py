"""One case: its trials answered and scored, and the row that says all that a run knows of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalsuite import checks, scoring, snapshot
from evalsuite.backends.calls import Tally
from evalsuite.records import CHECKS, COMPLETION, Case, Json, Output, Row, Score, shared
from evalsuite.runner.answer import Bench, answer
from evalsuite.runner.plan import Plan
from evalsuite.runner.target import MISSING

MORE_TRIALS = 4
"""How often a must_pass case that failed is tried again before it fails the build."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of one case. `status` is what a person sees beside its name; `missing` says that
    a reply was not stored under `--evals-replay=only`, so that the case has no row."""

    case: Case
    row: Row | None
    outputs: Sequence[tuple[str, Output]]
    status: str
    message: str
    tallies: Sequence[Tally]
    reused: int
    seconds: float


async def run_case(bench: Bench, case: Case, release: Callable[[], None]) -> CaseResult:
    """All trials of a case, scored. Never raises but for cancellation and bugs of our own.

    `release` frees the case's slot once its answers are there and kept: the next case's target
    starts while this one is scored.
    """
    began = time.perf_counter()
    answers: list[tuple[Output, Tally, bool]] = []
    for trial in range(1, bench.plan.suite.trials + 1):
        tally = Tally(case.id, trial, bench.plan.config.seed)
        output, stored = await answer(bench, case, tally)
        answers.append((output, tally, stored))
    release()
    for _ in range(2):  # let the others of the same commit free their slots, then successors start
        await asyncio.sleep(0)
    compiled = bench.plan.checks_of(case)
    scores = [await _scores(bench, case, output, compiled, t.trial) for output, t, _ in answers]
    if case.must_pass and not bench.sure and _failed(answers[0][0], scores[0]):
        for trial in range(len(answers) + 1, MORE_TRIALS + 2):
            tally = Tally(case.id, trial, bench.plan.config.seed)
            output, stored = await answer(bench, case, tally)
            answers.append((output, tally, stored))
            scores.append(await _scores(bench, case, output, compiled, trial))
    made = [(output, found) for (output, _, _), found in zip(answers, scores, strict=True)]
    tallies = [tally for _, tally, _ in answers]
    reused = sum(stored for _, _, stored in answers)
    missing = next((o.error for o, _ in made if o.error and o.error.detail == MISSING), None)
    if missing is not None:
        return CaseResult(case, None, (), "missing", missing.message, tallies, reused, 0.0)
    row = _row(bench.plan, case, made)
    status, message = _status(case, made)
    outputs = [(key, out) for key, (out, _) in zip(row.outputs, made, strict=True) if key]
    seconds = time.perf_counter() - began
    return CaseResult(case, row, outputs, status, message, tallies, reused, seconds)


async def _scores(
    bench: Bench, case: Case, output: Output, compiled: Sequence[checks.Check], trial: int
) -> list[Score]:
    """Every metric of one output; without an output, each says why it has no value."""
    failure = output.error
    if failure is None:
        found = [checks.score(case, output, compiled, trial)]
        for scorer in bench.plan.scorers:
            found += await scoring.apply(scorer, case, output, trial)
        return [*found, Score(case.id, trial, COMPLETION, 1.0)]
    reason = f"{failure.kind}: {failure.message}"
    names = [metric.name for metric in bench.plan.metrics if metric.name != COMPLETION]
    completed = 0.0 if failure.kind == "target" else None
    return [
        *(Score(case.id, trial, name, None, reason) for name in names),
        Score(case.id, trial, COMPLETION, completed, reason),
    ]


def _failed(output: Output, scores: Sequence[Score]) -> bool:
    if output.error is not None:
        return output.error.kind == "target"
    return any(score.metric == CHECKS and score.value == 0.0 for score in scores)


def _row(plan: Plan, case: Case, made: Sequence[tuple[Output, Sequence[Score]]]) -> Row:
    metrics = dict.fromkeys(score.metric for _, scores in made for score in scores)
    values: dict[str, list[float | None]] = {name: [] for name in metrics}
    reasons: dict[str, str] = {}
    for _, scores in made:
        by_name = {score.metric: score for score in scores}
        for name, column in values.items():
            score = by_name.get(name)
            column.append(score.value if score else None)
            if score and score.reason and score.value != 1.0:
                reasons.setdefault(name, score.reason)
    first = made[0][0]
    errors = tuple(f"{o.error.kind}: {o.error.message}" if o.error else None for o, _ in made)
    return Row(
        id=case.id,
        case_key=plan.dataset.keys[case.id].case,
        scorer_keys=plan.scorer_keys(case),
        scores=shared({name: tuple(column) for name, column in values.items()}),
        outputs=tuple(None if o.error else snapshot.output_key(o) for o, _ in made),
        errors=errors if any(errors) else (),
        reasons=reasons,
        slices=case.slices,
        facts=case_facts(case),
        output_facts={} if first.error else output_facts(case, first),
        must_pass=case.must_pass,
        cluster=case.cluster,
    )


def _status(case: Case, made: Sequence[tuple[Output, Sequence[Score]]]) -> tuple[str, str]:
    """passed, missed (checks), unscored, error, or for must_pass: failed and flaky."""
    output, scores = made[0]
    by_name = {score.metric: score for score in scores}
    if case.must_pass and _failed(output, scores):
        again = sum(_failed(*each) for each in made[1:])
        reason = output.error.message if output.error else by_name[CHECKS].reason
        if len(made) > 1 and again < 2:
            return "flaky", f"failed once, then {again} of {len(made) - 1}: {reason}"
        return "failed", reason
    if output.error is not None:
        return "error", f"{output.error.kind}: {output.error.message}"
    value = by_name[CHECKS].value
    if value is None:
        return "unscored", by_name[CHECKS].reason
    return ("passed", "") if value == 1.0 else ("missed", by_name[CHECKS].reason)


def case_facts(case: Case) -> dict[str, Json]:
    """From which derived slices are cut: what the case itself tells."""
    facts: dict[str, Json] = {"input_length": _length(case.input)}
    if isinstance(case.input, dict) and isinstance(case.input.get("language"), str):
        facts["language"] = case.input["language"]
    return facts


def output_facts(case: Case, output: Output) -> dict[str, Json]:
    """What the first trial's output tells: size of the context, whether retrieval found it."""
    if not output.contexts:
        return {}
    characters = sum(len(document.text) for document in output.contexts)
    facts: dict[str, Json] = {"documents": len(output.contexts), "context_tokens": characters // 4}
    if case.relevant:
        found = {document.id for document in output.contexts}
        facts["relevant_retrieved"] = not found.isdisjoint(case.relevant)
    return facts


def _length(value: Json) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_length, value.values()))
    return sum(map(_length, value)) if isinstance(value, list | tuple) else 0
