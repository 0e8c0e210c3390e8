"""What a target touches beside its source, seen through Python's audit events.

A stored output may stand for a run only if nothing that it depends on may have changed. Source
files, inputs and the environment are hashed beforehand (`runner.fingerprint`); this module notices
the rest while it happens: files outside of what was hashed, folders that are listed, paths and
modules that are asked for, all of which can be looked at again (`runner.look`); and connections
and processes, about which nothing can be told. What a target writes itself and reads (a cache, an
index that it builds) is taken as it left it.

Native code that opens files or sockets without Python is not seen: such a dependency must be
declared as one of the suite's `inputs` or as `external`. Modules known for it count as reached.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from evalsuite.backends.calls import QUIET
from evalsuite.canonical import key
from evalsuite.runner.beyond import BLIND, REACHES
from evalsuite.runner.callers import Callers
from evalsuite.runner.look import How, look
from evalsuite.runner.places import opened, path_of
from evalsuite.runner.presence import watch_presence

_MOST_WRITTEN = 200
"""A run that writes more files below its root than this must keep them out of git's sight."""

_SPECIAL = ("/proc/", "/sys/", "/dev/")
_SHARED_MEMORY = "/dev/shm/"  # noqa: S108 (ordinary files lie there)


@dataclass(frozen=True, slots=True)
class Link:
    """What was touched since the link before: places outside of code.key with what was there, and
    the files of code.key that were used. The chain up to a link is all that was touched by then."""

    key: str
    after: str
    outside: Mapping[str, str]
    used: Collection[str]

    def to_json(self) -> dict[str, object]:
        return {"after": self.after, "outside": self.outside, "used": self.used}


