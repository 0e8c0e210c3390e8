from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from github_server import GitHub, serving
from hub_desk import Desk


@pytest.fixture
def hub() -> Iterator[GitHub]:
    """A repository on a server of this machine."""
    with serving() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, hub: GitHub, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, hub, monkeypatch)
