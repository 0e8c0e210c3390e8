"""What can be known of a place again: a file's content, a folder's names, whether a thing is there.

A stored output stands as long as every look that its process took would see the same again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from importlib.machinery import PathFinder
from typing import Final, Literal

from evalsuite.backends.calls import QUIET
from evalsuite.canonical import KEY_LENGTH, key

How = Literal["read", "list", "test", "import"]

SAYS: Final[dict[How, str]] = {
    "read": "a file that the target reads has changed",
    "list": "a folder that the target lists has changed",
    "test": "a path that the target asks for has come or gone",
    "import": "a module that the target tries to import has come or gone",
}

TOOLS = frozenset(
    (
        *(".coverage", ".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
        *("__pycache__", ".DS_Store"),
    )
)
"""Names that tools put into a folder; no listing of it is another one for them."""

_LOGS = ("-wal", "-journal")
"""Beside a database: as long as it is open, an empty one may come and go."""

_CHUNK = 1 << 20
STAT = os.stat
"""The system's own, also while `presence` watches who asks it."""


def look(how: How, what: str) -> str:
    """What is there now, as text to be compared; "" where nothing is."""
    token = QUIET.set(True)
    try:
        if how == "read":
            kind = "" if what.endswith(_LOGS) else kind_of(what)
            return hash_file(what) or kind
        if how == "list":
            return _names(what)
        return kind_of(what) if how == "test" else _module(what)
    except (OSError, ValueError):
        return ""
    finally:
        QUIET.reset(token)


def hash_file(path: str) -> str:
    """The digest of a regular file of any size, "" for anything else."""
    if kind_of(path) != "file" or (path.endswith(_LOGS) and STAT(path).st_size == 0):
        return ""
    found = hashlib.sha256()
    with open(path, "rb") as handle:  # noqa: PTH123 (called for every file a target opens)
        while chunk := handle.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()[:KEY_LENGTH]


def kind_of(path: str) -> str:
    """ "file", "folder", "other" (a pipe, a device), or "" where nothing is."""
    try:
        mode = STAT(path).st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode):
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "other"


def _names(folder: str) -> str:
    return key("names", sorted(map(ascii, set(os.listdir(folder)) - TOOLS)))  # noqa: PTH208


def _module(name: str) -> str:
    """Where a module would come from, without importing it or its parents."""
    if name in sys.modules:
        return "loaded"
    parent, _, _ = name.rpartition(".")
    path = getattr(sys.modules.get(parent), "__path__", None) if parent else None
    if parent and path is None:
        return ""
    spec = PathFinder.find_spec(name, path)
    return "" if spec is None else "found"
