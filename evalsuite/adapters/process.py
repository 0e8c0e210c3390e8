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
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evalsuite.adapters.inside import Found, Known, Model, Unanswered, said_by
from evalsuite.backends.calls import QUIET
from evalsuite.backends.children import end
from evalsuite.errors import BackendError, SuiteError
from evalsuite.records import Json
from evalsuite.wording import blot, shown

CHILD = Path(__file__).with_name("child.py")
LINE = 64 * 1024 * 1024
"""Bytes of one line; a longer one ends the process."""

_PATIENCE = 120.0
"""Seconds in which a library must be imported: it takes some 5, more on a busy machine."""

_SAID = 400
_PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("SYSTEMROOT", "USERPROFILE", "LOCALAPPDATA", "APPDATA"),
)
"""All that the process sees of our environment: keys and tokens are none of its business."""


def ask_known(python: Path, library: str, theirs: str, params: Mapping[str, Json]) -> Known:
    """What the library says of a metric, by a process that ends at once; SuiteError if it can't
    be started, or if the library refuses."""
    where = f"{library} in {shown(str(python), 200)}"
    out, err = _once(where, _words(python, library), _line({"know": theirs, "params": params}))
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


def _words(python: Path, library: str) -> tuple[str, ...]:
    return (str(python), "-I", str(CHILD), library)


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _line(message: Mapping[str, Json]) -> bytes:
    return json.dumps(message, allow_nan=False).encode() + b"\n"


@functools.lru_cache(16)
def process_of(loop: asyncio.AbstractEventLoop, python: Path, library: str) -> Process:
    """The process that all metrics of one library and interpreter share, on one loop."""
    del loop  # what makes it another one
    return Process(python, library)


@dataclass(slots=True, eq=False)
class Process:
    """A process that measures, started with the first case and used by all. Once it has ended
    every further case says so: it is not started again."""

    python: Path
    library: str
    _inboxes: dict[int, asyncio.Queue[Mapping[str, Json]]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _process: asyncio.subprocess.Process | None = None
    _owner: asyncio.Task[None] | None = None
    _end: str = ""

    async def measure(
        self, about: Known, params: Mapping[str, Json], fields: Mapping[str, Json], model: Model
    ) -> Found:
        """The value of one case; None with the reason if the process ends before it is there."""
        async with self._lock:
            if self._process is None and not self._end:
                await self._start()
        if self._end:
            return Found(None, self._end)
        number = next(self._numbers)
        inbox = self._inboxes[number] = asyncio.Queue()
        try:
            what = {"about": asdict(about), "params": params, "fields": fields}
            self._send({"measure": number, **what})
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
        number = message["ask"]
        try:
            value: Json
            if "texts" in message:
                value = [list(each) for each in await model.embed(message["texts"])]
            elif "top" in message:
                value = await model.weigh(message["prompt"], message["top"])
            else:
                value = await model.chat(message["prompt"], message["schema"])
            self._send({"ask": number, "value": value})
        except (Unanswered, BackendError) as error:
            self._send({"ask": number, "unanswered": str(error)})
        except Exception as error:  # noqa: BLE001 (one case's, and never the group's)
            self._send({"ask": number, "unanswered": said_by(error)})

    def _send(self, message: Mapping[str, Json]) -> None:
        """ValueError for what is no JSON."""
        line = _line(message)
        if self._process is not None and self._process.stdin is not None and not self._end:
            with contextlib.suppress(OSError, RuntimeError):  # it has ended; its reader says so
                self._process.stdin.write(line)

    async def _start(self) -> None:
        token = QUIET.set(True)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_words(self.python, self.library),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(),
                cwd=tempfile.gettempdir(),
                start_new_session=True,
                limit=LINE,
            )
        except (OSError, ValueError) as error:
            self._end = f"{self.library} can't be started: {said_by(error)}"
            return
        finally:
            QUIET.reset(token)
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
                message = json.loads(line)
                inbox = self._inboxes.get(message["measure"])
                if inbox is not None:
                    inbox.put_nowait(message)
        except (ValueError, KeyError, TypeError) as error:  # too long a line, or none of ours
            reason = said_by(error)
        finally:
            await end(process)
            listening.cancel()
            last = " ".join(blot(b"".join(said).decode("utf-8", "replace")).split())[-_SAID:]
            self._end = f"the process of {self.library} has ended: {reason or last}"
            for inbox in self._inboxes.values():
                inbox.put_nowait({"value": None, "reason": self._end})


async def _tail(stream: asyncio.StreamReader, said: list[bytes]) -> None:
    """Read what it says beside, and keep the last of it."""
    while chunk := await stream.read(65_536):
        said[:] = [b"".join(said)[-4 * _SAID :] + chunk[-4 * _SAID :]]
