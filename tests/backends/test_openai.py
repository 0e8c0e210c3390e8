"""What only Chat Completions has: logprobs, embeddings, streams, strict schemas, any endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("pytest_httpserver")

from pytest_httpserver import HTTPServer
from werkzeug import Request as Sent
from werkzeug import Response

from evalsuite.backends import open_backend
from evalsuite.backends.base import Completion, Request
from evalsuite.backends.calls import ATTEMPT, TALLY, Attempt, Tally
from evalsuite.backends.llm import LLM
from evalsuite.backends.recording import Recorded
from evalsuite.errors import BackendError, EvalsuiteError, OptionError
from evalsuite.records import ToolCall, Usage
from evalsuite.store import Store

CANARY = "sk-canary-7f3a9b1c5d2e"
ASK = Request(messages=[{"role": "user", "content": "How long is leave?"}])
CLOSED = {
    "type": "object",
    "properties": {"days": {"type": "integer"}},
    "required": ["days"],
    "additionalProperties": False,
}
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


Do = Callable[..., Any]


@pytest.fixture
def do(httpserver: HTTPServer) -> Do:
    """Call a method of a backend at the server, "complete" if not said otherwise."""

    def do(*arguments: Any, query: str = "", method: str = "complete", model: str = "m") -> Any:
        backend: Any = open_backend(f"openai:{model}@{httpserver.url_for('/v1')}{query}")

        async def run() -> Any:
            try:
                return await getattr(backend, method)(*arguments)
            finally:
                await backend.close()

        return asyncio.run(run())

    return do


def reply(**message: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": "16 weeks"} | message}
    return {"model": "m-2026", "system_fingerprint": "fp1", "choices": [choice], "usage": USAGE}


def chunk(reason: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"model": "m-2026", "system_fingerprint": "fp1", "choices": [choice], "usage": None}


def events(*chunks: Any, done: bool = True) -> Response:
    lines = [f"data: {json.dumps(each)}\n\n" for each in chunks] + ["data: [DONE]\n\n"] * done
    return Response(iter(lines), mimetype="text/event-stream")


def serve(httpserver: HTTPServer, answer: Any, path: str = "/v1/chat/completions") -> None:
    if isinstance(answer, Response):
        httpserver.expect_request(path).respond_with_response(answer)
    else:
        httpserver.expect_request(path).respond_with_json(answer)


def last_body(httpserver: HTTPServer) -> Any:
    sent: Sent = httpserver.log[-1][0]
    return sent.json


def test_logprobs_are_read_token_by_token(httpserver: HTTPServer, do: Do) -> None:
    answer = reply()
    top = [{"token": "16", "logprob": -0.1}, {"token": "12", "logprob": -2.5}]
    answer["choices"][0]["logprobs"] = {
        "content": [{"token": "16", "logprob": -0.1, "top_logprobs": top}]
    }
    serve(httpserver, answer)
    request = Request(messages=ASK.messages, params={"logprobs": True, "top_logprobs": 2})
    completion = do(request)
    assert completion.logprobs == (
        {"token": "16", "logprob": -0.1, "top": {"16": -0.1, "12": -2.5}},
    )
    assert last_body(httpserver)["top_logprobs"] == 2


def test_a_logprob_that_is_no_number_is_no_answer(httpserver: HTTPServer, do: Do) -> None:
    body = json.dumps(reply()).replace(
        '"finish_reason"',
        '"logprobs": {"content": [{"token": "a", "logprob": 1e999}]}, "finish_reason"',
    )
    httpserver.expect_request("/v1/chat/completions").respond_with_data(body)
    with pytest.raises(BackendError) as caught:
        do(ASK)
    assert caught.value.fault == "transient"


def test_embeddings_come_in_the_order_of_the_texts(httpserver: HTTPServer, do: Do) -> None:
    data = [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    serve(httpserver, {"model": "e", "data": data, "usage": usage}, "/v1/embeddings")
    request = Request(messages=(), embed=("a", "b"), params={"dimensions": 2})
    completion = do(request)
    assert completion.embeddings == ((1.0, 0.0), (0.0, 1.0))
    assert completion.usage == Usage(4, 0, calls=1)
    sent = {"model": "m", "input": ["a", "b"], "dimensions": 2, "encoding_format": "float"}
    assert last_body(httpserver) == sent


def test_texts_are_embedded_in_batches_and_once_for_all_cases(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    def embed(sent: Sent) -> Response:
        texts = json.loads(sent.data)["input"]
        data = [{"index": n, "embedding": [float(text)]} for n, text in enumerate(texts)]
        return Response(json.dumps({"model": "e", "data": data}), mimetype="application/json")

    httpserver.expect_request("/v1/embeddings").respond_with_handler(embed)
    backend = open_backend(f"openai:m@{httpserver.url_for('/v1')}")
    texts = [str(number) for number in range(100)]

    async def case(name: str, store: Store) -> Tally:
        tally = Tally(name, 1, 0)
        TALLY.set(tally)
        llm = LLM({"default": Recorded(backend, store)}, asyncio.get_running_loop())
        assert [vector[0] for vector in await llm.embed(texts)] == list(range(100))
        with pytest.raises(EvalsuiteError, match="a list of texts"):
            llm.embed("one text")
        return tally

    async def run() -> list[Tally]:
        store = Store(tmp_path)
        tallies = [await case("a", store), await case("b", store)]
        store.close()
        await backend.close()
        return tallies

    tallies = contextvars.Context().run(asyncio.run, run())
    assert [(each.fresh, each.stored) for each in tallies] == [(2, 0), (0, 2)]


@pytest.mark.parametrize(
    "data",
    [
        [{"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [None]}],
        None,
    ],
)
def test_a_vector_that_is_missing_is_a_failure(data: Any, httpserver: HTTPServer, do: Do) -> None:
    serve(httpserver, {"model": "e", "data": data}, "/v1/embeddings")
    with pytest.raises(BackendError) as caught:
        do(Request(messages=(), embed=("a", "b")))
    assert caught.value.fault == "transient"


def test_a_stream_is_the_same_answer_with_a_time_to_the_first_token(
    httpserver: HTTPServer, do: Do
) -> None:
    call = {"index": 0, "id": "x", "function": {"name": "look", "arguments": '{"da'}}
    rest = {"index": 0, "function": {"arguments": 'ys": 3}'}}
    used = {"model": "m-2026", "choices": [], "usage": USAGE, "service_tier": "flex"}
    serve(
        httpserver,
        events(
            chunk(role="assistant", content=""),
            chunk(content="16 "),
            chunk(content="weeks"),
            chunk(tool_calls=[call]),
            chunk(tool_calls=[rest]),
            chunk("tool_calls"),
            used,
        ),
    )
    completion: Completion = do(Request(messages=ASK.messages, params={"stream": True}))
    assert completion.text == "16 weeks"
    assert completion.tool_calls == (ToolCall("look", {"days": 3}),)
    assert completion.finish_reason == "tool_calls"
    assert completion.usage == Usage(20, 5, calls=1)
    assert (completion.model, completion.fingerprint) == ("m-2026", "fp1")
    assert completion.service_tier == "flex"
    assert completion.first_token is not None
    assert completion.latency is not None
    assert 0 < completion.first_token <= completion.latency
    body = last_body(httpserver)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.parametrize(
    "answer",
    [
        events(chunk(content="16 "), done=False),
        events(chunk(content="16 ")),
        Response("data: {nonsense\n\n", mimetype="text/event-stream"),
        Response("", mimetype="text/event-stream"),
        Response("data: 3\n\n", mimetype="text/event-stream"),
        Response('data: {"choices": [3]}\n\n', mimetype="text/event-stream"),
        Response('data: {"choices": NaN}\n\n', mimetype="text/event-stream"),
        Response("data: " + "[" * 100_000 + "\n\n", mimetype="text/event-stream"),
        events(chunk(content="16 "), {"error": {"message": "gave up", "type": "server_error"}}),
    ],
    ids=[
        *("cut", "no reason", "no JSON", "empty"),
        *("no object", "no choice", "NaN", "deep", "error"),
    ],
)
def test_a_stream_that_breaks_off_is_a_transient_failure(
    answer: Response, httpserver: HTTPServer, do: Do
) -> None:
    serve(httpserver, answer)
    with pytest.raises(BackendError) as caught:
        do(Request(messages=ASK.messages, params={"stream": True}))
    assert caught.value.fault == "transient"


def test_a_server_that_does_not_stream_answers_at_once(httpserver: HTTPServer, do: Do) -> None:
    serve(httpserver, reply())
    completion = do(Request(messages=ASK.messages, params={"stream": True}))
    assert (completion.text, completion.first_token) == ("16 weeks", None)


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (CLOSED, True),
        (
            {
                "type": "object",
                "properties": {"a": CLOSED},
                "required": ["a"],
                "additionalProperties": False,
            },
            True,
        ),
        (CLOSED | {"required": []}, False),
        (CLOSED | {"additionalProperties": True}, False),
        (CLOSED | {"minProperties": 1}, False),
        ({"type": "array", "items": CLOSED}, False),
        ({"anyOf": [CLOSED]}, False),
        ({"type": "object"}, False),
    ],
)
def test_a_schema_is_strict_where_strict_mode_takes_it(
    schema: dict[str, Any], strict: bool, httpserver: HTTPServer, do: Do
) -> None:
    serve(httpserver, reply(content='{"days": 3}'))
    completion = do(Request(messages=ASK.messages, schema=schema))
    form = last_body(httpserver)["response_format"]["json_schema"]
    assert (form["strict"], form["schema"]) == (strict, schema)
    assert completion.json() == {"days": 3}


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("16 weeks", "stop", "no JSON"),
        ('{"a": 1, "a": 2}', "stop", "twice"),
        ('{"a": NaN}', "stop", "NaN"),
        ('{"a": 1', "length", "length"),
        ("{}", "refusal", "refusal"),
    ],
)
def test_an_answer_that_is_not_quite_json_is_a_value_error(
    text: str, reason: str, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Completion(text=text, finish_reason=reason).json()


def test_a_conversation_goes_on_with_the_results_of_its_calls(
    httpserver: HTTPServer, do: Do
) -> None:
    calls = (ToolCall("look", {"days": 3}), ToolCall("look", "not JSON"))
    first = Completion(tool_calls=calls, finish_reason="tool_calls")
    messages = first.continued(ASK.messages, ["16 weeks", "none"])
    serve(httpserver, reply())
    do(Request(messages=messages))
    asked, turn, one, two = last_body(httpserver)["messages"]
    assert asked == ASK.messages[0]
    ids = [call["id"] for call in turn["tool_calls"]]
    assert [one["tool_call_id"], two["tool_call_id"]] == ids
    assert len(set(ids)) == 2
    assert turn["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"days": 3}'}
    assert turn["tool_calls"][1]["function"]["arguments"] == "not JSON"
    later = first.continued(messages, ["a", "b"])
    assert len({call["id"] for call in later[4]["tool_calls"]} | set(ids)) == 4
    assert first.continued(ASK.messages, ["16 weeks", "none"]) == messages
    with pytest.raises(ValueError, match="2 tool calls, but 1 results"):
        first.continued(messages, ["a"])


def test_a_parameter_that_the_model_refuses_is_named_with_the_remedy(
    httpserver: HTTPServer, do: Do
) -> None:
    error = {
        "message": "Unsupported parameter: 'temperature' is not supported with this model.",
        "type": "invalid_request_error",
        "param": "temperature",
        "code": "unsupported_parameter",
    }
    httpserver.expect_request("/v1/chat/completions").respond_with_json({"error": error}, 400)
    with pytest.raises(BackendError, match="refuses the parameter temperature: take it out") as got:
        do(ASK, query="?temperature=0")
    assert got.value.fault == "request"
    assert got.value.status == 400


def test_a_server_that_refuses_seeds_is_sent_none(httpserver: HTTPServer, do: Do) -> None:
    serve(httpserver, reply())
    backend = open_backend("openai:m@http://127.0.0.1/v1?seed=false")
    assert not backend.capabilities.seed
    assert backend.identity != open_backend("openai:m@http://127.0.0.1/v1").identity
    do(ASK, query="?seed=false")
    assert "seed" not in last_body(httpserver)
    with pytest.raises(OptionError, match="seed=false"):
        open_backend("openai:m?seed=7")


@pytest.mark.parametrize(
    ("status", "error", "fault"),
    [
        (200, None, None),
        (401, {"code": "invalid_api_key", "message": f"Incorrect key {CANARY}"}, "provider"),
        (404, {"code": "model_not_found", "message": "The model m does not exist"}, "provider"),
        (
            404,
            {"code": 404, "type": "NotFoundError", "message": "The model `m` does not exist."},
            "provider",
        ),
        (404, {"message": "Not Found"}, None),
        (403, {"message": "this key may not list models"}, None),
        (500, {"message": "down"}, None),
    ],
)
def test_preflight_blames_the_provider_only_where_it_says_so(
    status: int, error: Any, fault: str | None, httpserver: HTTPServer, do: Do
) -> None:
    body = {"error": error} if error else {"id": "org/m"}
    httpserver.expect_request("/v1/models/org/m").respond_with_json(body, status)
    if fault is None:
        do(method="preflight", model="org/m")
    else:
        with pytest.raises(BackendError) as caught:
            do(method="preflight", model="org/m")
        assert caught.value.fault == fault
        assert CANARY not in str(caught.value)
    assert [(sent.method, sent.path) for sent, _ in httpserver.log] == [("GET", "/v1/models/org/m")]


def test_a_lane_hears_the_headers_and_names_the_call(httpserver: HTTPServer, do: Do) -> None:
    headers = {"x-ratelimit-remaining-requests": "3"}
    httpserver.expect_request("/v1/chat/completions").respond_with_json(reply(), headers=headers)
    attempt = Attempt("call-1")
    token = ATTEMPT.set(attempt)
    try:
        do(ASK)
    finally:
        ATTEMPT.reset(token)
    assert attempt.headers is not None
    assert attempt.headers["x-ratelimit-remaining-requests"] == "3"
    assert httpserver.log[0][0].headers["Idempotency-Key"] == "call-1"


def test_calls_at_once_have_a_connection_each_and_later_ones_use_them_again() -> None:
    body = json.dumps(reply()).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    connections = 0
    closed = asyncio.Semaphore(0)

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head_in := await reader.readuntil(b"\r\n\r\n"):
                length = int(head_in.lower().partition(b"content-length:")[2].split()[0])
                await reader.readexactly(length)
                await asyncio.sleep(0.01)
                writer.write(head % len(body) + body)
        writer.close()
        await writer.wait_closed()
        closed.release()

    async def run() -> list[str]:
        server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        backend = open_backend(f"openai:m@http://127.0.0.1:{port}/v1")
        texts = []
        for _ in range(3):
            replies = await asyncio.gather(*(backend.complete(ASK) for _ in range(8)))
            texts += [each.text for each in replies]
        await backend.close()
        for _ in range(connections):
            await closed.acquire()
        server.close()
        return texts

    assert asyncio.run(run()) == ["16 weeks"] * 24
    assert connections == 8


def test_a_proxy_of_the_environment_is_used(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(httpserver, reply())
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", httpserver.url_for(""))
    backend = open_backend("openai:m@http://nowhere.invalid/v1")

    async def run() -> str:
        try:
            return (await backend.complete(ASK)).text
        finally:
            await backend.close()

    assert asyncio.run(run()) == "16 weeks"
