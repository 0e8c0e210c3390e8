"""Rating servers in processes of their own, which can be killed and started again at once.

Run as a script, it forks a server for each "start" that it reads, so that a restart costs no
imports. The server's process is gone as a whole when it is killed; what it knew is on disk or lost.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class Keeper:
    """The script below, from the tests' side."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE.parents[1],
        )

    def ask(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, root: Path, sample: str = "plain", **settings: Any) -> Mapping[str, str]:
        """A server over `root`; its links by name, and "port"."""
        found: Mapping[str, str] = self.ask(do="start", root=str(root), sample=sample, **settings)
        return found

    def kill(self, root: Path) -> None:
        """kill -9."""
        self.ask(do="kill", root=str(root))

    def close(self) -> None:
        self.ask(do="end")
        self._process.communicate(timeout=10)


def main() -> None:
    sys.path.insert(0, str(HERE))
    import rating_serve  # the imports that a restart does without

    running: dict[str, int] = {}
    for line in sys.stdin:
        command = json.loads(line)
        answer: Any = {}
        if command["do"] == "start":
            readable, writable = os.pipe()
            child = os.fork()
            if not child:
                os.close(readable)
                rating_serve.serve(command, writable)
                os._exit(0)
            os.close(writable)
            with os.fdopen(readable) as ready:
                answer = json.loads(ready.readline() or "{}")
            running[command["root"]] = child
        elif command["do"] == "kill":
            child = running.pop(command["root"])
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        elif command["do"] == "end":
            for child in running.values():
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        print(json.dumps(answer), flush=True)
        if command["do"] == "end":
            return


if __name__ == "__main__":
    main()
