"""Whose doing it is: a target's, a tool's that runs beside it, or the harness's own."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from pathlib import Path
from types import FrameType

_OWN = str(Path(__file__).parent.parent) + os.sep
_WATCHERS = tuple(
    str(Path(__file__).with_name(name)) for name in ("callers.py", "presence.py", "watch.py")
)
_IMPORTING = (*_WATCHERS, "<frozen importlib")
_TOOLS = re.compile(
    r".*[\\/](site|dist)-packages[\\/]"
    r"(_pytest|pytest|pluggy|xdist|execnet|coverage|pytest_cov|pytest_html|hypothesis)[\\/].*"
)
_MACHINE = ("platform.py", "uuid.py", str(Path("ctypes", "util.py")))
"""Of the standard library: what they start only asks about the machine."""
_LOOKING = re.compile(
    r"<frozen .*|.*[\\/]((genericpath|posixpath|ntpath|os|glob|linecache|tempfile|pkgutil|inspect|"
    r"site|zipimport|platform|pathlib)\.py|(pathlib|importlib|asyncio|logging)[\\/].*)"
)
"""Of the standard library: what asks for a file's state to learn whether and what it is, but for"""
_TELLING = frozenset(
    ("getsize", "getmtime", "getatime", "getctime", "samefile", "owner", "group", "stat", "lstat")
)
"""those, which hand it on."""


class Callers:
    """Tells code by the file that it lies in."""

    def __init__(self) -> None:
        paths = sysconfig.get_paths()
        standard = {paths["stdlib"], paths["platstdlib"]}
        packages = {paths["purelib"], paths["platlib"], site.getusersitepackages()}
        packages.update(place for place in sys.path if place.endswith("-packages"))
        self._standard = _folders(standard)
        self._packages = _folders(packages)
        self._installed = (*self._standard, *self._packages, *_folders({paths["scripts"]}))

    def installed(self, path: str) -> bool:
        """Whether code.key has it by its version."""
        return path.startswith(self._installed)

    def of_user(self, file: str) -> bool:
        named = not file.startswith("<") and not file.startswith(_OWN)
        return named and not self.installed(os.path.abspath(file))  # noqa: PTH100

    def users(self, frame: FrameType | None) -> bool:
        """Whether a user's code comes before any of ours on the way up from `frame`."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(_OWN):
                if file not in _WATCHERS:
                    return False
            elif self.of_user(file):
                return True
            frame = frame.f_back
        return False

    def tools(self, frame: FrameType | None) -> bool:
        """Whether the first code outside of the standard library is a tool's."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                if frame.f_code.co_name == "_fill_cache":  # what lies beside a module
                    return True
            elif not self._of_python(file):
                if file not in _WATCHERS:
                    return _TOOLS.fullmatch(file) is not None
            elif file.endswith(_MACHINE) or "rmtree" in frame.f_code.co_name:
                return True
            frame = frame.f_back
        return False

    def _of_python(self, file: str) -> bool:
        if file.startswith("<frozen "):
            return True
        return file.startswith(self._standard) and not file.startswith(self._packages)

    def learns_state(self, frame: FrameType | None) -> bool:
        """Whether who asks for a path's state may learn its size and time, not only its kind."""
        while frame is not None:
            file, name = frame.f_code.co_filename, frame.f_code.co_name
            if "pathlib" not in file or name not in ("stat", "lstat"):
                telling = name in _TELLING or not _LOOKING.fullmatch(file)
                return telling if self._of_python(file) else not file.startswith(_OWN)
            frame = frame.f_back
        return True

    def user_imports(self, frame: FrameType | None) -> bool:
        """Whether an import is written in a user's code."""
        while frame is not None and frame.f_code.co_filename.startswith(_IMPORTING):
            frame = frame.f_back
        return frame is not None and self.of_user(frame.f_code.co_filename)

    def source(self, path: str) -> str:
        """The source that a compiled module stands for."""
        folder, name = os.path.split(path)
        if not name.endswith(".pyc"):
            return path
        kept = sys.pycache_prefix
        if kept and path.startswith(os.path.join(kept, "")):  # noqa: PTH118
            folder = os.sep + os.path.relpath(folder, kept)
        elif os.path.basename(folder) == "__pycache__":  # noqa: PTH119
            folder = os.path.dirname(folder)  # noqa: PTH120
        else:
            return path
        return os.path.join(folder, name.split(".")[0] + ".py")  # noqa: PTH118


def _folders(places: set[str]) -> tuple[str, ...]:
    return tuple(os.path.join(place, "") for place in sorted(places))  # noqa: PTH118
