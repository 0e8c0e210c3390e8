"""`evalsuite aa`: unchanged code beside itself, and how often this gate would have blocked it."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalsuite.cli.runs import policy_of
from evalsuite.cli.screen import show, table
from evalsuite.config import Config, load_config
from evalsuite.errors import DataError, EvalsuiteError, OptionError

if TYPE_CHECKING:
    from evalsuite.gate.against_itself import Alarms
    from evalsuite.records import Run
    from evalsuite.stats.shocks import Shock

STRIDE = 1_000
"""Numbers of trials that each run has for itself; runs of the suite have the first ones."""

_FINISHED = (0, 1)
"""pytest's exit status where a run came to its end; 1: a must_pass case failed."""

_SHOWN = 20
"""Lines of pytest's output that are repeated where a run failed."""


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    command = subparsers.add_parser(
        "aa",
        help="run unchanged code against itself: the false alarms of this gate on these data",
        description="Runs a suite several times with trials that no run had before, compares the "
        "runs with each other, and tells how often the gate would have blocked, and how far whole "
        "runs are apart. The result, to be committed beside the snapshot, widens the margin.",
        epilog="example: evalsuite aa askacme --runs 5",
    )
    command.add_argument("suite", metavar="SUITE")
    command.add_argument("--runs", type=int, default=5, metavar="N", help="3 to 40; default 5")
    command.add_argument(
        "--draws", type=int, default=1_000, metavar="N", help="exchanges of trials; default 1000"
    )
    command.add_argument("--yes", action="store_true", help="don't ask whether to spend it")
    command.set_defaults(run=_aa)


def _aa(args: argparse.Namespace) -> int:
    from evalsuite.runner.itself import place_of  # noqa: PLC0415
    from evalsuite.snapshot import snapshot_folder  # noqa: PLC0415

    if not 3 <= args.runs <= 40:
        raise OptionError("--runs must be from 3 to 40")
    if not 1 <= args.draws <= 100_000:
        raise OptionError("--draws must be from 1 to 100000")
    config = load_config(Path.cwd())
    file = place_of(config.snapshot_dir, snapshot_folder(config, args.suite).name)
    if config.replay:
        raise OptionError("a replayed run is the same each time: take replay out of the settings")
    first = _begun(config, args.suite)
    numbers = [STRIDE * number for number in range(first, first + args.runs)]
    have = _stored(config, args.suite)
    wanted = [each for each in numbers if each not in have]
    show(_price(config, args.suite, len(wanted), args.runs))
    if wanted and sys.stdin.isatty() and not args.yes and not _agreed():
        return 0
    runs: list[Run] = []
    for number in numbers:
        if number not in have:
            _run(config, args.suite, number)
            have = _stored(config, args.suite)
        runs.append(_whole(config, args.suite, have, number))
        _same(config, args.suite, runs, number)
    show(_told(runs, policy_of(runs[0], have[numbers[0]]), args.draws, file))
    _begin(config, args.suite, first + args.runs)
    return 0


def _agreed() -> bool:
    try:
        return input("Run them? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _note(config: Config, suite: str) -> Path:
    return config.state_dir / "aa" / f"{suite}.json"


def _begun(config: Config, suite: str) -> int:
    """The number of the first run of the check that is under way, or of the next one."""
    try:
        first = json.loads(_note(config, suite).read_text(encoding="utf-8"))["first"]
    except (OSError, ValueError, KeyError, TypeError):
        first = 1 + max(_stored(config, suite), default=0) // STRIDE
        _begin(config, suite, first)
    if type(first) is not int or first < 1:
        raise DataError(f"{_note(config, suite)}: first must be a whole number from 1: delete it")
    return first


def _begin(config: Config, suite: str, first: int) -> None:
    note = _note(config, suite)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps({"first": first}), encoding="utf-8")


def _stored(config: Config, suite: str) -> dict[int, Path]:
    """The finished runs of checks, by the number from after which their trials are counted."""
    from evalsuite.snapshot import stored_runs  # noqa: PLC0415

    heads = [(head.manifest, folder) for head, folder in stored_runs(config, suite, "aa")]
    return {
        head.afresh: folder
        for head, folder in reversed(heads)
        if head.afresh and head.complete and not head.stopped and not head.partial
    }


def _price(config: Config, suite: str, runs: int, of: int) -> str:
    """What the runs take that are still to be made, at most."""
    from evalsuite.cli.plan import cases_of  # noqa: PLC0415
    from evalsuite.runner import forecast  # noqa: PLC0415

    said = f"{of} runs of {suite}, {of - runs} of them there already" if runs < of else ""
    known = forecast.basis(config, suite)
    if not runs or known is None:
        unknown = "what they take is not known: no run here called a model over a network"
        return said or f"{of} runs of {suite}; {unknown}"
    cases, trials = cases_of(config, known.manifest), known.manifest.trials
    made = forecast.forecast(known, cases * trials, config)
    usd = None if made.usd is None else runs * made.usd
    rows = [
        ("unchanged code", said or f"{runs} runs of {suite}, {cases} cases, trials: {trials}"),
        ("calls", f"{runs * made.calls:,} at most"),
        ("tokens", f"{runs * made.tokens:,}"),
        ("money", forecast.money(usd)),
        ("time", forecast.minutes(runs * made.seconds)),
    ]
    return table(rows)


