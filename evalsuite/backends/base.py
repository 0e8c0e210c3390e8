"""The seam to a model: one method. Recording, limits and retries are backends around a backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from evalsuite.records import Json, ToolCall, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One chat request. Everything here can change the answer, so all of it is in call.key.

    `messages` are {"role", "content"} objects as of the chat APIs, `tools` {"name",
    "description", "parameters"} with a JSON Schema, `schema` the JSON Schema of a structured
    answer, `params` the sampling parameters as the provider names them; {"stream": true} reads the
    answer as it comes, for the time to its first token. A request for embeddings has `embed`
    instead of messages. `raw` is the request of an SDK's own client, {"path", "body"}: it goes to
    the provider as it is, with the seed where its protocol has one.
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
    """A reply. `finish_reason` is "stop", "length", "tool_calls", "refusal" or "content_filter";
    `model` and `fingerprint` are what the backend says of itself; seconds of the attempt that
    succeeded; US dollars, None where the price is unknown; `attempts` is how often it was asked.

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
