"""A pipeline's own SDK client takes the way of `llm.chat`: its case, store, seed and limits."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

pytest.importorskip("openai")
pytest.importorskip("anthropic")
pytest.importorskip("pytest_httpserver")

import anthropic
import openai
from pytest_httpserver import HTTPServer
from werkzeug import Request as Sent
from werkzeug import Response

import evalsuite as ev
from evalsuite.backends import open_backend
from evalsuite.backends.calls import TALLY, Tally
from evalsuite.backends.clients import MODELS
from evalsuite.backends.llm import LLM
from evalsuite.backends.recording import MissingReply, Recorded
from evalsuite.errors import BackendError, EvalsuiteError
from evalsuite.records import Usage
from evalsuite.store import Store

T = TypeVar("T")

CANARY = "sk-canary-7f3a9b1c5d2e"
ASK: list[Any] = [{"role": "user", "content": "How long is leave?"}]
USAGE = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
SPENT = {"input_tokens": 20, "output_tokens": 5}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_API_KEY", CANARY)
        monkeypatch.delenv(f"{name}_BASE_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def chat_reply(sent: Sent) -> Response:
    """Answers with the model and the seed that it was asked with, streamed if it is asked to."""
    body = json.loads(sent.data)
    text = f"{body['model']} {body.get('seed', 'no seed')}"
    head = {"id": "c", "created": 1, "model": "served", "system_fingerprint": "fp1"}
    if not body.get("stream"):
        message = {"role": "assistant", "content": text}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        reply = head | {"object": "chat.completion", "choices": choices, "usage": USAGE}
        return Response(json.dumps(reply), mimetype="application/json")
    deltas: list[Any] = [({"content": part}, None) for part in text.partition(" ")]
    chunks: list[Any] = [
        [{"index": 0, "delta": delta, "finish_reason": reason}]
        for delta, reason in [*deltas, ({}, "stop")]
    ]
    lines = [head | {"object": "chat.completion.chunk", "choices": each} for each in chunks]
    if body.get("stream_options"):
        lines.append(head | {"object": "chat.completion.chunk", "choices": [], "usage": USAGE})
    said = "".join(f"data: {json.dumps(line)}\n\n" for line in lines) + "data: [DONE]\n\n"
    return Response(said, mimetype="text/event-stream")


def message_reply(sent: Sent) -> Response:
    body = json.loads(sent.data)
    text = {"type": "text", "text": f"{body['model']} {body['max_tokens']}"}
    head = {"id": "m", "type": "message", "role": "assistant", "model": "served"}
    if not body.get("stream"):
        reply = head | {"content": [text], "stop_reason": "end_turn", "usage": SPENT}
        return Response(json.dumps(reply), mimetype="application/json")
    start = head | {"content": [], "stop_reason": None, "usage": SPENT | {"output_tokens": 1}}
    events: list[Any] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": text | {"text": ""}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": text["text"]},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": SPENT},
        {"type": "message_stop"},
    ]
    said = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
    return Response(said, mimetype="text/event-stream")


Run = Callable[..., Any]


@pytest.fixture
def run(httpserver: HTTPServer, store: Store) -> Run:
    """Run `work(llm)` as a case; its value and its tally."""
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(chat_reply)
    httpserver.expect_request("/v1/messages").respond_with_handler(message_reply)

    def run(
        work: Callable[[LLM], Awaitable[T]],
        provider: str = "openai",
        query: str = "",
        replay_only: bool = False,
        tally: Tally | None = None,
    ) -> tuple[T, Tally]:
        base = httpserver.url_for("/v1" if provider == "openai" else "")
        spec = "embedded" if provider == "embedded" else f"{provider}:role-model@{base}{query}"

        async def case() -> tuple[T, Tally]:
            backend = open_backend(spec)
            own = tally or Tally("a", 1, 0)
            llm = LLM(
                {"default": Recorded(backend, store, replay_only)}, asyncio.get_running_loop()
            )
            TALLY.set(own)
            MODELS.set(llm)
            try:
                return await work(llm), own
            finally:
                await backend.close()

        return contextvars.Context().run(asyncio.run, case())

    return run


async def chat(llm: LLM) -> str:
    reply = await llm.openai_client().chat.completions.create(model="their-model", messages=ASK)
    return str(reply.choices[0].message.content)


def test_its_calls_go_to_the_roles_model_with_the_cases_seed(run: Run) -> None:
    text, tally = run(chat)
    model, seed = text.split()
    assert model == "role-model"
    assert int(seed) > 0
    assert (tally.fresh, tally.usage, tally.models) == (1, Usage(20, 5, calls=1), {"served"})
    assert tally.finish_reason == "stop"


def test_they_are_answered_from_the_store(run: Run, httpserver: HTTPServer) -> None:
    first, _ = run(chat)
    again, tally = run(chat, replay_only=True)
    assert first == again
    assert (tally.fresh, tally.stored, tally.usage) == (0, 1, Usage(20, 5, calls=1))
    assert len(httpserver.log) == 1


def test_a_seed_and_parameters_of_their_own_stand(run: Run, httpserver: HTTPServer) -> None:
    async def seeded(llm: LLM) -> str:
        reply = await llm.openai_client().chat.completions.create(
            model="x", messages=ASK, seed=7, temperature=0.5
        )
        return str(reply.choices[0].message.content)

    text, _ = run(seeded, query="?temperature=0&top_p=0.9")
    assert text == "role-model 7"
    sent = httpserver.log[0][0].json
    assert (sent["temperature"], sent["top_p"]) == (0.5, 0.9)


@pytest.mark.parametrize("usage", [False, True])
def test_a_stream_is_replayed_as_one_and_still_counted(
    usage: bool, run: Run, httpserver: HTTPServer
) -> None:
    async def streamed(llm: LLM) -> list[Any]:
        options: Any = {"stream_options": {"include_usage": True}} if usage else {}
        stream = await llm.openai_client().chat.completions.create(
            model="x", messages=ASK, stream=True, **options
        )
        return [chunk async for chunk in stream]

    chunks, tally = run(streamed)
    text = "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)
    assert text.startswith("role-model ")
    assert len([each for each in chunks if not each.choices]) == usage
    assert tally.usage == Usage(20, 5, calls=1)
    assert tally.first_token is not None
    again, tally = run(streamed, replay_only=True)
    assert [each.to_json() for each in again] == [each.to_json() for each in chunks]
    assert tally.stored == 1
    assert len(httpserver.log) == 1


def test_a_sync_client_works_in_the_thread_of_a_plain_target(run: Run) -> None:
    def plain(llm: LLM) -> str:
        reply = llm.openai_client(sync=True).chat.completions.create(model="x", messages=ASK)
        return str(reply.choices[0].message.content)

    text, tally = run(lambda llm: asyncio.to_thread(plain, llm))
    assert text.startswith("role-model ")
    assert tally.fresh == 1


def test_a_sync_client_on_the_loop_says_what_to_do(run: Run) -> None:
    async def wrong(llm: LLM) -> None:
        llm.openai_client(sync=True).chat.completions.create(model="x", messages=ASK)

    with pytest.raises(EvalsuiteError, match="make the target a plain def"):
        run(wrong)


def test_a_bound_client_knows_its_case_in_threads_that_do_not(run: Run) -> None:
    async def threaded(llm: LLM) -> str:
        client = llm.openai_client(sync=True)
        said: list[str] = []

        def work() -> None:
            reply = client.chat.completions.create(model="x", messages=ASK)
            said.append(str(reply.choices[0].message.content))

        thread = threading.Thread(target=work)
        thread.start()
        await asyncio.to_thread(thread.join)
        return said[0]

    text, tally = run(threaded)
    assert text.startswith("role-model ")
    assert tally.fresh == 1


def test_an_async_client_works_on_a_loop_of_the_targets_own(run: Run) -> None:
    def plain(llm: LLM) -> str:
        return asyncio.run(chat(llm))

    text, tally = run(lambda llm: asyncio.to_thread(plain, llm))
    assert text.startswith("role-model ")
    assert tally.fresh == 1


def test_a_module_level_client_finds_the_case_and_the_role(run: Run) -> None:
    client = ev.openai_client()
    other = ev.openai_client(role="fast")

    async def target(llm: LLM) -> str:
        reply = await client.chat.completions.create(model="x", messages=ASK)
        with pytest.raises(EvalsuiteError, match='no model has the role "fast"'):
            await other.chat.completions.create(model="x", messages=ASK)
        return str(reply.choices[0].message.content)

    text, tally = run(target)
    assert text.startswith("role-model ")
    assert tally.fresh == 1


def test_outside_of_evals_a_module_level_client_is_the_sdks_own(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(chat_reply)
    url = httpserver.url_for("/v1")
    with ev.openai_client(sync=True, base_url=url) as client:
        reply = client.chat.completions.create(model="their-model", messages=ASK)
    assert reply.choices[0].message.content == "their-model no seed"

    async def streamed() -> str:
        async with ev.openai_client(base_url=url) as client:
            stream = await client.chat.completions.create(model="a", messages=ASK, stream=True)
            return "".join([each.choices[0].delta.content or "" async for each in stream])

    assert asyncio.run(streamed()) == "a no seed"
    sent: Sent = httpserver.log[0][0]
    assert sent.headers["Authorization"] == f"Bearer {CANARY}"


def test_without_a_key_it_can_be_made_but_not_used_outside_of_evals(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with (
        ev.anthropic_client(sync=True) as client,
        pytest.raises(EvalsuiteError, match="set ANTHROPIC_API_KEY"),
    ):
        client.messages.create(model="m", max_tokens=5, messages=ASK)


def test_in_a_run_but_outside_of_a_case_it_names_the_remedy() -> None:
    stop = threading.Event()
    loop = threading.Thread(target=stop.wait, name="evalsuite-loop")
    loop.start()
    try:
        with (
            ev.openai_client(sync=True) as client,
            pytest.raises(EvalsuiteError, match="outside of a case"),
        ):
            client.chat.completions.create(model="m", messages=ASK)
    finally:
        stop.set()
        loop.join()


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_client_likewise(stream: bool, run: Run, httpserver: HTTPServer) -> None:
    async def target(llm: LLM) -> str:
        client = llm.anthropic_client()
        if not stream:
            reply: Any = await client.messages.create(model="x", max_tokens=9, messages=ASK)
        else:
            async with client.messages.stream(model="x", max_tokens=9, messages=ASK) as found:
                reply = await found.get_final_message()
        return str(reply.content[0].text)

    text, tally = run(target, "anthropic", "?effort=low")
    assert text == "role-model 9"
    assert tally.usage == Usage(20, 5, calls=1)
    assert httpserver.log[0][0].json["output_config"] == {"effort": "low"}
    again, tally = run(target, "anthropic", "?effort=low", replay_only=True)
    assert (again, tally.stored) == (text, 1)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "BadRequestError"), (429, "RateLimitError"), (500, "InternalServerError")],
)
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("made", ["bound", "module"])
def test_a_providers_error_is_the_sdks_own_and_told_to_the_case(
    made: str, provider: str, status: int, kind: str, run: Run, httpserver: HTTPServer
) -> None:
    httpserver.clear()
    error = {"type": "error", "error": {"type": "bad", "message": f"no {CANARY}"}}
    httpserver.expect_request("/v1/chat/completions").respond_with_json(error, status)
    httpserver.expect_request("/v1/messages").respond_with_json(error, status)
    tally = Tally("a", 1, 0)
    sdk = openai if provider == "openai" else anthropic

    async def target(llm: LLM) -> None:
        maker: Any = llm if made == "bound" else ev
        client: Any = getattr(maker, f"{provider}_client")()
        if provider == "openai":
            await client.chat.completions.create(model="x", messages=ASK)
        else:
            await client.messages.create(model="x", max_tokens=9, messages=ASK)

    with pytest.raises(getattr(sdk, kind)) as caught:
        run(target, provider, tally=tally)
    assert caught.value.status_code == status
    assert isinstance(caught.value.__cause__, BackendError)
    assert isinstance(tally.failed, BackendError)
    assert len(httpserver.log) == 1  # repeating is the lane's, not the SDK's
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_reply_that_is_not_stored_ends_as_a_missing_reply(run: Run) -> None:
    tally = Tally("a", 1, 0)
    with pytest.raises(openai.InternalServerError) as caught:
        run(chat, replay_only=True, tally=tally)
    assert isinstance(caught.value.__cause__, MissingReply)
    assert isinstance(tally.failed, MissingReply)


def test_what_cannot_go_through_is_named(run: Run) -> None:
    async def images(llm: LLM) -> None:
        await llm.openai_client().images.generate(prompt="a cat")

    with pytest.raises(EvalsuiteError, match=r"POST /v1/images/generations .*can't go"):
        run(images)

    async def listed(llm: LLM) -> None:
        await llm.openai_client().models.retrieve("m")

    with pytest.raises(EvalsuiteError, match="GET /v1/models/m"):
        run(listed)

    async def other(llm: LLM) -> None:
        llm.anthropic_client()

    with pytest.raises(EvalsuiteError, match=r"takes those of openai_client\(\)"):
        run(other)


def test_responses_and_embeddings_pass_too(run: Run, httpserver: HTTPServer) -> None:
    said = {"type": "output_text", "text": "16 weeks", "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    reply = {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "model": "served",
        "status": "completed",
        "output": [message | {"content": [said]}],
        "usage": SPENT | {"input_tokens_details": {"cached_tokens": 4}},
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
    }
    httpserver.expect_request("/v1/responses").respond_with_json(reply)
    vectors = {
        "object": "list",
        "model": "e",
        "usage": {"prompt_tokens": 20, "total_tokens": 20},
        "data": [{"object": "embedding", "index": 0, "embedding": [1.0, 0.5]}],
    }
    httpserver.expect_request("/v1/embeddings").respond_with_json(vectors)

    async def target(llm: LLM) -> tuple[str, list[float]]:
        client = llm.openai_client()
        answer = await client.responses.create(model="x", input="How long is leave?")
        found = await client.embeddings.create(model="x", input=["a"])
        return answer.output_text, found.data[0].embedding

    value, tally = run(target, query="?temperature=0")
    assert value == ("16 weeks", [1.0, 0.5])
    assert tally.usage == Usage(40, 5, 4, 2)
    assert [sent.json["model"] for sent, _ in httpserver.log] == ["role-model"] * 2
    assert all("temperature" not in sent.json for sent, _ in httpserver.log)


@pytest.mark.parametrize("stream", [False, True])
def test_the_embedded_model_answers_a_client(stream: bool, run: Run) -> None:
    document = '<document id="leave">\nParental leave is 16 weeks.\n</document>\n'
    messages: Any = [{"role": "user", "content": document + "Question: How long is leave?"}]

    async def target(llm: LLM) -> str:
        create: Any = llm.openai_client().chat.completions.create
        found = await create(model="x", messages=messages, stream=stream)
        if not stream:
            return str(found.choices[0].message.content)
        return "".join([each.choices[0].delta.content or "" async for each in found])

    text, tally = run(target, "embedded")
    assert "16 weeks" in text
    assert tally.usage.output_tokens > 0


def test_the_embedded_model_calls_a_tool_for_a_client(run: Run) -> None:
    parameters = {
        "type": "object",
        "properties": {"order": {"type": "string", "pattern": "ORD-[0-9]+"}},
        "required": ["order"],
    }
    function = {"name": "order_status", "description": "", "parameters": parameters}
    messages: Any = [{"role": "user", "content": "What is the status of order ORD-17?"}]

    async def target(llm: LLM) -> list[Any]:
        client = llm.openai_client()
        tools: Any = [{"type": "function", "function": function}]
        first = await client.chat.completions.create(model="x", messages=messages, tools=tools)
        turn: Any = first.choices[0].message
        return list(turn.tool_calls)

    calls, _ = run(target, "embedded")
    assert json.loads(calls[0].function.arguments) == {"order": "ORD-17"}


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_the_key_is_in_no_debug_log_and_not_in_the_store(
    provider: str,
    sync: bool,
    stream: bool,
    run: Run,
    store: Store,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)

    def ask(client: Any) -> Any:
        if provider == "openai":
            return client.chat.completions.create(model="x", messages=ASK, stream=stream)
        return client.messages.create(model="x", max_tokens=9, messages=ASK, stream=stream)

    async def target(llm: LLM) -> None:
        client: Any = getattr(llm, f"{provider}_client")(sync=sync)
        found = await asyncio.to_thread(ask, client) if sync else await ask(client)
        if stream and sync:
            assert list(found)
        elif stream:
            assert [each async for each in found]

    run(target, provider)
    store.flush()
    said = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert provider in said
    assert CANARY not in said
    for file in tmp_path.rglob("*"):
        assert file.is_dir() or CANARY.encode() not in file.read_bytes()


PIPELINE = """
import evalsuite

