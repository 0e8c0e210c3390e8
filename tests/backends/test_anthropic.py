"""What only the Messages API has: its streams, blocks, counts and refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("anthropic")
pytest.importorskip("pytest_httpserver")

from pytest_httpserver import HTTPServer
from werkzeug import Response

from evalsuite.backends import open_backend
from evalsuite.backends.base import Completion, Request
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import ToolCall, Usage

CANARY = "sk-ant-canary-7f3a9b1c5d2e"
ASK = Request(messages=[{"role": "user", "content": "How long is leave?"}])
STREAM = Request(messages=ASK.messages, params={"stream": True})
TOOL = {"name": "look", "description": "", "parameters": {"type": "object"}}

START: list[Any] = [
    {
        "type": "message_start",
        "message": {
            "model": "m-2026",
            "content": [],
            "stop_reason": None,
            "usage": {
                "input_tokens": 3,
                "cache_creation_input_tokens": 5,
                "cache_read_input_tokens": 12,
                "output_tokens": 1,
                "service_tier": "priority",
            },
        },
    },
    {"type": "ping"},
]
END: list[Any] = [
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}},
    {"type": "message_stop"},
]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


Do = Callable[..., Any]


@pytest.fixture
def do(httpserver: HTTPServer) -> Do:
    """Call a method of a backend at the server, "complete" if not said otherwise."""

    def do(*arguments: Any, method: str = "complete") -> Any:
        backend: Any = open_backend(f"anthropic:m@{httpserver.url_for('')}")

        async def run() -> Any:
            try:
                return await getattr(backend, method)(*arguments)
            finally:
                await backend.close()

        return asyncio.run(run())

    return do


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[Any]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": each} for each in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(*parts: str) -> list[Any]:
    deltas = [{"type": "text_delta", "text": part} for part in parts]
    return block(1, {"type": "text", "text": ""}, *deltas)


def serve(httpserver: HTTPServer, events: list[Any]) -> None:
    said = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    response = Response(said, mimetype="text/event-stream")
    httpserver.expect_request("/v1/messages").respond_with_response(response)


def test_a_stream_is_the_same_answer_with_a_time_to_the_first_token(
    httpserver: HTTPServer, do: Do
) -> None:
    thought = block(0, {"type": "thinking"}, {"type": "thinking_delta", "thinking": "hm"})
    used = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    parts = ['{"da', 'ys": 3}']
    call = block(2, used, *({"type": "input_json_delta", "partial_json": each} for each in parts))
    serve(httpserver, [*START, *thought, *text("16 ", "weeks"), *call, *END])
    completion: Completion = do(STREAM)
    assert completion.text == "16 weeks"
    assert completion.tool_calls == (ToolCall("look", {"days": 3}),)
    assert completion.finish_reason == "tool_calls"
    assert completion.usage == Usage(20, 9, 12, 1, 5)
    assert (completion.model, completion.service_tier) == ("m-2026", "priority")
    assert completion.first_token is not None
    assert httpserver.log[0][0].json["stream"] is True


def error(kind: str) -> Any:
    return {"type": "error", "error": {"type": kind, "message": f"no {CANARY}"}}


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([*START, *text("16 ")], "transient"),
        ([], "transient"),
        ([{"type": "content_block_delta", "index": 9, "delta": {}}, *END], "transient"),
        ([{"type": "message_start", "message": 3}, *END], "transient"),
        ([*START, *text("16 "), error("api_error")], "transient"),
        ([*START, *text("16 "), error("overloaded_error")], "throttled"),
    ],
)
def test_a_stream_that_breaks_off_is_a_failure_and_never_a_short_answer(
    events: list[Any], fault: str, httpserver: HTTPServer, do: Do
) -> None:
    serve(httpserver, events)
    with pytest.raises(BackendError) as caught:
        do(STREAM)
    assert caught.value.fault == fault
    assert CANARY not in str(caught.value)


def test_the_results_of_all_calls_of_a_turn_stand_in_one_message(
    httpserver: HTTPServer, do: Do
) -> None:
    reply = {"content": [], "stop_reason": "end_turn", "model": "m"}
    httpserver.expect_request("/v1/messages").respond_with_json(reply)
    calls = (ToolCall("look", {"days": 3}), ToolCall("look", {"days": 4}))
    first = Completion(text="One moment.", tool_calls=calls, finish_reason="tool_calls")
    do(Request(messages=first.continued(ASK.messages, ["three", "four"]), tools=[TOOL]))
    _, turn, results = httpserver.log[0][0].json["messages"]
    said, *used = turn["content"]
    assert said == {"type": "text", "text": "One moment."}
    assert [each["input"] for each in used] == [{"days": 3}, {"days": 4}]
    assert results == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": each["id"], "content": content}
            for each, content in zip(used, ["three", "four"], strict=True)
        ],
    }


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (Request(messages=ASK.messages, params={"temperature": 0}), "temperature"),
        (Request(messages=ASK.messages, params={"logprobs": True}), "anthropic has no logprobs"),
        (Request(messages=(), embed=("a",)), "anthropic has no embeddings"),
        (Request(messages=[{"role": "tool", "content": "x"}]), "tool_call_id"),
    ],
)
def test_what_it_lacks_is_an_error_before_anything_is_sent(
    request_: Request, says: str, httpserver: HTTPServer, do: Do
) -> None:
    with pytest.raises(BackendError, match=says) as caught:
        do(request_)
    assert caught.value.fault == "request"
    assert not httpserver.log


def test_a_sampling_parameter_in_its_name_is_refused_at_once() -> None:
    with pytest.raises(OptionError, match='takes no parameter "temperature"'):
        open_backend("anthropic:m?temperature=0")


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, {"id": "m", "type": "model"}, None),
        (401, error("authentication_error"), "provider"),
        (404, {"error": {"type": "not_found_error", "message": "model: m"}}, "provider"),
        (404, {"detail": "Not Found"}, None),
        (529, error("overloaded_error"), None),
    ],
)
def test_preflight_blames_the_provider_only_where_it_says_so(
    status: int, body: Any, fault: str | None, httpserver: HTTPServer, do: Do
) -> None:
    httpserver.expect_request("/v1/models/m").respond_with_json(body, status)
    if fault is None:
        do(method="preflight")
    else:
        with pytest.raises(BackendError) as caught:
            do(method="preflight")
        assert caught.value.fault == fault
        assert CANARY not in str(caught.value)
    sent = httpserver.log[0][0]
    assert (sent.method, sent.headers["Authorization"]) == ("GET", f"Bearer {CANARY}")
