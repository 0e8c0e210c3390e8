"""`evalsuite backtest`: what the gate would have said of past runs, without a call."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.runs import policy_of
from evalsuite.cli.screen import show, table
from evalsuite.config import Config, load_config
from evalsuite.errors import OptionError, plain

if TYPE_CHECKING:
    from evalsuite.gate import Finding, Gate, Verdict
    from evalsuite.snapshot import Past

SHOWN = 3
"""Findings told of a step, and cases named of a finding."""


@dataclass(frozen=True, slots=True)
class Step:
    """One run beside the one before it, as today's gate decides."""

    before: Past
    after: Past
    verdict: Verdict
    cases: int


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    command = subparsers.add_parser(
        "backtest",
        help="which past changes the gate would have blocked",
        description="Puts each run of the past beside the one before it: a suite's snapshots in "
        "git's history, or result files of promptfoo and deepeval in the order given. Tells what "
        "today's gate says, on which evidence, and what a rule of 3 points down would stop.",
        epilog="example: evalsuite backtest askacme --last 20\n"
        "         evalsuite backtest results/*.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "what", metavar="SUITE|FILE", nargs="+", help="one suite, or two result files and more"
    )
    command.add_argument("--last", type=int, metavar="N", help="only the last N steps")
    command.add_argument("--format", choices=("terminal", "json"), default="terminal")
    command.set_defaults(run=_backtest)


def _backtest(args: argparse.Namespace) -> int:
    if args.last is not None and args.last < 1:
        raise OptionError("--last must be 1 or more")
    config = load_config(Path.cwd())
    files = len(args.what) > 1 or args.what[0].endswith(".json")
    lost: list[str] = []
    if files:
        past, policy = _of_files(args.what)
    else:
        past, policy, lost = _of_history(config, args.what[0])
    if len(past) < 2:
        told = "; ".join(lost) or f"{len(past)} there"
        what = "result files" if files else f"committed snapshots of {args.what[0]!r}"
        raise OptionError(f"a backtest takes two {what} or more ({told})")
    steps = list(_steps(past, policy))[-(args.last or len(past)) :]
    if args.format == "json":
        show(json.dumps(_as_json(steps, lost), indent=2, ensure_ascii=False))
    else:
        show(plain("\n".join([*_lines(steps), *lost])))
    return 0


def _of_files(names: Sequence[str]) -> tuple[list[Past], Gate]:
    from evalsuite.gate import Gate  # noqa: PLC0415
    from evalsuite.snapshot import Past, read_results  # noqa: PLC0415

    runs = [(Path(name), read_results(Path(name))) for name in names]
    return [Past(path.name, run.manifest.created[:10], run) for path, run in runs], Gate()


def _of_history(config: Config, suite: str) -> tuple[list[Past], Gate, list[str]]:
    """The suite's snapshots on this branch, the oldest first, and what of them can't be read."""
    from evalsuite.snapshot import past_snapshots, snapshot_folder  # noqa: PLC0415

    past, lost = past_snapshots(config, suite)
    return past, policy_of(past[-1].run, snapshot_folder(config, suite)), lost


def _steps(past: Sequence[Past], policy: Gate) -> Iterator[Step]:
    from evalsuite.diff import compare  # noqa: PLC0415
    from evalsuite.gate import decide  # noqa: PLC0415

    for before, after in itertools.pairwise(past):
        diff = compare(before.run, after.run)
        yield Step(before, after, decide(diff, policy), len(diff.pairs["checks"].ids))


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    from evalsuite.report.figures import many  # noqa: PLC0415

    rows = [("from", "to", "cases", "gate", "3-point rule", "")]
    for step in steps:
        verdict = step.verdict
        rows.append(
            (
                step.before.label,
                step.after.label,
                str(step.cases),
                "BLOCKED" if verdict.blocks else verdict.result,
                f"{verdict.naive_slices} of {verdict.slices_compared}",
                step.after.about,
            )
        )
    yield table(rows)
    for step in steps:
        found = _blocking(step.verdict)
        if found or step.verdict.reason:
            yield f"\n{step.before.label} -> {step.after.label}: {step.verdict.reason}".rstrip(": ")
            yield from map(_evidence, found[:SHOWN])
            if len(found) > SHOWN:
                yield f"  and {len(found) - SHOWN} more"
    yield ""
    blocked = sum(step.verdict.blocks for step in steps)
    naive = sum(bool(step.verdict.naive_slices) for step in steps)
    yield (
        f"{many(len(steps), 'step')}: this gate would have blocked {blocked}, a rule of 3 points "
        f"down in any slice {naive}"
    )


def _blocking(verdict: Verdict) -> list[Finding]:
    return [each for each in verdict.findings if each.blocks]


def _evidence(finding: Finding) -> str:
    from evalsuite.report.sentences import spread  # noqa: PLC0415

    cases = f"; fell: {', '.join(finding.fell[:SHOWN])}" if finding.fell else ""
    more = f" and {len(finding.fell) - SHOWN} more" if len(finding.fell) > SHOWN else ""
    return f"  {finding.name}: {spread(finding)}{cases}{more}"


def _as_json(steps: Sequence[Step], lost: Sequence[str]) -> dict[str, Any]:
    return {
        "steps": [
            {
                "from": step.before.label,
                "to": step.after.label,
                "about": step.after.about,
                "cases": step.cases,
                "result": step.verdict.result,
                "blocked": step.verdict.blocks,
                "reason": step.verdict.reason,
                "three_points": step.verdict.naive_slices,
                "compared": step.verdict.slices_compared,
                "findings": [_finding(each) for each in _blocking(step.verdict)],
            }
            for step in steps
        ],
        "blocked": sum(step.verdict.blocks for step in steps),
        "three_points": sum(bool(step.verdict.naive_slices) for step in steps),
        "unreadable": list(lost),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    told = ("name", "result", "before", "after", "effect", "low", "high", "p", "n")
    return {**{name: getattr(finding, name) for name in told}, "fell": list(finding.fell)}
