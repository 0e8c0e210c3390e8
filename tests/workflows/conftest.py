from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "hub"))  # the server is told and tried there

from forks import Forks
from github_server import GitHub, serving
from hosted import Hosted, hosting


@pytest.fixture
def hub() -> Iterator[GitHub]:
    """A repository on a server of this machine."""
    with serving() as found:
        yield found


@pytest.fixture
def host(tmp_path: Path, forks: Forks, hub: GitHub) -> Iterator[Hosted]:
    """What runs that repository's workflows."""
    with hosting(tmp_path, forks) as found:
        found.answers(hub)
        yield found
