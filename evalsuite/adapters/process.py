"""A library in a process of its own environment: our end of the JSON Lines that `child.py` speaks.

Every question of a metric comes back here and is asked through the suite's models, within the case
that it belongs to. The process inherits no secret, and ends with the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalsuite.adapters.inside import Found, Known, Model, Unanswered, said_by
from evalsuite.backends.calls import QUIET
from evalsuite.errors import BackendError, SuiteError
from evalsuite.records import Json
from evalsuite.wording import blot, shown

CHILD = Path(__file__).with_name("child.py")
LINE = 64 * 1024 * 1024
"""Bytes of one line; a longer one ends the process."""

_PATIENCE = 120.0
"""Seconds in which a library must be imported: it takes some 5, more on a busy machine."""

_SAID = 400
_GRACE = 2.0
_PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("SYSTEMROOT", "USERPROFILE", "LOCALAPPDATA", "APPDATA"),
)
"""All that the process sees of our environment: keys and tokens are none of its business."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What the process is started for."""

    python: Path
    library: str
    theirs: str
    params: Mapping[str, Json]

    @property
    def words(self) -> list[str]:
        return [str(self.python), "-I", str(CHILD), self.library]

    @property
    def line(self) -> bytes:
        return _line({"metric": self.theirs, "params": dict(self.params)})


def ask_known(opening: Opening) -> Known:
    """What the library says of the metric, by a process that ends at once; SuiteError if it can't
    be started, or if the library refuses."""
    where = f"{opening.library} in {shown(str(opening.python), 200)}"
    out, err = _once(where, tuple(opening.words), opening.line)
    try:
        reply = json.loads(out)
        if "refused" in reply:
            raise SuiteError(f"{where}: {blot(str(reply['refused']))}")
        return Known(**reply["known"])
    except (ValueError, TypeError, KeyError):
        said = " ".join(blot(err.decode("utf-8", "replace")).split())[-_SAID:]
        raise SuiteError(f"{where} answered nothing that can be read: {said}") from None


@functools.lru_cache(64)  # a metric of several variants is looked up once
def _once(where: str, words: tuple[str, ...], line: bytes) -> tuple[bytes, bytes]:
    try:
        done = subprocess.run(  # noqa: S603 (the suite names it)
            words,
            input=line,
            capture_output=True,
            env=environment(),
            cwd=tempfile.gettempdir(),
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SuiteError(f"{where}: no answer within {_PATIENCE:g} s") from None
    except (OSError, ValueError) as error:
        raise SuiteError(f"{where} can't be started: {error}") from None
    return done.stdout, done.stderr


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _line(message: Mapping[str, Json]) -> bytes:
    return json.dumps(message, allow_nan=False).encode() + b"\n"


@dataclass(slots=True, eq=False)
class Process:
    """A process that measures, started with the first case and used by all. Once it has ended
    every further case says so: it is not started again. On one loop."""

    opening: Opening
    _inboxes: dict[int, asyncio.Queue[Mapping[str, Json]]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _process: asyncio.subprocess.Process | None = None
    _owner: asyncio.Task[None] | None = None
    _end: str = ""

    async def measure(self, fields: Mapping[str, Json], model: Model) -> Found:
        """The value of one case; None with the reason if the process ends before it is there."""
        async with self._lock:
            if self._process is None and not self._end:
                await self._start()
        if self._end:
            return Found(None, self._end)
        number = next(self._numbers)
        inbox = self._inboxes[number] = asyncio.Queue()
        try:
            self._send({"measure": number, "fields": dict(fields)})
            async with asyncio.TaskGroup() as group:
                while "value" not in (message := await inbox.get()):
                    group.create_task(self._answer(message, model))
            return Found(message["value"], str(message["reason"]))
        except asyncio.CancelledError:
            self._send({"cancel": number})
            raise
        finally:
            del self._inboxes[number]

    async def _answer(self, message: Mapping[str, Json], model: Model) -> None:
        """Ask for the process. Any failure is told to it: what it makes of that is no value."""
        reply: dict[str, Json] = {"ask": message["ask"]}
        try:
            if "texts" in message:
                reply["value"] = [list(each) for each in await model.embed(message["texts"])]
            else:
                reply["value"] = await model.chat(message["prompt"], message["schema"])
        except (Unanswered, BackendError) as error:
            reply["unanswered"] = str(error)
        except Exception as error:  # noqa: BLE001 (one case's, and never the group's)
            reply["unanswered"] = said_by(error)
        self._send(reply)

    def _send(self, message: Mapping[str, Json]) -> None:
        if self._process is not None and self._process.stdin is not None and not self._end:
            with contextlib.suppress(OSError, RuntimeError):  # it has ended; its reader says so
                self._process.stdin.write(_line(message))

    async def _start(self) -> None:
        token = QUIET.set(True)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.opening.words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(),
                cwd=tempfile.gettempdir(),
                start_new_session=True,
                limit=LINE,
            )
        except (OSError, ValueError) as error:
            self._end = f"{self.opening.library} can't be started: {said_by(error)}"
            return
        finally:
            QUIET.reset(token)
        assert self._process.stdin is not None
        self._process.stdin.write(self.opening.line)
        self._owner = asyncio.create_task(self._own(self._process))

    async def _own(self, process: asyncio.subprocess.Process) -> None:
        """Hand on what it says, until it ends or the loop does."""
        assert process.stdout is not None
        assert process.stderr is not None
        said: list[bytes] = []
        listening = asyncio.create_task(_tail(process.stderr, said))
        reason = ""
        try:
            while line := await process.stdout.readline():
                reason = self._hand_on(json.loads(line))
                if reason:
                    break
        except ValueError as error:  # a line that is too long, or no JSON
            reason = said_by(error)
        finally:
            await _kill(process)
            listening.cancel()
            last = " ".join(blot(b"".join(said).decode("utf-8", "replace")).split())[-_SAID:]
            self._end = f"the process of {self.opening.library} has ended: {reason or last}"
            for inbox in self._inboxes.values():
                inbox.put_nowait({"value": None, "reason": self._end})

    def _hand_on(self, message: Mapping[str, Json]) -> str:
        """ "" or why the process is of no use."""
        if "refused" in message:
            return str(message["refused"])
        inbox = self._inboxes.get(message.get("measure", 0))
        if inbox is not None:
            inbox.put_nowait(message)
        return ""


async def _tail(stream: asyncio.StreamReader, said: list[bytes]) -> None:
    """Read what it says beside, and keep the last of it."""
    while chunk := await stream.read(65_536):
        said[:] = [b"".join(said)[-4 * _SAID :] + chunk[-4 * _SAID :]]


async def _kill(process: asyncio.subprocess.Process) -> None:
    """Kill it with what it started, which is in its own process group, and let it be reaped."""
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await process.wait()
    # asyncio has no public way to close the pipes of a process that nobody reads any more.
    process._transport.close()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
