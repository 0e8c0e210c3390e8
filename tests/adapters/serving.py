"""A server on this machine that speaks OpenAI's API and answers any question that has a schema.

What it says follows from the prompt and the schema alone: lists of one to three, verdicts of either
kind, vectors of hashed words. So two clients that ask the same get the same, and values vary.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALLOWED = {"rating": (0, 2), "score": (1, 2, 3, 4, 5)}
"""What prompts say of numbers whose schema does not."""


@dataclass
class Served:
    """`bodies` are the chat requests, `vectors` model and texts of each request for them. `broken`:
    this many of the first chat replies are no JSON.
    `weighs`: it gives log probabilities. `other` answers what it knows better."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    vectors: list[tuple[str, list[str]]] = field(default_factory=list)
    broken: int = 0
    lists: int | None = None
    weighs: bool = False
    other: Callable[[dict[str, Any], dict[str, Any] | None], str | None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def embedded(self) -> list[list[str]]:
        return [texts for _, texts in self.vectors]


SCORED = {
    "title": "Scored",
    "type": "object",
    "properties": {"reason": {"type": "string"}, "score": {"type": "number"}},
}
"""What a prompt that names these two fields wants, where the request has no schema."""


def sent_by(body: dict[str, Any]) -> list[str]:
    """The texts of all messages, whether they are sent as text or in parts."""
    given = [each.get("content") or "" for each in body["messages"]]
    return [each if isinstance(each, str) else "".join(p["text"] for p in each) for each in given]


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """The schema of the answer, where the request says it."""
    wanted = (body.get("response_format") or {}).get("json_schema")
    if wanted:
        return dict(wanted["schema"])
    for tool in body.get("tools") or ():
        return dict(tool["function"]["parameters"])
    return None


def schema_in(prompt: str) -> dict[str, Any] | None:
    """The schema that a prompt spells out."""
    found = re.search(
        r"as specified in JSON Schema:\n(\{.*?\})Do not use single", prompt, re.DOTALL
    )
    if found:
        return dict(json.loads(found[1]))
    return SCORED if '"score"' in prompt and '"reason"' in prompt else None


def digest(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(parts).encode()).digest()[:6], "big")


def made(
    schema: dict[str, Any], prompt: str, path: str, root: dict[str, Any], n: int | None
) -> Any:
    """A value of a schema, by the prompt."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        schema = schema["anyOf"][0]
    chance = digest(prompt, path)
    if "enum" in schema:
        return schema["enum"][chance % len(schema["enum"])]
    kind, name = schema.get("type"), path.rpartition(".")[2]
    if kind == "object":
        inner = schema.get("properties", {})
        return {each: made(sub, prompt, f"{path}.{each}", root, n) for each, sub in inner.items()}
    if kind == "array":
        count = 1 + chance % 3 if n is None else n
        items = schema.get("items", {"type": "string"})
        return [made(items, prompt, f"{path}[{place}]", root, n) for place in range(count)]
    if kind in ("integer", "number"):
        allowed = ALLOWED.get(name, (0, 1))
        return allowed[chance % len(allowed)]
    if kind == "boolean":
        return bool(chance % 2)
    return f"Parental leave is {chance % 7} weeks, says {name} {chance % 97}."


def vector(text: str) -> list[float]:
    """Words hashed into 64 places; none of the numbers is below 0."""
    found = [0.0] * 64
    for word in re.findall(r"\w+", text.lower()):
        found[digest(word) % 64] += 1.0
    return found


def weighed(text: str) -> list[dict[str, Any]]:
    """Log probabilities: a number may be another one, words are certain."""
    found = []
    for token in re.findall(r"\d+|\D+", text):
        top = {token: 0.0}
        if token.isdigit():
            share = 0.5 + digest(text, token) % 40 / 100
            top = {token: share, str(int(token) + 1): 1 - share}
            top = {each: math.log(chance) for each, chance in top.items()}
        listed = [{"token": each, "logprob": top[each], "bytes": None} for each in top]
        found.append({**listed[0], "top_logprobs": listed})
    return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served: Served

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": "m", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            with self.served.lock:
                self.served.vectors.append((body["model"], texts))
            data = [
                {"object": "embedding", "index": place, "embedding": vector(text)}
                for place, text in enumerate(texts)
            ]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            self._send({"object": "list", "data": data, "model": body["model"], "usage": usage})
            return
        with self.served.lock:
            self.served.bodies.append(body)
            broken = len(self.served.bodies) <= self.served.broken
        self._send(self._chat(body, broken))

    def _chat(self, body: dict[str, Any], broken: bool) -> dict[str, Any]:
        prompt = sent_by(body)[-1]
        schema = schema_of(body) or schema_in(prompt)
        text = "I would rather not say."
        if schema is not None and not broken:
            text = json.dumps(made(schema, prompt, "", schema, self.served.lists))
        if self.served.other is not None:
            text = self.served.other(body, schema) or text
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if body.get("tools"):
            call = {"name": body["tools"][0]["function"]["name"], "arguments": text}
            message |= {"tool_calls": [{"id": "1", "type": "function", "function": call}]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        if body.get("logprobs") and self.served.weighs:
            choice["logprobs"] = {"content": weighed(text)}
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [choice],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }

    def _send(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked may have gone
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@contextlib.contextmanager
def serving(**settings: Any) -> Iterator[Served]:
    """Answer until the block ends."""
    served = Served(**settings)
    handler = type("Handler", (_Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
