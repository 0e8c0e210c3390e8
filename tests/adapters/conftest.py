"""What tests of metrics of other libraries share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import Served, serving


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server whose lists have two entries each."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(lists=2) as served:
        yield served
