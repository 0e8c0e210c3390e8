"""Stands in for `vllm serve` where only its life matters: two processes, a port, a health check.

python fake_vllm.py serve MODEL ... --port PORT [--die] [--deaf]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODEL = sys.argv[2]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if "--deaf" in sys.argv:
            return self.reply(503, {})
        return self.reply(200, {"data": [{"id": MODEL}]})

    def do_POST(self) -> None:
        time.sleep(0.05)
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(
            200,
            {
                "model": sent["model"],
                "system_fingerprint": os.environ.get("FAKE_FINGERPRINT", "fake-1"),
                "choices": [{"finish_reason": "stop", "message": {"content": json.dumps(sent)}}],
            },
        )

    def reply(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    port = int(sys.argv[sys.argv.index("--port") + 1])
    print("fake engine:", *sys.argv[1:], flush=True)
    if "FAKE_STARTS" in os.environ:
        with Path(os.environ["FAKE_STARTS"]).open("a") as starts:
            starts.write("started\n")
    if "--die" in sys.argv:
        sys.exit("\x1b[31mOut of memory: no room for MODEL\x1b[0m")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]):
        ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
