"""What can be known of a place again: a file's content, a folder's names, what a link leads to.

A stored output stands as long as every look that its process took would see the same again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Final, Literal

from evalsuite.backends.calls import QUIET
from evalsuite.canonical import KEY_LENGTH, key
from evalsuite.runner.places import real

How = Literal["read", "list", "test", "state", "lstate", "link", "import"]

SAYS: Final[dict[How, str]] = {
    "read": "a file that the target reads has changed",
    "list": "a folder that the target lists has changed",
    "test": "a path that the target asks for has come, gone or another kind",
    "state": "a file whose size or time the target asks for has changed",
    "lstate": "a file whose size or time the target asks for has changed",
    "link": "a path that the target follows has come, gone or leads elsewhere",
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
STAT, LSTAT, READLINK, SCANDIR = os.stat, os.lstat, os.readlink, os.scandir
"""The system's own, also while `presence` watches who asks them."""


def look(how: How, what: str) -> str:
    """What is there now, as text to be compared; "" where nothing is."""
    token = QUIET.set(True)
    try:
        return _LOOKS[how](what)
    except (OSError, ValueError):
        return ""
    finally:
        QUIET.reset(token)


def same(place: str, found: str) -> bool:
    """Whether a place of `outside` is as it was."""
    how, _, what = place.partition(" ")
    now = look(how, what)  # type: ignore[arg-type]
    return now == found or (how == "import" and now == "loaded" and found == "found")


def _content(path: str) -> str:
    """Of a folder where it lies: what is opened in it, or relative to it, is known by that name."""
    kind = "" if path.endswith(_LOGS) else kind_of(path)
    return f"folder {real(path)!a}" if kind == "folder" else hash_file(path) or kind


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
        return _kind(STAT(path).st_mode)
    except (OSError, ValueError):
        return ""


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "other"


def _names(folder: str) -> str:
    """The names in a folder, with what an `os.DirEntry` says of each by itself."""
    with SCANDIR(folder) as entries:
        found = [
            (ascii(each.name), each.is_symlink(), each.is_dir(), each.is_file())
            for each in entries
            if each.name not in TOOLS
        ]
    return key("names", sorted(found))


def _allowed(path: str) -> str:
    mode = STAT(path).st_mode
    return f"{_kind(mode)} {stat.S_IMODE(mode):o}"


def _state(path: str) -> str:
    return f"{_facts(STAT(path))} {real(path)!a}"


def _facts(found: os.stat_result) -> str:
    """All but a file's number and device, which a copy has not, and when it was last read."""
    return f"{found.st_mode} {found.st_size} {found.st_mtime_ns} {found.st_uid} {found.st_gid}"


def _link(path: str) -> str:
    if stat.S_ISLNK(mode := LSTAT(path).st_mode):
        return f"link {READLINK(path)!a}"
    return _kind(mode)


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


_LOOKS: Final[dict[How, Callable[[str], str]]] = {
    "read": _content,
    "list": _names,
    "test": _allowed,
    "state": _state,
    "lstate": lambda path: _facts(LSTAT(path)),
    "link": _link,
    "import": _module,
}
