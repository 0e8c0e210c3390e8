"""Who asks: one at a time per key, in this process and in all that share the folder.

A claim is the lock on one byte of one file. The system frees it when its process ends, however it
ends, and it leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from zlib import crc32

POLL = 0.02
"""Seconds between two looks whether another process still asks."""

_BYTES = 2**31 - 1  # as far as Windows can lock; two keys on one byte only wait for each other


class Claims:
    """Keys that are being asked for. The system drops all claims of a process on a file once it
    closes any handle of it, so a process opens it once."""

    def __init__(self, file: Path) -> None:
        self._handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        self._asking: dict[str, asyncio.Future[None]] = {}
        try:
            if self._take(_BYTES):  # OSError here and now if the file system has no locks
                self._free(_BYTES)
        except OSError:
            os.close(self._handle)
            raise

    @asynccontextmanager
    async def claim(
        self, key: str, waiting: Callable[[], None] = lambda: None
    ) -> AsyncIterator[None]:
        """Wait until nobody else asks for `key`. Then look for its answer before you ask.

        Who waited in this process gets the error of who asked. `waiting` is called now and then
        while another process asks, and may raise.
        """
        while (other := self._asking.get(key)) is not None:
            await asyncio.shield(other)
        place = crc32(key.encode()) % _BYTES
        done = self._asking[key] = asyncio.get_running_loop().create_future()
        try:
            while not self._take(place):
                waiting()
                await asyncio.sleep(POLL)
            try:
                yield
            finally:
                self._free(place)
        except Exception as error:
            done.set_exception(error)
            done.exception()  # nobody need wait for it
            raise
        finally:
            del self._asking[key]
            if not done.done():  # cancelled too: then who waits asks
                done.set_result(None)

    def close(self) -> None:
        os.close(self._handle)

    if sys.platform == "win32":

        def _take(self, place: int) -> bool:
            import msvcrt  # noqa: PLC0415

            os.lseek(self._handle, place, os.SEEK_SET)
            try:
                msvcrt.locking(self._handle, msvcrt.LK_NBLCK, 1)
            except PermissionError:
                return False
            return True

        def _free(self, place: int) -> None:
            import msvcrt  # noqa: PLC0415

            os.lseek(self._handle, place, os.SEEK_SET)
            msvcrt.locking(self._handle, msvcrt.LK_UNLCK, 1)

    else:

        def _take(self, place: int) -> bool:
            import fcntl  # noqa: PLC0415

            try:
                fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError):
                return False
            return True

        def _free(self, place: int) -> None:
            import fcntl  # noqa: PLC0415

            fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, place)
