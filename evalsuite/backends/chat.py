"""The wire formats of OpenAI's protocol: Chat Completions, Responses, Embeddings. Pure.

Only what an answer, its account and its identity need is read; everything else is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import cast

from evalsuite.backends import remote
from evalsuite.backends.base import Completion, Request
from evalsuite.backends.remote import Api
from evalsuite.canonical import canonical
from evalsuite.records import Json, ToolCall, Usage
from evalsuite.strictjson import parse

_FINISH = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_BROKEN = ("abort", "error")
"""Finish reasons by which a server says that the engine gave up: no answer."""


def body(model: str, params: Mapping[str, Json], request: Request) -> dict[str, Json]:
    """A request as Chat Completions has it. `params` are the backend's and the request's own."""
    sent = {name: value for name, value in params.items() if name not in _OURS}
    sent |= {"model": model, "messages": list(request.messages)}
    if request.seed is not None:
        sent["seed"] = request.seed
    if request.tools:
        sent["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
    if request.schema is not None:
        strict = _strict(canonical(request.schema))
        schema = {"name": "answer", "schema": request.schema, "strict": strict}
        sent["response_format"] = {"type": "json_schema", "json_schema": schema}
    if params.get("stream"):
        sent["stream_options"] = {"include_usage": True}
    return sent | dict(params.get("extra_body") or {})


def embeddings_body(model: str, params: Mapping[str, Json], request: Request) -> dict[str, Json]:
    """A request for one vector per text."""
    sent: dict[str, Json] = {"model": model, "input": list(request.embed)}
    if "dimensions" in params:
        sent["dimensions"] = params["dimensions"]
    sent["encoding_format"] = "float"
    return sent | dict(params.get("extra_body") or {})


_OURS = frozenset({"extra_body", "dimensions", "seed"})
"""Parameters that are no field of a chat request."""


def completion(reply: Json) -> Completion:
    """A Chat Completions reply; an error of remote.STRANGE for what is none."""
    choice = reply["choices"][0]
    message = choice["message"]
    refusal = remote.text(message.get("refusal"))
    usage = reply.get("usage") or {}
    return Completion(
        text=refusal or _content(message.get("content")),
        tool_calls=tuple(
            ToolCall(
                remote.text(call["function"]["name"]),
                remote.arguments(call["function"].get("arguments")),
            )
            for call in message.get("tool_calls") or ()
        ),
        finish_reason="refusal" if refusal else _finish(choice["finish_reason"]),
        usage=_usage(usage, "prompt", "completion"),
        model=remote.text(reply.get("model")),
        fingerprint=remote.text(reply.get("system_fingerprint")),
        service_tier=remote.text(reply.get("service_tier")),
        logprobs=_logprobs(choice.get("logprobs")),
    )


def assembled(events: Sequence[Json]) -> Json:
    """The chunks of a stream as the reply that would have come without one. ValueError if it
    broke off: half an answer is none."""
    message: dict[str, Json] = {"content": None}
    logprobs: list[Json] = []
    reply: dict[str, Json] = {}
    reason = None
    for event in events:
        for name in ("model", "system_fingerprint", "service_tier", "usage"):
            if event.get(name):
                reply[name] = event[name]
        for choice in event.get("choices") or ():
            if not choice.get("index"):
                _grow(message, choice.get("delta") or {})
                logprobs += (choice.get("logprobs") or {}).get("content") or ()
                reason = choice.get("finish_reason") or reason
    if reason is None:
        raise ValueError("the stream broke off")
    message["tool_calls"] = [call for _, call in sorted(message.pop("calls", {}).items())]
    choice = {"message": message, "finish_reason": reason, "logprobs": {"content": logprobs}}
    return reply | {"choices": [choice]}


def _grow(message: dict[str, Json], delta: Json) -> None:
    for name in ("content", "refusal"):
        if delta.get(name):
            message[name] = (message.get(name) or "") + delta[name]
    for part in delta.get("tool_calls") or ():
        calls = message.setdefault("calls", {})
        call = calls.setdefault(part["index"], {"function": {"name": "", "arguments": ""}})
        for name in ("name", "arguments"):
            call["function"][name] += (part.get("function") or {}).get(name) or ""


def speaks(event: Json) -> bool:
    """Whether a chunk holds a token, of the answer or of the reasoning before it."""
    deltas = [choice.get("delta") or {} for choice in event.get("choices") or ()]
    names = ("content", "refusal", "tool_calls", "reasoning_content", "reasoning")
    return any(delta.get(name) for delta in deltas for name in names)


def without_usage(stream: str) -> str:
    """A stream's text without the chunk of its usage: who did not ask for it may not expect it."""
    return "\n\n".join(each for each in stream.split("\n\n") if not _only_usage(each))


