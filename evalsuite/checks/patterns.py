"""Patterns that come from files, with an end: a hostile one must not stop a run.

The `regex` package is used for its time limit; its syntax is a superset of Python's `re`.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from evalsuite.checks.define import bad

SECONDS = 1.0
"""How long one pattern may search one text."""

REPEATS = 100_000
"""Counted repetitions, multiplied over the pattern: beyond this, compiling it takes too long."""


class TooSlow(Exception):
    """A search hit its time limit."""


@lru_cache(maxsize=1024)
def compiled(pattern: str, where: str, ignore_case: bool = False) -> Any:
    """A compiled pattern of the `regex` package; ProblemsError at `where` if it is none."""
    import regex  # noqa: PLC0415 (only who has patterns pays for it)

    if len(pattern) > 5_000:
        raise bad(where, f"the pattern has {len(pattern)} characters", "use at most 5000")
    counts = [max(int(low or 0), int(high or 0)) for low, high in _COUNTED.findall(pattern)]
    if math.prod(max(count, 1) for count in counts) > REPEATS:
        raise bad(where, "repeats too much to be compiled", "use smaller counts in {…}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise bad(
            where, f"not a regular expression: {error}", "write \\\\ for \\ in JSON"
        ) from None


def find(pattern: Any, text: str) -> Any:
    """The first match or None; TooSlow after a second."""
    return next(find_all(pattern, text), None)


def find_all(pattern: Any, text: str) -> Iterator[Any]:
    """Every match; TooSlow after a second."""
    try:
        yield from pattern.finditer(text, timeout=SECONDS)
    except TimeoutError:
        raise TooSlow(f"the pattern took over {SECONDS:g} s on this answer") from None


_COUNTED = re.compile(r"\{\s*(\d{0,12})\s*,?\s*(\d{0,12})\s*\}")
