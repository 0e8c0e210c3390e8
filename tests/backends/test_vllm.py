"""How vLLM is named, started, shared and ended; what it answers is held by tests/vllm."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from evalsuite.backends import open_backend
from evalsuite.backends.base import Request
from evalsuite.backends.vllm import serving
from evalsuite.errors import BackendError, OptionError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a server is started on POSIX alone")

FAKE = Path(__file__).with_name("fake_vllm.py")
ASK = Request(messages=[{"role": "user", "content": "Hi"}], params={"top_k": 5}, seed=7)
SCHEMA = {"type": "object", "properties": {}}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "VLLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    monkeypatch.setenv("VLLM_COMMAND", f"{sys.executable} {FAKE}")
    monkeypatch.setattr(serving, "capability", lambda: None)


def use(spec: str, state: Path, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        backend: Any = open_backend(spec)
        backend.settle(state)
        try:
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


def group_of(state: Path) -> int:
    [file] = (state / "vllm").glob("*/server.pid")
    return int(file.read_text("utf-8"))


def gone(group: int, seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_a_server_is_started_by_the_first_request_and_gone_after_the_last(tmp_path: Path) -> None:
    async def work(backend: Any) -> Any:
        assert not (tmp_path / "vllm").exists()
        replies = await asyncio.gather(*(backend.complete(ASK) for _ in range(5)))
        return [json.loads(each.text) for each in replies], group_of(tmp_path)

    sent, group = use("vllm:m?revision=abc&min_p=0.1", tmp_path, work)
    assert (
        sent
        == [{"model": "m", "messages": [*ASK.messages], "top_k": 5, "min_p": 0.1, "seed": 7}] * 5
    )
    assert gone(group)
    [log] = (tmp_path / "vllm").glob("*/server.log")
    told = log.read_text("utf-8")
    assert told.count("fake engine") == 1
    assert "--revision abc" in told
    assert "--seed 0" in told


def test_a_run_that_is_killed_takes_its_server_with_it(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from evalsuite.backends import open_backend\n"
        "async def hold():\n"
        "    backend = open_backend('vllm:m')\n"
        f"    backend.settle(Path({str(tmp_path)!r}))\n"
        "    await backend.preflight()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(hold())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as run:
        try:
            assert run.stdout is not None
            assert run.stdout.readline() == b"ready\n"
            group = group_of(tmp_path)
            assert not gone(group, 0.1)
        finally:
            run.send_signal(signal.SIGKILL)
    assert gone(group)


def test_two_that_need_the_same_server_share_it_and_the_last_ends_it(tmp_path: Path) -> None:
    async def work(first: Any) -> tuple[int, bool]:
        second: Any = open_backend("vllm:m")
        second.settle(tmp_path)
        await asyncio.gather(first.preflight(), second.preflight())
        group = group_of(tmp_path)
        await second.close()
        await first.complete(ASK)
        return group, gone(group, 0.1)

    group, ended_early = use("vllm:m", tmp_path, work)
    assert not ended_early
    assert gone(group)


def test_a_server_that_was_started_otherwise_is_another(tmp_path: Path) -> None:
    async def work(backend: Any) -> int:
        await backend.preflight()
        return use_beside("vllm:m?dtype=float32")

    def use_beside(spec: str) -> int:
        import threading

        found: list[int] = []

        async def other(backend: Any) -> None:
            await backend.preflight()
            found.append(len(list((tmp_path / "vllm").glob("*/server.json"))))

        thread = threading.Thread(target=lambda: use(spec, tmp_path, other))
        thread.start()
        thread.join()
        return found[0]

    assert use("vllm:m", tmp_path, work) == 2


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ("--die", "(?s)has ended.*server.log ends with:.*\n    Out of memory: no room for MODEL$"),
        ("--deaf", "(?s)was not ready after 1 s.*fake engine"),
    ],
)
def test_a_server_that_does_not_start_is_one_error_with_the_end_of_its_log(
    flags: str, says: str, tmp_path: Path
) -> None:
    async def work(backend: Any) -> Any:
        asked = (backend.complete(ASK) for _ in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    errors = use(f"vllm:m?flags={flags}&patience=1", tmp_path, work)
    for error in errors:
        assert isinstance(error, BackendError)
        assert error.fault == "provider"
    with pytest.raises(BackendError, match=says):
        raise errors[0]
    assert gone(group_of(tmp_path))


def test_of_a_long_log_the_cause_is_told_and_not_the_noise_of_the_shutdown() -> None:
    from evalsuite.backends.vllm.server import _told

    noise = "\n".join(f"leaked function {place}" for place in range(50))
    log = (
        "(API pid=2) WARNING may cause errors like `OSError: too many`\n"
        "\x1b[31m(Worker pid=1) ERROR 11-21 RuntimeError: no offset\x1b[0m\n"
        f"loading 10%\rloading 20%\n(API pid=2) ERROR EngineDeadError: see above\n{noise}"
    )
    assert _told(log) == ("says:\n    RuntimeError: no offset\n    EngineDeadError: see above")
    assert _told(noise).splitlines()[0] == "ends with:"
    assert len(_told(noise).splitlines()) == 7


def test_a_folder_that_cannot_be_written_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "vllm").write_text("in the way", encoding="utf-8")
    with pytest.raises(BackendError, match="can't be started") as caught:
        use("vllm:m", tmp_path, lambda backend: backend.complete(ASK))
    assert caught.value.fault == "provider"


def test_a_server_that_dies_is_named_instead_of_its_connection(tmp_path: Path) -> None:
    async def work(backend: Any) -> Any:
        await backend.complete(ASK)
        os.killpg(group_of(tmp_path), signal.SIGKILL)
        while (error := await failing(backend)).fault != "provider":
            assert error.fault == "transient"
            await asyncio.sleep(0.02)
        return error

    async def failing(backend: Any) -> BackendError:
        with pytest.raises(BackendError) as caught:
            await backend.complete(ASK)
        return caught.value

    assert "has ended" in str(use("vllm:m", tmp_path, work))


def test_where_a_server_is_does_not_identify_it_but_how_it_was_started_does() -> None:
    def identity(spec: str) -> Any:
        return open_backend(spec, calls=False).identity

    assert identity("vllm:m") == identity("vllm:m@http://a:1/v1") == identity("vllm:m@http://b:2")
    assert identity("vllm:m?patience=5") == identity("vllm:m")
    for other in ("revision=a", "dtype=float32", "flags=--x", "min_p=0.1", "api=anthropic"):
        assert identity(f"vllm:m?{other}") != identity("vllm:m")
        assert identity(f"vllm:m?{other}") == identity(f"vllm:m@http://a:1?{other}")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("vllm:m?temprature=1", 'vllm takes no parameter "temprature": did you mean "temperature"'),
        ("vllm:m?api=grpc", "api=openai or api=anthropic"),
        ("vllm:m?api=anthropic&min_p=0.1", 'takes no parameter "min_p"'),
        ("vllm:m?patience=long", "patience must be seconds"),
        ("vllm:m?flags=--api-key%20abc", "VLLM_API_KEY"),
        ("vllm:--help", "does not start with -"),
        ("vllm-offline:m?flags=--x", 'takes no parameter "flags"'),
        ("vllm-offline:m@http://a:1", "url"),
    ],
)
def test_a_name_that_cannot_be_used_says_why(spec: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        open_backend(spec, calls=False)


def test_vllm_that_is_not_installed_names_the_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_COMMAND", "no-such-program")
    with pytest.raises(OptionError, match=r"no-such-program.*VLLM_COMMAND.*vllm:MODEL@URL"):
        open_backend("vllm:m")
    open_backend("vllm:m@http://127.0.0.1:1")  # a server that is there needs none
    open_backend("vllm:m", calls=False)  # nor does a run that makes no call


def test_the_key_of_another_provider_is_not_sent(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-another")
    reply = {"choices": [{"finish_reason": "stop", "message": {"content": "hello"}}]}
    httpserver.expect_request("/v1/chat/completions").respond_with_json(reply)
    spec = f"vllm:m@{httpserver.url_for('')}"
    assert use(spec, tmp_path, lambda backend: backend.complete(ASK)).text == "hello"
    monkeypatch.setenv("VLLM_API_KEY", "key-of-vllm")
    use(spec, tmp_path, lambda backend: backend.complete(ASK))
    sent = [request.headers["Authorization"] for request, _ in httpserver.log]
    assert sent == ["Bearer none", "Bearer key-of-vllm"]


@pytest.mark.parametrize(
    ("found", "cpu", "environment"),
    [(9.0, False, {"VLLM_BATCH_INVARIANT": "1"}), (7.5, False, {}), (None, True, {})],
)
def test_what_the_platform_knows_for_pinning_is_switched_on(
    found: float | None,
    cpu: bool,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VLLM_BATCH_INVARIANT", raising=False)
    command = serving.command("m", {"enforce_eager": True, "flags": "--x 'a b'"}, cpu=cpu)
    assert ("--no-enable-chunked-prefill" in command) == cpu
    assert command[-3:] == ["--enforce-eager", "--x", "a b"]
    assert serving.environment(found) == environment
