"""How values and paths of hostile data appear in messages."""

from __future__ import annotations

import os
import re
from pathlib import Path

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8
"""Characters: a shorter value is no secret, and would be found in ordinary words."""


def blot(text: str) -> str:
    """A message of foreign code without the values of environment variables that look like keys:
    an exception may quote the request that it failed on, and messages are kept and reported."""
    found = {
        line: name
        for name, value in os.environ.items()
        if _SECRET.search(name) and len(value) >= SHORTEST
        for line in (value, *value.splitlines())
        if len(line) >= SHORTEST and line in text
    }
    for line in sorted(found, key=len, reverse=True):
        text = text.replace(line, f"[{found[line]}]")
    return text


def shown(value: object, limit: int = 60) -> str:
    """A value as messages show it: short, and without control or direction characters."""
    text = repr(value[: limit + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def printable(text: str) -> str:
    """A name as it is, or escaped if it holds what a terminal would act on."""
    return text if text.isprintable() else ascii(text)[1:-1]


def shown_path(path: Path) -> str:
    """A path for messages: from the current folder where that is possible, printable always."""
    try:
        text = path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        text = path.as_posix()
    return printable(text)
