"""One answer: the target's stored output where it still stands, else a call of the target."""

from __future__ import annotations

import contextvars
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from evalsuite.backends.calls import TALLY, Halt, Tally
from evalsuite.backends.clients import MODELS
from evalsuite.backends.llm import LLM
from evalsuite.backends.recording import MissingReply
from evalsuite.canonical import canonical, key
from evalsuite.errors import RunStopped
from evalsuite.records import Case, Document, ModelCalls, Output, Part
from evalsuite.runner.deadline import Deadline
from evalsuite.runner.look import SAYS, How, same
from evalsuite.runner.plan import Plan
from evalsuite.runner.target import call_target, missing, settled
from evalsuite.runner.watch import Watch
from evalsuite.snapshot.codec import decoder, to_json
from evalsuite.store import Store
from evalsuite.strictjson import Malformed, parse

_took = decoder(Mapping[str, ModelCalls])


@dataclass(slots=True, eq=False)
class Bench:
    """A plan and what its cases run on. `arguments` are the target's fixtures and resources;
    `sources` maps the files of code.key to their hashes, `used` collects those that answers
    depended on, for the list of what changed. `sure`: equal requests always get equal answers;
    `unpinned` are the models ("PROVIDER:MODEL") that take no seed, `sampled` those that are asked
    whether equal requests get equal answers.
    `lanes` are the providers' models that its calls may go to, `aside` says of each scorer whether
    it may wait, `asking` whether it takes `llm`. `before` are the snapshot's outputs by key, once
    they were read; `parts` is code.key part by part, and `stood` are the chains of touched files up
    to which stored outputs stood, `asked` the call.keys of all parts that have ended.
    `still`: the target is not called, and only stored outputs count."""

    plan: Plan
    store: Store
    llm: LLM
    watch: Watch
    base: str
    threads: Executor
    halt: Halt
    lanes: frozenset[str]
    aside: Sequence[bool]
    asking: Sequence[bool]
    sure: bool
    sources: Mapping[str, str]
    models: Mapping[str, Part]
    unpinned: frozenset[str] = frozenset()
    sampled: frozenset[str] = frozenset()
    arguments: dict[str, Any] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    lists: dict[str, bool] = field(default_factory=dict)
    before: Mapping[str, Output] | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    stood: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    still: bool = False
    linked: int = 0
    noted: int = 0

    @property
    def limit(self) -> float:
        """Seconds that one trial may take, and each of its scorers."""
        return self.plan.suite.timeout or self.plan.config.timeout


async def answer(
    bench: Bench, case: Case, tally: Tally, given: Sequence[Document] | None = None
) -> tuple[Output, bool]:
    """The output of one trial, and whether it came from the store; from the documents `given`, if
    they are."""
    stored = stored_answer(bench, case, tally, given)
    if stored is not None:
        return stored, True
    if bench.still:
        return Output(error=missing(MissingReply("the target is not called"))), False
    place = _output_place(bench, case, tally.trial, given)
    output = await _run_target(bench, case, tally, given)
    if output.error is None and not tally.failures and not bench.plan.config.replay:
        _keep(bench, place, output, tally)
        await bench.store.committed()
    return output, False


def stored_answer(
    bench: Bench, case: Case, tally: Tally, given: Sequence[Document] | None = None
) -> Output | None:
    """The stored output of one trial, where it stands."""
    return _stored_output(bench, _output_place(bench, case, tally.trial, given), tally)


def _output_place(bench: Bench, case: Case, trial: int, given: Sequence[Document] | None) -> str:
    """The key of a stored output: all that is known beforehand of what it depends on."""
    keys = bench.plan.dataset.keys[case.id]
    documents = [] if given is None else [to_json(given)]
    return key("run output", [bench.base, case.id, *keys, trial, *documents])


def base_key(plan: Plan, code_key: str) -> str:
    """What the outputs of all cases of a suite depend on."""
    return key(
        "suite",
        {
            "name": plan.suite.name,
            "seed": plan.config.seed,
            "models": plan.specs,
            "inputs": {name: part.key for name, part in plan.inputs.items()},
            "external": plan.external,
            "code": code_key,
        },
    )


def _stored_output(bench: Bench, place: str, tally: Tally) -> Output | None:
    """The stored output, if all that it depended on is as it was. What is none, in a store that
    another wrote, is a reported miss."""
    value = bench.store.get("output", place)
    if value is None:
        return None
    try:
        return _of_entry(bench, parse(value.decode("utf-8")), tally)
    except (Malformed, ValueError, KeyError, TypeError, AttributeError) as bad:
        bench.store.report(f"the output {place} is not one of a target ({bad}); ran again")
        return None