client = evalsuite.openai_client(sync=True)
other = evalsuite.openai_client()
ASK = [{{"role": "user", "content": "word"}}]

@evalsuite.suite(golden="words")
{target}
"""
PLAIN = """
def words(case):
    reply = client.chat.completions.create(model="x", messages=ASK)
    return case.input + reply.choices[0].message.content
"""
SWALLOWED = """
async def words(case):
    try:
        await other.chat.completions.create(model="x", messages=ASK)
    except Exception:
        pass
    return "word"
"""
RAISED = """
async def words(case):
    await other.chat.completions.create(model="x", messages=ASK)
"""


def pipeline(project: Any, httpserver: HTTPServer, target: str) -> str:
    project.write("test_words.py", PIPELINE.format(target=target.strip()))
    project.cases(project.many(4))
    return f"--evals-backend=openai:role-model@{httpserver.url_for('/v1')}"


def test_a_plain_target_with_a_client_of_its_module_runs_and_resumes(
    project: Any, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(chat_reply)
    spec = pipeline(project, httpserver, PLAIN)
    done = project.run_apart(spec)
    assert done.ret == 0, done.stdout.str()
    first = project.rows()
    assert project.manifest()["operations"]["fresh_calls"] == 4
    asked = len([sent for sent, _ in httpserver.log if sent.method == "POST"])
    project.write("test_words.py", PIPELINE.format(target=PLAIN.strip()) + "\n# changed\n")
    project.run_apart(spec)
    assert project.manifest()["operations"]["stored_calls"] == 4
    assert len([sent for sent, _ in httpserver.log if sent.method == "POST"]) == asked == 4
    assert {name: row["outputs"] for name, row in first.items()} == {
        name: row["outputs"] for name, row in project.rows().items()
    }


def test_a_scorer_with_a_client_of_its_module_finds_its_case(
    project: Any, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(chat_reply)
    judge = """
