"""`evalsuite diff | gate | explain | runs`: decide finished runs again, without running."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.screen import show, table
from evalsuite.config import Config, load_config
from evalsuite.errors import SnapshotError, SuiteError

if TYPE_CHECKING:
    from evalsuite.diff import Diff
    from evalsuite.gate import Gate, Verdict
    from evalsuite.records import Manifest, Run
    from evalsuite.report import Report
    from evalsuite.snapshot import Source

REF = 'a run\'s id or folder, "last", "snapshot", or "git:REVISION"'


@dataclass(frozen=True, slots=True)
class Decided:
    """Two runs and what the gate says of them; `before` is None where there is no baseline."""

    config: Config
    before: tuple[Run, Source] | None
    after: tuple[Run, Source]
    diff: Diff
    verdict: Verdict


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the commands; each sets `run`: from the arguments to an exit status."""
    for name, text, run in (
        ("diff", "compare two runs", _diff),
        ("gate", "compare two runs; the exit status is the gate's", _gate),
    ):
        command = subparsers.add_parser(
            name,
            help=text,
            description=f"{text.capitalize()}. A run is named by {REF}.",
            epilog=f"example: evalsuite {name} git:main last",
        )
        command.add_argument("before", metavar="A", help="the baseline")
        command.add_argument("after", metavar="B", help="the candidate; its gate decides")
        command.add_argument("--suite", metavar="NAME", help="needed where a run has several")
        command.add_argument("--format", metavar="NAME", default="terminal", help=_FORMATS)
        command.set_defaults(run=run)

    command = subparsers.add_parser(
        "explain",
        help="what one gate saw, what it means, what to do",
        description="Explains a gate by its name in the report, with the figures of the run.",
        epilog='example: evalsuite explain "checks, topic=legal" --run last',
    )
    command.add_argument("gate", metavar="GATE", help='"METRIC", or "METRIC, SLICE"')
    command.add_argument("--run", metavar="REF", dest="after", default="last", help=REF)
    command.add_argument("--against", metavar="REF", default="", help="default: the snapshot")
    command.add_argument("--suite", metavar="NAME", help="needed where the run has several")
    command.set_defaults(run=_explain)

    command = subparsers.add_parser("runs", help="list the finished runs, the newest first")
    command.add_argument("--suite", metavar="NAME", help="only the runs of this suite")
    command.add_argument(
        "--unstable",
        action="store_true",
        help="list instead the cases that flipped between runs of the last one's subject",
    )
    command.set_defaults(run=_runs)


_FORMATS = "terminal (default), markdown, json, html, junit, csv"


def decided(before: str, after: str, suite: str | None) -> Decided:
    """Open two runs and decide; an empty `before` is the snapshot, if there is one.

    Without `suite` it is the candidate's.
    """
    from evalsuite.diff import compare  # noqa: PLC0415
    from evalsuite.gate import decide  # noqa: PLC0415
    from evalsuite.runner.peopled import people_of  # noqa: PLC0415
    from evalsuite.snapshot import open_ref, snapshot_folder  # noqa: PLC0415

    config = load_config(Path.cwd())
    candidate = open_ref(after, config, suite)
    name = candidate[0].manifest.suite
    baseline = None
    if before or snapshot_folder(config, name).exists():
        baseline = open_ref(before or "snapshot", config, name)
    diff = compare(baseline[0] if baseline else None, candidate[0])
    people = people_of(config, baseline[0] if baseline else None, candidate[0])
    verdict = decide(diff, policy_of(*candidate), people)
    return Decided(config, baseline, candidate, diff, verdict)


def policy_of(run: Run, source: Source) -> Gate:
    """The policy that a stored run was decided by; SnapshotError names the manifest."""
    from evalsuite.gate import policy_from  # noqa: PLC0415
    from evalsuite.snapshot import shown  # noqa: PLC0415

    try:
        return policy_from(run.manifest.policy)
    except SuiteError as error:
        raise SnapshotError(f"{shown(source)}/manifest.json: policy: {error}") from None


def _diff(args: argparse.Namespace) -> int:
    render = _format(args.format)
    show(render(report_on(decided(args.before, args.after, args.suite))))
    return 0


def _gate(args: argparse.Namespace) -> int:
    render = _format(args.format)
    made = decided(args.before, args.after, args.suite)
    show(render(report_on(made)))
    return made.verdict.exit_code


def _explain(args: argparse.Namespace) -> int:
    from evalsuite.report import explain  # noqa: PLC0415

    made = decided(args.against, args.after, args.suite)
    show(explain(made.diff, made.verdict, args.gate))
    return 0


def _format(name: str) -> Any:
    """The function that renders a report; refused before anything is computed."""
    from evalsuite.registry import find  # noqa: PLC0415

    render = find("formats", name)
    if name != "terminal":
        return render
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((100, 24)).columns
    return lambda report: render(report, colour=colour, width=width)


def report_on(made: Decided) -> Report:
    """What there is to say of two runs."""
    from evalsuite.runner.flakiness import unstable_cases  # noqa: PLC0415
    from evalsuite.runner.reporting import commands_of, report_of  # noqa: PLC0415

    run, source = made.after
    stored = isinstance(source, Path) and source.resolve().parent.parent.name == "runs"
    return report_of(
        made.diff,
        made.verdict,
        made.before,
        made.after,
        golden_dir=made.config.golden_dir,
        commands=commands_of(run.manifest, made.config.root, stored=stored),
        unstable=unstable_cases(made.config, run),
    )


def _runs(args: argparse.Namespace) -> int:
    from evalsuite.snapshot import stored_runs  # noqa: PLC0415

    config = load_config(Path.cwd())
    if args.unstable:
        show(_unstable(config, args.suite))
        return 0
    rows = [("run", "suite", "created", "cases", "calls", "state")]
    for head, _ in stored_runs(config, args.suite):
        manifest = head.manifest
        lines = str(head.cases)
        calls = f"{manifest.operations.fresh_calls}+{manifest.operations.stored_calls} stored"
        created = manifest.created[:19].replace("T", " ")
        rows.append((manifest.run, manifest.suite, created, lines, calls, _state(manifest)))
    if len(rows) == 1:
        show("no finished run here: run pytest --evals")
    else:
        show(table(rows))
    return 0


def _unstable(config: Config, suite: str | None) -> str:
    from evalsuite.runner.flakiness import unstable_cases  # noqa: PLC0415
    from evalsuite.snapshot import open_ref  # noqa: PLC0415

    run, _ = open_ref("last", config, suite)
    rows = [("case", "checks held", "instability")]
    rows += [
        (each.case, f"{each.held} of {each.answers}", f"{100 * each.instability:.1f}%")
        for each in unstable_cases(config, run)
    ]
    return table(rows) if len(rows) > 1 else "no case flipped between runs of this subject"


def _state(manifest: Manifest) -> str:
    if manifest.stopped:
        return f"stopped: {manifest.stopped}"
    if manifest.partial:
        return f"partial, of {manifest.expected}"
    if not manifest.complete:
        return "incomplete"
    if manifest.tier:
        return f"tier {manifest.tier}, {manifest.expected} cases"
    return "complete, replayed" if manifest.replayed else "complete"
