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
    answer, `params` the sampling parameters as the provider names them.
    """

    messages: Sequence[Mapping[str, Json]]
    tools: Sequence[Mapping[str, Json]] = ()
    schema: Mapping[str, Json] | None = None
    params: Mapping[str, Json] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A reply. `finish_reason` is "stop", "length", "tool_calls", "refusal" or "content_filter";
    `model` and `fingerprint` are what the backend says of itself; seconds; US dollars or None."""

    text: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str = "stop"
    usage: Usage = Usage()
    model: str = ""
    fingerprint: str = ""
    cost: float | None = None
    latency: float | None = None
    first_token: float | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do. `deterministic`: equal requests always get equal answers."""

    seed: bool = False
    tools: bool = False
    json_schema: bool = False
    deterministic: bool = False


class Backend(Protocol):
    """`identity` names all that is pinned on this side of the request: provider, endpoint class,
    model, version, parameters. It is part of call.key and never holds a secret."""

    identity: Mapping[str, Json]
    capabilities: Capabilities

    async def complete(self, request: Request) -> Completion:
        """Answer one request; BackendError if there is no answer."""
        ...

    async def close(self) -> None:
        """Give back what is held; called on the loop that `complete` ran on."""
        ...