async def judge(case, output):
    reply = await other.chat.completions.create(model="x", messages=ASK)
    return float(reply.choices[0].message.content.startswith("role-model"))

"""
    spec = pipeline(project, httpserver, "def words(case): return case.input")
    text = PIPELINE.format(target="def words(case): return case.input")
    text = text.replace("@evalsuite.suite(", judge + "@evalsuite.suite(scorers=[judge], ")
    project.write("test_words.py", text)
    done = project.run_apart(spec)
    assert done.ret == 0, done.stdout.str()
    assert [row["scores"]["judge"] for row in project.rows().values()] == [[1.0]] * 4


@pytest.mark.parametrize("target", [SWALLOWED, RAISED], ids=["swallowed", "raised"])
def test_a_providers_failure_in_a_client_is_never_a_score(
    target: str, project: Any, httpserver: HTTPServer
) -> None:
    message = f"too long for Bearer {CANARY}"
    error = {"error": {"message": message, "code": "context_length_exceeded"}}
    httpserver.expect_request("/v1/chat/completions").respond_with_json(
        error, 400, headers={"x-key": CANARY}
    )
    done = project.run_apart(pipeline(project, httpserver, target), "-v", "--log-level=DEBUG")
    assert done.ret == 10, done.stdout.str()
    assert CANARY not in done.stdout.str() + done.stderr.str()
    files = [file for file in project.path.rglob("*") if file.is_file()]
    assert not [file for file in files if CANARY.encode() in file.read_bytes()]
    for row in project.rows().values():
        assert row["errors"][0].startswith("provider: ")
        assert row["scores"] == {"checks": [None], "completion": [None]}