def _only_usage(event: str) -> bool:
    if '"usage"' not in event or not event.startswith("data:"):
        return False
    value = json.loads(event[5:])
    return value.get("choices") == [] and bool(value.get("usage"))


def vectors(reply: Json) -> Completion:
    """A reply of vectors, in the order of the texts."""
    data = sorted(reply["data"], key=lambda each: cast("int", each["index"]))
    if [each["index"] for each in data] != list(range(len(data))):
        raise ValueError("vectors are missing")
    return Completion(
        embeddings=tuple(tuple(map(remote.number, each["embedding"])) for each in data),
        usage=_usage(reply.get("usage") or {}, "prompt", "completion"),
        model=remote.text(reply.get("model")),
    )


def response(reply: Json) -> Completion:
    """What the account of a Responses reply needs; its text stays in the raw body."""
    status, details = reply["status"], reply.get("incomplete_details") or {}
    if status not in ("completed", "incomplete"):
        raise ValueError("a response that was not completed")
    reasons = {"max_output_tokens": "length", "content_filter": "content_filter"}
    return Completion(
        finish_reason=reasons.get(str(details.get("reason")), "other")
        if status == "incomplete"
        else "stop",
        usage=_usage(reply.get("usage") or {}, "input", "output"),
        model=remote.text(reply.get("model")),
        service_tier=remote.text(reply.get("service_tier")),
    )


def response_assembled(events: Sequence[Json]) -> Json:
    """The last event of a Responses stream holds the whole reply."""
    for event in reversed(events):
        if event.get("type") in ("response.completed", "response.incomplete"):
            return event["response"]
    raise ValueError("the stream broke off")


def _vectors_with_any_encoding(reply: Json) -> Completion:
    """The account of an embeddings reply that an SDK's own client asked for, in base64 perhaps."""
    if not isinstance(reply["data"], list):
        raise TypeError("a list of vectors expected")
    return Completion(
        usage=_usage(reply.get("usage") or {}, "prompt", "completion"),
        model=remote.text(reply.get("model")),
    )


CHAT = Api("/chat/completions", completion, assembled, speaks)
EMBEDDINGS = Api("/embeddings", vectors)
PASSED = {
    "/chat/completions": CHAT,
    "/responses": Api(
        "/responses",
        response,
        response_assembled,
        lambda event: str(event.get("type")).endswith(".delta"),
    ),
    "/embeddings": Api("/embeddings", _vectors_with_any_encoding),
}
"""What the SDK's own client may ask for."""


def _finish(reason: Json) -> str:
    if not isinstance(reason, str) or reason in _BROKEN:
        raise ValueError("the answer was not finished")
    return _FINISH.get(reason, "other")


def _content(content: Json) -> str:
    """Text, or, from servers that show their reasoning, a list of parts."""
    if not isinstance(content, list):
        return remote.text(content)
    return "".join(remote.text(part["text"]) for part in content if part["type"] == "text")


def _usage(usage: Json, asked: str, said: str) -> Usage:
    """The answer's tokens include those of its reasoning."""
    details = usage.get(f"{asked}_tokens_details") or {}
    return Usage(
        input_tokens=remote.count(usage.get(f"{asked}_tokens")),
        output_tokens=remote.count(usage.get(f"{said}_tokens")),
        cached_tokens=remote.count(details.get("cached_tokens")),
        calls=1,
        cache_write_tokens=remote.count(details.get("cache_write_tokens")),
    )


def _logprobs(found: Json) -> Sequence[Mapping[str, Json]]:
    return tuple(
        {
            "token": remote.text(each["token"]),
            "logprob": remote.number(each["logprob"]),
            "top": {
                remote.text(top["token"]): remote.number(top["logprob"])
                for top in each.get("top_logprobs") or ()
            },
        }
        for each in (found or {}).get("content") or ()
    )


_STRICT = frozenset(
    {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "anyOf",
        "$ref",
        "$defs",
        "description",
        "title",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
    }
)
"""Keywords that strict mode takes; with any other, OpenAI refuses the schema."""


@lru_cache(256)
def _strict(schema: bytes) -> bool:
    """Whether a schema is one that strict mode takes: objects that are closed, with every field
    required. Any other is sent as a wish, and the answer must be checked."""
    value = parse(schema.decode())
    return "anyOf" not in value and value.get("type") == "object" and _closed(value)


def _closed(schema: Json) -> bool:
    if not isinstance(schema, dict) or not schema.keys() <= _STRICT:
        return False
    fields = schema.get("properties") or {}
    if (fields or schema.get("type") == "object") and not (
        schema.get("additionalProperties") is False
        and set(schema.get("required") or ()) == set(fields)
    ):
        return False
    inner = [*fields.values(), *(schema.get("$defs") or {}).values(), *(schema.get("anyOf") or ())]
    return all(map(_closed, inner + ([schema["items"]] if "items" in schema else [])))
