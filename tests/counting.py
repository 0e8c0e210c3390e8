"""A server that speaks Chat Completions and counts how often each "Say ..." came."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Counting:
    """`asked` counts by body. While `down` it refuses."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.asked: Counter[bytes] = Counter()
        self.lock = threading.Lock()
        self.down = False
        self.url = ""

    @property
    def spec(self) -> str:
        return f"openai:counted@{self.url}/v1"

    def again(self) -> int:
        """How many requests were repetitions of another."""
        return self.asked.total() - len(self.asked)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no matter."""


def _handler(counting: Counting) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            if len(body) < size:  # its sender was killed
                self.close_connection = True
                return
            if b"Say " in body:  # a run also takes a sample of its provider
                with counting.lock:
                    counting.asked[body] += 1
            time.sleep(counting.latency)
            if counting.down:
                self._answer(400, {"error": {"message": "down", "type": "invalid_request_error"}})
                return
            said = json.loads(body)["messages"][-1]["content"]
            choice = {"index": 0, "message": {"role": "assistant", "content": f"answer to {said}"}}
            choice["finish_reason"] = "stop"
            usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
            reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "counted"}
            self._answer(200, reply | {"choices": [choice], "usage": usage})

        def do_GET(self) -> None:
            model = {"id": "counted", "object": "model", "created": 1, "owned_by": "test"}
            self._answer(200, model | {"data": [model]})

        def _answer(self, status: int, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *said: Any) -> None: ...

    return Handler


@contextmanager
def counting(latency: float = 0.02) -> Iterator[Counting]:
    """A server on a free port of this machine."""
    made = Counting(latency)
    server = _Server(("127.0.0.1", 0), _handler(made))
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
