"""The engine in this process: many requests are one batch, each pinned by its own seed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from real_server import TINY
from test_answers import PARAMS, REQUEST, VERDICT, seeded

from evalsuite.backends import open_backend
from evalsuite.backends.base import Completion
from evalsuite.errors import BackendError


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    if importlib.util.find_spec("vllm.engine") is None:
        pytest.skip("needs vLLM in this environment: python3 dev.py vllm")
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture(scope="module")
def engine(loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    backend = open_backend(f"vllm-offline:{TINY}?max_model_len=2048&enforce_eager=true")
    yield backend
    loop.run_until_complete(backend.close())


@pytest.mark.filterwarnings("ignore")  # what vLLM and torch warn of is theirs
def test_a_batch_of_everything(engine: Any, loop: asyncio.AbstractEventLoop) -> None:
    """One test, since loading the engine takes most of the time."""
    asked: list[int] = []
    batch = engine._batch

    def noting(requests: Any) -> Any:
        asked.append(len(requests))
        return batch(requests)

    engine._batch = noting

    def together(*requests: Any) -> list[Any]:
        async def run() -> list[Any]:
            tasks = (engine.complete(each) for each in requests)
            return await asyncio.gather(*tasks, return_exceptions=True)

        return loop.run_until_complete(run())

    alone = [together(seeded(seed))[0].text for seed in range(5)]
    assert len(set(alone)) == 5
    assert asked == [1] * 5

    mixed = together(*(seeded(place % 5) for place in range(100)))
    assert [each.text for each in mixed] == alone * 20
    assert asked[5:] == [100]

    long = replace(REQUEST, messages=[{"role": "user", "content": "word " * 5000}])
    structured = seeded(1, schema=VERDICT, params={**PARAMS, "max_tokens": 60})
    choice = seeded(2, params={**PARAMS, "structured_outputs": {"choice": ["good", "bad"]}})
    probable = seeded(3, params={**PARAMS, "logprobs": True, "top_logprobs": 2})
    answers = together(long, structured, choice, probable, seeded(0))
    assert isinstance(answers[0], BackendError)
    assert answers[0].fault == "request"
    assert json.loads(answers[1].text)["verdict"] in ("yes", "no")
    assert answers[2].text in ("good", "bad")
    assert len(answers[3].logprobs) == 24
    assert all(token["logprob"] <= 0 for token in answers[3].logprobs)
    last: Completion = answers[4]
    assert last.text == alone[0]
    assert (last.finish_reason, last.usage.output_tokens) == ("length", 24)
    assert last.fingerprint.startswith("vllm-0.")
