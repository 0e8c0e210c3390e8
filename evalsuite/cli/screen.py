"""What the command line prints: foreign text can't move a cursor, a closed pipe is no error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from evalsuite.errors import plain


def show(text: str) -> None:
    """Print to standard output; if nobody reads it any more, say nothing from now on."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        hush()


def hush() -> None:
    """Let what is still to be printed go nowhere, so that the exit is quiet too."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
    os.close(sink)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns under each other; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return plain("\n".join(lines))
