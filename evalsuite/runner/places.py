"""Where what a path or an open file's number names really lies."""

from __future__ import annotations

import os
import sys

from evalsuite.backends.calls import QUIET

_READLINK = os.readlink
"""The system's own, also while `presence` watches who asks it."""


def path_of(place: object, folder: object = None) -> str:
    """An absolute path, as far as possible the one that was named; below the open `folder` if one
    is given. "" for what has no path: a pipe, a socket, an open file where no system tells.

    Raises:
        LookupError: `place` is relative to an open folder, and the system does not tell which.
    """
    if isinstance(place, int):
        return opened(place) or ""
    try:
        name = os.fsdecode(place)  # type: ignore[arg-type]
        if isinstance(folder, int) and not os.path.isabs(name):  # noqa: PTH117
            below = opened(folder)
            if not below:
                raise LookupError
            name = os.path.join(below, name)  # noqa: PTH118
        short = os.path.abspath(name)  # noqa: PTH100 (called for every file a target opens)
        if os.pardir in name and real(short) != real(name):
            return os.path.join(os.getcwd(), name)  # noqa: PTH109, PTH118 (up from a link's target)
    except (TypeError, ValueError, OSError):
        return ""
    return short


def opened(number: int) -> str | None:
    """The path of what is open under a number, "" for a pipe or socket; None: can't be told."""
    if sys.platform == "linux":
        try:
            found = _READLINK(f"/proc/self/fd/{number}")
        except OSError:
            return None
        return found if found.startswith("/") else ""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 (there is none on Windows)

        try:
            return os.fsdecode(fcntl.fcntl(number, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
        except OSError:
            return ""
    return None


def real(path: str) -> str:
    """The path without links, "" where they lead in a ring."""
    token = QUIET.set(True)
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return ""
    finally:
        QUIET.reset(token)
