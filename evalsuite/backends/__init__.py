"""A backend is named once, by a spec; here the spec becomes the object.

The grammar is `PROVIDER[:MODEL][@URL][?key=value&...]`: "embedded?noise=0.1", "openai:gpt-x",
"openai:my/model@http://localhost:8000/v1?temperature=0". A model may hold ":", "/" and "@";
values are percent-encoded where they hold "&" or "%".
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from evalsuite.backends.base import Backend
from evalsuite.errors import OptionError
from evalsuite.registry import find

GRAMMAR = "PROVIDER[:MODEL][@URL][?key=value&...]"
_URL = re.compile(r"@(?=https?://)", re.IGNORECASE)
_PROVIDER = re.compile(r"[A-Za-z][\w-]*", re.ASCII)


class Spec(NamedTuple):
    """The parts of a backend's name; None where the spec does not say."""

    provider: str
    model: str | None
    url: str | None
    params: dict[str, str]


def parse_spec(spec: str) -> Spec:
    """Take a spec apart; OptionError says what is wrong and shows no part that may be secret."""
    head, asked, query = spec.strip().partition("?")
    named, *after = _URL.split(head, maxsplit=1)
    provider, colon, model = named.partition(":")
    if not _PROVIDER.fullmatch(provider):
        raise OptionError(f"a backend is named {GRAMMAR}, and this has no provider")
    if colon and not (model and model.isprintable()):
        raise _wrong(provider, None, 'no model after ":", or none that can be printed')
    url = _url(after[0], provider, model) if after else None
    params = _params(query, provider, model) if asked else {}
    return Spec(provider, model or None, url, params)


def open_backend(spec: str, *, calls: bool = True, state: Path | None = None) -> Backend:
    """The backend that `spec` names; OptionError with the nearest name if there is none.

    A backend that keeps files has a method `settle`, which is told the folder `state` for them.

    Opening reads no key, so that a run answered from what is stored needs none: that run says
    `calls=False`. Otherwise whatever would fail every call (a key or a package that is missing)
    is an error here and now.
    """
    provider, model, url, params = parse_spec(spec)
    factory = find("backends", provider)
    for name in ("model", "url"):
        if name in params:
            raise _wrong(provider, model, f'"{name}" is not a parameter; {GRAMMAR}')
    given = {"model": model, "url": url}
    arguments = {name: value for name, value in given.items() if value is not None} | params
    try:
        inspect.signature(factory).bind(**arguments)
    except TypeError as error:
        raise _wrong(provider, model, f"{error}; {GRAMMAR}") from None
    backend: Backend = factory(**arguments)
    settle = getattr(backend, "settle", None)
    if settle is not None and state is not None:
        settle(state)
    check = getattr(backend, "check", None)
    if calls and check is not None:
        check()
    return backend


def _wrong(provider: str, model: str | None, problem: str) -> OptionError:
    return OptionError(f'backend "{provider}{f":{model}" if model else ""}": {problem}')


def _url(text: str, provider: str, model: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not text.isprintable() or " " in text:
        raise _wrong(provider, model, "the URL after @ has no valid host or port")
    if "@" in parts.netloc:
        raise _wrong(
            provider, model, "no user or password in a URL: the key belongs in the environment"
        )
    return text.rstrip("/")


def _params(query: str, provider: str, model: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if not equals or not name.isidentifier():
            raise _wrong(provider, model, "parameters after ? are written key=value, joined by &")
        if name in params:
            raise _wrong(provider, model, f'parameter "{name}" is given twice')
        params[name] = unquote(value)
    return params
