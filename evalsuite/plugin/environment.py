"""The process's environment stands still while targets read it beside pytest."""

from __future__ import annotations

import pytest
from _pytest import runner

_NOTE = "_update_current_test_var"


def keep_still(config: pytest.Config) -> None:
    """Until the session's end pytest does not note in the environment which item is at work.

    It would take the note out again while targets go through the environment in their threads, as
    urllib does for every request, and one that meets the note as it goes fails with a KeyError.
    """
    update = getattr(runner, _NOTE, None)
    if update is not None:
        setattr(runner, _NOTE, lambda item, when: None)
        config.add_cleanup(lambda: setattr(runner, _NOTE, update))
