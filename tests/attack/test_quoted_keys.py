"""A server that quotes the key it was sent, wherever a reply has room: it is in no file."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("openai", reason="not installed with the oldest pytest")
pytest.importorskip("anthropic", reason="not installed with the oldest pytest")

KEY, TOKEN = "sk-qv7+canary/91Zx", "tk-wj4+canary/82Qy"

KINDS = ("plain", "escaped", "tool", "logprobs", "stream", "split", "refuse", "html", "broken")

SUITE = """
import logging

import evalsuite as ev

logging.basicConfig(level=logging.DEBUG, filename="debug.log", force=True)
ASK = [{{"role": "user", "content": "x"}}]
BACKEND = {{"default": "openai:m@{url}/v1", "claude": "anthropic:m@{url}"}}


@ev.suite(golden="words", backend=BACKEND, timeout=20)
async def words(case, llm):
    kind = case.input
    options = {{"logprobs": True}} if kind == "logprobs" else {{}}
    options |= {{"stream": True}} if kind in ("stream", "split") else {{}}
    if case.id.startswith("sdk"):
        client = llm.openai_client()
        got = await client.chat.completions.create(
            model="m", messages=[{{"role": "user", "content": kind}}], **options)
        if options.get("stream"):
            return "".join([each.choices[0].delta.content or "" async for each in got])
        return got.choices[0].message.content or "nothing"
    if case.id.startswith("claude"):
        return (await llm["claude"].chat(kind)).text
    answer = await llm.chat(kind, **options)
    calls = [ev.ToolCall(each.name, each.arguments) for each in answer.tool_calls]
    return ev.Output(text=answer.text + repr(answer.logprobs), tool_calls=calls)


asked = ev.suite(golden="words", backend="embedded")(
    ev.http_target("{url}/app?k=$APP_TOKEN", {{"kind": "{{{{ case.input }}}}"}},
                   headers={{"X-Auth": "Bearer $APP_TOKEN"}}, contexts="$.docs", name="asked"))
"""


def chat(kind: str, said: str) -> Any:
    """A reply of Chat Completions that says `said` in the given way."""
    message: dict[str, Any] = {"role": "assistant", "content": f"The key is {said}."}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": "stop"}
    if kind == "tool":
        given = json.dumps({"auth": [said], said: 1}).replace("-", "\\u002d")
        function = {"name": "login", "arguments": given}
        message["tool_calls"] = [{"id": "c", "type": "function", "function": function}]
    if kind == "logprobs":
        pieces = [said[start : start + 3] for start in range(0, len(said), 3)]
        tokens = [{"token": each, "logprob": -1.0, "top_logprobs": []} for each in pieces]
        choice["logprobs"] = {"content": tokens}
    return {
        "id": said,
        "object": "chat.completion",
        "created": 0,
        "model": f"m-{said}",
        "system_fingerprint": said,
        "choices": [choice],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }


def streamed(kind: str, said: str) -> str:
    parts = [said[:9], said[9:]] if kind == "split" else [said]
    lines = [f": {said}"]
    for place, part in enumerate(parts):
        last = "stop" if place + 1 == len(parts) else None
        choice = {"index": 0, "delta": {"content": part}, "finish_reason": last}
        event = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        lines.append("data: " + json.dumps(event | {"choices": [choice]}))
    return "\n\n".join([*lines, "data: [DONE]", ""])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(200, json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sent = self.headers.get("X-Api-Key") or self.headers.get("Authorization", "")
        said = (self.headers.get("X-Auth") or sent).removeprefix("Bearer ")
        kind = body["kind"] if "kind" in body else body["messages"][-1]["content"]
        if kind == "refuse":
            text = json.dumps({"error": {"message": f"bad {said}", "type": said, "param": said}})
            self._send(400, text, said)
        elif kind == "html":
            self._send(422, f"<html>{said} {self.path}</html>", said, "text/html")
        elif kind == "broken":
            self._send(400, '{"error": "' + said, said)
        elif "kind" in body:
            self._send(
                200,
                json.dumps({"answer": f"is {said}", "docs": [said, {"text": "x", said: 1}]}),
                said,
            )
        elif self.path.endswith("/messages"):
            content = [{"type": "text", "text": f"The key is {said}."}]
            reply = {"id": said, "type": "message", "role": "assistant", "model": said}
            reply |= {"content": content, "stop_reason": "end_turn", "usage": {}}
            self._send(200, json.dumps(reply), said)
        elif body.get("stream"):
            self._send(200, streamed(kind, said), said, "text/event-stream")
        else:
            text = json.dumps(chat(kind, said))
            self._send(200, text.replace("-", "\\u002d") if kind == "escaped" else text, said)

    def _send(self, status: int, text: str, said: str = "", kind: str = "application/json") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; note={said}")
        self.send_header("X-Request-Id", said)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def quoting(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("APP_TOKEN", TOKEN)
    project.write("test_words.py", SUITE.format(url=f"http://127.0.0.1:{server.server_port}"))
    project.cases(
        [
            {"id": f"{way}-{kind}", "input": kind, "checks": [{"contains": "key"}]}
            for way in ("chat", "sdk", "claude")
            for kind in KINDS
        ]
    )
    yield project
    server.shutdown()
    server.server_close()
    thread.join()


def forms(secret: str) -> set[bytes]:
    """What a secret may look like in a file."""
    encoded = base64.b64encode(secret.encode()).rstrip(b"=")
    texts = {secret, secret[:8], secret[-8:], quote(secret), quote(secret, safe="")}
    return {encoded, base64.b64encode(f":{secret}".encode())[4:-4], *(t.encode() for t in texts)}


def quoted(root: Path) -> list[str]:
    """The files in which a key is found, in whatever form."""
    wanted = forms(KEY) | forms(TOKEN)
    files = [path for path in root.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(form in path.read_bytes() for form in wanted)]


def assert_nowhere(project: Any, *done: Any) -> None:
    said = "".join(each.stdout.str() + each.stderr.str() for each in done)
    assert [form for form in forms(KEY) | forms(TOKEN) if form.decode() in said] == []
    assert quoted(project.path) == []


def test_a_key_that_is_quoted_back_is_in_no_file(quoting: Any) -> None:
    done = quoting.run_apart("-v", "-rA", "--junitxml=junit.xml", "--showlocals")
    run = quoting.runs()[0].name
    accepted = quoting.evalsuite("accept", "--from-run", run, "--reason", "test")
    assert accepted.ret == 0, accepted.stderr.str()
    exported = quoting.evalsuite("store", "export", "--run", run, "all.jsonl")
    assert exported.ret == 0, exported.stderr.str()
    assert_nowhere(quoting, done, accepted, exported)
    answers = (quoting.path / "snapshots/words/outputs.jsonl").read_text(encoding="utf-8")
    assert "The key is [key]." in answers
    assert '"auth"' in answers


def test_nor_in_what_xdist_leaves(quoting: Any) -> None:
    assert_nowhere(quoting, quoting.run_apart("-v", "-rA", "-p", "xdist", "-n", "2"))
