"""pytest's words into ours: options, arguments, errors, signals."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from evalsuite.backends.recording import QUIET
from evalsuite.config import config_from
from evalsuite.errors import EvalsuiteError, OptionError


def plain_message(error: BaseException) -> str:
    """The message of an error of ours, wherever it lies in the chain; "" for any other."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, EvalsuiteError):
            return str(seen)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    if isinstance(error, TypeError) and str(error).startswith("suite()"):
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}: " if frame else ""
        return f"{where}{error}"
    return ""


def options_of(config: pytest.Config) -> dict[str, Any]:
    """The command line's settings, checked as the file's are."""
    given: dict[str, Any] = {
        name: config.getoption(f"evals_{name}")
        for name in ("concurrency", "timeout", "seed", "replay")
    }
    backends = {}
    for spec in config.getoption("evals_backend") or []:
        role, equals, rest = spec.partition("=")
        if equals and role.isidentifier() and role != "embedded":
            backends[role] = rest
        else:
            backends["default"] = spec
    given["backends"] = backends or None
    table = {name: value for name, value in given.items() if value is not None}
    try:
        config_from(table, config.rootpath, "command line")
    except OptionError as error:
        message = str(error).replace("command line: [tool.evalsuite] ", "--evals-")
        raise pytest.UsageError(message) from None
    return given


def arguments_of(config: pytest.Config, worker: Mapping[str, Any] | None) -> list[str]:
    if worker is not None:
        return list(worker["evalsuite"]["arguments"])
    return [str(each) for each in config.invocation_params.args]


def command_of(arguments: list[str]) -> str:
    """What to type to do this again."""
    return shlex.join(["pytest", *arguments])


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
