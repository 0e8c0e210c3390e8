"""Denies this process every connection but to this machine, and writes down whom it asked for.

`python denied.py LOG PROGRAM ARGUMENT...` runs a program so; a test's project imports it.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

HERE = ("127.0.0.1", "::1", "localhost", "", "None")


def deny(log: Path) -> None:
    """From here on, for the life of this process."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else ""
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            host = arguments[0]
        else:
            return
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in HERE:
            with log.open("a") as file:
                file.write(name + "\n")
            raise OSError(f"no way to {name}")

    sys.addaudithook(hook)


if __name__ == "__main__":
    deny(Path(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
