"""How values and paths of hostile data appear in messages."""

from __future__ import annotations

from pathlib import Path


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
