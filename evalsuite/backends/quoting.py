"""An answer may quote the key that it was asked with: it is blotted before anything keeps it."""

from __future__ import annotations

from dataclasses import replace

from evalsuite.backends.base import Completion
from evalsuite.strictjson import rewritten

MARK = "[key]"

_SHORTEST, _LONG = 8, 16
"""Characters. A shorter key, or one without a digit that is not long ("not-needed", for a server
that wants none), is no secret and may be a word of the answer."""


def secret(key: str) -> bool:
    """Whether a key is one that must not be quoted."""
    return len(key) >= _LONG or (len(key) >= _SHORTEST and any(map(str.isdigit, key)))


def blotted(text: str, key: str) -> str:
    """Text without the key, where it stands there in one piece."""
    return text.replace(key, MARK) if secret(key) else text


def unquoted(completion: Completion, key: str) -> Completion:
    """A completion without the key, however its parts were sent; the same object if it has none.
    Tokens spell a key out piece by piece: then there are no logprobs."""
    if not secret(key):
        return completion
    spelt = key in "".join(str(each["token"]) for each in completion.logprobs)
    parts = (
        completion.text,
        completion.model,
        completion.fingerprint,
        completion.service_tier,
        [[call.name, call.arguments] for call in completion.tool_calls],
    )
    text, model, fingerprint, tier, calls = rewritten(list(parts), lambda said: blotted(said, key))
    if not spelt and [text, model, fingerprint, tier, calls] == list(parts):
        return completion
    return replace(
        completion,
        text=text,
        model=model,
        fingerprint=fingerprint,
        service_tier=tier,
        tool_calls=tuple(
            replace(call, name=name, arguments=arguments)
            for call, (name, arguments) in zip(completion.tool_calls, calls, strict=True)
        ),
        logprobs=() if spelt else completion.logprobs,
    )
