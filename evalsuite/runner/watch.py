"""What a target touches beside its source, seen through Python's audit events.

A stored output may stand for a run only if nothing that it depends on may have changed. Source
files, inputs and the environment are hashed beforehand (`runner.fingerprint`); this module notices
the rest while it happens: files outside of what was hashed, which are then hashed too, and
connections and subprocesses, about which nothing can be told.

Native code that opens files or sockets without Python is not seen: such a dependency must be
declared as one of the suite's `inputs` or as `external`. Modules known for it count as reached.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path
from typing import TypeGuard

from evalsuite.backends.recording import QUIET
from evalsuite.canonical import digest, key

_REACHES = {
    "socket.connect": "connects to",
    "socket.sendto": "sends to",
    "subprocess.Popen": "starts",
    "os.system": "starts",
    "os.posix_spawn": "starts",
    "os.spawn": "starts",
    "os.exec": "starts",
    "os.fork": "forks",
    "os.forkpty": "forks",
    "os.startfile": "starts",
}
_NATIVE_CLIENTS = ("grpc", "pycurl", "curl_cffi", "uvloop", "psycopg2", "psycopg_c", "pymongo")
_SPECIAL = ("/proc/", "/dev/", "/sys/")


class Watch:
    """Install with `start()` before the user's modules are imported; `stop()` ends it for good.

    An audit hook can't be removed from a process, so a stopped one returns at once.
    """

    def __init__(self) -> None:
        self.active = False
        self.reached: dict[str, None] = {}
        self._opened: dict[str, None] = {}
        self._skip = _installed_prefixes()
        self._covered: Collection[str] = frozenset()
        self._ignored: tuple[str, ...] = ()
        self._hashes: dict[str, str] = {}
        self._looked = 0
        self._state = (-1, -1)
        self._listed_key = ""
        self._listed: dict[str, list[str] | dict[str, str]] = {}

    def start(self) -> None:
        self.active = True
        sys.addaudithook(self._hook)
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str):
                self._see(file)

    def stop(self) -> None:
        self.active = False

    def cover(self, files: Collection[str], ignored: tuple[str, ...]) -> None:
        """`files` are hashed by code.key already; below `ignored` lie the harness's own folders."""
        self._covered = frozenset(self._covered) | frozenset(files)
        self._ignored = tuple({*self._ignored, *ignored})
        self._looked = 0
        self._hashes.clear()
        self._state = (-1, -1)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.active:
            return
        if event == "open":
            if isinstance(arguments[0], str) and _reads(arguments) and not QUIET.get():
                self._see(arguments[0])
        elif event == "sqlite3.connect":
            if not QUIET.get():
                self._see(os.fspath(arguments[0]) if _is_path(arguments[0]) else "")
        elif event in _REACHES and not QUIET.get():
            place = arguments[-1] if event.startswith("socket") else arguments[:1]
            self.reached.setdefault(f"{_REACHES[event]} {_short(place)}")

    def _see(self, path: str) -> None:
        if not path.startswith(self._skip):
            self._opened.setdefault(path)

    def outside(self) -> dict[str, str]:
        """Files read so far that code.key does not cover: absolute path to hash."""
        opened = list(self._opened)
        for name in opened[self._looked :]:
            path = _source(os.path.abspath(name))  # noqa: PTH100 (no resolving of links)
            known = path in self._covered or path.startswith((*self._skip, *self._ignored))
            if not known and path not in self._hashes and (found := hash_file(path)):
                self._hashes[path] = found
        self._looked = len(opened)
        return self._hashes

    def seen(self) -> tuple[str, dict[str, list[str] | dict[str, str]]]:
        """All that was read by now, with its key: "outside" of code.key, and the "used" sources
        and data files that code.key covers."""
        state = (len(sys.modules), len(self._opened))
        if state != self._state:
            loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
            names = {file for file in loaded if isinstance(file, str)}
            names.update(os.path.abspath(name) for name in self._opened)  # noqa: PTH100
            used = sorted(names.intersection(self._covered))
            self._listed = {"outside": dict(self.outside()), "used": used}
            self._listed_key = key("files", self._listed)
            self._state = state
        return self._listed_key, self._listed

    def unknown(self) -> list[str]:
        """What was reached of which nothing can be told, one phrase each."""
        native = [f"loads {name}" for name in _NATIVE_CLIENTS if name in sys.modules]
        return [*self.reached, *native]


def _is_path(place: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(place, str | os.PathLike)


def _reads(arguments: tuple[object, ...]) -> bool:
    """Whether an "open" event (path, mode, flags) may read."""
    mode, flags = arguments[1], arguments[2]
    if isinstance(mode, str):
        return "r" in mode or "+" in mode
    return not isinstance(flags, int) or flags & (os.O_WRONLY | os.O_RDWR) != os.O_WRONLY


def hash_file(path: str) -> str:
    """The digest of a regular file, "" for anything else."""
    token = QUIET.set(True)
    try:
        if not os.path.isfile(path):  # noqa: PTH113 (called for every file a target opens)
            return ""
        return digest(Path(path).read_bytes())
    except OSError:
        return ""
    finally:
        QUIET.reset(token)


def _installed_prefixes() -> tuple[str, ...]:
    """Where installed code lies: its versions are part of code.key."""
    places = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    return (*(os.path.join(place, "") for place in sorted(places)), *_SPECIAL)  # noqa: PTH118


def _source(path: str) -> str:
    """The source that a compiled module in __pycache__ stands for."""
    folder, name = os.path.split(path)
    if name.endswith(".pyc") and os.path.basename(folder) == "__pycache__":  # noqa: PTH119
        return os.path.join(os.path.dirname(folder), name.split(".")[0] + ".py")  # noqa: PTH118, PTH120
    return path


def _short(place: object) -> str:
    text = ", ".join(map(str, place)) if isinstance(place, tuple) else str(place)
    return text if len(text) <= 80 else text[:79] + "…"
