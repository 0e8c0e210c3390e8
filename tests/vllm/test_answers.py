"""What a real server answers: pinned by a seed, alone and under load, in both protocols."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evalsuite.backends.base import Backend, Completion, Request
from evalsuite.errors import BackendError

Ask = Callable[..., Any]

PARAMS = {"temperature": 1, "max_tokens": 24}
REQUEST = Request(messages=[{"role": "user", "content": "How long is leave?"}], params=PARAMS)
VERDICT = {
    "type": "object",
    "properties": {
        "verdict": {"enum": ["yes", "no"]},
        "weight": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["verdict", "weight"],
    "additionalProperties": False,
}


def seeded(seed: int, **changes: Any) -> Request:
    return replace(REQUEST, seed=seed, **changes)


async def together(backend: Backend, requests: list[Request]) -> list[Completion]:
    return await asyncio.gather(*(backend.complete(each) for each in requests))


def test_chat_is_answered_with_usage_and_fingerprint(ask: Ask) -> None:
    completion = ask(lambda backend: backend.complete(seeded(1)))
    assert completion.text
    assert completion.finish_reason == "length"
    assert completion.usage.output_tokens == 24
    assert completion.usage.input_tokens > 5
    assert completion.fingerprint.startswith("vllm-0.")
    assert completion.latency > 0


def test_equal_seeds_get_equal_answers_alone_and_under_load_and_other_seeds_others(
    ask: Ask,
) -> None:
    async def work(backend: Backend) -> tuple[list[Completion], list[Completion]]:
        alone = [await backend.complete(seeded(seed)) for seed in range(10)]
        mixed = [seeded(place % 10) for place in range(200)]
        loaded: list[Completion] = []
        for start in range(0, 200, 20):  # 20 at once
            loaded += await together(backend, mixed[start : start + 20])
        return alone, loaded

    alone, loaded = ask(work)
    texts = [each.text for each in alone]
    assert len(set(texts)) == 10
    assert [each.text for each in loaded] == texts * 20


def test_a_schema_makes_even_noise_valid(ask: Ask) -> None:
    requests = [
        seeded(seed, schema=VERDICT, params={**PARAMS, "max_tokens": 60}) for seed in range(40)
    ]
    completions = ask(lambda backend: together(backend, requests))
    verdicts = [json.loads(each.text) for each in completions]
    assert {each["verdict"] for each in verdicts} == {"yes", "no"}
    assert all(0 <= each["weight"] <= 9 for each in verdicts)


@pytest.mark.parametrize(
    ("wanted", "allowed"),
    [
        ({"choice": ["good", "bad"]}, {"good", "bad"}),
        ({"regex": "[0-3]{1}"}, {"0", "1", "2", "3"}),
        ({"grammar": 'root ::= "left" | "right"'}, {"left", "right"}),
    ],
    ids=["choice", "regex", "grammar"],
)
def test_structured_outputs_of_its_own(ask: Ask, wanted: Any, allowed: set[str]) -> None:
    requests = [seeded(seed, params={**PARAMS, "structured_outputs": wanted}) for seed in range(20)]
    texts = {each.text for each in ask(lambda backend: together(backend, requests))}
    assert texts <= allowed
    assert len(texts) > 1


def test_sampling_parameters_of_its_own_hold_for_spec_and_request(ask: Ask) -> None:
    """top_k=1 is greedy: all seeds agree."""
    greedy = {ask(lambda b, s=s: b.complete(seeded(s)), "?top_k=1").text for s in range(3)}
    assert len(greedy) == 1
    params = {**PARAMS, "top_k": 1}
    requests = [seeded(seed, params=params) for seed in range(3)]
    assert {each.text for each in ask(lambda backend: together(backend, requests))} == greedy


def test_logprobs(ask: Ask) -> None:
    params = {**PARAMS, "logprobs": True, "top_logprobs": 3}
    completion = ask(lambda backend: backend.complete(seeded(1, params=params)))
    assert len(completion.logprobs) == 24
    for token in completion.logprobs:
        assert token["logprob"] <= 0
        assert 3 <= len(token["top"]) <= 4
    assert completion.text.startswith(completion.logprobs[0]["token"][:1])


def test_a_stream_has_the_same_answer_and_a_time_to_its_first_token(ask: Ask) -> None:
    long = {**PARAMS, "max_tokens": 200}
    whole = ask(lambda backend: backend.complete(seeded(5, params=long)))
    streamed = ask(lambda backend: backend.complete(seeded(5, params={**long, "stream": True})))
    assert streamed.text == whole.text
    assert whole.first_token is None
    assert 0 < streamed.first_token <= streamed.latency
    assert streamed.usage.output_tokens == 200


def test_a_prompt_that_was_seen_before_is_cached(ask: Ask) -> None:
    request = replace(
        REQUEST, messages=[{"role": "user", "content": "Tell me more. " * 150}], seed=1
    )

    async def twice(backend: Backend) -> tuple[Completion, Completion]:
        return await backend.complete(request), await backend.complete(request)

    first, second = ask(twice)
    assert second.text == first.text
    assert second.usage.cached_tokens > first.usage.cached_tokens
    assert second.usage.input_tokens == first.usage.input_tokens


def test_the_anthropic_interface_answers_and_says_that_it_takes_no_seed(ask: Ask) -> None:
    async def work(backend: Backend) -> tuple[bool, list[Completion]]:
        schema = seeded(1, schema=VERDICT, params={"max_tokens": 60})
        return backend.capabilities.seed, await together(
            backend, [seeded(1, params={"max_tokens": 24}), schema]
        )

    seed, (plain, structured) = ask(work, "?api=anthropic")
    assert not seed
    assert plain.text
    assert plain.finish_reason == "length"
    assert plain.usage.output_tokens == 24
    assert json.loads(structured.text)["verdict"] in ("yes", "no")


def test_a_request_that_is_too_long_concerns_itself_alone(ask: Ask) -> None:
    long = replace(REQUEST, messages=[{"role": "user", "content": "word " * 5000}])

    async def work(backend: Backend) -> list[Any]:
        both = (backend.complete(long), backend.complete(seeded(1)))
        return await asyncio.gather(*both, return_exceptions=True)

    refused, answered = ask(work)
    assert isinstance(refused, BackendError)
    assert refused.fault == "request"
    assert "2048" in str(refused)
    assert answered.text


def test_preflight_knows_the_model_and_names_what_is_there(ask: Ask) -> None:
    from evalsuite.backends import open_backend

    ask(lambda backend: backend.preflight())

    async def other(backend: Any) -> None:
        stranger = open_backend(f"vllm:stranger@{backend._url}")
        try:
            await stranger.preflight()  # type: ignore[attr-defined]
        finally:
            await stranger.close()

    with pytest.raises(BackendError, match='no model "stranger"') as caught:
        ask(other)
    assert caught.value.fault == "provider"
