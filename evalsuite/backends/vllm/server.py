"""A server that runs while somebody uses it: started by the first, ended after the last.

Several processes (pytest-xdist's workers, two runs in one checkout) share one server per command.
Each holds a shared lock on the file "users" in the server's folder; `watchdog.py` ends the server
when that lock has no holder, which the system sees to even after kill -9.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from evalsuite.errors import BackendError

_LOOK = 0.5
"""Seconds between two looks whether the server is ready, or gone."""

_ENDING = 15.0
"""Seconds that the end of a server may take."""

_READ = 200_000
"""Bytes of the server's log that are looked at."""

_SHOWN = 6
"""Lines of the server's log that an error repeats."""

_HIDDEN = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
"""Of the environment, what a server of one's own has no use for."""

_WATCHDOG = Path(__file__).with_name("watchdog.py")
_ERROR = re.compile(r"\b\w*(Error|Exception)\b: .*")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Server:
    """One server at a free port of this machine; `command` lacks its `--port`.

    `folder` holds its locks and its log. `state` says what is being waited for, for a person.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        environment: Mapping[str, str],
        patience: float,
    ) -> None:
        self.state = ""
        self._command = list(command)
        self._folder = folder
        self._environment = environment
        self._patience = patience
        self._seat: IO[bytes] | None = None

    async def url(self) -> str:
        """Start the server, or join the one that runs, and wait until it is ready.

        Raises:
            BackendError: it ended, or was not ready in time; with the end of its log.
        """
        began = time.monotonic()
        url = await asyncio.to_thread(self._join)
        try:
            while not await asyncio.to_thread(_healthy, url):
                waited = time.monotonic() - began
                self.state = f"the model's server starts: {waited:.0f} s"
                if problem := self.ended():
                    raise BackendError(problem, fault="provider")
                if waited > self._patience:
                    raise self._failed(f"was not ready after {self._patience:.0f} s")
                await asyncio.sleep(_LOOK)
        finally:
            self.state = ""
        return url

    def ended(self) -> str:
        """Why the server is gone, "" while it runs."""
        with (self._folder / "alive").open("ab") as alive:
            return str(self._failed("has ended")) if _locked(alive) else ""

    async def close(self) -> None:
        """Leave the server; wait for its end if nobody else uses it."""
        if self._seat is not None:
            self._seat.close()
            self._seat = None
            await asyncio.to_thread(self._left)

    def _left(self) -> None:
        until = time.monotonic() + _LOOK
        while (self._folder / "server.json").exists():
            if time.monotonic() > until:  # the watchdog has not seen the last one leave
                return
            time.sleep(_LOOK / 20)
        until = time.monotonic() + _ENDING
        while time.monotonic() < until and not self.ended():
            time.sleep(_LOOK / 5)

    def _join(self) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "starting").open("ab") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if self._seat is None:
                self._seat = (self._folder / "users").open("ab")
                fcntl.flock(self._seat, fcntl.LOCK_SH)  # waits for the end of one that is ending
            state = self._folder / "server.json"
            with (self._folder / "alive").open("ab") as alive:
                while not (free := _locked(alive)) and not state.exists():
                    time.sleep(_LOOK / 20)  # another looks just now whether it is free
                if free:
                    self._start(alive)
            port = json.loads(state.read_text(encoding="utf-8"))["port"]
        return f"http://127.0.0.1:{port}"

    def _start(self, alive: IO[bytes]) -> None:
        port = _free_port()
        state = json.dumps({"port": port, "command": self._command})
        (self._folder / "server.json").write_text(state, encoding="utf-8")
        command = [*self._command, "--port", str(port)]
        held = str(alive.fileno())
        kept = {name: value for name, value in os.environ.items() if name not in _HIDDEN}
        with (self._folder / "server.log").open("wb") as log:
            subprocess.run(  # noqa: S603 (what the user's settings name)
                [sys.executable, "-I", str(_WATCHDOG), held, str(self._folder), *command],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[alive.fileno()],
                start_new_session=True,
                env={**kept, **self._environment},
            )

    def _failed(self, how: str) -> BackendError:
        log, said = self._folder / "server.log", ""
        with contextlib.suppress(OSError):
            said = f"; {log} {_told(log.read_bytes()[-_READ:].decode('utf-8', 'replace'))}"
        return BackendError(f"vllm: the server {how}{said}", fault="provider")


def _told(log: str) -> str:
    """What a log says of its end: the errors, the first of which is the cause, else its last lines.
    Complaints of a shutdown come after the cause, and are many."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", _ESCAPES.sub("", log)) if line.strip()]
    errors = dict.fromkeys(
        found[0] for line in lines if " WARNING " not in line and (found := _ERROR.search(line))
    )
    shown = list(errors)[:_SHOWN] or lines[-_SHOWN:]
    how = "says" if errors else "ends with"
    return f"{how}:" + "".join(f"\n    {line[:300]}" for line in shown)


def _locked(file: IO[bytes]) -> bool:
    """Take a lock for oneself alone; False if somebody holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _healthy(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/health", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
