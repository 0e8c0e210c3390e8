"""Which suites need not run: those of which the identity rule proves that they would say again what
the committed snapshot says.

A run that found nothing worse leaves evidence in the store: what its answers and its verdict
depended on, part by part, and what it found. It proves a suite unchanged as long as every part is
as it was, and the snapshot says what was found. What is not proven runs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite.canonical import canonical, key
from evalsuite.config import Config
from evalsuite.gate import policy_json
from evalsuite.records import Row, Run, kept
from evalsuite.runner.answer import Bench, holds, touched
from evalsuite.runner.spending import LOST
from evalsuite.scoring import scorer_key
from evalsuite.snapshot.codec import decoder, to_json
from evalsuite.store import Store
from evalsuite.strictjson import Malformed

KEPT = 8
"""How many states of a suite are known as unchanged at once: those of a few branches."""

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a suite's answers and verdict depend on, by the name of the part; the chains of `files`
    that were touched beside it, and what was `reached` of which nothing can be told. `found` is the
    key of the results, of `trials` each case and of `metrics`."""

    parts: Mapping[str, str]
    files: Sequence[str]
    reached: Sequence[str] = ()
    found: str = ""
    trials: int = 1
    metrics: Sequence[str] = ()

    def joined(self, other: Evidence) -> Evidence:
        """The same suite in two processes; without parts, which prove nothing, if they differ."""
        return replace(
            self,
            parts=self.parts if self.parts == other.parts else {},
            files=sorted({*self.files, *other.files}),
            reached=sorted({*self.reached, *other.reached}),
        )


def evidence_of(bench: Bench) -> Evidence:
    """What a suite's run depended on, once its cases are through and before its store closes."""
    plan = bench.plan
    files = {*bench.stood, touched(bench)}
    reached = bench.watch.unknown() if plan.external is None else []
    return Evidence(parts_of(bench), sorted(files), reached, trials=plan.suite.trials)


def parts_of(bench: Bench) -> dict[str, str]:
    """The identities of subject and measure, and what else a verdict depends on."""
    plan, config = bench.plan, bench.plan.config
    parts = {_CODE[name]: found for name, found in bench.parts.items()}
    parts |= {f"input {name}": part.key for name, part in plan.inputs.items()}
    parts |= {f"model {role}": part.key for role, part in bench.models.items()}
    parts |= {f"backend {role}": spec for role, spec in plan.specs.items()}
    keys = {case: list(found) for case, found in plan.dataset.keys.items()}
    scorers = [scorer_key(each) for each in (*plan.suite_checks, *plan.scorers)]
    limit = bench.limit
    values = {
        "golden cases": keys,
        "checks and scorers": [scorers, to_json(plan.metrics)],
        "judges": to_json(plan.standings),
        "gate": policy_json(plan.suite.gate),
        "tier": plan.tier,
        "settings": [limit, plan.suite.trials, dict(config.bar), config.strict_judges],
        "seed": config.seed,
        "declared version": plan.external,
    }
    return parts | {name: key("part", value) for name, value in values.items()}


_CODE = {
    "files": "source files",
    "python": "Python",
    "distributions": "installed packages",
    "environment": "environment",
    "arguments": "arguments",
    "folder": "working folder",
}


def results_key(rows: Iterable[Row], trials: int, metrics: Collection[str]) -> str:
    """What was found: per case its measure, and the answers and scores of its first trials; a
    snapshot may hold more than a tier asks for."""
    return key(
        "results",
        [
            [
                row.id,
                row.case_key,
                {name: each for name, each in row.scorer_keys.items() if name in metrics},
                list(row.outputs[:trials]),
                {
                    name: [kept(each) for each in values[:trials]]
                    for name, values in row.scores.items()
                    if name in metrics
                },
            ]
            for row in sorted(rows, key=lambda row: row.id)
        ],
    )


def remember(config: Config, suite: str, evidence: Evidence, run: Run) -> None:
    """Keep what proves that the suite need not run; of a run that found nothing worse.

    Raises:
        DataError: it can't be kept.
    """
    manifest = run.manifest
    whole = manifest.complete and not manifest.partial and not manifest.stopped
    early = manifest.looks is not None and not manifest.looks.last
    if not whole or early or manifest.replayed or evidence.reached or not evidence.parts:
        return
    if any(map(_lost, run.rows.values())):  # what provider or harness lost is asked again
        return
    metrics = sorted(
        {name for row in run.rows.values() for name in {**row.scores, **row.scorer_keys}}
    )
    key_found = results_key(run.rows.values(), evidence.trials, metrics)
    found = replace(evidence, found=key_found, metrics=metrics)
    store = Store(config.state_dir)
    try:
        known = [each for each in _kept(store, suite) if each != found]
        store.put("note", _place(suite), canonical(to_json([found, *known][:KEPT])))
    finally:
        store.close()


def _lost(row: Row) -> bool:
    errors = [each for each in row.errors if each and not each.startswith("target: ")]
    reasons = [each for each in row.reasons.values() if each.startswith(_LOST)]
    return bool(errors or reasons)


_LOST = tuple(f"{kind}: " for kind in LOST)


def why_it_runs(bench: Bench) -> str:
    """Why a suite has to run; "" where it is proven to say what its snapshot says."""
    plan = bench.plan
    if plan.baseline is None:
        return "it has no snapshot"
    if plan.config.release_gates:
        return "it is compared with a release too"
    return _unproven(bench, plan.baseline, list(_kept(bench.store, plan.suite.name)))


def _unproven(bench: Bench, baseline: Run, known: Sequence[Evidence]) -> str:
    """Why none of what is `known` proves it; "" if one does."""
    if not known:
        return "no whole run of it that found nothing worse is in the store"
    wanted = {case.id for case in bench.plan.dataset.cases}
    rows = [row for name, row in baseline.rows.items() if name in wanted]
    said = [x for x in known if x.found == results_key(rows, x.trials, x.metrics)]
    if not said:
        return "its last results here are not those of its snapshot"
    now = parts_of(bench)
    equal = [each for each in said if each.parts == now]
    if not equal:
        return _changed(
            bench, min((each.parts for each in said), key=lambda x: len(_apart(x, now))), now
        )
    if not any(all(holds(bench, link) for link in each.files) for each in equal):
        return "a file that it reads beside its sources changed"
    return ""


def _apart(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [each for each in {**before, **now} if before.get(each) != now.get(each)]


def _changed(bench: Bench, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The parts that differ; of source files those that its snapshot knows to be used."""
    names = _apart(before, now)
    if _CODE["files"] in names and bench.plan.baseline is not None:
        used = bench.plan.baseline.manifest.subject.code
        root = bench.plan.config.root
        files = [
            name for name, part in used.items() if bench.sources.get(str(root / name)) != part.key
        ]
        names = [*(files or [_CODE["files"]]), *(each for each in names if each != _CODE["files"])]
    shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"changed: {shown}"


def _kept(store: Store, suite: str) -> Iterator[Evidence]:
    """The newest first; what can't be read proves nothing."""
    try:
        found: Sequence[Evidence] = decoder(Sequence[Evidence])(
            json.loads(store.get("note", _place(suite)) or b"[]")
        )
    except (Malformed, ValueError):
        return
    yield from found


def _place(suite: str) -> str:
    return f"unchanged {suite}"
