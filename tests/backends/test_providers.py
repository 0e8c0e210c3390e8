"""The real SDKs against a real socket: what is sent, what is read, and that no key is shown."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request as Sent
from werkzeug import Response

from evalsuite.backends import open_backend
from evalsuite.backends.base import Completion, Request
from evalsuite.errors import BackendError, MissingExtra
from evalsuite.records import ToolCall, Usage

CANARY = "sk-canary-7f3a9b1c5d2e"
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
ASK = Request(messages=[{"role": "user", "content": "How long is leave?"}])
SCHEMA = {"type": "object", "properties": {"days": {"type": "integer"}}}
TOOL = {"name": "lookup", "description": "Look up a topic", "parameters": SCHEMA}

Answer = Callable[[str, Any], Completion]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PATHS:
        pytest.importorskip(provider)
        monkeypatch.setenv(f"{provider.upper()}_API_KEY", CANARY)
        monkeypatch.delenv(f"{provider.upper()}_BASE_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


@pytest.fixture
def complete(httpserver: HTTPServer) -> Callable[..., Completion]:
    def complete(provider: str, request: Request = ASK, query: str = "") -> Completion:
        base = httpserver.url_for("/v1" if provider == "openai" else "")
        backend = open_backend(f"{provider}:m@{base}{query}")

        async def ask() -> Completion:
            try:
                return await backend.complete(request)
            finally:
                await backend.close()

        return asyncio.run(ask())

    return complete


def openai_reply(**changes: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "16 weeks"}
    reply = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-2026",
        "system_fingerprint": "fp1",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {
            "prompt_tokens": 20,
            "completion_tokens": 5,
            "total_tokens": 25,
            "prompt_tokens_details": {"cached_tokens": 12, "cache_write_tokens": 5},
        },
    }
    return reply | changes


def anthropic_reply(**changes: Any) -> dict[str, Any]:
    reply = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "m-2026",
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "16 weeks"}],
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 12,
            "output_tokens": 5,
        },
    }
    return reply | changes


REPLIES = {"openai": openai_reply, "anthropic": anthropic_reply}


@pytest.mark.parametrize(("provider", "fingerprint"), [("openai", "fp1"), ("anthropic", "")])
def test_a_reply_becomes_a_completion(
    provider: str, fingerprint: str, httpserver: HTTPServer, complete: Answer
) -> None:
    httpserver.expect_request(PATHS[provider]).respond_with_json(REPLIES[provider]())
    completion = complete(provider, ASK)
    assert completion.text == "16 weeks"
    assert completion.finish_reason == "stop"
    assert completion.usage == Usage(20, 5, 12, 1, 5)
    assert completion.model == "m-2026"
    assert completion.fingerprint == fingerprint
    assert completion.cost is None
    assert completion.latency is not None
    assert completion.latency > 0


def test_openai_is_sent_seed_tools_schema_and_parameters(
    httpserver: HTTPServer, complete: Callable[..., Completion]
) -> None:
    httpserver.expect_request(PATHS["openai"]).respond_with_json(openai_reply())
    request = Request(
        messages=ASK.messages, tools=[TOOL], schema=SCHEMA, params={"top_p": 0.5}, seed=7
    )
    complete("openai", request, "?temperature=0&top_p=1")
    sent: Sent = httpserver.log[0][0]
    assert sent.headers["Authorization"] == f"Bearer {CANARY}"
    assert sent.json == {
        "model": "m",
        "messages": ASK.messages,
        "temperature": 0,
        "top_p": 0.5,
        "seed": 7,
        "tools": [{"type": "function", "function": TOOL}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": False},
        },
    }


def test_anthropic_is_sent_system_blocks_and_no_sampling_parameter(
    httpserver: HTTPServer, complete: Callable[..., Completion]
) -> None:
    httpserver.expect_request(PATHS["anthropic"]).respond_with_json(anthropic_reply())
    call = {"id": "t1", "function": {"name": "lookup", "arguments": '{"days": 1}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": "16 weeks"},
    ]
    request = Request(messages=messages, tools=[TOOL], schema=SCHEMA, seed=7)
    complete("anthropic", request, "?effort=low")
    sent: Sent = httpserver.log[0][0]
    used = {"type": "tool_use", "id": "t1", "name": "lookup", "input": {"days": 1}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "16 weeks"}
    assert sent.json == {
        "model": "m",
        "max_tokens": 4096,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [used]},
            {"role": "user", "content": [result]},
        ],
        "tools": [
            {"name": "lookup", "description": "Look up a topic", "input_schema": SCHEMA},
        ],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    }


def _openai_choice(reason: str | None, **message: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": None} | message
    return openai_reply(choices=[{"index": 0, "finish_reason": reason, "message": message}])


@pytest.mark.parametrize(
    ("provider", "reply", "reason", "text"),
    [
        ("openai", _openai_choice("length", content="16 we"), "length", "16 we"),
        ("openai", _openai_choice("content_filter"), "content_filter", ""),
        ("openai", _openai_choice("stop", refusal="I can't."), "refusal", "I can't."),
        ("anthropic", anthropic_reply(stop_reason="max_tokens"), "length", "16 weeks"),
        ("anthropic", anthropic_reply(stop_reason="stop_sequence"), "stop", "16 weeks"),
        ("openai", _openai_choice("new_reason", content="16"), "other", "16"),
        ("openai", _openai_choice("stop", content=[{"type": "text", "text": "16"}]), "stop", "16"),
        ("anthropic", anthropic_reply(stop_reason="refusal", content=[]), "refusal", ""),
        ("anthropic", anthropic_reply(stop_reason="pause_turn"), "other", "16 weeks"),
    ],
)
def test_how_a_reply_ended_is_kept(
    provider: str,
    reply: dict[str, Any],
    reason: str,
    text: str,
    httpserver: HTTPServer,
    complete: Answer,
) -> None:
    httpserver.expect_request(PATHS[provider]).respond_with_json(reply)
    completion = complete(provider, ASK)
    assert (completion.finish_reason, completion.text) == (reason, text)


@pytest.mark.parametrize(
    ("arguments", "read"),
    [('{"days": 3}', {"days": 3}), ("{days", "{days"), ('{"a": NaN}', '{"a": NaN}'), ("", "")],
)
def test_openai_tool_calls_are_read_as_written(
    arguments: str, read: object, httpserver: HTTPServer, complete: Answer
) -> None:
    call = {"id": "t", "type": "function", "function": {"name": "lookup", "arguments": arguments}}
    reply = _openai_choice("tool_calls", tool_calls=[call])
    httpserver.expect_request(PATHS["openai"]).respond_with_json(reply)
    completion = complete("openai", ASK)
    assert completion.tool_calls == (ToolCall("lookup", read),)
    assert completion.finish_reason == "tool_calls"


def test_anthropic_tool_calls_are_read(httpserver: HTTPServer, complete: Answer) -> None:
    used = {"type": "tool_use", "id": "t", "name": "lookup", "input": {"days": 3}}
    reply = anthropic_reply(content=[used], stop_reason="tool_use")
    httpserver.expect_request(PATHS["anthropic"]).respond_with_json(reply)
    assert complete("anthropic", ASK).tool_calls == (ToolCall("lookup", {"days": 3}),)


def _refused(status: int, provider: str) -> Response:
    quoted = f"Bearer {CANARY}: bad key {CANARY[:-4]}*** or {CANARY[6:]}"
    body = {"error": {"type": "bad_thing", "message": quoted}, "type": "error"}
    return Response(
        json.dumps(body), status, {"x-key": CANARY, "retry-after": "0"}, mimetype="application/json"
    )


@pytest.mark.parametrize("provider", PATHS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 429, 500, 503, 529])
def test_a_failed_call_is_a_backend_error_after_one_attempt_without_the_key(
    status: int, provider: str, httpserver: HTTPServer, complete: Answer
) -> None:
    httpserver.expect_request(PATHS[provider]).respond_with_response(_refused(status, provider))
    with pytest.raises(BackendError) as caught:
        complete(provider, ASK)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert str(status) in str(caught.value)
    for start in range(len(CANARY) - 7):
        assert CANARY[start : start + 8] not in shown
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("provider", PATHS)
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>gateway</html>",
        "[]",
        "null",
        '"text"',
        "{}",
        "[" * 100_000,
        '{"choices": [], "content": 3, "stop_reason": "end_turn"}',
        '{"choices": [{"finish_reason": "abort", "message": {"content": "x"}}]}',
        '{"choices": [{"finish_reason": "stop", "message": {"content": [1]}}]}',
        '{"choices": [{"finish_reason": "stop", "message": "x"}]}',
        '{"choices": [{"finish_reason": null, "message": {"content": "x"}}]}',
        '{"choices": [{"finish_reason": "stop", "message": {"content": "x"}}], "usage": NaN}',
        '{"content": [{"type": "text", "text": "x"}], "stop_reason": null}',
        '{"content": [{"type": "text", "text": 5}], "stop_reason": "end_turn"}',
        f'{{"choices": [{{"message": {{"{CANARY}": "x"}}, "{CANARY}": 1, "{CANARY}": 2}}]}}',
        f'{{"error": {{"message": "no {CANARY} today", "code": "server_error"}}}}',
    ],
)
def test_a_reply_that_is_none_is_a_backend_error_and_never_an_answer(
    body: str, provider: str, httpserver: HTTPServer, complete: Answer
) -> None:
    httpserver.expect_request(PATHS[provider]).respond_with_data(body, mimetype="application/json")
    with pytest.raises(BackendError) as caught:
        complete(provider, ASK)
    assert provider in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.fault == "transient"


@pytest.mark.parametrize("provider", PATHS)
def test_a_dropped_connection_is_a_backend_error(
    provider: str, unused_port: int, complete: Answer
) -> None:
    backend = open_backend(f"{provider}:m@http://127.0.0.1:{unused_port}/v1")

    async def ask() -> None:
        try:
            await backend.complete(ASK)
        finally:
            await backend.close()

    with pytest.raises(BackendError, match="Connection"):
        asyncio.run(ask())


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.mark.parametrize("provider", PATHS)
@pytest.mark.parametrize(
    "request_",
    [
        Request(messages=[{"role": "user", "content": "\ud800"}]),
        Request(messages=[{"role": "user", "content": float("nan")}]),
        Request(messages=ASK.messages, params={"temprature": 0}),
    ],
    ids=["surrogate", "nan", "unknown parameter"],
)
def test_a_request_that_cannot_be_sent_is_a_backend_error(
    provider: str, request_: Request, httpserver: HTTPServer, complete: Answer
) -> None:
    httpserver.expect_request(PATHS[provider]).respond_with_json(REPLIES[provider]())
    with pytest.raises(BackendError):
        complete(provider, request_)


def test_a_reply_with_half_a_surrogate_can_be_stored(
    httpserver: HTTPServer, complete: Answer
) -> None:
    reply = _openai_choice("stop", content="a\ud800b")
    httpserver.expect_request(PATHS["openai"]).respond_with_json(reply)
    assert complete("openai", ASK).text.encode() == b"a?b"


def test_a_server_of_ones_own_needs_no_key(
    httpserver: HTTPServer, complete: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    httpserver.expect_request(PATHS["openai"]).respond_with_json(openai_reply())
    assert complete("openai", ASK).text == "16 weeks"


@pytest.mark.parametrize("provider", PATHS)
def test_an_sdk_that_is_not_installed_names_the_extra(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evalsuite.backends.remote.find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=rf"evalsuite\[{provider}\]"):
        open_backend(f"{provider}:m")