class Watch:
    """Install with `start()` before the user's modules are imported; `stop()` ends it for good."""

    def __init__(self) -> None:
        self.active = False
        self.reached: dict[str, None] = {}
        self.written: dict[str, None] = {}
        self.links: list[Link] = []
        self._callers = Callers()
        self._touched: set[tuple[How, str]] = set()
        self._order: list[tuple[How, str]] = []
        self._scratch: set[str] = set()
        self._used: set[str] = set()
        self._covered: Collection[str] = frozenset()
        self._ignored: tuple[str, ...] = ()
        self._looked = 0
        self._modules: dict[str, None] = {}
        self._end_presence: Callable[[], None] | None = None
        self._events: dict[str, Callable[[str, tuple[Any, ...]], None]] = {
            "open": self._opened,
            "import": self._imported,
            "os.chdir": self._entered,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "sqlite3.connect": self._connected,
            "os.rename": self._moved,
            "os.mkdir": self._made_folder,
            "tempfile.mkdtemp": self._made_temporary,
            "tempfile.mkstemp": self._made_temporary,
            **dict.fromkeys(REACHES, self._reached),
        }

    def start(self) -> None:
        self.active = True
        _WATCHING.append(self)
        _listen()
        self._end_presence = watch_presence(self._asked)
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and name != "__main__" and self._callers.of_user(file):
                self._touch("read", os.path.abspath(file))  # noqa: PTH100
                self.reached.setdefault(f"imported {name} before its reads could be watched")

    def stop(self) -> None:
        if self.active:
            _WATCHING.remove(self)
        self.active = False
        if self._end_presence is not None:
            self._end_presence()
            self._end_presence = None

    def cover(self, files: Collection[str], ignored: tuple[str, ...]) -> None:
        """`files` are hashed by code.key already; below `ignored` lie the harness's own folders."""
        self._covered = frozenset(self._covered) | frozenset(files)
        self._ignored = tuple({*self._ignored, *ignored})
        self._looked = 0

    def touch(self, file: Path) -> None:
        """A file that counts as read, whoever reads it."""
        self._touch("read", str(file))

    def wrote(self, file: Path) -> None:
        """A file that this process writes; also one that it will write once nothing watches."""
        self._wrote(path_of(file))

    # What happens, in any thread.

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if (happened := self._events.get(event)) is not None:
            happened(event, arguments)

    def _opened(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not isinstance(arguments[0], int):  # else it is open already
            self._opens(path_of(arguments[0]), arguments[2])

    def _opens(self, path: str, flags: object) -> None:
        if not path:
            return
        bits = flags if isinstance(flags, int) else 0
        if bits & (os.O_WRONLY | os.O_RDWR):
            self._wrote(path)
        if bits & os.O_EXCL:
            self._seen_by_target("test", path)
        elif not bits & (os.O_WRONLY | os.O_TRUNC):
            self._seen_by_target("read", path)

    def _entered(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._seen_by_target("read", path_of(arguments[0]))

    def _listed(self, event: str, arguments: tuple[Any, ...]) -> None:
        place = "." if arguments[0] is None else arguments[0]
        if isinstance(place, int) and opened(place) is None:
            self._not_told("lists a folder")
        self._seen_by_target("list", path_of(place))

    def _imported(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._callers.user_imports(sys._getframe(1)):
            self._touch("import", str(arguments[0]))

    def _moved(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._wrote(path_of(arguments[1]))

    def _made_folder(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._callers.tools(sys._getframe(1)):  # a test's temporary folder
            self._scratch.add(path_of(arguments[0]))

    def _made_temporary(self, event: str, arguments: tuple[Any, ...]) -> None:
        self._scratch.add(path_of(arguments[0]))

    def _reached(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not QUIET.get() and not self._callers.tools(sys._getframe(1)):
            place = arguments[-1] if event.startswith("socket") else arguments[:1]
            self.reached.setdefault(f"{REACHES[event]} {_short(place)}")

    def _connected(self, event: str, arguments: tuple[Any, ...]) -> None:
        """A database is its file and what is not yet merged into it."""
        name = os.fsdecode(arguments[0])
        if name.startswith("file:"):
            name = unquote(name[5:].split("?")[0].split("#")[0])
        if name and not name.startswith(":memory:"):
            for ending in ("", "-wal", "-journal"):
                self._seen_by_target("read", path_of(name) + ending)

    def _asked(self, name: str, place: Any, folder: int | None, flags: object) -> None:
        if not self.active or (name == "open" and folder is None):  # else there is an event
            return
        state = name.endswith("stat") and self._callers.learns_state(sys._getframe(2))
        if name == "fstat" and not state:
            return
        try:
            path = path_of(place, folder)
            if state and isinstance(place, int) and opened(place) is None:
                raise LookupError
        except LookupError:
            self._not_told("looks at a file")
            return
        if name == "open":
            self._opens(path, flags)
        elif name in ("lstat", "readlink"):
            self._seen_by_target("lstate" if state else "link", path)
        else:
            self._seen_by_target("state" if state else "test", path)

    def _not_told(self, does: str) -> None:
        if not QUIET.get() and not self._callers.tools(sys._getframe(1)):
            self.reached.setdefault(f"{does} by the number of an open one")

    def _seen_by_target(self, how: How, path: str) -> None:
        """Note it if it is the target's doing: not a tool's, and not the harness's own."""
        if path and (how, path) not in self._touched:
            frame = sys._getframe(1)
            if self._callers.users(frame) if QUIET.get() else not self._callers.tools(frame):
                self._touch(how, path)

    def _touch(self, how: How, what: str) -> None:
        if (how, what) not in self._touched and (how == "import" or not self._skipped(what)):
            self._touched.add((how, what))
            self._order.append((how, what))

    def _wrote(self, path: str) -> None:
        if len(self.written) < _MOST_WRITTEN and not (
            QUIET.get() or path.startswith(self._ignored)
        ):
            self.written.setdefault(path)

    def _skipped(self, path: str) -> bool:
        if path.startswith(_SPECIAL) and not path.startswith(_SHARED_MEMORY):
            return True
        return self._callers.installed(path) or self._temporary(path)

    def _temporary(self, path: str) -> bool:
        """Whether this process made it under a name of its own that no other run has."""
        while path not in self._scratch:
            parent = os.path.dirname(path)  # noqa: PTH120
            if parent == path:
                return False
            path = parent
        return True

    # What can be told of it, asked by one thread.

    def seen(self) -> str:
        """The key of all that was touched by now; `links` holds the chain that leads to it."""
        if len(sys.modules) != len(self._modules):
            self._see_modules()
        if self._looked < len(self._order) or not self.links:
            outside, used = self._news()
            if outside or used or not self.links:
                self._used.update(used)
                after = self.links[-1].key if self.links else ""
                made = Link("", after, outside, sorted(used))
                self.links.append(replace(made, key=key("files", made.to_json())))
        return self.links[-1].key

    def _see_modules(self) -> None:
        """Modules come out of caches, archives and libraries that are not opened as files."""
        before, self._modules = self._modules, dict.fromkeys(list(sys.modules))
        for name in self._modules:
            if name in before:
                continue
            file = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(file, str):
                self._touch("read", os.path.abspath(file))  # noqa: PTH100

    def _news(self) -> tuple[dict[str, str], set[str]]:
        outside: dict[str, str] = {}
        used: set[str] = set()
        end = len(self._order)
        for how, what in self._order[self._looked : end]:
            path = what if how == "import" else self._callers.source(what)
            if how != "import" and path in self._covered:
                used.add(path)
            if how == "read" and path in self._covered:
                continue
            if how == "import" or not (path + os.sep).startswith(self._ignored):
                found = look(how, path)
                if found == "other":
                    self.reached.setdefault(f"reads {_short(path)}, which is no file")
                elif found != "loaded":
                    outside[f"{how} {path}"] = found
        self._looked = end
        return outside, used - self._used

    def unknown(self) -> list[str]:
        """What was reached of which nothing can be told, one phrase each."""
        return [*self.reached, *(f"loads {name}" for name in BLIND if name in sys.modules)]


_WATCHING: list[Watch] = []  # begun and not ended


@functools.cache
def _listen() -> None:
    """Once for a process: a hook can't be removed, and one for each watch would slow the rest."""

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        for watch in _WATCHING:
            watch.hear(event, arguments)

    sys.addaudithook(hear)


def _short(place: object) -> str:
    text = ", ".join(map(str, place)) if isinstance(place, tuple) else str(place)
    return text if len(text) <= 80 else text[:79] + "…"
