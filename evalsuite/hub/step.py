"""What a step of a workflow hands to its runner: the page of its summary."""

from __future__ import annotations

import os
from pathlib import Path

from evalsuite.errors import DataError, OptionError
from evalsuite.report.escape import code_span
from evalsuite.runner.ended import ENDED, read

LIMIT = 1_000_000
"""Bytes of one step's summary; beyond 1 MiB the host shows none of it."""


def summary_file() -> Path | None:
    """The file that the runner shows as this step's summary."""
    named = os.environ.get("GITHUB_STEP_SUMMARY", "")
    return Path(named) if named else None


def output(name: str, value: str) -> None:
    """Set an output of this step; `value` is one line.

    Raises:
        OptionError: this is no step of the host.
    """
    named = os.environ.get("GITHUB_OUTPUT", "")
    if not named:
        raise OptionError("GITHUB_OUTPUT names no file: this is for a step of GitHub Actions")
    with Path(named).open("a", encoding="utf-8") as handle:
        handle.write(f"{name}={value}\n")


def append(file: Path, text: str) -> None:
    """Add Markdown below what the step wrote before.

    Raises:
        OptionError: both together would be more than is shown, so nothing was written.
    """
    before = file.stat().st_size if file.exists() else 0
    data = text.encode("utf-8", "replace")
    if before + len(data) > LIMIT:
        raise OptionError(
            f"the step's summary would be {before + len(data)} bytes, and one of more than "
            f"{LIMIT} is not shown: run this in a step of its own"
        )
    with file.open("ab") as handle:
        handle.write(data if not before else b"\n" + data)


def without_run(state: Path) -> str:
    """Why the session that left its end in a state folder ran no suite, as Markdown."""
    try:
        ended = read(state / ENDED)
    except DataError:
        return "**evals**: no suite was run: pytest did not come to its end. The log says why.\n"
    if not ended.said:
        return "**evals**: no suite was run. Those left out as unchanged are in the log.\n"
    causes = [f"- {code_span(each)}" for each in ended.causes]
    return "\n".join([f"**evals**: {ended.said}. The log says more.", "", *causes, ""])
