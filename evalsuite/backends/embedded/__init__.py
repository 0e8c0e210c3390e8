"""A model that is none: it quotes the sentences that answer, in process, without key or network.

It exists so that a pipeline, its checks, snapshots and gates can be run, tested and shown for
nothing, with the same result everywhere. It is extractive: it ranks the sentences of the documents
in the prompt by BM25 and returns the best verbatim. It does not understand, reason, calculate,
translate, rephrase or know anything; a paraphrase that shares no word with the documents is beyond
it. So its pass rates say nothing about a real model, but which line of a prompt, which retrieved
document and which seed led to an answer can be told exactly. docs/embedded.md has the rules that
it follows and the form in which it expects documents.

    prompt.py    messages -> documents, question, rules
    commands.py  orders hidden in documents or question
    words.py     the little that it knows of language
    answer.py    prompt -> draft -> text
    noise.py     draft -> perturbed draft, by seed
    tools.py     prompt, tools -> call
    embedding.py texts -> vectors of their spelling
    client.py    the same for a pipeline with an SDK client of its own
    verdict.py   a judge's prompt -> words in common -> verdict
    grounding.py claims, contexts, reference -> words in common -> verdicts of rag metrics
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from random import Random

from evalsuite.backends.base import (
    COVERAGE,
    GROUNDING,
    VERDICT,
    Capabilities,
    Completion,
    Request,
    lacking,
)
from evalsuite.backends.embedded import (
    answer,
    client,
    embedding,
    grounding,
    noise,
    tools,
    verdict,
)
from evalsuite.backends.embedded.prompt import Prompt, content, read
from evalsuite.errors import BackendError, OptionError, did_you_mean
from evalsuite.records import Json, ToolCall, Usage
from evalsuite.seeds import derive

VERSION = 1
"""Raised with every change that changes an answer, so that stored replies of another are not
taken for this one's."""

REMEMBERED = 512
"""Documents whose reading is kept: pipelines show the same few to many cases."""

_pieces = re.compile(r"\w+|[^\w\s]")


class Embedded:
    """The backend "embedded"; "embedded?noise=0.2" lets a fifth of the answers slip.

    `noise` is the probability, in [0, 1], that an answer is perturbed; which ones and how follows
    from the request and its seed alone. Usage is counted: a token is a word or a punctuation mark.
    `max_tokens` and `max_completion_tokens` cut an answer; other sampling parameters do nothing.
    """

    capabilities = Capabilities(
        seed=True,
        tools=True,
        json_schema=True,
        embeddings=True,
        stream=True,
        deterministic=True,
        protocol="openai",
    )

    def __init__(self, **params: str) -> None:
        self.noise = _noise(params)
        self.identity: Mapping[str, Json] = {
            "provider": "embedded",
            "model": "extractive",
            "version": VERSION,
            "noise": self.noise,
        }
        self._read = lru_cache(REMEMBERED)(answer.read_passage)

    async def complete(self, request: Request) -> Completion:
        """Answer from the documents in the messages, or call a tool whose arguments are there."""
        if request.raw is not None:
            lacking("embedded", self.capabilities, request)
            chat = client.request(request.raw, request.seed)
            return client.passed_on(request.raw["body"], await self.complete(chat))
        lacking("embedded", self.capabilities, request)
        if request.embed:
            return self._vectors(request)
        asked = _count(*map(content, request.messages), *map(_spell, request.tools))
        if request.schema is not None:
            said = _structured(request.messages, request.schema)
            return self._completion(said, asked, (), "stop")
        prompt = read(request.messages, request.tools)
        if call := tools.choose(prompt, request.tools):
            return self._completion("", asked, (call,), "tool_calls")
        text, finish = _cut(self._answer(prompt, request), request.params)
        return self._completion(text, asked, (), finish)

    def _vectors(self, request: Request) -> Completion:
        size = embedding.DIMENSIONS
        if request.params.get("dimensions", size) != size:
            raise BackendError(f'"embedded" has vectors of {size} numbers and no others')
        made = self._completion("", _count(*request.embed), (), "stop")
        return replace(made, embeddings=tuple(map(embedding.vector, request.embed)))

    def _answer(self, prompt: Prompt, request: Request) -> str:
        rules = prompt.rules
        draft = answer.draft(prompt, self._read)
        if self.noise:
            said = ascii([dict(message) for message in request.messages])
            random = Random(derive(request.seed or 0, said))  # noqa: S311
            if random.random() < self.noise:
                draft = noise.perturb(draft, rules.absent, random)
        return answer.render(draft, rules.words)

    def _completion(
        self, text: str, asked: int, calls: Sequence[ToolCall], finish: str
    ) -> Completion:
        said = _count(text, *(_spell(call.arguments) for call in calls))
        return Completion(
            text=text,
            tool_calls=tuple(calls),
            finish_reason=finish,
            usage=Usage(asked, said, calls=1),
            model=f"embedded-{VERSION}",
            fingerprint=f"embedded-{VERSION}",
            cost=0.0,
        )

    async def close(self) -> None:
        self._read.cache_clear()


def _structured(messages: Sequence[Mapping[str, Json]], schema: Mapping[str, Json]) -> str:
    title = schema.get("title")
    if title == VERDICT:
        return verdict.verdict(messages, schema)
    if title in (GROUNDING, COVERAGE):
        return grounding.grounding(messages, schema)
    raise BackendError('"embedded" gives no structured answers but a judge\'s; ask it for text')


def _noise(params: Mapping[str, str]) -> float:
    for name in params:
        if name != "noise":
            raise OptionError(
                f'backend "embedded" has no parameter "{name}": {did_you_mean(name, ["noise"])}'
            )
    given = params.get("noise", "0")
    try:
        level = float(given)
    except (TypeError, ValueError):
        level = -1.0
    if not 0 <= level <= 1:
        raise OptionError(f'backend "embedded": noise must be a number from 0 to 1, not "{given}"')
    return level


def _count(*texts: str) -> int:
    return sum(len(_pieces.findall(text)) for text in texts)


def _spell(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, default=dict)


def _cut(text: str, params: Mapping[str, Json]) -> tuple[str, str]:
    limit = params.get("max_completion_tokens", params.get("max_tokens"))
    if not isinstance(limit, int):
        return text, "stop"
    pieces = list(_pieces.finditer(text))
    if len(pieces) <= limit:
        return text, "stop"
    return text[: pieces[limit - 1].end()] if limit > 0 else "", "length"
