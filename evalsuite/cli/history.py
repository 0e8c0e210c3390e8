"""`evalsuite history`: how a suite's accepted figures went, commit by commit, without a call."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.screen import show, table
from evalsuite.config import load_config
from evalsuite.errors import OptionError, plain

if TYPE_CHECKING:
    from evalsuite.records import Run
    from evalsuite.snapshot import Past

METRICS = 5
"""Metrics that fit a line; JSON has all."""


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    command = subparsers.add_parser(
        "history",
        help="the means of a suite's snapshots in git, with the reasons for them",
        description="A line for each commit of this branch that changed the suite's snapshot: the "
        "mean of each metric over the cases, and the reason that evalsuite accept was given.",
        epilog="example: evalsuite history askacme --last 20",
    )
    command.add_argument("suite", metavar="SUITE")
    command.add_argument("--last", type=int, metavar="N", help="only the last N snapshots")
    command.add_argument("--format", choices=("terminal", "json"), default="terminal")
    command.set_defaults(run=_history)


def _history(args: argparse.Namespace) -> int:
    from evalsuite.snapshot import past_snapshots  # noqa: PLC0415

    if args.last is not None and args.last < 1:
        raise OptionError("--last must be 1 or more")
    past, lost = past_snapshots(load_config(Path.cwd()), args.suite, args.last)
    if args.format == "json":
        found = {"snapshots": [_as_json(each) for each in past], "unreadable": lost}
        show(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show(plain("\n".join([_table(past), *lost])))
    return 0


def _as_json(past: Past) -> dict[str, Any]:
    manifest = past.run.manifest
    return {
        "commit": past.label,
        "date": past.when,
        "about": past.about,
        "run": manifest.run,
        "reason": _reason(past.run),
        "cases": len(past.run.rows),
        "trials": manifest.trials,
        "means": {
            each.name: {"mean": mean, "cases": count}
            for each in manifest.metrics
            for mean, count in [_mean(past.run, each.name)]
        },
    }


def _table(past: Sequence[Past]) -> str:
    names = [each.name for each in past[-1].run.manifest.metrics][:METRICS]
    rows = [("date", "commit", "cases", "trials", *names, "reason")]
    for each in past:
        run = each.run
        means = [_mean(run, name)[0] for name in names]
        cells = ["–" if mean is None else f"{mean:.3f}" for mean in means]
        size = str(len(run.rows)), str(run.manifest.trials)
        rows.append((each.when, each.label, *size, *cells, _reason(run) or each.about))
    return table(rows)


def _reason(run: Run) -> str:
    return str(run.manifest.accepted.get("reason") or "")


def _mean(run: Run, metric: str) -> tuple[float | None, int]:
    """The mean over cases of the mean over their scored trials, and how many cases had one."""
    means = [
        sum(scored) / len(scored)
        for row in run.rows.values()
        if (scored := [each for each in row.scores.get(metric, ()) if each is not None])
    ]
    return (sum(means) / len(means) if means else None), len(means)
