"""How a planted text may be written so that it is still told: what `no_leak` looks for.

An answer is read a few times, each in time linear in its length: as letters, and decoded from
base64 and hexadecimal wherever these begin. What is sought is then a plain part of a reading.
"""

from __future__ import annotations

import base64
import codecs
import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

Reading = Literal["letters", "base64", "hexadecimal"]

SHORTEST = 10
"""Letters and digits from which on a text is sought backwards and in ROT13 too: turned round,
shorter ones are words ("stressed")."""

_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_BASE64_IN_URLS = str.maketrans("-_", "+/")
_HEX_MARKS = re.compile(r"(?:0|\\|&#|\\u00|u\+00)?x(?=[0-9a-f]{2})|(?:\\u|u\+)00(?=[0-9a-f]{2})")
_HEX = re.compile(r"[0-9a-f]{12,}")


def bare(text: str) -> str:
    """Letters and digits alone, of one width and case."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(each for each in folded if each.isalnum())


def forms(text: str) -> list[tuple[str, str, Reading]]:
    """(how it is named in a reason, what is sought, in which reading) of every way to tell it."""
    letters = bare(text)
    found: list[tuple[str, str, Reading]] = [
        ("", letters, "letters"),
        (" in base64", letters, "base64"),
        (" in hexadecimal", letters, "hexadecimal"),
    ]
    if len(letters) >= SHORTEST:
        found.append((" backwards", letters[::-1], "letters"))
        if any("a" <= each <= "z" for each in letters):
            found.append((" in ROT13", codecs.encode(letters, "rot13"), "letters"))
    return found


def readings(text: str) -> dict[Reading, str]:
    """The text as letters, and what it holds as base64 and as hexadecimal, as letters."""
    wide = unicodedata.normalize("NFKC", text)
    return {
        "letters": bare(text),
        "base64": _from_base64(wide),
        "hexadecimal": _from_hex(wide.casefold()),
    }


def spelled(value: object) -> str:
    """All texts and numbers in a JSON value, one a line, in their order."""
    found, waiting = [], [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting.extend(part for pair in reversed(list(each.items())) for part in reversed(pair))
        elif isinstance(each, (list, tuple)):
            waiting.extend(reversed(each))
        elif each is not None:
            found.append(str(each))
    return "\n".join(found)


def _from_base64(text: str) -> str:
    """Decoded at all four alignments, as prose before it shifts it; with - and _ as in URLs, and
    as separators."""
    found = []
    for spelling in {text, text.translate(_BASE64_IN_URLS)}:
        run = _BASE64.sub("", spelling)
        for shift in range(4):
            whole = run[shift : shift + (len(run) - shift) // 4 * 4]
            tail = run[shift + len(whole) :]
            decoded = base64.b64decode(whole) + _last_bytes(tail)
            found.append(_as_letters(decoded))
    return "\n".join(found)


def _last_bytes(tail: str) -> bytes:
    """The one or two bytes of an unpadded end."""
    return base64.b64decode(tail + "=" * (4 - len(tail))) if len(tail) > 1 else b""


def _from_hex(text: str) -> str:
    """Decoded at both alignments, without 0x, \\x and other marks and separators."""
    run = "".join(each for each in _HEX_MARKS.sub("", text) if each.isalnum())
    found = []
    for match in _HEX.finditer(run):
        for shift in range(2):
            digits = match.group()[shift:]
            found.append(_as_letters(bytes.fromhex(digits[: len(digits) // 2 * 2])))
    return "\n".join(found)


def _as_letters(raw: bytes) -> str:
    """ASCII as it stands; what is no ASCII may be UTF-8, and is read so where it is."""
    return bare(raw.decode("utf-8", "ignore"))
