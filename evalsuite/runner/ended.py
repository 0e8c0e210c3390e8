"""How a session of pytest ended, kept beside the runs: it tells of a session that left none whether
there was nothing to do."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite.errors import DataError
from evalsuite.strictjson import Malformed, parse

ENDED = "ended.json"
_BYTES, _CAUSES, _LENGTH = 64 * 1024, 10, 400


@dataclass(frozen=True, slots=True)
class Ended:
    """`status` is pytest's exit status, `causes` what stopped it, a line each."""

    status: int
    causes: Sequence[str] = ()

    @property
    def said(self) -> str:
        """What became of a session that ran no suite; "" where it had nothing to do."""
        return f"pytest ended with exit status {self.status}: no suite was run" * bool(self.status)


def note(folder: Path, ended: Ended) -> None:
    """Write it into a state folder; one that can't be written is no error."""
    causes = [" ".join(each.split())[:_LENGTH] for each in ended.causes[:_CAUSES]]
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"status": ended.status, "causes": causes}, indent=1)
        (folder / ENDED).write_text(f"{text}\n", encoding="utf-8")


def read(file: Path) -> Ended:
    """What `note` wrote, or whoever else.

    Raises:
        DataError: it can't be read, or has another form.
    """
    try:
        with file.open("rb") as handle:
            data = handle.read(_BYTES + 1)
        value = parse(data.decode("utf-8")) if len(data) <= _BYTES else None
    except (OSError, UnicodeDecodeError, Malformed):
        value = None
    value = value if isinstance(value, dict) else {}
    status, causes = value.get("status"), value.get("causes")
    if type(status) is not int or not 0 <= status <= 255 or not isinstance(causes, list):
        raise DataError(f"{file.name} does not say how pytest ended")
    return Ended(status, [str(each)[:_LENGTH] for each in causes[:_CAUSES]])
