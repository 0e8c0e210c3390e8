"""One line that says how far a run is, on a terminal; nothing under CI, `-q` or a pipe."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from evalsuite.runner.counts import Counts

_EVERY = 0.1  # seconds between two draws
_SELDOM = 15.0  # seconds between two lines where none is drawn
_BETWEEN = " · "


class Progress:
    """`show()` after each case; while it draws, cases print no letters of their own."""

    def __init__(self, config: pytest.Config, worker: bool) -> None:
        self._config = config
        self._worker = worker
        self.said: list[str] = []
        self._state: Callable[[], str] = str
        self._counts: Mapping[Any, Counts] = {}
        self._total = 0
        self._began = 0.0
        self._drawn = 0.0
        self._wide = 0
        self._allowed = not worker and not os.environ.get("CI") and config.get_verbosity() == 0

    @property
    def drawing(self) -> bool:
        return bool(self._total) and self._allowed and self._writer() is not None

    def start(
        self, counts: Mapping[Any, Counts], total: int, state: Callable[[], str] = str
    ) -> None:
        """`state` says what all wait for, "" for nothing."""
        self._counts, self._total, self._began = counts, total, time.monotonic()
        self._state = state

    def quiet(self, status: tuple[str, str, Any]) -> tuple[str, str, Any]:
        """A status without its letter while the line is drawn; it is counted all the same."""
        return (status[0], "", "") if self.drawing else status

    def show(self) -> None:
        now = time.monotonic()
        if now - self._drawn < (_EVERY if self.drawing else _SELDOM):
            return
        state = self._state()
        if not self.drawing:
            self._tell(state, now)
            return
        self._drawn = now
        parts = line(list(self._counts.values()), self._total, now - self._began)
        if state:
            parts.insert(0, state)
        while len(parts) > 1 and len(_BETWEEN.join(parts)) >= self._writer().fullwidth:
            parts.pop()
        self._write(_BETWEEN.join(parts))

    def stop(self) -> None:
        if self.drawing:
            self._write("")
        self._total = 0

    def say(self, text: str) -> None:
        """A line of its own, once; a worker's is said where its results are read."""
        self.said.append(text)
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if not self._worker and reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"evalsuite: {text}")

    def _tell(self, state: str, now: float) -> None:
        """A line of its own, now and then, where none is drawn: a log that stands still for
        minutes looks like a run that hangs."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if state and not self._worker and reporter is not None:
            self._drawn = now
            reporter.ensure_newline()
            reporter.write_line(f"evalsuite: {state}")

    def _write(self, text: str) -> None:
        writer = self._writer()
        text = text[: writer.fullwidth - 1]
        writer.write("\r" + text.ljust(self._wide) + ("\r" if not text else ""), flush=True)
        self._wide = len(text)

    def _writer(self) -> Any:
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not reporter.isatty:
            return None
        return reporter._tw


def line(counts: list[Counts], total: int, seconds: float) -> list[str]:
    """Cases done, failed, running; time left; calls, tokens, money: the first to know first."""
    done = sum(each.done for each in counts)
    parts = [f"{done}/{total} cases"]
    failed = sum(each.failed for each in counts)
    if failed:
        parts.append(f"{failed} failed")
    parts.append(f"{sum(each.running for each in counts)} running")
    if 0 < done < total:
        left = seconds / done * (total - done)
        parts.append(f"{left:.0f} s left" if left < 120 else f"{left / 60:.0f} min left")
    fresh, stored = sum(each.fresh for each in counts), sum(each.stored for each in counts)
    parts.append(f"{fresh} calls" + (f" + {stored} stored" if stored else ""))
    tokens = sum(each.input_tokens + each.output_tokens for each in counts)
    parts.append(f"{tokens:,} tokens")
    costs = [each.cost for each in counts]
    if None in costs:
        parts.append("cost unknown")
    elif sum(each or 0.0 for each in costs):
        parts.append(f"${sum(each or 0.0 for each in costs):.2f}")
    return parts
