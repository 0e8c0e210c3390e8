"""What a process hands over of a suite's run: a `Brief`, and each case's result as it comes.

Both can cross from an xdist worker to its controller as JSON.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalsuite import snapshot
from evalsuite.backends.account import Account
from evalsuite.gate import policy_json
from evalsuite.records import Extent, Json, Looks, Metric, Output, Part, Row, Standing, Subject
from evalsuite.runner.again import Again
from evalsuite.runner.answer import Bench
from evalsuite.runner.case import CaseResult
from evalsuite.runner.counts import Counts
from evalsuite.runner.itself import shocks_of
from evalsuite.runner.plan import Plan
from evalsuite.runner.unchanged import Evidence
from evalsuite.snapshot.codec import decoder, to_json

_PACKAGE = str(Path(__file__).parent.parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a process knows of a suite's run beside its rows; JSON, so that workers can send it."""

    suite: str
    nodeid: str
    line: int
    golden: Mapping[str, Json]
    policy: Mapping[str, Json]
    subject: Subject
    metrics: Sequence[Metric]
    expected: int
    trials: int
    seed: int
    replayed: bool
    fresh: int
    stored: int
    reused: int
    input_tokens: int
    output_tokens: int
    notes: Sequence[str]
    account: Account = field(default_factory=Account)
    stopped: str = ""
    judges: Mapping[str, Standing] = field(default_factory=dict)
    looks: Looks | None = None
    again: int = 0
    shocks: Mapping[str, float] = field(default_factory=dict)
    evidence: Evidence | None = None
    tier: str = ""
    tiers: Mapping[str, Extent] = field(default_factory=dict)
    among: Sequence[str] = ()

    def to_json(self) -> Json:
        return to_json(self)

    @staticmethod
    def from_json(value: Json) -> Brief:
        brief: Brief = decoder(Brief)(value)
        return brief

    def joined(self, other: Brief) -> Brief:
        """The same suite in two processes."""
        account = Account()
        account.add(self.account)
        account.add(other.account)
        return replace(
            self,
            subject=replace(self.subject, code={**self.subject.code, **other.subject.code}),
            metrics=tuple(dict.fromkeys([*self.metrics, *other.metrics])),
            fresh=self.fresh + other.fresh,
            stored=self.stored + other.stored,
            reused=self.reused + other.reused,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            notes=tuple(dict.fromkeys([*self.notes, *other.notes])),
            account=account,
            stopped=self.stopped or other.stopped,
            judges={**other.judges, **{k: v for k, v in self.judges.items() if v.checked}},
            evidence=self.evidence and other.evidence and self.evidence.joined(other.evidence),
        )


def brief_of(
    bench: Bench,
    counts: Counts,
    damage: Sequence[str] = (),
    stopped: str = "",
    *,
    looks: Looks | None = None,
    again: int = 0,
) -> Brief:
    """Sum up a suite once its cases have run, or as far as it was looked at; `stopped` says why the
    run ended before its end."""
    plan = bench.plan
    notes = [*plan.notes, *damage]
    unknown = bench.watch.unknown()
    if unknown and plan.external is None:
        notes.append(
            f"can't tell whether stored outputs still hold: the target {', '.join(unknown[:3])}; "
            'ran again (declare its version with external="..." to reuse them)'
        )
    if plan.suite.trials == 1:
        notes += [
            f"{model} takes no seed, so its answers can't be pinned: trials=3 shows the noise and "
            "damps it"
            for model in sorted(bench.unpinned & counts.account.models.keys())
        ]
    root = plan.config.root
    code = {
        Path(file).relative_to(root).as_posix(): Part(bench.sources[file])
        for file in sorted(bench.used)
        if file in bench.sources and file not in plan.covered and not file.startswith(_PACKAGE)
    }
    dataset = plan.dataset
    whole = len(dataset.cases) == len(dataset.keys)
    shocks, doubt = shocks_of(plan.itself, bench.models, plan.metrics)
    return Brief(
        suite=plan.suite.name,
        nodeid=plan.place,
        line=plan.suite.line,
        golden={
            "name": dataset.name,
            "key": dataset.key,
            "version": dataset.version,
            "cases": len(dataset.keys),
        },
        policy=policy_json(plan.suite.gate),
        subject=Subject(models=bench.models, inputs=plan.inputs, code=code),
        metrics=plan.metrics,
        expected=len(dataset.cases),
        trials=plan.suite.trials,
        seed=plan.config.seed,
        replayed=plan.config.replay == "only",
        fresh=counts.fresh,
        stored=counts.stored,
        reused=counts.reused,
        input_tokens=counts.input_tokens,
        output_tokens=counts.output_tokens,
        notes=[*notes, *doubt],
        account=counts.account,
        stopped=stopped,
        judges=counts.standings or plan.standings,
        looks=looks,
        again=again,
        shocks=shocks,
        tier=plan.tier,
        tiers=_extents(plan),
        among=() if whole else tuple(sorted(case.id for case in dataset.cases)),
    )


def _extents(plan: Plan) -> Mapping[str, Extent]:
    """What a run says of tiers: of its own, or of all if it is one of the whole suite."""
    plans = plan.tiers if plan.extent is None else {plan.tier: plan}
    return {name: each.extent for name, each in plans.items() if each.extent is not None}


class RunWriter:
    """Collects a suite's results as they come; outputs go to disk at once, rows are kept."""

    def __init__(self, run_folder: Path, nodeid: str) -> None:
        self.folder = run_folder / nodeid.rsplit("::", maxsplit=1)[-1]
        self.rows: dict[str, Row] = {}
        self.missing: dict[str, str] = {}
        self.calls: set[str] = set()
        self.evidence: list[snapshot.Evidence] = []
        self.metrics: dict[str, None] = {}
        self.writer = snapshot.Writer(self.folder)

    @staticmethod
    def payload(result: CaseResult) -> Json:
        """A result as JSON for the way from a worker to the controller."""
        return {
            "id": result.case.id,
            "row": to_json(result.row),
            "outputs": [[name, to_json(output)] for name, output in result.outputs],
            "message": result.message,
            "calls": result.calls,
            "evidence": to_json(result.evidence),
        }

    def add(self, result: CaseResult | Json) -> None:
        """Take one case's result, as it is or as `payload` made it."""
        if isinstance(result, CaseResult):
            name, row, message = result.case.id, result.row, result.message
            outputs, calls, evidence = result.outputs, result.calls, result.evidence
        else:
            name, message, calls = result["id"], result["message"], result["calls"]
            row = decoder(Row | None)(result["row"])
            outputs = [(each, decoder(Output)(value)) for each, value in result["outputs"]]
            evidence = decoder(Sequence[snapshot.Evidence])(result["evidence"])
        if row is None:
            self.missing[name] = message
            return
        self.rows[name] = row
        self.calls.update(calls)
        self.evidence += evidence
        self.metrics.update(dict.fromkeys(row.scores))
        for place, output in outputs:
            self.writer.add(place, output)

    def repeat(self, again: Again) -> None:
        """A case's further trials; without all of them it counts as missing."""
        self.calls.update(again.calls)
        if again.missing:
            self.missing[again.case] = again.missing
        else:
            self.rows[again.case] = replace(self.rows[again.case], again=again.values)

    def close(self) -> None:
        """Let go of a run that is not concluded; what it held stays in the store."""
        self.writer.__exit__(None, None, None)
        with contextlib.suppress(OSError):  # it holds a finished run
            self.folder.rmdir()
