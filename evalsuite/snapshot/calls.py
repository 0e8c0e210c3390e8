"""Which stored replies a run needed: a list beside the run, never in a committed snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evalsuite.config import Config
from evalsuite.errors import SnapshotError
from evalsuite.snapshot.folder import shown
from evalsuite.snapshot.refs import find, suites_of

CALLS = "calls.txt"


def write_calls(folder: Path, keys: Iterable[str]) -> None:
    """Write the call.keys of a finished run, sorted, a line each."""
    text = "".join(f"{key}\n" for key in sorted(keys))
    (folder / CALLS).write_text(text, encoding="utf-8", newline="")


def calls_of(ref: str, config: Config) -> set[str]:
    """The call.keys that all suites of a stored run needed.

    Raises:
        OptionError: no run is named so.
        SnapshotError: it does not say which they were.
    """
    keys: set[str] = set()
    for suite in suites_of(ref, config):
        folder = find(ref, config, suite)
        file = folder / CALLS if isinstance(folder, Path) else None
        if file is None or not file.is_file():
            raise SnapshotError(
                f"{shown(folder)} does not say which replies it needed: name a run of this folder "
                "of state, by its id or as last, or run pytest --evals again"
            )
        keys.update(file.read_text(encoding="utf-8").split())
    return keys
