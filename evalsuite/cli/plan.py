"""`evalsuite plan`: before money is spent, what it would buy and what it would take."""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.runs import REF, policy_of
from evalsuite.cli.screen import show, table
from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, EvalsuiteError, OptionError

if TYPE_CHECKING:
    from evalsuite.records import Manifest, Run

_FINISHED = (0, 1, 10, 11)
"""pytest's exit status where a run was concluded."""

_SHOWN = 20
"""Lines of pytest's output that are repeated where a measurement failed."""


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    command = subparsers.add_parser(
        "plan",
        help="what each gate can detect, and what would show less; what the next run takes",
        description="Simulates drops on a suite's own cases, slices and gates (80 % power), says "
        "how many cases or trials would show smaller ones, and tells calls, tokens, money and "
        "minutes of the next run from the last one.",
        epilog="example: evalsuite plan askacme --measure 5",
    )
    command.add_argument("suite", metavar="SUITE", nargs="?", help="default: the last run's")
    command.add_argument(
        "--run",
        metavar="REF",
        dest="after",
        default="",
        help=f"{REF}; default: the snapshot, or the last",
    )
    command.add_argument("--trials", type=int, metavar="K", help="default: as the last run")
    command.add_argument(
        "--tier", metavar="NAME", help="what that tier of the suite sees and takes"
    )
    command.add_argument(
        "--measure",
        type=int,
        metavar="N",
        help="run N cases first, for real (their replies are kept and not paid again)",
    )
    command.set_defaults(run=_plan)


def _plan(args: argparse.Namespace) -> int:
    from evalsuite.snapshot import suites_of  # noqa: PLC0415

    for name in ("trials", "measure"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            raise OptionError(f"--{name} must be from 1 up")
    config = load_config(Path.cwd())
    if args.measure is not None:
        if args.suite is None:
            raise OptionError("--measure needs a suite: evalsuite plan SUITE --measure N")
        _measure(args.suite, args.measure, args.tier)
    suites, ref = [args.suite], args.after
    if args.suite is None:
        ref = ref or "last"
        suites = suites_of(ref, config)
    show("\n\n".join(_suite(config, suite, ref, args.trials, args.tier) for suite in suites))
    return 0


def _suite(config: Config, suite: str, ref: str, trials: int | None, tier: str | None) -> str:
    """What is told of one suite."""
    from evalsuite.cli.plan_gates import assumed, seen  # noqa: PLC0415
    from evalsuite.gate import policy_from  # noqa: PLC0415
    from evalsuite.runner.tiers import tier_run  # noqa: PLC0415
    from evalsuite.snapshot import open_ref, snapshot_folder, stored_runs  # noqa: PLC0415

    folder = snapshot_folder(config, suite)
    if not ref and not folder.exists() and not list(stored_runs(config, suite)):
        if tier is not None:
            raise OptionError(f"{suite}: its tiers are known from the first run on: pytest --evals")
        run, told = assumed(config, suite)
        policy = policy_from(run.manifest.policy)
    else:
        run, source = open_ref(ref or ("snapshot" if folder.exists() else "last"), config, suite)
        told, policy = f"{suite}, run {run.manifest.run}", policy_of(run, source)
    if tier is not None:
        run = tier_run(run, tier)
        told, policy = f"{told}, tier {tier}", policy_from(run.manifest.policy)
    if trials is not None:
        run = replace(run, manifest=replace(run.manifest, trials=trials))
    return f"{seen(run, policy, told)}\n\n{_takes(config, run, trials)}"


def _measure(suite: str, cases: int, tier: str | None) -> None:
    """Run a sample, the same one each time."""
    sample = ["-p", "evalsuite.plugin.sample", f"--evals-sample={cases}"]
    sample += [f"--evals-sample-of={suite}", *([f"--evals-tier={tier}"] if tier else [])]
    command = [sys.executable, "-m", "pytest", "--evals", *sample]
    done = subprocess.run(  # noqa: S603 (this Python, and a suite's name)
        command, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 5:
        raise DataError(f"no case of a suite {suite!r} is collected here by pytest --evals")
    if done.returncode not in _FINISHED:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_SHOWN:])
        raise EvalsuiteError(f"the sample could not run (status {done.returncode}):\n{told}")


def _takes(config: Config, run: Run, trials: int | None) -> str:
    """What the next run like `run` takes, at most."""
    from evalsuite.runner import forecast  # noqa: PLC0415

    suite, tier = run.manifest.suite, run.manifest.tier
    known = forecast.basis(config, suite, tier)
    about = run.manifest if known is None else known.manifest
    cases = len(run.rows) if tier else cases_of(config, about)
    trials = trials or (run.manifest if tier else about).trials
    if known is None:
        made = forecast.by_the_clock(config, suite, cases * trials)
    else:
        made = forecast.forecast(known, cases * trials, config)
    if made is None or not made.calls:
        return (
            "What the next run takes is not known: no run here asked a model afresh "
            f"(to measure it: evalsuite plan {suite} --measure 5)"
        )
    rows = [
        ("the next run", f"{cases} cases, {trials} {'trial' if trials == 1 else 'trials'} each"),
        ("calls", f"{made.calls:,} at most"),
        ("tokens", f"{made.tokens:,}"),
        ("money", forecast.money(made.usd)),
        ("time", f"{forecast.minutes(made.seconds)}, {config.concurrency} at once"),
    ]
    basis = (
        f"From {made.sample:,} answers of run {made.known}. What the store has is not asked again."
    )
    return f"{table(rows)}\n\n{basis}"


def cases_of(config: Config, known: Manifest) -> int:
    """The golden cases as they are now; as they were where they can't be read."""
    from evalsuite import golden  # noqa: PLC0415

    try:
        return len(golden.load_spec(str(known.golden["name"]), config.golden_dir).cases)
    except (EvalsuiteError, KeyError):
        return known.expected
