"""One spelling for one value: canonical JSON, and the SHA-256 of it.

Identities must not depend on line endings, locale, platform, Python version or the order in
which a dictionary was filled, else an unchanged pull request would run again.
"""

from __future__ import annotations

import hashlib
import json
from sys import intern
from typing import Any

KEY_LENGTH = 32
"""Hex digits kept of a SHA-256 (128 bits): collisions are out of reach, lines stay readable."""

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no white space.

    Raises ValueError for NaN and infinities, lone surrogates, and TypeError for what is not
    JSON (a set, an object, keys that are not text).
    """
    return _encode(value).encode("utf-8")


def alike(value: Any) -> str | None:
    """One spelling of JSON in which 1 and 1.0 are the same number; None for what is no JSON."""
    try:
        plain = json.loads(json.dumps(value, allow_nan=False), parse_float=_number)
        return json.dumps(plain, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def key(kind: str, value: Any) -> str:
    """The identity of `value` among things of its `kind` (\"case\", \"scorer\", \"output\"...).

    The kind is hashed too, so that two records of different kinds never share a key.
    """
    found = hashlib.sha256(kind.encode() + b"\0" + canonical(value)).hexdigest()[:KEY_LENGTH]
    return intern(found)  # the same on both sides of a comparison, and for many cases


def digest(data: bytes) -> str:
    """The identity of a file's bytes, shortened as keys are."""
    return hashlib.sha256(data).hexdigest()[:KEY_LENGTH]
