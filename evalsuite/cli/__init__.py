"""The `evalsuite` command: compare, gate, explain and accept runs that already exist.

It starts light: a command imports what it needs when it runs, so that `--help` is immediate.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NoReturn

from evalsuite.cli import (
    aa,
    backtest,
    ci,
    correlate,
    history,
    plan,
    probe,
    rate,
    runs,
    snapshots,
    store,
)
from evalsuite.cli.screen import hush
from evalsuite.errors import EvalsuiteError, OptionError, did_you_mean, plain

EXAMPLES = """\
examples:
  evalsuite runs                                 what was run here
  evalsuite diff git:main last                   the last run beside the snapshot of main
  evalsuite gate snapshot last                   decide it again; the exit status is the gate's
  evalsuite explain "checks, topic=legal"        what a gate saw, means, and asks for
  evalsuite accept --from-run last --reason "shorter answers, reviewed"
  evalsuite resolve                              merge snapshots that two branches accepted

A run is named by its id, its folder, "last", "snapshot", or "git:REVISION" such as git:main.
Exit status: 0 clear, 1 blocked, 2 unusable data, 4 unusable options, 10 inconclusive where that
must stop, 11 incomparable, 12 GitHub refused or did not answer, 130 interrupted.
"""


class _Parser(argparse.ArgumentParser):
    """An option that can't be used is an OptionError as any other: status 4, one message.

    Names are written out, so that a new option never changes what an old command line means.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = did_you_mean(str(value)[:80], map(str, action.choices))
            raise argparse.ArgumentError(action, f"no {str(value)[:80]!r}: {near}")

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message} ({self.prog} --help explains)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        args = _parser(given).parse_args(given)
        status: int = args.run(args)
        sys.stdout.flush()
    except EvalsuiteError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        hush()
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", 2)
    return status


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="evalsuite",
        description="Compare, gate, explain and accept runs of pytest --evals. Calls are made by "
        "probe, aa, plan --measure, correlate --metric, and judge calibrate, compare and attack.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"evalsuite {version('evalsuite')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    runs.register(commands)
    plan.register(commands)
    aa.register(commands)
    backtest.register(commands)
    history.register(commands)
    snapshots.register(commands)
    probe.register(commands)
    store.register(commands)
    rate.register(commands)
    correlate.register(commands)
    ci.register(commands)
    _golden(commands, given)
    _judge(commands, given)
    return parser


def _judge(commands: argparse._SubParsersAction[Any], given: Sequence[str]) -> None:
    """As `_golden`: judges need more imports."""
    if given[:1] == ["judge"]:
        from evalsuite.cli import judge  # noqa: PLC0415

        judge.register(commands)
    else:
        commands.add_parser(
            "judge", help="list, calibrate, compare and attack judges; import and export labels"
        )


def _golden(commands: argparse._SubParsersAction[Any], given: Sequence[str]) -> None:
    """Its parser is only built when it is asked for: golden datasets need more imports."""
    if given[:1] == ["golden"]:
        from evalsuite.cli import golden  # noqa: PLC0415

        golden.register(commands)
    else:
        commands.add_parser("golden", help="list, add, lint, diff, release and count golden cases")


def _fail(message: str, status: int) -> int:
    text = plain(f"evalsuite: {message}").replace("\n", "\n  ")
    sys.stderr.write(text + "\n")
    return status
