"""vLLM in this process (`vllm-offline:MODEL`): no server, and one engine batch for all requests
that arrive together.

The engine is a thing of one thread, and what runs in it can't be joined: requests that arrive
while a batch runs are the next batch.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from math import isfinite
from typing import Any, NamedTuple

from evalsuite.backends import remote
from evalsuite.backends.base import Capabilities, Completion, Request
from evalsuite.backends.vllm.serving import FLAGS, GRAMMAR
from evalsuite.errors import BackendError, OptionError
from evalsuite.records import Json, Usage

_GATHER = 0.005
"""Seconds in which requests find together."""

_PARAMS = frozenset(
    {
        "allowed_token_ids",
        "bad_words",
        "frequency_penalty",
        "ignore_eos",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "min_tokens",
        "presence_penalty",
        "repetition_penalty",
        "stop",
        "stop_token_ids",
        "structured_outputs",
        "temperature",
        "top_k",
        "top_logprobs",
        "top_p",
    }
)
_FINISH = {"stop": "stop", "length": "length"}


class _Waiting(NamedTuple):
    request: Request
    answer: asyncio.Future[Completion]


class Offline:
    """One model in an engine of this process, loaded at the first request.

    Of `params`, revision, dtype, quantization and max_model_len are the engine's, the others
    sampling parameters as vLLM's chat API names them. Raises OptionError for any other.
    """

    capabilities = Capabilities(seed=True, json_schema=True, logprobs=True)

    def __init__(self, *, model: str, **params: Json) -> None:
        given = remote.typed(params)
        self._model = model
        self._flags = {name: given.pop(name) for name in FLAGS[:-1] if name in given}
        self._params = given
        if problem := remote.unknown("vllm-offline", given, _PARAMS | set(FLAGS[:-1])):
            raise OptionError(problem)
        self.identity: Mapping[str, Json] = {
            "provider": "vllm-offline",
            "api": "chat",
            "model": model,
            "engine": self._flags,
            "params": self._params,
        }
        self.state = ""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evalsuite-vllm")
        self._engine: Any = None
        self._failed: BackendError | None = None
        self._queue: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    def check(self) -> None:
        """OptionError if vLLM is not installed here; does not import it."""
        found = find_spec("vllm")
        if found is None or found.origin is None:  # a folder of that name is none
            raise OptionError(
                'backend "vllm-offline:MODEL" needs vLLM in this environment; '
                "vllm:MODEL starts one that is installed elsewhere"
            )

    async def start(self) -> None:
        """Load the engine: BackendError of fault "provider" if it can't be, now as later."""
        if self._engine is None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._loaded)

    async def complete(self, request: Request) -> Completion:
        """Answer one request, in a batch with those that come at the same time."""
        if problem := remote.unknown("vllm-offline", request.params, _PARAMS):
            raise BackendError(problem)
        if request.tools or request.embed or request.raw is not None:
            raise BackendError("vllm-offline has no tools, embeddings or SDK clients: vllm:MODEL")
        began = time.perf_counter()
        waiting = _Waiting(request, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        completion = await waiting.answer
        return replace(completion, latency=time.perf_counter() - began)

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._unload)
        self._thread.shutdown()

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            await asyncio.sleep(_GATHER)
            batch = [each for each in self._queue if not each.answer.done()]
            self._queue = []
            requests = [each.request for each in batch]
            answers = await loop.run_in_executor(self._thread, self._batch, requests)
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():  # its case was cancelled meanwhile
                    continue
                if isinstance(answer, BackendError):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    # In the engine's thread.

    def _batch(self, requests: Sequence[Request]) -> list[Completion | BackendError]:
        """One answer per request. A request that the engine refuses fails alone."""
        try:
            return list(self._generate(requests))
        except BackendError as error:
            return [error] * len(requests)
        except Exception as error:  # noqa: BLE001 (an engine may raise anything)
            if not _refusal(error):
                return [self._broken(error)] * len(requests)
            if len(requests) > 1:
                return [answer for each in requests for answer in self._batch([each])]
            return [BackendError(f"vllm-offline: {error}"[:500])]

    def _generate(self, requests: Sequence[Request]) -> Sequence[Completion]:
        outputs = self._loaded().chat(
            [list(each.messages) for each in requests],
            [self._sampling(each) for each in requests],
            use_tqdm=False,
        )
        return [_completion(each, self._model) for each in outputs]

    def _loaded(self) -> Any:
        if self._failed is not None:
            raise self._failed
        if self._engine is None:
            self.state = f"{self._model} is loaded"
            try:
                self._engine = _engine(self._model, self._flags)
            except Exception as error:  # noqa: BLE001 (an engine may raise anything)
                raise self._broken(error) from None
            finally:
                self.state = ""
        return self._engine

    def _broken(self, error: Exception) -> BackendError:
        """The engine's state is unknown from now on."""
        message = f"vllm-offline: the engine failed: {type(error).__name__}: {error}"[:500]
        self._failed = BackendError(message, fault="provider")
        return self._failed

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams  # noqa: PLC0415 (a large package, loaded by now)
        from vllm.sampling_params import StructuredOutputsParams  # noqa: PLC0415

        given = self._params | dict(request.params)
        wanted = given.pop("structured_outputs", None)
        if request.schema is not None:
            wanted = {"json": dict(request.schema)}
        most = given.pop("max_completion_tokens", None)
        given["max_tokens"] = given.get("max_tokens", most)
        top = given.pop("top_logprobs", 0)
        given["logprobs"] = top if given.pop("logprobs", False) else None
        return SamplingParams(
            seed=request.seed,
            structured_outputs=StructuredOutputsParams(**wanted) if wanted else None,
            **given,
        )

    def _unload(self) -> None:
        if self._engine is not None:
            self._engine.llm_engine.engine_core.shutdown()
            self._engine = None


def _engine(model: str, flags: Mapping[str, Json]) -> Any:
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # so that it ends with this one
    from vllm import LLM  # noqa: PLC0415
    from vllm.platforms import current_platform  # noqa: PLC0415

    options: dict[str, Any] = dict(flags)
    if current_platform.is_cpu():  # a seeded request in two parts ends the engine there
        options["enable_chunked_prefill"] = False
    return LLM(model, seed=0, structured_outputs_config=json.loads(GRAMMAR), **options)


def _completion(output: Any, model: str) -> Completion:
    found = output.outputs[0]
    if found.finish_reason not in _FINISH:
        raise BackendError(f"vllm-offline: the reply ended with {found.finish_reason}")
    return Completion(
        text=remote.text(found.text),
        finish_reason=_FINISH[found.finish_reason],
        usage=Usage(
            input_tokens=len(output.prompt_token_ids or ()),
            output_tokens=len(found.token_ids),
            cached_tokens=output.num_cached_tokens or 0,
            calls=1,
        ),
        model=model,
        fingerprint=f"vllm-{version('vllm')}",
        logprobs=tuple(map(_logprob, found.token_ids, found.logprobs or ())),
    )


def _refusal(error: Exception) -> bool:
    """Whether the engine did not take a request: too long, parameters that make no sense."""
    from vllm.exceptions import VLLMValidationError  # noqa: PLC0415

    return isinstance(error, ValueError | TypeError | VLLMValidationError)


def _logprob(token: int, found: Mapping[int, Any]) -> Mapping[str, Json]:
    likely = [each for each in found.values() if isfinite(each.logprob)]
    top = {str(each.decoded_token): each.logprob for each in likely}
    return {
        "token": str(found[token].decoded_token),
        "logprob": found[token].logprob,
        "top": top,
    }
