"""What tests share to hold a real server, and to see it end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TINY = Path(sys.prefix) / "tiny"
LAUNCH = "max_model_len=2048&enforce_eager=true"  # compiling would double the time to start

HOLDER = """
import asyncio, sys
from pathlib import Path
from evalsuite.backends import open_backend

async def hold():
    backend = open_backend(sys.argv[1])
    backend.settle(Path(sys.argv[2]))
    backend.check()
    await backend.preflight()
    print("ready", flush=True)
    await asyncio.sleep(3600)

asyncio.run(hold())
"""


@dataclass(slots=True)
class Served:
    """A server, the folder that it lives in, and the process that holds it."""

    state: Path
    holder: subprocess.Popen[str]
    folder: Path

    @property
    def url(self) -> str:
        found = json.loads((self.folder / "server.json").read_text(encoding="utf-8"))
        return f"http://127.0.0.1:{found['port']}"

    @property
    def group(self) -> int:
        """The server's processes."""
        return int((self.folder / "server.pid").read_text(encoding="utf-8"))


@contextmanager
def hold(spec: str, state: Path) -> Iterator[Served]:
    """A process that starts, or joins, the server of `spec` and holds it until it is killed."""
    command = [sys.executable, "-c", HOLDER, spec, str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n", "the server did not start"
            [folder] = (state / "vllm").iterdir()
            yield Served(state, holder, folder)
        finally:
            holder.kill()


def gone(group: int, seconds: float = 30.0) -> bool:
    """Whether a group of processes ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
