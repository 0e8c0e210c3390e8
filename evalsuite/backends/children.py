"""The end of a process that was started: with all that it started, and without a warning."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

GRACE = 2.0
"""Seconds for a killed process to be gone."""


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill it with its children, which are in its own process group, and let it be reaped."""
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE):
            await process.wait()
    # asyncio has no public way to close the pipes of a process that nobody reads any more.
    process._transport.close()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
