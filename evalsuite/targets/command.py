"""A command as a target: JSON in, text or JSON out, a process per case and trial."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalsuite.errors import EvalsuiteError, SuiteError
from evalsuite.records import Case, Json, Output
from evalsuite.targets.reply import LIMIT, Paths, TargetError, at_place
from evalsuite.targets.template import compiled, given
from evalsuite.wording import shown

_EXCERPT = 400
_GRACE = 2.0
"""Seconds for a killed process to be gone."""


def command_target(
    command: Sequence[str],
    template: Json = None,
    *,
    text: str | None = None,
    value: str | None = None,
    contexts: str | None = None,
    tool_calls: str | None = None,
    model: str | None = None,
    name: str = "command_target",
) -> Callable[..., Any]:
    """A target that starts a command for each case and trial, in the folder of the calling module.

    It reads one line of JSON (`template` filled in; by default {"id", "input", "slices",
    "variant"}) and prints its answer: text, or JSON if any path is given. Paths and template are
    those of `http_target`.

    A status other than 0, more than 10 MiB, or a reply without what was promised are outcomes of
    the command; one that can't be started is an error and never a score. At the suite's timeout
    it is killed with its children. Secrets belong in the environment, not in arguments.

    Raises:
        SuiteError: a path or command that can't be used.
    """
    paths = Paths(text, value, contexts, tool_calls, model)
    if isinstance(command, str) or not command or not all(isinstance(c, str) for c in command):
        raise SuiteError(f"command must be a list of texts, not {shown(command)}")
    words = list(command)
    caller = sys._getframe(1)
    folder = Path(caller.f_code.co_filename).parent

    @functools.cache
    def prepare() -> Callable[[Mapping[str, Json]], Json]:
        if template is not None:
            return compiled(template)
        return lambda data: {**data["case"], "variant": data["variant"]}

    async def target(case: Case, variant: Mapping[str, Json] = {}) -> Output:
        sent = prepare()(given(case, variant))
        try:
            return paths.read(await _answer(words, folder, json.dumps(sent).encode() + b"\n"))
        except TargetError as error:
            raise TargetError(f"{words[0]}: {error}") from None

    return at_place(target, name, caller, prepare)


async def _answer(words: Sequence[str], folder: Path, sent: bytes) -> bytes:
    """What the command prints; TargetError for a bad end."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise EvalsuiteError(f"command {shown(words[0])} can't be started: {error}") from None
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    reading = [asyncio.create_task(_read(each)) for each in (process.stdout, process.stderr)]
    feeding = asyncio.create_task(_feed(process.stdin, sent))
    try:
        out, err = await asyncio.gather(*reading)
        status = await process.wait()
    except BaseException:
        for task in (*reading, feeding):
            task.cancel()
        await _end(process)
        raise
    if status:
        ended = f"ended by signal {-status}" if status < 0 else f"status {status}"
        said = err.decode("utf-8", "replace").strip()[-_EXCERPT:]
        raise TargetError(f"{ended}: {said}" if said else ended)
    return out


async def _read(stream: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while chunk := await stream.read(65_536):
        found += chunk
        if len(found) > LIMIT:
            raise TargetError(f"it printed more than {LIMIT // 1024 // 1024} MiB")
    return bytes(found)


async def _feed(stream: asyncio.StreamWriter, sent: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # it need not read
        stream.write(sent)
        await stream.drain()
        stream.close()
        await stream.wait_closed()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill it with its children, which are in its own process group, and let it be reaped."""
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await process.wait()
