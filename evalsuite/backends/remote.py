"""What providers behind a key share: the key is never shown, a strange reply never becomes text.

Everything that a server sends is foreign: a message of it may repeat the key that it was sent,
and a body may be of any shape.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

from evalsuite import strictjson
from evalsuite.backends.base import Completion
from evalsuite.canonical import canonical
from evalsuite.errors import MissingExtra, OptionError, did_you_mean
from evalsuite.records import Json


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


class Api(NamedTuple):
    """One wire format: where it is asked, how a reply is read, how the events of a stream become
    one reply, and which of them is a token. All raise an error of STRANGE for what is none."""

    path: str
    read: Callable[[Json], Completion]
    assemble: Callable[[Sequence[Json]], Json] | None = None
    speaks: Callable[[Json], bool] | None = None


STRANGE = (AttributeError, LookupError, TypeError, ValueError, strictjson.Malformed)
"""What taking a reply apart raises if it is not what it should be."""


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


def number(value: Json) -> float:
    """A reply's finite number; TypeError or ValueError for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("a number expected")
    if not math.isfinite(value):
        raise ValueError("a finite number expected")
    return float(value)


def arguments(value: Json) -> Json:
    """A tool call's arguments as JSON; where a model wrote none, what it wrote, as text."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
        canonical(parsed)
    except (ValueError, RecursionError):
        return text(value) if isinstance(value, str) else None
    return parsed
