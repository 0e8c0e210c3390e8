"""`evalsuite accept | resolve`: change a snapshot on purpose, from runs that already exist."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.runs import policy_of
from evalsuite.cli.screen import show
from evalsuite.config import Config, load_config
from evalsuite.errors import OptionError, SnapshotError, did_you_mean, plain

if TYPE_CHECKING:
    from evalsuite.diff import Diff
    from evalsuite.gate import Finding, Gate
    from evalsuite.records import Run
    from evalsuite.snapshot import Merge, Source

KINDS = ("new", "stale", "changed", "gone")
MAX_REASON = 500
NAMED = 5
"""How many gates are named that stay red."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One suite's change, fully known before anything is written. `left` are the cases that a
    top-up gave no trials, `red` what blocks the same run beside the new snapshot too."""

    suite: str
    old: Run | None
    new: Run
    sources: Sequence[Source]
    diff: Diff
    left: Sequence[str] = ()
    red: Sequence[Finding] = ()


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the commands; each sets `run`: from the arguments to an exit status."""
    command = subparsers.add_parser(
        "accept",
        help="make a finished run the snapshot, without a call",
        description="Writes snapshots/SUITE from a run that exists; commit it with the change "
        "that caused it. Partial, stopped and incomplete runs are refused.",
        epilog='example: evalsuite accept askacme --from-run last --reason "shorter answers"',
    )
    command.add_argument("suites", metavar="SUITE", nargs="*", help="default: all of the run")
    command.add_argument(
        "--from-run",
        metavar="REF",
        required=True,
        help='an id, "last", or a folder, such as one that a CI job uploaded',
    )
    command.add_argument("--reason", metavar="TEXT", required=True, help="kept in the manifest")
    command.add_argument(
        "--only", metavar="KINDS", help=f"take only these cases, of {','.join(KINDS)}"
    )
    command.add_argument(
        "--top-up",
        action="store_true",
        help="only add trials that the snapshot lacks, of a run with more (--evals-trials 5)",
    )
    command.set_defaults(run=_accept)

    command = subparsers.add_parser(
        "resolve",
        help="merge snapshots that two branches accepted, case by case",
        description="After a merge conflict in snapshots/: the side that changed a case gives its "
        "line. The result is written and added to git; then commit the merge.",
        epilog="example: git merge main; evalsuite resolve; git commit",
    )
    command.add_argument("suites", metavar="SUITE", nargs="*", help="default: all in conflict")
    command.add_argument(
        "--prefer",
        choices=("ours", "theirs"),
        help="where both sides changed a case; default: the side that is merged already, theirs "
        "in a merge and ours in a rebase",
    )
    command.set_defaults(run=_resolve)


def _accept(args: argparse.Namespace) -> int:
    from evalsuite.snapshot import suites_of  # noqa: PLC0415

    reason = args.reason.strip()
    if not reason or len(reason) > MAX_REASON or not reason.isprintable():
        raise OptionError(f"--reason must be one line of 1 to {MAX_REASON} characters")
    if not any(each.isalpha() for each in reason):
        raise OptionError(
            f"--reason {reason[:20]} tells nothing: say why the change is meant; reviewers read it "
            "in the snapshot, the pull request's comment and the history"
        )
    only = _kinds(args.only)
    if args.top_up and only is not None:
        raise OptionError("--top-up changes no case, so that --only says nothing beside it")
    config = load_config(Path.cwd())
    names = list(dict.fromkeys(args.suites)) or suites_of(args.from_run, config)
    if args.top_up and not args.suites:
        names = _with_snapshot(names, config)
    planned = [_planned(config, args.from_run, name, only, args.top_up) for name in names]
    for each in planned:
        show(_accepted(config, each, reason))
    return 0


def _with_snapshot(names: Sequence[str], config: Config) -> list[str]:
    """Of a run's suites those that a top-up is for; the others are told."""
    from evalsuite.snapshot import snapshot_folder  # noqa: PLC0415

    found = [name for name in names if snapshot_folder(config, name).exists()]
    for name in names:
        if name not in found:
            show(plain(f"{name}: there is no snapshot yet; nothing written"))
    return found


