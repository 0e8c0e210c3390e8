"""The circuit breaker: where most calls fail, all wait, and a few probes ask whether it is over.

It fails no call: what fails while the breaker is open is no attempt of its own.
"""

from __future__ import annotations

from collections import deque

_LEAST = 20
"""Calls from which on a share of them says something; fewer do if all of them failed."""

_ALL = 8
_AGE = 0.25
"""Parts of the window that failures must have lasted: a moment of them is what retries are for."""

_FIRST, _LONGEST = 0.25, 1.5
"""Parts of the window that the first pause takes, and the longest; each is twice the one before."""

_PROBES = 3


class Breaker:
    """Whether calls may go. Times are seconds of one steady clock; `window` of them are looked back
    on."""

    def __init__(self, window: float = 20.0) -> None:
        self.openings = 0
        self._window = window
        self._seen: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._until: float | None = None
        self._pause = _FIRST * window
        self._probes = 0
        self._answers: list[bool] = []

    @property
    def open(self) -> bool:
        return self._until is not None

    def delay(self, now: float) -> float:
        """Seconds until a call may go; inf while the probes are under way."""
        if self._until is None:
            return 0.0
        if now < self._until:
            return self._until - now
        return 0.0 if self._probes < _PROBES else float("inf")

    def sent(self) -> None:
        if self._until is not None:
            self._probes += 1

    def ended(self, now: float, ok: bool) -> None:
        """A call was answered, or failed in a way that concerns the provider."""
        if self._until is not None:
            self._probed(now, ok)
            return
        if ok and not self._failed:
            return  # what never fails is not kept count of
        self._seen.append((now, ok))
        self._failed += not ok
        while self._seen[0][0] < now - self._window:
            self._failed -= not self._seen.popleft()[1]
        count, since = len(self._seen), now - self._seen[0][0]
        most = count >= _LEAST and 2 * self._failed >= count
        if since >= _AGE * self._window and not ok and (most or self._failed == count >= _ALL):
            self._open(now)

    def gone(self) -> None:
        """A call ended without saying anything of the provider."""
        self._probes = max(0, self._probes - 1)

    def _open(self, now: float) -> None:
        self.openings += 1
        self._until = now + self._pause
        self._probes = 0
        self._answers = []

    def _probed(self, now: float, ok: bool) -> None:
        if self._until is None or now < self._until:
            return  # it was under way when the breaker opened
        self._probes = max(0, self._probes - 1)
        self._answers.append(ok)
        good = sum(self._answers)
        if 2 * good >= max(_PROBES, len(self._answers)):
            self._until, self._pause = None, _FIRST * self._window
            self._seen.clear()
            self._failed = 0
        elif len(self._answers) - good >= _PROBES:
            self._pause = min(_LONGEST * self._window, 2.0 * self._pause)
            self._open(now)
