"""After the last case: the run's folder, the comparison, the verdict, the reports.

Works from what a run left (rows, outputs on disk, a `Brief`), never from live objects, so that
xdist's controller, which ran nothing itself, concludes as a single process does.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version

from evalsuite import registry, snapshot
from evalsuite.backends import probe
from evalsuite.backends.account import quantile
from evalsuite.backends.prices import table_version
from evalsuite.config import Config, budget_limits
from evalsuite.diff import compare
from evalsuite.gate import OVERALL, Finding, Verdict, decide, policy_from
from evalsuite.golden import Dataset
from evalsuite.records import Looks, Manifest, Metric, Operations, Run
from evalsuite.report import Report
from evalsuite.report.sentences import spread
from evalsuite.runner.flakiness import unstable_cases
from evalsuite.runner.peopled import as_rated, people_of
from evalsuite.runner.released import released
from evalsuite.runner.reporting import commands_of, report_of
from evalsuite.runner.results import Brief, RunWriter
from evalsuite.runner.unchanged import remember
from evalsuite.wording import shown_path

KEPT_RUNS = 50
"""Older run folders are removed; their answers stay in the store."""


@dataclass(frozen=True, slots=True)
class GateReport:
    """One gate as pytest reports it. `status` is passed, failed, or one of the plugin's own."""

    name: str
    status: str
    result: str
    text: str


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the shell shows of one suite."""

    suite: str
    verdict: Verdict
    report: Report
    gates: Sequence[GateReport]

    @property
    def exit_code(self) -> int:
        return self.verdict.exit_code

    def screen(self, *, colour: bool, width: int) -> str:
        from evalsuite.report import terminal  # noqa: PLC0415 (only where there is a screen)

        return terminal.render(self.report, colour=colour, width=width).rstrip("\n")


def conclude(
    brief: Brief,
    writer: RunWriter,
    config: Config,
    *,
    baseline: Run | None,
    dataset: Dataset | None = None,
    command: str,
    run: str,
    seconds: float,
) -> Conclusion:
    """Write the run, compare it with the snapshot, decide, write the reports.

    `baseline` and `dataset` are read from disk where this process has not read them yet.

    Raises:
        SnapshotError: the snapshot changed for the worse since collection.
    """
    before = baseline.manifest.versions if baseline else {}
    manifest = manifest_of(brief, writer, command, run, seconds, before)
    spent = replace(manifest.operations, budget=budget_limits(config.budget))
    manifest = replace(manifest, operations=spent)
    if manifest.judges:
        manifest = replace(manifest, judges=as_rated(config, manifest, writer.rows))
    candidate = _finished(manifest, writer, config)
    _prune(config.state_dir / "runs")
    folder = config.snapshot_dir / brief.suite
    if baseline is None and folder.exists():
        baseline = snapshot.load(folder)
    if baseline is not None:  # from now on its absence is an error, in a folder without git too
        snapshot.remember(config, brief.suite, snapshot.read_head(folder).key)
    diff = compare(baseline, candidate)
    people = people_of(config, baseline, candidate)
    policy = policy_from(brief.policy)
    verdict = decide(diff, policy, people)
    verdict = released(verdict, candidate, policy, config)
    if brief.evidence is not None and verdict.exit_code == 0:
        remember(config, brief.suite, brief.evidence, candidate)
    files = _report_files(config, brief.suite)
    shown = {name: shown_path(file) for name, file in files.items()}
    made = report_of(
        diff,
        verdict,
        (baseline, folder) if baseline else None,
        (candidate, writer.folder),
        golden_dir=config.golden_dir,
        dataset=dataset,
        commands=commands_of(candidate.manifest, config.root, stored=True, reports=shown),
        unstable=unstable_cases(config, candidate),
    )
    _write_reports(made, files)
    return Conclusion(brief.suite, verdict, made, _gates(verdict, brief.looks))


def keep_apart(
    brief: Brief, writer: RunWriter, config: Config, command: str, run: str, seconds: float
) -> None:
    """Write a run of unchanged code that is compared with others of its kind alone: it has no
    verdict and no report, and no command takes it for the last run or a snapshot."""
    manifest = manifest_of(brief, writer, command, run, seconds)
    _finished(replace(manifest, afresh=config.afresh, shocks={}), writer, config)
    _prune(config.state_dir / "aa")


def _finished(manifest: Manifest, writer: RunWriter, config: Config) -> Run:
    """The run, with all that it leaves in its folder."""
    made = Run(replace(manifest, outputs=config.outputs), writer.rows)
    writer.writer.finish(made)
    snapshot.write_calls(writer.folder, writer.calls)
    snapshot.write_evidence(writer.folder, writer.evidence)
    return made


def manifest_of(
    brief: Brief,
    writer: RunWriter,
    command: str = "",
    run: str = "",
    seconds: float = 0.0,
    before: Mapping[str, str] | None = None,
) -> Manifest:
    """The head of the run as far as it was read; `before` are the baseline's versions."""
    notes = [*brief.notes, *probe.notes(brief.account, before or {})]
    if writer.missing and not brief.stopped:
        shown = ", ".join(sorted(writer.missing)[:10])
        notes.append(f"{len(writer.missing)} cases have no stored reply: {shown}")
    known = {metric.name: metric for metric in brief.metrics}
    metrics = [known.get(name, Metric(name)) for name in dict.fromkeys([*known, *writer.metrics])]
    ran = len({*writer.rows, *writer.missing})
    unasked = len(brief.looks.order) - brief.looks.read if brief.looks else 0
    return Manifest(
        suite=brief.suite,
        run=run,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        golden=brief.golden,
        subject=brief.subject,
        policy=brief.policy,
        metrics=metrics,
        expected=brief.expected,
        nodeid=brief.nodeid,
        command=command,
        trials=brief.trials,
        seed=brief.seed,
        partial=ran + unasked < brief.expected,
        complete=not writer.missing,
        replayed=brief.replayed,
        stopped=brief.stopped,
        notes=notes,
        operations=_operations(brief, seconds),
        versions=_versions() | probe.fingerprints(brief.account),
        judges=brief.judges,
        looks=brief.looks,
        again=brief.again,
        shocks=brief.shocks,
        tier=brief.tier,
        tiers=brief.tiers,
        among=brief.among,
    )


