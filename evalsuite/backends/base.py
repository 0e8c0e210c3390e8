"""The seam to a model: one method. Recording, limits and retries are backends around a backend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from evalsuite import strictjson
from evalsuite.errors import BackendError
from evalsuite.records import Json, ToolCall, Usage

VERDICT = "evalsuite verdict"
"""The title of the schema of a judge's verdict, by which the embedded model knows it."""

GROUNDING, COVERAGE = "evalsuite grounding", "evalsuite coverage"
"""Those of the two calls of rag metrics: an answer against its contexts, and both against a
reference answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat request. Everything here can change the answer, so all of it is in call.key.

    `messages` are {"role", "content"} objects as of the chat APIs, `tools` {"name",
    "description", "parameters"} with a JSON Schema, `schema` the JSON Schema of a structured
    answer, `params` the sampling parameters as the provider names them; {"stream": true} reads the
    answer as it comes, for the time to its first token. A request for embeddings has `embed`
    instead of messages. `raw` is the request of an SDK's own client, {"protocol", "path", "body"}
    and perhaps "headers": it goes to the provider as it is, but for the backend's model and
    parameters, and with the seed where its protocol has one.
    """

    messages: Sequence[Mapping[str, Json]]
    tools: Sequence[Mapping[str, Json]] = ()
    schema: Mapping[str, Json] | None = None
    params: Mapping[str, Json] = field(default_factory=dict)
    seed: int | None = None
    embed: Sequence[str] = ()
    raw: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A reply. `finish_reason` is "stop", "length", "tool_calls", "refusal", "content_filter" or
    "other"; `model`, `fingerprint` and `service_tier` are what the backend says of itself; seconds
    of the attempt that succeeded; US dollars, None where the price is unknown; `attempts` is how
    often it was asked.

    `logprobs` is one {"token", "logprob", "top": {token: logprob}} per token, `embeddings` one
    vector per text, `raw` the reply to a raw request: {"status", "headers", "body"}.
    """

    text: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str = "stop"
    usage: Usage = Usage()
    model: str = ""
    fingerprint: str = ""
    cost: float | None = None
    latency: float | None = None
    first_token: float | None = None
    attempts: int = 1
    logprobs: Sequence[Mapping[str, Json]] = ()
    embeddings: Sequence[Sequence[float]] = ()
    raw: Mapping[str, Json] | None = None
    service_tier: str = ""

    def json(self) -> Json:
        """The answer as JSON, parsed strictly. ValueError if it is none, or was not finished."""
        if self.finish_reason != "stop":
            raise ValueError(f"no JSON answer: the reply ended with {self.finish_reason}")
        try:
            return strictjson.parse(self.text)
        except strictjson.Malformed as bad:
            raise ValueError(f"the answer is no JSON: {bad.field}: {bad.message}") from None

    def continued(
        self, messages: Sequence[Mapping[str, Json]], results: Sequence[str] = ()
    ) -> list[Mapping[str, Json]]:
        """The next request's messages: those of the one that this answers, the answer, and what
        its tool calls returned, in their order.

        Calls are numbered here, since a provider's own ids are random: an equal conversation is
        then an equal request. ValueError unless there is one result for each call.
        """
        if len(results) != len(self.tool_calls):
            raise ValueError(f"{len(self.tool_calls)} tool calls, but {len(results)} results")
        turn: dict[str, Json] = {"role": "assistant", "content": self.text or None}
        answers: list[Mapping[str, Json]] = []
        for place, (call, result) in enumerate(zip(self.tool_calls, results, strict=True)):
            given = call.arguments
            given = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
            name = f"call{len(messages):03}{place:02}"  # nine letters and digits: Mistral's rule
            function = {"name": call.name, "arguments": given}
            turn.setdefault("tool_calls", []).append(
                {"id": name, "type": "function", "function": function}
            )
            answer = {"role": "tool", "tool_call_id": name, "name": call.name, "content": result}
            answers.append(answer)
        return [*messages, turn, *answers]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do; asking for what it lacks is an error, never silently left out.

    `deterministic`: equal requests always get equal answers, as a property of the code and not as
    a promise. `protocol`: "openai" or "anthropic" where requests of that SDK's client can be
    passed on.
    """

    seed: bool = False
    tools: bool = False
    json_schema: bool = False
    logprobs: bool = False
    embeddings: bool = False
    stream: bool = False
    deterministic: bool = False
    protocol: str = ""


def lacking(provider: str, can: Capabilities, request: Request) -> None:
    """BackendError if a request asks for what a backend does not have."""
    protocol = str((request.raw or {}).get("protocol", can.protocol))
    asked = {
        "tools": bool(request.tools) and not can.tools,
        "structured answers (schema=)": request.schema is not None and not can.json_schema,
        "logprobs": bool(request.params.get("logprobs")) and not can.logprobs,
        "embeddings": bool(request.embed) and not can.embeddings,
        "streams": bool(request.params.get("stream")) and not can.stream,
        f"requests of the {protocol or 'SDK'} client": request.raw is not None
        and (not protocol or protocol != can.protocol),
    }
    for what, missing in asked.items():
        if missing:
            raise BackendError(
                f"{provider} has no {what}: leave it out, or name another backend for this role"
            )


class Backend(Protocol):
    """`identity` names all that is pinned on this side of the request: provider, endpoint class,
    model, version, parameters. It is part of call.key and never holds a secret.

    A backend may also have `check()`, which raises at once what would fail every call and can be
    seen without one (a key, a package); and `async preflight()`, which asks the provider, unpaid,
    whether it knows key and model, and raises BackendError of fault "provider" if not.
    """

    identity: Mapping[str, Json]
    capabilities: Capabilities

    async def complete(self, request: Request) -> Completion:
        """Answer one request; BackendError if there is no answer."""
        ...

    async def close(self) -> None:
        """Give back what is held; called on the loop that `complete` ran on."""
        ...


def name_of(backend: Backend) -> str:
    """A model as accounts know it: "PROVIDER:MODEL"."""
    return f"{backend.identity.get('provider')}:{backend.identity.get('model')}"
