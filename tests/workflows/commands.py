"""`python` and `evalsuite` for the scripts of workflows: each asks the tests' process, which runs
the module in a fork that has imported everything already."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forks import Forks

ASK = """\
import json, os, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    asked = [sys.argv[2:], os.getcwd(), dict(os.environ)]
    connection.sendall(json.dumps(asked).encode() + b"\\n")
    status, out, err = json.loads(connection.makefile().readline())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""


class _Server(socketserver.TCPServer):
    forks: Forks
    place: Path


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        words, folder, environment = json.loads(self.rfile.readline())
        self.wfile.write(json.dumps(self._done(words, folder, environment)).encode() + b"\n")

    def _done(
        self, words: list[str], folder: str, environment: dict[str, str]
    ) -> tuple[int, str, str]:
        if words[:2] == ["python", "-P"]:
            del words[1]
        elif words[:3] == ["python", "-m", "pip"] and Path(folder, "pip.py").exists():
            return 1, "", "python -m pip has run the pip.py of the folder at hand\n"
        if words[:4] == ["python", "-m", "pip", "install"]:
            return _installed(words[4:])
        command = words[2:] if words[:2] == ["python", "-m"] else words
        if command[0] not in ("pytest", "evalsuite"):
            return 127, "", f"the workflows run no {words}\n"
        done = self.server.forks.run(command, Path(folder), environment, self.server.place)
        return done.returncode, done.stdout, done.stderr


def _installed(words: list[str]) -> tuple[int, str, str]:
    """Nothing is installed, but what would be must be there."""
    for word in words:
        if word.startswith("/"):
            project = Path(word.partition("[")[0]) / "pyproject.toml"
            if not (project.is_file() and 'name = "evalsuite"' in project.read_text("utf-8")):
                return 1, "", f"{word} is not evalsuite\n"
    return 0, f"installed {' '.join(words)}\n", ""


@contextmanager
def commands(place: Path, forks: Forks) -> Iterator[Path]:
    """A folder with both, for PATH."""
    folder = place / "bin"
    folder.mkdir()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.forks, server.place = forks, place
        (folder / "ask.py").write_text(ASK, "utf-8")
        for name in ("python", "evalsuite"):
            file = folder / name
            asked = f"{sys.executable} -ISs {folder / 'ask.py'} {server.server_address[1]}"
            file.write_text(f'#!/bin/sh\nexec {asked} {name} "$@"\n', "utf-8")
            file.chmod(0o755)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()
