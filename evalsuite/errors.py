"""Every error that evalsuite raises on purpose.

EvalsuiteError            say what, where, and the remedy; never shown with a traceback
├── OptionError           a command line option or a setting           (exit 4)
├── DataError             something that was read from a file          (exit 2)
│   ├── GoldenError       a golden dataset: all problems of a file at once
│   ├── SuiteError        a suite, its gate, or a judge card
│   └── SnapshotError     a snapshot or a stored run
├── HubError              GitHub refused, or did not answer            (exit 12)
├── MissingExtra          an optional package that a feature needs     (exit 4)
└── BackendError          a provider did not answer; never a score
    └── RunStopped        it was not asked, since the run has ended
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

_COMMAND = re.compile(r"^(\s*)(::|##\[)", re.MULTILINE)


def plain(text: str) -> str:
    """Names and messages with control and invisible characters spelled out.

    No line of it starts as a command of a build host does ("::", "##[").
    """
    spelled = "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text
    )
    return _COMMAND.sub(r"\1·\2", spelled)


class EvalsuiteError(Exception):
    """Base of all; ``str(error)`` is the whole message for a person, and inert on a terminal
    whatever names and values it quotes."""

    exit_code = 2

    def __str__(self) -> str:
        return plain(super().__str__())


class OptionError(EvalsuiteError):
    exit_code = 4


class DataError(EvalsuiteError):
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in a file. `line` counts from 1, 0 where a line makes no sense."""

    path: str
    line: int
    field: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        field = f" {self.field}:" if self.field else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{where}:{field} {self.message}{remedy}"


class ProblemsError(DataError):
    """An error that lists every problem of what was read, each with its place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class GoldenError(ProblemsError):
    pass


class SuiteError(DataError):
    pass


class SnapshotError(DataError):
    pass


class MissingExtra(EvalsuiteError):
    """The remedy is right wherever evalsuite was installed from: pip takes what is installed and
    adds what the extra names."""

    exit_code = 4

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional package: pip install 'evalsuite[{extra}]'")


class HubError(EvalsuiteError):
    """What was to be read from GitHub or written there was not. `status` is that of its reply, 0
    without one."""

    exit_code = 12

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


Fault = Literal["transient", "throttled", "request", "provider"]
"""Whom a provider's failure concerns: this attempt, the pace of all calls, this request however
often it is made, or every request (a key refused, a model unknown, a quota used up)."""


class BackendError(EvalsuiteError):
    """The provider failed: transport, limits, a reply that is none. Never cached, never scored.

    `after` is how many seconds the provider asks to wait, None where it does not say; `status` the
    HTTP status of its reply, None where there was none.
    """

    def __init__(
        self, message: str, *, fault: Fault = "request", after: float | None = None
    ) -> None:
        super().__init__(message)
        self.fault: Fault = fault
        self.after = after
        self.status: int | None = None


class RunStopped(BackendError):
    """The run has ended (a budget, a deadline, a provider that refuses everything): this call was
    not made. Its case is missing, not failed, and asked by the next run."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """'did you mean "x"?' for the closest of `known`, else the list of what is known."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    between = "; " if any("," in each for each in known) else ", "
    return f"known: {between.join(known)}" if known else "none is known"
