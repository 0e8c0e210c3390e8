"""SDK clients whose calls go through evalsuite, for pipelines that bring their own calls.

Under `--evals` such a client's requests take the way of `llm.chat`: to the model of the suite's
role, through its store, seeds, limits, retries and budget, for the case that they are made in. In
production the clients made here are the SDK's own and nothing else.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, overload

from evalsuite.backends import remote
from evalsuite.backends.base import Completion
from evalsuite.backends.calls import QUIET, TALLY, Tally, current
from evalsuite.backends.chat import PASSED
from evalsuite.backends.messages import MESSAGES
from evalsuite.errors import EvalsuiteError
from evalsuite.records import Json

if TYPE_CHECKING:
    import asyncio

    import anthropic
    import openai

PATHS: Mapping[str, tuple[str, ...]] = {
    "openai": tuple(PASSED),
    "anthropic": (MESSAGES.path,),
}
"""What a client of each SDK may ask for."""

_CLASSES = {"openai": "OpenAI", "anthropic": "Anthropic"}
_URLS = {"openai": "http://evalsuite.invalid/v1", "anthropic": "http://evalsuite.invalid"}
LOOP = "evalsuite-loop"
"""The name of the thread that cases run on."""


class Models(Protocol):
    """The part of an LLM that is needed here."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    @property
    def protocol(self) -> str: ...

    def __getitem__(self, role: str) -> Models: ...

    def request(self, raw: Mapping[str, Json]) -> Awaitable[Completion]: ...


MODELS: ContextVar[Models] = ContextVar("evalsuite_models")
"""The models of the suite that the current task or thread works for; the runner sets it."""


class Way(NamedTuple):
    """Where a request goes: to the models, for a case."""

    models: Models
    tally: Tally


class Bound:
    """The way of a client that was made in a case: the case of the task or thread that calls, and
    where none is known the one that the client was made in."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._tally = TALLY.get(None)

    def __call__(self) -> Way:
        tally = TALLY.get(None)
        return Way(self._models, tally or self._tally or current())


class Found:
    """The way of a client that was made anywhere: found when it is used. None outside of evals,
    where the client is the SDK's own; EvalsuiteError in a run of evals, but outside of a case."""

    def __init__(self, protocol: str, role: str) -> None:
        self._protocol, self._role = protocol, role

    def __call__(self) -> Way | None:
        models, tally = MODELS.get(None), TALLY.get(None)
        if models is not None and tally is not None:
            models = models if self._role == "default" else models[self._role]
            _check(self._protocol, models)
            return Way(models, tally)
        if any(thread.name == LOOP for thread in threading.enumerate()):
            current()
        return None


def bound(protocol: str, models: Models, *, sync: bool) -> Any:
    """A client of an SDK whose calls go to one role's model. MissingExtra without the SDK."""
    _check(protocol, models)
    key = "evalsuite"  # the real one stays with the backend
    return _client(protocol, Bound(models), sync, api_key=key, base_url=_URLS[protocol])


def _check(protocol: str, models: Models) -> None:
    if models.protocol != protocol:
        there = f"those of {models.protocol}_client()" if models.protocol else "none"
        raise EvalsuiteError(
            f"the backend of this role can't take requests of {protocol}_client() (it takes "
            f"{there}): name another backend for it, or use llm.chat"
        )


@overload
def openai_client(
    *, role: str = "default", sync: Literal[False] = False, **options: Any
) -> openai.AsyncOpenAI: ...


@overload
def openai_client(
    *, role: str = "default", sync: Literal[True], **options: Any
) -> openai.OpenAI: ...


def openai_client(*, role: str = "default", sync: bool = False, **options: Any) -> Any:
    """A client of OpenAI's SDK that may be made anywhere, also at import: in a case it goes to the
    suite's model of that `role`, outside of evals it is the SDK's own, made with `options`."""
    return _anywhere("openai", role, sync, options)


@overload
def anthropic_client(
    *, role: str = "default", sync: Literal[False] = False, **options: Any
) -> anthropic.AsyncAnthropic: ...


@overload
def anthropic_client(
    *, role: str = "default", sync: Literal[True], **options: Any
) -> anthropic.Anthropic: ...


def anthropic_client(*, role: str = "default", sync: bool = False, **options: Any) -> Any:
    """The same for Anthropic's SDK."""
    return _anywhere("anthropic", role, sync, options)


def _anywhere(protocol: str, role: str, sync: bool, options: dict[str, Any]) -> Any:
    """Without a key the client can be made, since evals need none; asked in earnest, it says so."""
    variable = f"{protocol.upper()}_API_KEY"
    if "http_client" in options:
        raise EvalsuiteError(f"{protocol}_client() brings its own http_client")
    key = options.pop("api_key", None) or os.environ.get(variable)
    found = Found(protocol, role)
    return _client(protocol, found, sync, keyed=bool(key), api_key=key or "none", **options)


def _client(
    protocol: str, way: Bound | Found, sync: bool, *, keyed: bool = True, **options: Any
) -> Any:
    remote.require(protocol)
    token = QUIET.set(True)
    try:
        sdk = import_module(protocol)
        rerouting = import_module("evalsuite.backends.rerouting")
        made = getattr(sdk, ("" if sync else "Async") + _CLASSES[protocol])
        http = rerouting.http_client(protocol, way, sync=sync, keyed=keyed, paths=PATHS[protocol])
        if isinstance(way, Bound):
            options["max_retries"] = 0
        return made(http_client=http, **options)
    finally:
        QUIET.reset(token)
