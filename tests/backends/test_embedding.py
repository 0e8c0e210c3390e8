"""Vectors: of the embedded model, which spell and don't understand, and of servers over HTTP."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request as Sent
from werkzeug import Response

from evalsuite.backends import open_backend
from evalsuite.backends.base import Completion, Request
from evalsuite.backends.embedded.embedding import DIMENSIONS, vector
from evalsuite.errors import BackendError
from evalsuite.rag.similarity import likeness


def near(one: str, other: str) -> float:
    value, _ = likeness(vector(one), vector(other))
    assert value is not None
    return value


def embed(spec: str, *texts: str, **params: Any) -> Completion:
    async def ask() -> Completion:
        backend = open_backend(spec)
        try:
            return await backend.complete(Request(messages=(), embed=texts, params=params))
        finally:
            await backend.close()

    return asyncio.run(ask())


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_has_a_vector_of_length_1_or_0(text: str) -> None:
    found = vector(text)
    assert len(found) == DIMENSIONS
    length = math.hypot(*found)
    assert length == 0 if not any(map(str.isalnum, text)) else length == pytest.approx(1)


def test_the_vector_of_a_text_is_the_same_in_every_process() -> None:
    code = (
        "from evalsuite.backends.embedded.embedding import vector; print(vector('Élan, 16 weeks'))"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert said == [str(vector("Élan, 16 weeks"))] * 2


def test_what_is_spelled_alike_is_near_and_case_form_and_order_hardly_count() -> None:
    leave = "Parental leave is 16 weeks, paid in full."
    assert near(leave, leave) == pytest.approx(1)
    assert near(leave, "PARENTAL LEAVE IS 16 WEEKS, PAID IN FULL") == pytest.approx(1)
    assert near("ﬁnance", "finance") == pytest.approx(1)
    assert near(leave, "Paid in full, parental leave is 16 weeks") == pytest.approx(1)
    assert near("reimbursement of meals", "meals are reimbursed") > 0.5
    assert near(leave, "Salaries move on every 25th.") < 0.15


def test_it_spells_and_does_not_understand() -> None:
    """What its description says of it."""
    assert near("The leave is paid.", "The leave is not paid.") > 0.8
    assert near("16 weeks of leave", "12 weeks of leave") > 0.6
    assert near("The car is fast.", "An automobile moves quickly.") < 0.15


def test_the_first_20000_characters_count_and_a_megabyte_takes_no_time() -> None:
    text = "".join(chr(97 + place * 7919 % 26) + " " * (place % 5 == 0) for place in range(20_000))
    started = time.process_time()
    assert vector(text[:20_000]) == vector(text[:20_000] + "zebra " * 200_000)
    assert time.process_time() - started < 2


def test_the_embedded_backend_gives_one_vector_a_text() -> None:
    found = embed("embedded", "16 weeks", "…", "16 weeks")
    assert found.embeddings == (vector("16 weeks"), (0.0,) * DIMENSIONS, vector("16 weeks"))
    assert (found.usage.input_tokens, found.usage.calls, found.cost) == (5, 1, 0.0)
    assert embed("embedded", "a", dimensions=DIMENSIONS).embeddings == (vector("a"),)
    with pytest.raises(BackendError, match="vectors of 1024 numbers and no others"):
        embed("embedded", "a", dimensions=256)


@pytest.mark.parametrize(
    "provider", ["openai:text-embedding-3-small", "vllm:text-embedding-3-small"]
)
def test_a_server_is_asked_over_http_for_vectors_of_its_model(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    pytest.importorskip("openai")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "VLLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    bodies: list[Any] = []

    def answer(sent: Sent) -> Response:
        bodies.append(json.loads(sent.data))
        texts = bodies[-1]["input"]
        data = [{"index": place, "embedding": [len(text), 1.0]} for place, text in enumerate(texts)]
        reply = {"model": bodies[-1]["model"], "data": data, "usage": {"prompt_tokens": 9}}
        return Response(json.dumps(reply), mimetype="application/json")

    httpserver.expect_request("/v1/embeddings", method="POST").respond_with_handler(answer)
    spec = f"{provider}@{httpserver.url_for('/v1')}?dimensions=2"
    found = embed(spec, "a", "abc")
    assert found.embeddings == ((1.0, 1.0), (3.0, 1.0))
    assert found.usage.input_tokens == 9
    model = "text-embedding-3-small"
    asked = {"model": model, "input": ["a", "abc"], "dimensions": 2, "encoding_format": "float"}
    assert bodies == [asked]


def test_a_model_without_embeddings_says_so_when_it_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-key-1234567890")
    pytest.importorskip("anthropic")
    with pytest.raises(BackendError, match="anthropic has no embeddings"):
        embed("anthropic:m", "a")