def _module(config: Config, suite: str) -> list[str]:
    """The test module of the suite, if a run or the snapshot knows it: others need not be read."""
    from evalsuite.errors import SnapshotError  # noqa: PLC0415
    from evalsuite.snapshot import read_head, snapshot_folder, stored_runs  # noqa: PLC0415

    heads = [head for head, _ in stored_runs(config, suite)[:1]]
    with contextlib.suppress(SnapshotError):
        heads.append(read_head(snapshot_folder(config, suite)))
    files = [config.root / head.manifest.nodeid.partition("::")[0] for head in heads]
    return [str(file) for file in files if file.is_file()][:1]


def _run(config: Config, suite: str, number: int) -> None:
    """One run; what it paid is stored, so that the same number goes on where it was interrupted."""
    afresh = ["-p", "evalsuite.plugin.afresh", f"--evals-afresh={number}"]
    command = [sys.executable, "-m", "pytest", "--evals", *afresh, f"--evals-afresh-of={suite}"]
    command += _module(config, suite)
    done = subprocess.run(  # noqa: S603 (this Python, and a suite's name)
        command, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 5:
        raise DataError(f"no case of a suite {suite!r} is collected here by pytest --evals")
    if done.returncode not in _FINISHED:
        told = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_SHOWN:])
        raise EvalsuiteError(f"a run did not end (status {done.returncode}):\n{told}")


def _whole(config: Config, suite: str, have: dict[int, Path], number: int) -> Run:
    from evalsuite.snapshot import load  # noqa: PLC0415

    if number not in have:
        raise EvalsuiteError(
            f"a run of {suite} is not complete (a budget, or calls that failed): the same command "
            "goes on, what was paid is not paid again"
        )
    return load(have[number])


def _same(config: Config, suite: str, runs: Sequence[Run], number: int) -> None:
    """DataError where the code is no longer the one that the first run had."""
    one, two = runs[0].manifest, runs[-1].manifest
    names = ("subject", "golden", "policy", "metrics", "trials", "seed")
    differs = [name for name in names if getattr(one, name) != getattr(two, name)]
    if differs:
        _begin(config, suite, number // STRIDE)
        raise DataError(
            f"{', '.join(differs)} changed since the first run of this check: the same command "
            "begins anew with the code as it is now"
        )


def _told(runs: Sequence[Run], policy: Any, draws: int, file: Path) -> str:
    """What the runs say, and where it was written."""
    from evalsuite.gate.against_itself import exchanged, paired, shocks  # noqa: PLC0415
    from evalsuite.snapshot import shown  # noqa: PLC0415

    pairs, mixed, found = paired(runs, policy), exchanged(runs, policy, draws), shocks(runs)
    _write(runs, pairs, mixed, found, file)
    rows = [
        ("false alarms", "rate", "95% CI", "holds if"),
        (f"{pairs.blocked} of {pairs.compared} pairs of runs", *_rate(pairs), _PAIRS),
        (f"{mixed.blocked} of {mixed.compared} exchanges of trials", *_rate(mixed), _MIXED),
    ]
    lines = [("metric", "cases", "shock between runs", "95% CI", "noise explains", "margin")]
    lines += [(name, f"{each.cases:,}", *_shock(each)) for name, each in found.items()]
    return (
        f"{len(runs)} runs of {runs[0].manifest.suite}, {len(runs[0].rows)} cases\n\n"
        f"{table(rows)}\n\n{table(lines)}\n\nPoints are percent of a metric's range. "
        f"Commit {shown(file)}: the gate reads it."
    )


_PAIRS = "runs are independent"
_MIXED = "cases are, and no shock moves a whole run"


def _rate(found: Alarms) -> tuple[str, str]:
    return f"{100 * found.rate:.1f}%", f"{100 * found.low:.1f}% to {100 * found.high:.1f}%"


def _shock(each: Shock) -> tuple[str, str, str, str]:
    wider = f"+{100 * each.upper:.1f} points" if each.upper else "as it is"
    interval = f"{100 * each.low:.1f} to {100 * each.high:.1f}"
    return f"{100 * each.sd:.1f} points", interval, f"{100 * each.noise:.1f}", wider


def _write(runs: Sequence[Run], pairs: Alarms, mixed: Alarms, found: Any, file: Path) -> None:
    from evalsuite.runner.itself import Found, Itself, measure_of, write_itself  # noqa: PLC0415

    manifest = runs[0].manifest
    measures = {metric.name: measure_of(metric) for metric in manifest.metrics}
    write_itself(
        file,
        Itself(
            suite=manifest.suite,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            runs=len(runs),
            models={role: part.key for role, part in manifest.subject.models.items()},
            shocks={
                name: Found(
                    measure=measures[name],
                    sd=round(each.sd, 6),
                    low=round(each.low, 6),
                    high=round(each.high, 6),
                    upper=round(each.upper, 6),
                    cases=each.cases,
                )
                for name, each in found.items()
                if name in measures
            },
            pairs=[pairs.blocked, pairs.compared, pairs.low, pairs.high],
            exchanged=[mixed.blocked, mixed.compared, mixed.low, mixed.high],
        ),
    )
