"""What is kept of a target's answers: each once by its key, each retrieved context once by content.

Time, cost and usage are no part of it, so an unchanged answer leaves an unchanged line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalsuite.canonical import key
from evalsuite.errors import DataError
from evalsuite.records import Document, Json, Output, ToolCall
from evalsuite.snapshot.codec import decoder, dump, parse, to_json

OUTPUT_LINE = b'{"output":"'
CONTEXT_LINE = b'{"context":"'


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """A line of outputs.jsonl; `contexts` are keys of context lines, `ranks` their scores."""

    output: str
    text: str = ""
    value: Json = None
    contexts: Sequence[str] = ()
    ranks: Sequence[float | None] = ()
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class StoredContext:
    """A line of outputs.jsonl: one retrieved document, before the first output that used it."""

    context: str
    id: str
    text: str
    metadata: Mapping[str, Json] = field(default_factory=dict)


def output_key(output: Output) -> str:
    """The identity of an answer: text, value, contexts (id, text, metadata), tool calls.

    Not the latency, cost, usage, model, finish reason or the contexts' scores. DataError if the
    value or a tool call holds what is not JSON.
    """
    try:
        identity: Json = to_json(
            {
                "text": output.text,
                "value": output.value,
                "contexts": [_identity(each) for each in output.contexts],
                "tool_calls": [
                    [call.name, call.arguments, call.result, call.error]
                    for call in output.tool_calls
                ],
            }
        )
        return _key("output", identity)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"the target's Output can't be stored: {error} "
            "(its text, value, contexts and tool calls must be JSON: text, finite numbers, "
            "booleans, None, lists, and dicts with text keys)"
        ) from None


def new_lines(name: str, output: Output, seen: set[str]) -> Iterator[bytes]:
    """The lines that an output called `name` adds to what was `seen`, which learns of them."""
    contexts, ranks = [], []
    for document in output.contexts:
        place = _key("context", to_json(_identity(document)))
        score = document.score
        contexts.append(place)
        ranks.append(float(score) if score is not None and math.isfinite(score) else None)
        if place not in seen:
            seen.add(place)
            context = StoredContext(place, document.id, document.text, document.metadata)
            yield dump(to_json(context, sparse=True))
    seen.add(name)
    stored = StoredOutput(
        output=name,
        text=output.text,
        value=output.value,
        contexts=contexts,
        ranks=ranks if any(rank is not None for rank in ranks) else (),
        tool_calls=output.tool_calls,
        finish_reason=output.finish_reason,
        model=output.model,
    )
    yield dump(to_json(stored, sparse=True))


def _identity(document: Document) -> list[Json]:
    """What a document is, without its score; as before there was metadata where it has none."""
    metadata = [document.metadata] if document.metadata else []
    return [document.id, document.text, *metadata]


def _key(kind: str, value: Json) -> str:
    """As `canonical.key`; half a surrogate pair counts as the "?" that it is stored as."""
    try:
        return key(kind, value)
    except UnicodeEncodeError:
        return key(kind, json.loads(dump(value)))


def key_in(line: bytes, start: bytes) -> str:
    """The key of a line that starts so, else the empty text: lines are chosen without parsing."""
    if not line.startswith(start):
        return ""
    return line[len(start) : line.index(b'"', len(start))].decode("utf-8", "replace")


def stored_output(line: bytes) -> StoredOutput:
    stored: StoredOutput = decoder(StoredOutput)(parse(line))
    return stored


def stored_context(line: bytes) -> StoredContext:
    stored: StoredContext = decoder(StoredContext)(parse(line))
    return stored


def restore(stored: StoredOutput, contexts: Mapping[str, StoredContext]) -> Output:
    """The Output again; KeyError names a context whose line is missing."""
    ranks = stored.ranks or (None,) * len(stored.contexts)
    documents = [
        Document(contexts[place].id, contexts[place].text, rank, contexts[place].metadata)
        for place, rank in zip(stored.contexts, ranks, strict=False)
    ]
    return Output(
        text=stored.text,
        value=stored.value,
        contexts=documents,
        tool_calls=stored.tool_calls,
        finish_reason=stored.finish_reason,
        model=stored.model,
    )


def redacted(output: Output) -> Output:
    """The same answer with every text replaced by its length: structure stays, words don't.

    Document ids, names of metadata, tool names, finish reason and model are kept. Nothing is
    guessed to be harmless.
    """
    calls = [
        ToolCall(call.name, _lengths(call.arguments), _lengths(call.result), _lengths(call.error))
        for call in output.tool_calls
    ]
    return replace(
        output,
        text=_lengths(output.text),
        value=_lengths(output.value),
        contexts=[
            replace(
                each,
                text=_lengths(each.text),
                metadata={name: _lengths(value) for name, value in each.metadata.items()},
            )
            for each in output.contexts
        ],
        tool_calls=calls,
    )


def _lengths(value: Json) -> Json:
    if isinstance(value, str):
        return f"[redacted: {len(value)} characters]"
    return None if value is None else f"[redacted: {type(value).__name__}]"
