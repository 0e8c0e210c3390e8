"""One process that is given its input and gives its answer, or is killed with its children."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from evalsuite.backends.children import end
from evalsuite.errors import EvalsuiteError
from evalsuite.targets.reply import LIMIT, TargetError
from evalsuite.wording import shown

_EXCERPT = 400


async def answer(words: Sequence[str], folder: Path, sent: bytes) -> bytes:
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
        await end(process)
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
