"""Who asks whether a path is there: the one thing that Python does without an audit event.

`os.path.exists`, `Path.is_file` and their like ask `os.stat` and `os.access` by name, so standing
in for these two while cases run shows what was asked for. (On Windows some ask the system itself.)
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any


def watch_presence(asked: Callable[[Any], None]) -> Callable[[], None]:
    """Call `asked(path)` for each question from now on; returns what ends it."""
    undo = [_stand_in(name, asked) for name in ("stat", "access")]

    def stop() -> None:
        for each in undo:
            each()

    return stop


def _stand_in(name: str, asked: Callable[[Any], None]) -> Callable[[], None]:
    real = getattr(os, name)

    @functools.wraps(real)
    def watched(path: Any, *rest: Any, **options: Any) -> Any:
        asked(path)
        return real(path, *rest, **options)

    # `os.stat in os.supports_fd` is how callers learn what they may ask.
    known = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks)
    sets = [each for each in (*known, os.supports_effective_ids) if real in each]
    for each in sets:
        each.add(watched)
    setattr(os, name, watched)

    def stop() -> None:
        if getattr(os, name) is watched:  # else somebody stands in for us, and asks us on
            setattr(os, name, real)
            for each in sets:
                each.discard(watched)

    return stop