def _of_entry(bench: Bench, entry: Mapping[str, Any], tally: Tally) -> Output | None:
    output: Output = decoder(Output)(entry["output"])
    if entry["unknown"] and bench.plan.external is None:
        bench.watch.reached.update(dict.fromkeys(entry["unknown"]))
        return None
    if "calls" not in entry or not holds(bench, entry["files"]):
        return None
    bench.stood.add(entry["files"])
    tally.keys += entry["calls"]
    tally.took |= _took(entry.get("took", {}))
    return output


def holds(bench: Bench, files_key: str) -> bool:
    """Whether all that was touched up to this link of a stored chain is as it was."""
    chain: list[tuple[str, dict[str, Any]]] = []
    passed: set[str] = set()
    while files_key and files_key not in bench.lists:
        value = bench.store.get("files", files_key)
        if value is None or files_key in passed:  # a chain that was forged may be a ring
            bench.lists[files_key] = False
            break
        passed.add(files_key)
        chain.append((files_key, parse(value.decode("utf-8"))))
        files_key = chain[-1][1]["after"]
    holds = bench.lists[files_key] if files_key else True
    for name, entry in reversed(chain):
        holds = holds and _as_it_was(bench, entry["outside"])
        bench.lists[name] = holds
        if holds:
            bench.used.update(entry["used"])
    return holds


def _as_it_was(bench: Bench, outside: Mapping[str, str]) -> bool:
    for place, found in outside.items():
        if not same(place, found):
            how, _, what = place.partition(" ")
            root = str(bench.plan.config.root)
            name = os.path.relpath(what, root) if what.startswith(root) else Path(what).name
            bench.plan.notes.append(f"{SAYS[cast('How', how)]} ({name}): ran again")
            return False
    return True


def _keep(bench: Bench, place: str, output: Output, tally: Tally) -> None:
    """Store an output with what its process had touched and reached by then."""
    files_key = touched(bench)
    note_written(bench)
    entry = {
        "output": to_json(output),
        "files": files_key,
        "unknown": bench.watch.unknown(),
        "calls": tally.keys,
        "took": to_json(tally.took),
    }
    bench.store.put("output", place, canonical(entry))


def touched(bench: Bench) -> str:
    """The key of the stored chain of all that this process has touched by now."""
    files_key = bench.watch.seen()
    for link in bench.watch.links[bench.linked :]:
        bench.store.put("files", link.key, canonical(link.to_json()))
        bench.lists[link.key] = True
        bench.used.update(link.used)
    bench.linked = len(bench.watch.links)
    return files_key


def note_written(bench: Bench) -> None:
    """What this process writes below the root is no source of the next one."""
    if bench.noted != len(bench.watch.written):
        bench.noted = len(bench.watch.written)
        below = os.path.join(bench.plan.config.root, "")  # noqa: PTH118
        files = {path for path in list(bench.watch.written) if path.startswith(below)}
        known = written_before(bench.store)
        if not files <= known:
            bench.store.put("note", "written", canonical(sorted(files | known)))


def written_before(store: Store) -> set[str]:
    """The files that earlier runs wrote themselves."""
    return set(parse((store.get("note", "written") or b"[]").decode("utf-8")))


async def _run_target(
    bench: Bench, case: Case, tally: Tally, given: Sequence[Document] | None
) -> Output:
    """Call the decorated function once, within its deadline."""
    plan = bench.plan
    if not bench.lanes:  # else it goes on as far as the stored replies carry
        try:
            bench.halt.check()
        except RunStopped as stop:
            return Output(error=missing(stop))
    arguments = dict(bench.arguments)
    if "llm" in plan.suite.wants:
        arguments["llm"] = bench.llm
    if given is not None:
        arguments["contexts"] = list(given)
    context = contextvars.copy_context()
    context.run(TALLY.set, tally)
    context.run(MODELS.set, bench.llm)
    began = time.perf_counter()
    deadline = tally.clock = Deadline(bench.limit)
    try:
        output = await call_target(
            plan.suite, case, arguments, context=context, threads=bench.threads, deadline=deadline
        )
    finally:
        tally.over = True
    output = settled(output, tally)
    if output.error is not None:
        return output
    return _measured(output, tally, time.perf_counter() - began)


def _measured(output: Output, tally: Tally, seconds: float) -> Output:
    """Fill in what the target did not say itself."""
    asked = tally.fresh + tally.stored
    if not tally.stored:
        tally.account.answered(seconds)
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
