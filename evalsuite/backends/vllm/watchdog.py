"""Holds a server for as long as somebody uses it, and no longer: not even after kill -9.

Run as a program of its own, by path, so that it loads nothing but the standard library:

    python -I watchdog.py ALIVE FOLDER COMMAND...

Who uses the server holds a shared lock on FOLDER/users, which the system frees however its holder
ends; once this process gets that lock alone, nobody is left. ALIVE is a descriptor with the lock
on FOLDER/alive, inherited: while it is held, the server runs or is being ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

GRACE = 10.0
"""Seconds that a server has to end by itself."""


def main(alive: int, folder: Path, command: list[str]) -> None:
    if os.fork():  # nobody's child: whoever started it may end first, and has nothing to wait for
        return
    server = subprocess.Popen(  # noqa: S603 (what the user's settings name)
        command, stdin=subprocess.DEVNULL, start_new_session=True
    )
    (folder / "server.pid").write_text(str(server.pid), encoding="utf-8")

    def leave() -> None:
        (folder / "server.json").unlink(missing_ok=True)
        _signal(server, signal.SIGTERM)
        try:
            server.wait(GRACE)
        except subprocess.TimeoutExpired:
            _signal(server, signal.SIGKILL)

    def watch() -> None:
        with (folder / "users").open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            leave()
            server.wait()

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=leave).start())
    threading.Thread(target=watch, daemon=True).start()
    server.wait()
    (folder / "server.json").unlink(missing_ok=True)
    _signal(server, signal.SIGKILL)  # what is left of its processes
    os.close(alive)


def _signal(server: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the whole group: a vLLM server is several processes."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(server.pid, number)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
