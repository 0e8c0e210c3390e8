"""A real vLLM server with a tiny model, on the CPU; `python3 dev.py vllm` makes what it needs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from real_server import LAUNCH, TINY, Served, hold

from evalsuite.backends import open_backend
from evalsuite.backends.base import Backend


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    if not (TINY / "config.json").exists():
        pytest.skip("needs a vLLM server: python3 dev.py vllm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_COMMAND", str(Path(sys.prefix) / "bin" / "vllm"))
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("NO_PROXY", "127.0.0.1")
        for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "VLLM_API_KEY"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with hold(f"vllm:{TINY}?{LAUNCH}", tmp_path_factory.mktemp("state")) as served:
        yield served


@pytest.fixture
def ask(served: Served) -> Callable[..., Any]:
    """Do something with the server's backend, on a loop of its own."""

    def ask(work: Callable[[Backend], Awaitable[Any]], query: str = "") -> Any:
        async def run() -> Any:
            backend = open_backend(f"vllm:{TINY}@{served.url}{query}")
            try:
                return await work(backend)
            finally:
                await backend.close()

        return asyncio.run(run())

    return ask
