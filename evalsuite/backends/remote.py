"""What providers behind a key share: the key is never shown, a strange reply never becomes text.

Everything that a server sends is foreign: a message of it may repeat the key that it was sent,
and a body may be of any shape.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec

from evalsuite.backends.base import Completion
from evalsuite.canonical import canonical
from evalsuite.errors import BackendError, MissingExtra, OptionError, did_you_mean
from evalsuite.records import Json

_SHOWN = 300
"""Characters of a server's own message that an error repeats."""

_OVERLAP = 8
"""A run of this many characters of the key counts as showing it."""


def require(package: str) -> None:
    """MissingExtra if the provider's SDK is not installed; does not import it."""
    if find_spec(package) is None:
        raise MissingExtra(f"the {package} backend", package)


def api_key(variable: str, provider: str) -> str:
    """The key in the environment; OptionError names the variable, never its value."""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise OptionError(f'backend "{provider}" needs a key: set {variable} in the environment')
    if not key.isascii() or not key.isprintable() or " " in key:
        raise OptionError(f"{variable} can't be a key: it holds spaces or other than ASCII")
    return key


def typed(params: Mapping[str, Json]) -> dict[str, Json]:
    """Parameters of a spec arrive as text: what is JSON is meant as JSON ("0.2", "true")."""
    values: dict[str, Json] = {}
    for name, value in params.items():
        values[name] = _literal(value) if isinstance(value, str) else value
        try:
            canonical(values[name])
        except (TypeError, ValueError):
            raise OptionError(f"backend parameter {name} must be text or a finite number") from None
    return values


def _literal(value: str) -> Json:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def unknown(provider: str, params: Iterable[str], known: Iterable[str]) -> str:
    """Says which of `params` the provider does not take, or "" if it takes all."""
    odd = sorted(set(params) - set(known))
    return f'{provider} takes no parameter "{odd[0]}": {did_you_mean(odd[0], known)}' if odd else ""


def failure(provider: str, error: Exception, key: str) -> BackendError:
    """An SDK's error in one line: provider, kind, status and the server's message, without the key.

    What a server says of a refused key is left out, since it may quote it in part.
    """
    status = getattr(error, "status_code", None)
    kind = f"{type(error).__name__}{f' {status}' if status else ''}"
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else body
    message = inner.get("message") if isinstance(inner, dict) else None
    if status in (401, 403):
        message = "the key was refused"
    elif not isinstance(message, str):
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        message = "" if status else f"{error}{cause}"
    shown = _without(" ".join(message.split()), key)[:_SHOWN]
    return BackendError(f"{provider}: {kind}{f': {shown}' if shown else ''}")


def read(provider: str, body: str, parse: Callable[[Json], Completion], key: str) -> Completion:
    """The reply in `body`; BackendError if it is not what `parse` takes apart."""
    try:
        return parse(json.loads(body))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        shown = _without(f"{type(error).__name__}: {error}", key)[:_SHOWN]
        raise BackendError(f"{provider}: a reply that can't be read ({shown})") from None


def _without(text: str, key: str) -> str:
    """`text` with every run of characters that it shares with the key blotted out."""
    size = min(_OVERLAP, len(key))
    runs = {key[start : start + size] for start in range(len(key) - size + 1)}
    if not size or not any(run in text for run in runs):
        return text
    hidden = [False] * len(text)
    for run in runs:
        for found in re.finditer(f"(?={re.escape(run)})", text):
            hidden[found.start() : found.start() + size] = [True] * size
    blotted = "".join("\0" if hide else letter for letter, hide in zip(text, hidden, strict=True))
    return re.sub("\0+", "[key]", blotted)


def text(value: Json) -> str:
    """A reply's text as storable Unicode, "" for null; TypeError for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"text expected, not {type(value).__name__}")
    return value.encode("utf-8", "replace").decode()


def count(value: Json) -> int:
    """A reply's number of tokens, 0 for null; TypeError for anything else."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError("a count expected")
    return value


def arguments(value: Json) -> Json:
    """A tool call's arguments as JSON; where a model wrote none, what it wrote, as text."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
        canonical(parsed)
    except (ValueError, RecursionError):
        return text(value) if isinstance(value, str) else None
    return parsed