def _kinds(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    kinds = [kind.strip() for kind in text.split(",")]
    for kind in kinds:
        if kind not in KINDS:
            raise OptionError(f'--only: no kind of case "{kind[:40]}": {did_you_mean(kind, KINDS)}')
    return frozenset(kinds)


def _planned(
    config: Config, ref: str, suite: str, only: frozenset[str] | None, top_up: bool
) -> Planned:
    from evalsuite import snapshot  # noqa: PLC0415
    from evalsuite.diff import compare  # noqa: PLC0415
    from evalsuite.gate import detectable  # noqa: PLC0415

    run, source = snapshot.open_ref(ref, config, suite)
    cause = snapshot.refusal(run)
    if cause:
        raise SnapshotError(f"{suite}: run {run.manifest.run} can't be accepted: {cause}")
    folder = _own_folder(config, suite)
    old = snapshot.load(folder) if folder.exists() else None
    diff = compare(old, run)
    left: Sequence[str] = ()
    if top_up:
        new, left = _topped_up(suite, old, run)
    else:
        new = snapshot.merged(old, run, None if only is None else _taken(diff, only))
    drops = detectable(new, policy_of(run, source))
    tiers = {
        name: replace(each, detectable=_seen(new, name))
        for name, each in new.manifest.tiers.items()
    }
    new = replace(new, manifest=replace(new.manifest, detectable=drops, tiers=tiers))
    red = () if top_up else _red(new, run, policy_of(run, source))
    return Planned(suite, old, new, (source, folder) if old else (source,), diff, left, red)


def _red(new: Run, run: Run, policy: Gate) -> list[Finding]:
    """What blocks a run that is compared with the new snapshot."""
    from evalsuite.diff import compare  # noqa: PLC0415
    from evalsuite.gate import decide  # noqa: PLC0415

    return [each for each in decide(compare(new, run), policy).findings if each.blocks]


def _own_folder(config: Config, suite: str) -> Path:
    """Where the snapshot is written: a link, which a checked out branch may hold, could lead out of
    the project."""
    from evalsuite.snapshot import snapshot_folder  # noqa: PLC0415

    folder = snapshot_folder(config, suite)
    inside = [each for each in folder.parents if each.is_relative_to(config.root)]
    for place in (folder, *inside[:-1], *(folder.iterdir() if folder.is_dir() else ())):
        if place.is_symlink():
            named = place.relative_to(config.root).as_posix()
            raise SnapshotError(f"{named} is a link, and nothing is written through one: remove it")
    return folder


def _topped_up(suite: str, old: Run | None, run: Run) -> tuple[Run, Sequence[str]]:
    from evalsuite import snapshot  # noqa: PLC0415

    cause = "there is none yet: accept the run without --top-up"
    if old is not None and not (cause := snapshot.untoppable(old, run)):
        done = snapshot.topped_up(old, run)
        return done.run, done.left
    raise SnapshotError(f"{suite}: run {run.manifest.run} can't top up the snapshot: {cause}")


def _seen(run: Run, tier: str) -> dict[str, float]:
    """What a tier's gates see, with the cases that it has of this run."""
    from evalsuite.gate import detectable, policy_from  # noqa: PLC0415
    from evalsuite.runner.tiers import tier_run  # noqa: PLC0415

    part = tier_run(run, tier)
    return detectable(part, policy_from(part.manifest.policy))


def _taken(diff: Diff, only: frozenset[str]) -> set[str]:
    """Ids whose change is of the kinds asked for, all of it: a row is taken whole or not."""
    return {
        name
        for name, status in diff.status.items()
        if {status, *(["stale"] if diff.stale.get(name) else [])} <= only | {"same"}
    }


def _accepted(config: Config, planned: Planned, reason: str) -> str:
    from evalsuite import snapshot  # noqa: PLC0415

    folder = snapshot.snapshot_folder(config, planned.suite)
    if snapshot.unchanged(planned.old, snapshot.as_kept(planned.new)):
        return plain(f"{planned.suite}: the snapshot says the same already; nothing written")
    snapshot.accept(planned.new, planned.sources, folder, reason=reason)
    head = snapshot.read_head(folder)
    snapshot.remember(config, planned.suite, head.key)
    shown = snapshot.shown(folder)
    lines = [*_summary(planned, shown), *_warned(planned, config.seed)]
    commit = f"  commit it with the change that caused it: git add {shown}"
    return plain("\n".join([*lines, commit]))


def _summary(planned: Planned, folder: str) -> list[str]:
    from evalsuite.snapshot import pass_rate  # noqa: PLC0415

    counts = Counter[str](
        "stale" if planned.diff.stale.get(name) else status
        for name, status in planned.diff.status.items()
    )
    found = [f"{counts[kind]} {kind}" for kind in (*KINDS, "same") if counts[kind]]
    rates = [
        "none" if rate is None else f"{100 * rate:.1f} %"
        for rate in (pass_rate(planned.old) if planned.old else None, pass_rate(planned.new))
    ]
    size, run = len(planned.new.rows), planned.new.manifest.run
    lines = [
        f"{planned.suite}: {size} cases written to {folder} from run {run}",
        f"  cases: {', '.join(found)}",
        f"  checks hold: {rates[0]} -> {rates[1]}",
    ]
    if planned.left:
        lines.append(
            f"  {len(planned.left)} cases were measured or answered otherwise and keep their trials"
        )
    gaps = sum(any(row.errors) for row in planned.new.rows.values())
    if gaps:
        lines.append(f"  {gaps} cases hold an error: what has no score will not be compared")
    drop = _least(planned.new)
    if drop is not None:
        lines.append(
            f"  smallest drop that the gate finds with 80 % power: {100 * drop:.1f} points"
        )
    return lines


def _warned(planned: Planned, seed: int) -> list[str]:
    """What the next run will stumble over."""
    lines = []
    if planned.red:
        names = [each.name for each in planned.red]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        lines.append(f"  still red after this: {'; '.join(names[:NAMED])}{more}")
        if not all(each.excusable for each in planned.red):
            lines.append("    no snapshot excuses a floor, a limit or a must_pass case")
    ran = planned.new.manifest.seed
    if ran != seed:
        lines.append(
            f"  the run had seed {ran}, and the settings say {seed}: the next one asks everything "
            f"anew and answers otherwise; set seed = {ran}, or accept a run with seed {seed}"
        )
    return lines


def _least(run: Run) -> float | None:
    from evalsuite.gate.sensitivity import drops_of  # noqa: PLC0415
    from evalsuite.records import CHECKS  # noqa: PLC0415

    return drops_of(run.manifest).get(CHECKS)


def _resolve(args: argparse.Namespace) -> int:
    from evalsuite import snapshot  # noqa: PLC0415

    config = load_config(Path.cwd())
    names = list(dict.fromkeys(args.suites)) or snapshot.conflicted(config)
    if not names:
        raise SnapshotError(f"no snapshot under {config.snapshots}/ has a conflict in git")
    for name in names:
        show(_resolved(name, snapshot.resolve(config, name, args.prefer)))
    return 0


LISTED = 20
"""How many ids are printed of the cases that both sides changed."""


def _resolved(suite: str, merge: Merge) -> str:
    alone = f"{merge.ours} changed by ours alone, {merge.theirs} by theirs alone"
    lines = [f"{suite}: {len(merge.run.rows)} cases merged and added to git: {alone}"]
    if merge.both:
        more = f" and {len(merge.both) - LISTED} more" if len(merge.both) > LISTED else ""
        lines.append(
            f"  {len(merge.both)} changed by both; these lines are {merge.preferred}: "
            f"{', '.join(merge.both[:LISTED])}{more}"
        )
    lines.append(
        "  now commit the merge; then run pytest --evals: what both sides changed together"
    )
    lines.append("  was never run, and the gate compares it with this snapshot")
    return plain("\n".join(lines))
