"""`python -m MODULE ...`, each in a process of its own, without the second that imports take.

Two servers import once what every run imports: pytest, evalsuite, and what they use. Each run is a
fork of one of them that has its own folder, environment, output and end; nothing that it imports or
changes is seen by another. The servers take turns, and their strings hash differently: a run and
the one after it must agree as two interpreters do.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVER = Path(__file__).with_name("fork_server.py")
QUIET = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OPENBLAS_NUM_THREADS": "1"}


class Forks:
    """The servers, of this process's Python; each is started when its turn comes first."""

    def __init__(self) -> None:
        self._servers: dict[str, subprocess.Popen[str]] = {}
        self._turns = itertools.cycle(("1", "2"))

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], place: Path
    ) -> subprocess.CompletedProcess[str]:
        """What a process did that runs the module `command[0]`; it writes to two files in `place`,
        as one of pytester's does."""
        if not hasattr(os, "fork"):
            words = [sys.executable, "-m", *command]
            return subprocess.run(
                words, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
        said = [place / name for name in ("stdout", "stderr")]
        asked = {
            "command": list(command),
            "folder": str(folder),
            "environment": dict(environment),
            "files": [os.devnull, *map(str, said)],
        }
        server = self._server(next(self._turns))
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        out, err = (each.read_text(encoding="utf-8") for each in said)
        return subprocess.CompletedProcess(command, status, out, err)

    def close(self) -> None:
        for server in self._servers.values():
            server.communicate()

    def _server(self, seed: str) -> subprocess.Popen[str]:
        if seed not in self._servers:
            self._servers[seed] = subprocess.Popen(
                [sys.executable, "-c", SERVER.read_text(encoding="utf-8")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | QUIET | {"PYTHONHASHSEED": seed},
            )
        return self._servers[seed]
