"""JSON as its specification has it: what the standard library lets pass is refused.

A duplicate key, NaN or a number out of range would give one file two meanings, or a hash that
depends on who reads it. Nesting is bounded, so that no later step can run out of stack.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from evalsuite.records import Json
from evalsuite.wording import shown

MAX_DEPTH = 100
"""Nested lists and objects in one value."""


class Malformed(Exception):
    """A text is not what it should be; `field` says where in it."""

    def __init__(self, message: str, remedy: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message, self.remedy, self.field = message, remedy, field

    def within(self, name: object) -> Malformed:
        """The same one level further out."""
        self.field = f"{name}.{self.field}" if self.field else str(name)
        return self


def parse(text: str) -> Json:
    """The value of one JSON text; Malformed says what is wrong, and at which column."""
    if _too_deep(text):
        raise Malformed(f"more than {MAX_DEPTH} levels of nesting", "flatten the value")
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        where = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno} of it"
        reason = error.msg.lower()
        raise Malformed(f"not JSON: {reason}", _json_remedy(text, error), where) from None
    except ValueError:
        raise Malformed("a number of more than 4300 digits", "write it as text") from None


def _json_remedy(text: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(text.rstrip()):
        return "the text ends too early: is the file cut off?"
    if error.msg.startswith("Unterminated string"):
        return 'no " ends it: is the file cut off, or a quote in the text not written as \\"?'
    if error.msg == "Extra data":
        return "write one value only, on one line"
    if text[error.pos] == "'":
        return 'write text in double quotes: "…"'
    if text[error.pos] == "\ufeff":
        return "remove the byte order mark: were two files joined?"
    return "compare it with the case before, or paste it into a JSON checker"


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise Malformed("the key occurs twice in one object", "keep one of them", shown(twice))
    return value


def _constant(name: str) -> Json:
    raise Malformed(f"{name} is not JSON", "write null, or leave the field out")


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed(f"the number {shown(digits, 20)} is out of range", "write it as text")
    return value


_decode = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float
).decode

# An unclosed string takes the rest, so that the scan stays linear whatever the text is.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def _too_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _STRUCTURE.finditer(text):
        mark = match[0]
        depth += (mark in "[{") - (mark in "]}")
        if depth > MAX_DEPTH:
            return True
    return False


def rewritten(value: Json, change: Callable[[str], str]) -> Json:
    """The value with `change` applied to all of its texts, names included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name): rewritten(each, change) for name, each in value.items()}
    return [rewritten(each, change) for each in value] if isinstance(value, list) else value
