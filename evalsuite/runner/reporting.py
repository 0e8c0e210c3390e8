"""The report of a finished run, made of what the run and its baseline keep on disk.

The end of a run and the command line both come here, so both say the same of the same two runs.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from evalsuite import golden, report, snapshot
from evalsuite.diff import Diff
from evalsuite.errors import EvalsuiteError
from evalsuite.gate import Verdict
from evalsuite.records import Case, Json, Manifest, Output, Run
from evalsuite.report import Commands, Report
from evalsuite.stats.flakiness import Unstable

Side = tuple[Run, snapshot.Source]
"""A run, and where its outputs are read from."""


def report_of(
    diff: Diff,
    verdict: Verdict,
    baseline: Side | None,
    candidate: Side,
    *,
    golden_dir: Path,
    dataset: golden.Dataset | None = None,
    commands: Commands,
    unstable: Sequence[Unstable] = (),
) -> Report:
    """Read the answers and questions that the report shows, and build it.

    `dataset` is the candidate's golden dataset, if it is read already.

    Raises:
        SnapshotError: the stored outputs of a side are damaged.
    """
    run, _ = candidate
    ids = report.wanted(diff, verdict)
    ids += report.failing(diff, run.rows, ids)
    old = _answers(baseline, ids) if baseline else {}
    new = _answers(candidate, ids)
    return report.build(
        diff,
        verdict,
        before=baseline[0].rows if baseline else {},
        after=run.rows,
        answers={name: (_first(old, name), _first(new, name)) for name in ids},
        cases=_cases(run.manifest.golden, golden_dir, set(ids), dataset),
        commands=commands,
        evidence={
            name: [(each.metric, each.trial, each.evidence) for each in found]
            for name, found in snapshot.read_evidence(candidate[1], set(ids)).items()
        },
        crossed=_crossed(candidate, ids),
        further={name: _rest(old.get(name, ()), new.get(name, ())) for name in ids},
        unstable=unstable,
    )


def commands_of(
    manifest: Manifest, root: Path, *, stored: bool, reports: Mapping[str, str] | None = None
) -> Commands:
    """What to type next, from here; all but `reproduce` hold in the settings' folder, `root`.
    `stored`: the run is in the state folder, so that its id names it."""
    there = _step_into(root)
    run, suite = shlex.quote(manifest.run), shlex.quote(manifest.suite)
    accept = f"{there}evalsuite accept {suite} --from-run {run} --reason "
    early = manifest.looks is not None and not manifest.looks.last
    if early or manifest.tier:  # no snapshot: cases are left out
        whole = "--evals-tier= " if manifest.tier else ""
        node = shlex.quote(manifest.nodeid)
        again = f"{there}pytest --evals {whole}{node}; " if manifest.nodeid else ""
        accept = f"{again}evalsuite accept {suite} --from-run last --reason "
    explain = f"{there}evalsuite explain '{{gate}}' --run {run} --suite {suite}"
    case = shlex.quote(f"{manifest.nodeid}[{{id}}]")
    return Commands(
        reproduce=manifest.command,
        case=f"{there}pytest --evals {case}" if manifest.nodeid else "",
        accept=f"{accept}'...'" if stored else "",
        baseline=f"{accept}'first baseline'" if stored else "",
        explain=explain if stored else "",
        reports=reports or {},
    )


def _step_into(root: Path) -> str:
    """ "cd packages/chat && ", or nothing where one is there already."""
    here = Path.cwd()
    if here == root.resolve():
        return ""
    try:
        path = os.path.relpath(root.resolve(), here)
    except ValueError:  # on another drive
        path = str(root)
    return f"cd {shlex.quote(path)} && "


def _answers(side: Side, ids: Collection[str]) -> dict[str, list[Output | None]]:
    """The outputs of each case, one per trial, as far as they are stored."""
    run, source = side
    keys = {name: run.rows[name].outputs for name in ids if name in run.rows}
    wanted = {key for each in keys.values() for key in each if key is not None}
    found = snapshot.read_outputs(source, wanted) if wanted else {}
    return {
        name: [None if key is None else found.get(key) for key in each]
        for name, each in keys.items()
    }


def _first(found: Mapping[str, Sequence[Output | None]], name: str) -> Output | None:
    return next(iter(found.get(name, ())), None)


def _rest(
    old: Sequence[Output | None], new: Sequence[Output | None]
) -> list[tuple[Output | None, Output | None]]:
    return list(zip_longest(old, new))[1:]


def _crossed(side: Side, ids: Collection[str]) -> dict[str, Output]:
    """The first trial's answers to the baseline's documents, where they are neither side's."""
    run, source = side
    keys = {}
    for name in ids:
        row = run.rows.get(name)
        crossed = row.crossed if row else None
        if row and crossed and crossed.outputs[0] not in (None, row.outputs[0], crossed.against[0]):
            keys[name] = crossed.outputs[0]
    found = snapshot.read_outputs(source, set(keys.values())) if keys else {}
    return {name: found[key] for name, key in keys.items() if key in found}


def _cases(
    about: Mapping[str, Json], golden_dir: Path, ids: set[str], dataset: golden.Dataset | None
) -> dict[str, Case]:
    """The questions; none if the golden dataset is no longer what the candidate was run on."""
    if not ids:
        return {}
    if dataset is not None:
        return {case.id: case for case in dataset.cases if case.id in ids}
    for spec in (f"{about.get('name')}", f"{about.get('name')}@{about.get('version')}"):
        try:
            dataset = golden.load_spec(spec, golden_dir)
        except EvalsuiteError:
            continue
        if dataset.key == about.get("key"):
            return {case.id: case for case in dataset.cases if case.id in ids}
    return {}
