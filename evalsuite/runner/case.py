"""One case: run the target (or take its stored output), score what it returned, make the row.

Failures become data here, and only here: a target's own exception is an outcome, what the provider
or the harness did wrong is an error that is never a score.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from evalsuite import checks, golden, scoring, snapshot
from evalsuite.backends.recording import LLM, TALLY, MissingReply, Tally
from evalsuite.canonical import canonical, key
from evalsuite.errors import BackendError
from evalsuite.records import (
    CHECKS,
    COMPLETION,
    Case,
    Document,
    Failure,
    Json,
    Output,
    Part,
    Row,
    Score,
    ToolCall,
    Usage,
)
from evalsuite.runner.plan import Plan
from evalsuite.runner.watch import Watch, hash_file
from evalsuite.store import Store

MORE_TRIALS = 4
"""How often a must_pass case that failed is tried again before it fails the build."""


@dataclass(slots=True, eq=False)
class Bench:
    """A plan and what its cases run on. `arguments` are the target's fixtures and resources;
    `sources` maps the files of code.key to their hashes, `used` collects those that answers
    depended on, for the list of what changed. `sure`: equal requests always get equal answers."""

    plan: Plan
    store: Store
    llm: LLM
    watch: Watch
    code_key: str
    threads: ThreadPoolExecutor
    sure: bool
    sources: Mapping[str, str]
    models: Mapping[str, Part]
    arguments: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    lists: dict[str, tuple[bool, list[str]]] = field(default_factory=dict)


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


async def run_case(bench: Bench, case: Case) -> CaseResult:
    """All trials of a case, scored. Never raises but for cancellation and bugs of our own."""
    began = time.perf_counter()
    made: list[tuple[Output, list[Score]]] = []
    tallies: list[Tally] = []
    reused = 0
    wanted = bench.plan.suite.trials
    compiled = bench.plan.checks_of(case)
    while len(made) < wanted:
        trial = len(made) + 1
        tally = Tally(case.id, trial, bench.plan.config.seed)
        output, stored = await _trial(bench, case, tally)
        tallies.append(tally)
        reused += stored
        if output.error is not None and output.error.kind == "harness":
            message = output.error.message
            return CaseResult(case, None, (), "missing", message, tallies, reused, 0.0)
        made.append((output, await _scores(bench, case, output, compiled, trial)))
        if case.must_pass and trial == 1 and not bench.sure and _failed(made[0]):
            wanted = max(wanted, 1 + MORE_TRIALS)
    row = _row(bench.plan, case, made)
    status, message = _status(case, made)
    outputs = [
        (found, output)
        for found, (output, _) in zip(row.outputs, made, strict=True)
        if found is not None
    ]
    seconds = time.perf_counter() - began
    return CaseResult(case, row, outputs, status, message, tallies, reused, seconds)


async def _trial(bench: Bench, case: Case, tally: Tally) -> tuple[Output, bool]:
    """The output of one trial, and whether it came from the store."""
    place = _output_place(bench, case, tally.trial)
    stored = _stored_output(bench, place)
    if stored is not None:
        return stored, True
    output = await _run_target(bench, case, tally)
    if output.error is None and not bench.plan.config.replay:
        _keep(bench, place, output)
        await bench.store.committed()
    return output, False


def _output_place(bench: Bench, case: Case, trial: int) -> str:
    """The key of a stored output: all that is known beforehand of what it depends on."""
    plan = bench.plan
    whole = asdict(replace(case, source=None))
    models = [plan.specs[role] for role in sorted(plan.specs)]
    inputs = {name: part.key for name, part in plan.inputs.items()}
    return key(
        "run output",
        {
            "suite": [plan.suite.name, plan.nodeid],
            "case": whole,
            "trial": trial,
            "seed": plan.config.seed,
            "models": [sorted(plan.specs), models],
            "inputs": inputs,
            "external": plan.external,
            "code": bench.code_key,
        },
    )


def _stored_output(bench: Bench, place: str) -> Output | None:
    """The stored output, if all that it depended on is as it was."""
    value = bench.store.get("output", place)
    if value is None:
        return None
    entry = json.loads(value)
    if entry["unknown"] and bench.plan.external is None:
        bench.watch.reached.update(dict.fromkeys(entry["unknown"]))
        return None
    holds, used = _files(bench, entry["files"])
    if not holds:
        return None
    bench.used.update(used)
    return output_from(entry["output"])


def _files(bench: Bench, files_key: str) -> tuple[bool, list[str]]:
    """Whether the files of a stored list are as they were, and the source files it names."""
    if files_key not in bench.lists:
        value = bench.store.get("files", files_key)
        if value is None:
            return False, []
        entry = json.loads(value)
        holds = all(hash_file(path) == found for path, found in entry["outside"].items())
        if not holds:
            line = "a file that the target reads has changed: ran again"
            if line not in bench.plan.notes:
                bench.plan.notes.append(line)
        bench.lists[files_key] = (holds, entry["used"])
    return bench.lists[files_key]


def _keep(bench: Bench, place: str, output: Output) -> None:
    """Store an output with what its process had read and reached by then."""
    files_key, files = bench.watch.seen()
    if files_key not in bench.lists:
        bench.store.put("files", files_key, canonical(files))
        bench.lists[files_key] = (True, list(files["used"]))
        bench.used.update(files["used"])
    entry = {"output": asdict(output), "files": files_key, "unknown": bench.watch.unknown()}
    bench.store.put("output", place, canonical(entry))


async def _run_target(bench: Bench, case: Case, tally: Tally) -> Output:
    """Call the decorated function once, within its deadline."""
    plan = bench.plan
    limit = plan.suite.timeout or plan.config.timeout
    arguments = dict(bench.arguments)
    if "llm" in plan.suite.wants:
        arguments["llm"] = bench.llm
    context = contextvars.copy_context()
    context.run(TALLY.set, tally)
    began = time.perf_counter()
    try:
        async with asyncio.timeout(limit):
            returned = await _call(bench, context, case, arguments)
        output = as_output(returned)
        canonical(asdict(output))
    except TimeoutError as error:
        if time.perf_counter() - began < limit:
            return Output(error=_target_failure(error))
        return Output(error=Failure("timeout", f"no answer within {limit:g} s"))
    except MissingReply as error:
        return Output(error=Failure("harness", str(error)))
    except BackendError as error:
        return Output(error=Failure("provider", str(error)))
    except Exception as error:  # noqa: BLE001 (whatever a target raises is an outcome)
        return Output(error=_target_failure(error))
    return _measured(output, tally, time.perf_counter() - began)


async def _call(
    bench: Bench, context: contextvars.Context, case: Case, arguments: Mapping[str, Any]
) -> Any:
    target = bench.plan.suite.target
    if inspect.iscoroutinefunction(target):
        loop = asyncio.get_running_loop()
        return await loop.create_task(target(case=case, **arguments), context=context)
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        bench.threads, lambda: context.run(target, case=case, **arguments)
    )


def as_output(returned: object) -> Output:
    """What a target may return: an Output or text. TypeError for anything else."""
    if isinstance(returned, Output):
        return returned
    if isinstance(returned, str):
        return Output(text=returned)
    raise TypeError(f"a target returns an Output or text, not {type(returned).__name__}")


def _measured(output: Output, tally: Tally, seconds: float) -> Output:
    """Fill in what the target did not say itself."""
    asked = tally.fresh + tally.stored
    first = output.first_token
    return replace(
        output,
        usage=output.usage or (tally.usage if asked else None),
        cost=output.cost if output.cost is not None or not asked else tally.cost,
        latency=output.latency if output.latency is not None else seconds,
        first_token=first if first is not None else tally.first_token,
        finish_reason=output.finish_reason or tally.finish_reason,
        model=output.model or ", ".join(sorted(tally.models)) or None,
    )


def _target_failure(error: BaseException) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" ({frames[0].filename}:{frames[0].lineno})" if frames else ""
    message = f"{type(error).__name__}: {error}"[:500]
    detail = "".join(traceback.format_exception(error))[-4000:]
    kind: Any = "provider" if isinstance(error.__cause__, BackendError) else "target"
    return Failure(kind, message + place, detail)


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


def _failed(made: tuple[Output, Sequence[Score]]) -> bool:
    output, scores = made
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
    return Row(
        id=case.id,
        case_key=golden.case_key(case),
        scorer_keys=plan.scorer_keys(case),
        scores=values,
        outputs=[None if o.error else snapshot.output_key(o) for o, _ in made],
        errors=[f"{o.error.kind}: {o.error.message}" if o.error else None for o, _ in made],
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
    if case.must_pass and _failed(made[0]):
        again = sum(map(_failed, made[1:]))
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
    words = sum(len(document.text.split()) for document in output.contexts)
    facts: dict[str, Json] = {"documents": len(output.contexts), "context_words": words}
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


def output_from(value: Mapping[str, Json]) -> Output:
    """An Output from its stored JSON."""
    fields: dict[str, Any] = dict(value)
    fields["contexts"] = [Document(**each) for each in fields["contexts"]]
    fields["tool_calls"] = [ToolCall(**each) for each in fields["tool_calls"]]
    fields["usage"] = Usage(**fields["usage"]) if fields["usage"] else None
    fields["error"] = None
    return Output(**fields)
