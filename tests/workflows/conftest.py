from __future__ import annotations

import os
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
    environment = {
        "COLUMNS": "100",
        "GITHUB_API_URL": hub.url,
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "evalsuite.plugin",
    }
    with hosting(tmp_path, forks, environment, hub.token) as found:
        yield found
