"""Hundreds of refused runs in this process: each is spared what only costs time."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_source_of_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest parses the source of all its own frames when errors end a collection, to show it
    under --full-trace only; that is half of the time of such a run."""
    getrepr = pytest.ExceptionInfo.getrepr

    def cheaper(info: pytest.ExceptionInfo[BaseException], *given: Any, **named: Any) -> Any:
        if isinstance(info.value, pytest.Session.Interrupted):
            return getrepr(info, style="native")
        return getrepr(info, *given, **named)

    monkeypatch.setattr(pytest.ExceptionInfo, "getrepr", cheaper)
