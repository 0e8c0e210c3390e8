from __future__ import annotations

from collections.abc import Iterator

import pytest
from github_server import GitHub, serving


@pytest.fixture
def hub() -> Iterator[GitHub]:
    """A repository on a server of this machine."""
    with serving() as found:
        yield found