def _operations(brief: Brief, seconds: float) -> Operations:
    account = brief.account
    return Operations(
        seconds=round(seconds, 3),
        fresh_calls=brief.fresh,
        stored_calls=brief.stored,
        reused_outputs=brief.reused,
        input_tokens=brief.input_tokens,
        output_tokens=brief.output_tokens,
        cost=account.cost,
        latency_p50=quantile(account.answers, 0.50),
        latency_p95=quantile(account.answers, 0.95),
        cost_known=sum(each.cost for each in account.models.values()),
        call_p50=quantile(account.calls, 0.50),
        call_p95=quantile(account.calls, 0.95),
        first_token_p50=quantile(account.first_tokens, 0.50),
        failed_attempts=account.failures,
        models=account.models,
        samples=probe.sampled(account),
        parts=account.parts,
    )


def _versions() -> dict[str, str]:
    table = table_version()
    prices = {"prices": f"genai-prices {table}"} if table else {}
    return {"evalsuite": version("evalsuite"), "python": python_version(), **prices}


def _report_files(config: Config, suite: str) -> dict[str, Path]:
    folder = config.report_dir / suite
    return {name: folder / f"report.{_ENDINGS.get(name, name)}" for name in config.formats}


_ENDINGS = {"markdown": "md"}


def _write_reports(made: Report, files: Mapping[str, Path]) -> None:
    for name, file in files.items():
        reports = file.parent.parent
        if not reports.exists():  # what is made again by each run is nothing to commit
            reports.mkdir(parents=True)
            (reports / ".gitignore").write_text("*\n", encoding="utf-8")
        file.parent.mkdir(exist_ok=True)
        text = registry.find("formats", name)(made)
        new = file.with_name(f".{file.name}.new")  # killed while it writes, the old one stays whole
        new.write_text(text, encoding="utf-8", errors="replace", newline="")
        new.replace(file)


def _gates(verdict: Verdict, looks: Looks | None) -> list[GateReport]:
    """Declared gates, and whatever else would block. must_pass cases are items of their own."""
    found = []
    early = ""
    if looks is not None and not looks.last:
        early = f"; decided after {looks.read} of {len(looks.order)} cases"
    for finding in verdict.findings:
        red = finding.result in ("regression", "below", "over")
        if finding.informs and finding.slice != OVERALL:
            continue
        if finding.kind != "must_pass" and (finding.declared or (red and not finding.derived)):
            status = _status(finding)
            found.append(GateReport(finding.name, status, finding.result, _says(finding) + early))
    return found


def _status(finding: Finding) -> str:
    if finding.informs:
        return "undecided"
    if finding.result in ("pass", "unchanged"):
        return "passed"
    if finding.result in ("regression", "below", "over"):
        return "failed" if finding.blocks else "observed"
    if finding.result in ("inconclusive", "incomparable"):
        return finding.result
    return "undecided"


def _says(finding: Finding) -> str:
    """What a gate's own line in terminal and junit tells."""
    reason = "".join(f"; {each}" for each in (finding.reason, finding.worth) if each)
    figures = spread(finding) if finding.after is not None else ""
    return f"{finding.result}: {figures}{reason}".replace(": ;", ":")


def _prune(folder: Path) -> None:
    runs = sorted(each for each in folder.iterdir() if each.is_dir())
    for old in runs[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)
