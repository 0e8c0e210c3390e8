"""Chat Completions for the embedded model, so that a pipeline with an SDK client of its own can be
tried without a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from evalsuite.backends.base import Completion, Request
from evalsuite.errors import BackendError
from evalsuite.records import Json

PATH = "/chat/completions"


def request(raw: Mapping[str, Json], seed: int | None) -> Request:
    """The request of an SDK's own client; BackendError if it asks for more than chat."""
    if raw["path"] != PATH:
        raise BackendError(f'"embedded" answers POST {PATH} alone, not {raw["path"]}')
    body = raw["body"]
    form = body.get("response_format") or {"type": "text"}
    try:
        return Request(
            messages=tuple(body["messages"]),
            tools=tuple(tool["function"] for tool in body.get("tools") or ()),
            schema=None if form["type"] == "text" else form,
            params={name: body[name] for name in _PARAMS if body.get(name) is not None},
            seed=body.get("seed", seed),
        )
    except (LookupError, TypeError, AttributeError):
        raise BackendError('"embedded": the request is no chat request') from None


_PARAMS = ("max_tokens", "max_completion_tokens", "logprobs")


def passed_on(asked: Mapping[str, Json], completion: Completion) -> Completion:
    """The completion as the SDK's client reads it, in one piece or as a stream of one."""
    message: dict[str, Json] = {"role": "assistant", "content": completion.text or None}
    for place, call in enumerate(completion.tool_calls):
        given = call.arguments
        function = {"name": call.name, "arguments": json.dumps(given, ensure_ascii=False)}
        name = f"call{len(asked['messages']):03}{place:02}"
        made = {"index": place, "id": name, "type": "function", "function": function}
        message.setdefault("tool_calls", []).append(made)
    usage = completion.usage
    counted = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    reason = completion.finish_reason
    if asked.get("stream"):
        chunks = [_chunk(completion, [_choice("delta", message, None)], None)]
        chunks.append(_chunk(completion, [_choice("delta", {}, reason)], None))
        if (asked.get("stream_options") or {}).get("include_usage"):
            chunks.append(_chunk(completion, [], counted))
        said = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks]
        kind, body = "text/event-stream", "".join(f"data: {each}\n\n" for each in [*said, "[DONE]"])
    else:
        reply = _chunk(completion, [_choice("message", message, reason)], counted)
        kind = "application/json"
        body = json.dumps(reply | {"object": "chat.completion"}, ensure_ascii=False)
    raw = {"status": 200, "headers": {"content-type": kind}, "body": body}
    return replace(completion, text="", tool_calls=(), raw=raw)


def _choice(name: str, said: Json, reason: str | None) -> dict[str, Json]:
    return {"index": 0, name: said, "finish_reason": reason}


def _chunk(completion: Completion, choices: list[Json], usage: Json) -> dict[str, Json]:
    return {
        "id": "embedded",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": completion.model,
        "system_fingerprint": completion.fingerprint,
        "choices": choices,
        "usage": usage,
    }
