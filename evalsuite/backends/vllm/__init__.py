"""vLLM: a server that is there (`vllm:MODEL@URL`), or one that is started for the run
(`vllm:MODEL`).

It speaks the OpenAI and the Anthropic protocol, so the backends for those do the talking. What is
vLLM's own is the sampling parameters that no other provider has, how a server is started, and
what identifies one: where it runs is no identity, so the same model on another port has the same
stored replies.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evalsuite.backends import anthropic, remote
from evalsuite.backends.anthropic import Anthropic
from evalsuite.backends.base import Capabilities, Completion, Request
from evalsuite.backends.faults import failure
from evalsuite.backends.openai import PARAMS, OpenAI
from evalsuite.backends.vllm import serving
from evalsuite.canonical import key as hashed
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import Json

if TYPE_CHECKING:
    from evalsuite.backends.vllm.server import Server

_KEY = "VLLM_API_KEY"
_PATIENCE = 600.0

_SAMPLING = frozenset(
    {
        "add_generation_prompt",
        "allowed_token_ids",
        "bad_words",
        "chat_template_kwargs",
        "continue_final_message",
        "ignore_eos",
        "length_penalty",
        "min_p",
        "min_tokens",
        "repetition_penalty",
        "skip_special_tokens",
        "stop_token_ids",
        "structured_outputs",
        "thinking_token_budget",
        "top_k",
        "truncate_prompt_tokens",
    }
)
"""What vLLM's chat API takes beyond OpenAI's."""


class _Chat(OpenAI):
    provider = "vllm"
    known = PARAMS | _SAMPLING
    path = "/v1"

    def _key(self) -> str:
        return _api_key()


class _Messages(Anthropic):
    provider = "vllm"
    known = anthropic.PARAMS | {"temperature", "top_k", "top_p"}
    path = ""

    def _key(self) -> str:
        return _api_key()


_DIALECTS: Mapping[str, type[_Chat] | type[_Messages]] = {
    "openai": _Chat,
    "anthropic": _Messages,
}


class VLLM:
    """One model that vLLM serves: at `url`, or by a server that is started when it is first asked.

    `api` chooses the protocol: "openai", or "anthropic", which takes no seed. `patience` is how
    many seconds a server may take to start (600). Of `params`, revision, dtype, quantization,
    max_model_len, enforce_eager and flags say how the server is started, or, with a URL, was; the
    others are sampling parameters, vLLM's own among them. All of them but `patience` are part of
    the identity. Raises OptionError for a parameter that is not known.
    """

    def __init__(
        self,
        *,
        model: str,
        url: str | None = None,
        api: str = "openai",
        patience: str | float = _PATIENCE,
        **params: Json,
    ) -> None:
        if model.startswith("-"):
            raise OptionError("vllm: a model's name does not start with -")
        if api not in _DIALECTS:
            raise OptionError(f'vllm speaks api=openai or api=anthropic, not "{api}"')
        self._dialect = _DIALECTS[api]
        self._model = model
        self._url = None if url is None else url.rstrip("/").removesuffix("/v1")
        self._patience = _seconds(patience)
        given = remote.typed(params)
        self._flags = {name: given.pop(name) for name in serving.FLAGS if name in given}
        if "--api-key" in str(self._flags.get("flags", "")):
            raise OptionError(f"vllm: no key in a backend's name: set {_KEY} in the environment")
        self._params = given
        self._inner = self._speaker(self._url or "http://127.0.0.1:9")
        self._ready = self._url is not None
        self._starting = asyncio.Lock()
        self._folder = Path(".evalsuite")
        self._server: Server | None = None
        self._failed: BackendError | None = None
        self.capabilities: Capabilities = self._inner.capabilities
        self.identity: Mapping[str, Json] = {
            "provider": "vllm",
            "api": self._inner.identity["api"],
            "model": model,
            "server": self._flags,
            "params": self._inner.identity["params"],
        }

    @property
    def state(self) -> str:
        """What is being waited for, for a person; "" for nothing."""
        return self._server.state if self._server is not None else ""

    def settle(self, folder: Path) -> None:
        """Keep logs and locks in `folder`."""
        self._folder = folder

    def check(self) -> None:
        """Raise what would fail every call: an SDK or a vLLM that is not installed."""
        self._inner.check()
        if self._url is None:
            if os.name != "posix":
                raise OptionError("vLLM can't be started on this system: vllm:MODEL@URL")
            serving.program()

    async def start(self) -> None:
        """Have a server: BackendError of fault "provider" if it can't be started, now as later."""
        if self._ready:
            return
        async with self._starting:
            if self._ready:
                return
            if self._failed is not None:
                raise self._failed
            try:
                if self._server is None:
                    self._server = await asyncio.to_thread(self._make)
                self._inner = self._speaker(await self._server.url())
            except BackendError as error:
                self._failed = error
                raise
            except (OSError, subprocess.SubprocessError) as error:
                problem = f"vllm: the server can't be started: {error}"
                self._failed = BackendError(problem, fault="provider")
                raise self._failed from None
            self._ready = True

    async def preflight(self) -> None:
        """Ask, unpaid, whether the server is there and knows key and model.

        Raises:
            BackendError: it does not; of fault "provider" unless a repetition may mend it.
        """
        if self._url is None:
            await self.start()
            return
        known = await _models(self._url)
        if self._model not in known:
            there = ", ".join(known[:10]) or "none"
            raise BackendError(
                f'vllm: the server knows no model "{self._model}" (there: {there})',
                fault="provider",
            )

    async def complete(self, request: Request) -> Completion:
        """Answer one request; starts the server if it has to. Every failure is a BackendError."""
        await self.start()
        try:
            return await self._inner.complete(request)
        except BackendError:
            if self._server is not None and (problem := self._server.ended()):
                raise BackendError(problem, fault="provider") from None
            raise

    async def close(self) -> None:
        await self._inner.close()
        if self._server is not None:
            await self._server.close()
            self._server = None
        self._ready = self._url is not None

    def _speaker(self, url: str) -> _Chat | _Messages:
        return self._dialect(model=self._model, url=url + self._dialect.path, **self._params)

    def _make(self) -> Server:
        from evalsuite.backends.vllm.server import Server  # noqa: PLC0415 (POSIX only)

        found = serving.capability()
        command = serving.command(self._model, self._flags, cpu=serving.on_cpu(found))
        name = re.sub(r"\W+", "-", self._model.rsplit("/", maxsplit=1)[-1])[:40]
        folder = self._folder / "vllm" / f"{name}-{hashed('vllm', command)[:8]}"
        environment = serving.environment(found)
        return Server(command, folder, environment=environment, patience=self._patience)


def _api_key() -> str:
    """A server needs none unless it was started with one."""
    return remote.api_key(_KEY, "vllm") if os.environ.get(_KEY) else "none"


def _seconds(value: str | float) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise OptionError("vllm: patience must be seconds, from above 0 to 86400")
    return seconds


async def _models(url: str) -> list[str]:
    """The names of the models that a server has; BackendError if it does not say."""
    import httpx2  # noqa: PLC0415 (both SDKs bring it)

    key = _api_key()
    try:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
            reply = await client.get(f"{url}/v1/models")
            if reply.status_code != 200:
                raise BackendError(
                    f"vllm: {url}/v1/models answered {reply.status_code}",
                    fault="provider" if reply.status_code < 500 else "transient",
                )
            return [remote.text(each["id"]) for each in reply.json()["data"]]
    except (httpx2.HTTPError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise failure("vllm", error, key) from None
