"""What is asked of a file system without an audit event: state, links, files of open folders.

`os.path`, `pathlib`, `shutil` and their like ask these functions of `os` by name, so standing in
for them while cases run shows what was asked for. (On Windows some ask the system itself.)
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

NAMES = ("stat", "lstat", "fstat", "access", "readlink", "open", "scandir")


class Asked(Protocol):
    """Called with the function's name before it runs; its `dir_fd` and, of `open`, its flags."""

    def __call__(self, name: str, place: Any, folder: int | None, flags: object) -> None: ...


def watch_presence(asked: Asked) -> Callable[[], None]:
    """Call `asked` for each question from now on; returns what ends it."""
    undo = [_stand_in(name, asked) for name in NAMES]

    def stop() -> None:
        for each in undo:
            each()

    return stop


def _stand_in(name: str, asked: Asked) -> Callable[[], None]:
    real = getattr(os, name)

    @functools.wraps(real)
    def watched(*given: Any, **options: Any) -> Any:
        place = given[0] if given else options.get("path", options.get("fd"))
        if name == "scandir":
            return _Entries(real(*given, **options), place, asked)
        follows = options.get("follow_symlinks", True) or name != "stat"
        flags = (given[1] if len(given) > 1 else options.get("flags")) if name == "open" else 0
        asked(name if follows else "lstat", place, options.get("dir_fd"), flags)
        return real(*given, **options)

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


class _Entries:
    """What `os.scandir` gives. Names and kinds are known from the listing, what an entry's `stat`
    says is not."""

    def __init__(self, real: Any, place: Any, asked: Asked) -> None:
        self._real = real
        self._folder = place if isinstance(place, int) else None
        self._asked = asked
        self.close = real.close

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, *error: object) -> None:
        self._real.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return _Entry(next(self._real), self._folder, self._asked)


class _Entry:
    __slots__ = ("_asked", "_folder", "_real")
    __class__ = property(lambda self: os.DirEntry)  # for isinstance

    def __init__(self, real: Any, folder: int | None, asked: Asked) -> None:
        self._real, self._folder, self._asked = real, folder, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __fspath__(self) -> Any:
        return self._real.path

    def __repr__(self) -> str:
        return repr(self._real)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        self._asked("stat" if follow_symlinks else "lstat", self._real.path, self._folder, 0)
        found: os.stat_result = self._real.stat(follow_symlinks=follow_symlinks)
        return found
