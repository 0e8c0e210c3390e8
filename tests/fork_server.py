"""The server of forks.py, given to `python -c`: the watch of a run takes code in a file for the
user's. A line asks for a run, and one says what the run returned."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

WANTED = ("genai_prices", "httpx2", "jsonschema", "numpy", "openai", "rapidfuzz")


def load() -> None:
    """Import what runs import. pytest itself has to import a plugin, or it warns."""
    pytest = importlib.import_module("pytest")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123
        pytest.main(["--noconftest", "-p", "evalsuite.plugin", "--help"])
    package = importlib.import_module("evalsuite")
    ours = [each.name for each in pkgutil.walk_packages(package.__path__, "evalsuite.")]
    for name in (*WANTED, *(each for each in ours if not each.endswith("__main__"))):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def serve() -> dict[str, Any] | None:
    """Until the input ends; in a fork, at once, what was asked of it."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            asked: dict[str, Any] = json.loads(line)
            return asked
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(asked: Mapping[str, Any], shared: Sequence[str]) -> None:
    """The process that was asked for."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    for number, name in enumerate(asked["files"]):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0)  # noqa: SIM115
    added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [asked["folder"], *filter(None, added), *shared]
    module, *sys.argv[1:] = asked["command"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which end the server
    added = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    shared = [each for each in sys.path[1:] if each not in added]
    load()
    gc.freeze()  # forks would look through all of it when they collect, and so copy it: 0.3 s each
    if (asked := serve()) is not None:
        become(asked, shared)
