"""pytest's words into ours: options, arguments, errors, signals."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evalsuite.backends.calls import QUIET
from evalsuite.config import config_from
from evalsuite.errors import DataError, EvalsuiteError, OptionError, SuiteError, plain
from evalsuite.variants import ROLE
from evalsuite.wording import blot


def plain_message(error: BaseException) -> tuple[str, int]:
    """The message and exit status of an error of ours, wherever it lies in the chain; ("", 0) for
    any other."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, EvalsuiteError):
            return str(seen), seen.exit_code
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    if isinstance(error, TypeError) and _about_arguments(str(error)):
        return plain(f"{_user_place(error)}: {error}"), SuiteError.exit_code
    return "", 0


def _about_arguments(message: str) -> bool:
    """Whether Python refused a call of ours: `suite(...)`, `Gate(...)`, `Slice(...)`."""
    return message.startswith(("suite()", "Gate.__init__()", "Slice.__init__()"))


def _user_place(error: BaseException) -> str:
    """Where the last line of a user's lies that led to an error."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "a suite"


def options_of(config: pytest.Config) -> dict[str, Any]:
    """The command line's settings, checked as the file's are."""
    given: dict[str, Any] = {
        name: config.getoption(f"evals_{name}")
        for name in ("concurrency", "timeout", "seed", "trials", "budget", "replay", "tier")
    }
    backends = {}
    for spec in config.getoption("evals_backend") or []:
        role, equals, rest = spec.partition("=")
        if equals and ROLE.fullmatch(role) and role != "embedded":
            backends[role] = rest
        else:
            backends["default"] = spec
    given["backends"] = backends or None
    given["release"] = config.getoption("evals_release")
    table = {name: value for name, value in given.items() if value is not None}
    try:
        config_from(table, config.rootpath, "command line")
    except OptionError as error:
        message = str(error).replace("command line: [tool.evalsuite] ", "--evals-")
        raise pytest.UsageError(message) from None
    given["release_gates"] = True if given["release"] else None
    given["afresh"] = config.getoption("evals_afresh", None)
    return given


_OF_PYTEST = re.compile(
    r"--(basetemp|junit-?xml|tb|color|durations|durations-min|maxfail|verbosity|log-.*|cov.*|"
    r"dist|numprocesses|evals-.*)(=.*)?|--(lf|ff|nf|sw|last-failed|failed-first|exitfirst|quiet|"
    r"verbose|no-header|no-summary|collect-only|co|evals)|-[qvxsl]+|-r.*|-n(\d+|auto|logical)"
)
"""Arguments that select, print or distribute, or that the harness itself keys."""

_FLAGS = frozenset({"--evals-sequential", "--evals-changed", "--evals-plan"})
_WITH_VALUE = frozenset({"-k", "-m", "-n", "--basetemp", "--tb", "--color", "--maxfail", "--dist"})


def arguments_of(config: pytest.Config, worker: Mapping[str, Any] | None) -> list[str]:
    """The command's arguments as they were typed; xdist's workers get their controller's."""
    if worker is not None:
        return list(worker["evalsuite"]["arguments"])
    return [str(each) for each in config.invocation_params.args]


def configured(config: pytest.Config) -> list[str]:
    """Arguments that come from the settings' file and the environment."""
    return [*config.getini("addopts"), *shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))]


def settings_files(config: pytest.Config, roots: Iterable[Path]) -> list[Path]:
    """What answers may depend on through settings: pytest's file, which may lie above the evals'
    root, and theirs, whichever of them pytest took."""
    own = [root / name for root in sorted(roots) for name in ("pyproject.toml", "evalsuite.toml")]
    return [each for each in dict.fromkeys([config.inipath, *own]) if each and each.is_file()]


def telling(arguments: Sequence[str], selected: Sequence[str] = ()) -> list[str]:
    """Those arguments that a fixture could hand to a target: options of the user's own, and none
    of the files and ids that were `selected`."""
    kept = []
    after = ""
    for argument in arguments:
        valued = after.startswith("--evals-") and after not in _FLAGS
        selecting = after in _WITH_VALUE or valued or argument in selected
        if not selecting and not _OF_PYTEST.fullmatch(argument) and argument not in _WITH_VALUE:
            kept.append(argument)
        after = argument if "=" not in argument and not selecting else ""
    return kept


def command_of(arguments: list[str]) -> str:
    """What to type to do this again."""
    return blot(shlex.join(["pytest", *arguments]))


@contextmanager
def or_stop(stop: Callable[[str, int], None]) -> Generator[None, None, None]:
    """What can't be read or written stops the session with its message and status."""
    try:
        yield
    except EvalsuiteError as error:
        stop(str(error), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        stop(plain(f"{where}{error.strerror or error}"), DataError.exit_code)


@contextmanager
def quietly() -> Generator[None, None, None]:
    token = QUIET.set(True)
    try:
        yield
    finally:
        QUIET.reset(token)


@contextmanager
def terminated_as_interrupt(main: bool) -> Generator[None, None, None]:
    """SIGTERM ends a run as Ctrl-C does, so that what is finished is kept and said."""
    if not main or sys.platform == "win32":
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
