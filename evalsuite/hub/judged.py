"""An artifact's runs beside the snapshots of the trusted base: what there is to report."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from evalsuite.config import Config
from evalsuite.diff import compare
from evalsuite.errors import EvalsuiteError, SnapshotError
from evalsuite.gate import Gate, decide, policy_from
from evalsuite.hub.artifact import Found, told
from evalsuite.records import Manifest, Run
from evalsuite.report.about import HERE
from evalsuite.report.reports import Commands, Report
from evalsuite.runner.peopled import people_of
from evalsuite.runner.reporting import Side, report_of
from evalsuite.snapshot import load, snapshot_folder

_NODE = re.compile(r"(?!-)[\w./-]{1,300}\.py::\w{1,200}(\[[\w.@=, -]{1,200}\])?", re.ASCII)

_PLACE = re.compile(r"(?![/-])(?!.*\.\.)[\w./-]{1,200}", re.ASCII)

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """`reports` has a run against the snapshot that it is to be held against, `accepted` a snapshot
    that the pull request changes against the base's; `problems` says what could not be judged, and
    `eased` what the gates ask otherwise than at the base."""

    reports: Sequence[Report] = ()
    accepted: Sequence[Report] = ()
    problems: Sequence[str] = ()
    eased: Sequence[str] = ()


def judge(found: Found, config: Config, changed: Collection[str] | None) -> Judged:
    """Decide every run again, here. `config` is of the trusted base, `changed` are the files that
    the pull request changes, as GitHub tells them; None where no pull request goes into that base.

    A run is held against the base's snapshot as it is now. Where the pull request itself changes
    the snapshot, the run is held against that, as its gates were, and so is the change. What goes
    nowhere, or elsewhere, is held against the snapshot that it carries.
    """
    problems = list(found.problems)
    reports: list[Report] = []
    accepted: list[Report] = []
    eased: list[str] = []
    for suite, run in sorted(found.runs.items()):
        try:
            base = None if changed is None else _of_base(config, suite)
            own = found.snapshots.get(suite)
            eased += _eased(suite, base[0], run[0]) if base else []
            if own is None or (base is not None and not _changes(config, suite, changed or ())):
                reports.append(_report(config, base, run, found.folder))
                continue
            reports.append(_report(config, own, run, found.folder))
            if base is not None and own[0].rows != base[0].rows:
                accepted.append(_report(config, base, own, found.folder))
        except EvalsuiteError as error:
            problems.append(f"{suite}: {told(error, found.folder)}")
        except Exception as error:  # noqa: BLE001 - records may be sound by form and make no sense
            problems.append(f"{suite}: its records contradict each other ({type(error).__name__})")
    return Judged(reports, accepted, problems, eased)


def _of_base(config: Config, suite: str) -> Side | None:
    folder = snapshot_folder(config, suite)
    return (load(folder), folder) if folder.exists() else None


def _eased(suite: str, base: Run, run: Run) -> Iterator[str]:
    """A gate that asks for something else is a change of the pull request that no gate sees."""
    tier = base.manifest.tiers.get(run.manifest.tier)
    before = policy_from(tier.policy if tier else base.manifest.policy)
    after = policy_from(run.manifest.policy)
    names = [f.name for f in fields(Gate) if getattr(before, f.name) != getattr(after, f.name)]
    if names and (tier or not run.manifest.tier):  # the base may not know the tier
        yield f"{suite}: the gate has another {', '.join(names)}"
    strict = [name for name, row in base.rows.items() if row.must_pass]
    free = [name for name in strict if name in run.rows and not run.rows[name].must_pass]
    if free:
        more = f" and {len(free) - _NAMED} more" if len(free) > _NAMED else ""
        yield f"{suite}: no longer must_pass: {', '.join(free[:_NAMED])}{more}"


def _changes(config: Config, suite: str, changed: Collection[str]) -> bool:
    """A package's settings may lie in any folder of the repository."""
    ours = f"{config.snapshots}/{suite}/"
    return any(each.startswith(ours) or f"/{ours}" in each for each in changed)


def _report(config: Config, before: Side | None, after: tuple[Run, Path], folder: Path) -> Report:
    run, place = after
    diff = compare(before[0] if before else None, run)
    try:
        policy = policy_from(run.manifest.policy)
    except EvalsuiteError as error:
        raise SnapshotError(f"the gate of the run can't be used: {error}") from None
    verdict = decide(diff, policy, people_of(config, before[0] if before else None, run))
    return report_of(
        diff,
        verdict,
        before,
        after,
        golden_dir=config.golden_dir,
        commands=_commands(run.manifest, place.relative_to(folder).parent),
    )


def _commands(manifest: Manifest, place: Path) -> Commands:
    """What people may paste: made here of names that were checked, never taken from the run.
    `place` is where the run is in the artifact, which is fetched into a folder that git ignores."""
    node = shlex.quote(manifest.nodeid) if _NODE.fullmatch(manifest.nodeid) else ""
    suite = shlex.quote(manifest.suite)
    named = _PLACE.fullmatch(place.as_posix()) and place != Path()
    run = f"{HERE}/{place.as_posix()}" if named else HERE
    accept = f"evalsuite accept {suite} --from-run {run} --reason "
    if manifest.tier or (manifest.looks is not None and not manifest.looks.last):
        whole = f"pytest --evals --evals-tier= {node}".rstrip()  # a part of a suite is no snapshot
        accept = f"{whole}; evalsuite accept {suite} --from-run last --reason "
    return Commands(
        reproduce=f"pytest --evals {node}".rstrip(),
        case=f"pytest --evals {shlex.quote(manifest.nodeid + '[{id}]')}" if node else "",
        accept=f"{accept}'...'",
        baseline=f"{accept}'first baseline'",
        explain=f"evalsuite explain '{{gate}}' --run {run} --suite {suite}",
    )
