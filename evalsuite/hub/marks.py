"""The two hidden lines that a comment begins with: whose it is, and which run it tells of.

They come first, so that nothing that shortens a comment takes them away.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields

from evalsuite.strictjson import Malformed, parse

_KEY = re.compile(r"[\w.-]{1,80}", re.ASCII)
_STATE = re.compile(r"<!-- evalsuite:state (\{[^<>\n]{1,1900}\}) -->")
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_WORD = re.compile(r"[a-z ]{1,40}")


@dataclass(frozen=True, slots=True)
class State:
    """Which run a comment tells of: the commit, the workflow's run (id, number and attempt), what
    its gates said, and a digest of the text."""

    head: str
    run: int
    number: int
    attempt: int
    verdict: str
    text: str = ""

    @property
    def order(self) -> tuple[int, int]:
        """Of two runs on one commit the greater is the later."""
        return self.number, self.attempt


def mark(key: str) -> str:
    """The first line of the comment called `key`; its letters, digits, ".", "_" and "-" count."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"not a key: {key!r}")
    return f"<!-- evalsuite:report v1 key={key} -->"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def body(key: str, state: State, text: str) -> str:
    """A whole comment."""
    line = f"<!-- evalsuite:state {json.dumps(asdict(state))} -->"
    return f"{mark(key)}\n{line}\n\n{text}"


def is_marked(text: str, key: str) -> bool:
    return text.split("\n", 1)[0].strip() == mark(key)


def state_of(text: str) -> State | None:
    """What the second line says; None if it was edited, or says what no state can be."""
    lines = text.split("\n", 2)
    found = _STATE.fullmatch(lines[1].strip()) if len(lines) > 1 else None
    try:
        value = parse(found[1]) if found else None
    except Malformed:
        return None
    wanted = {each.name: str if each.type == "str" else int for each in fields(State)}
    if not isinstance(value, dict) or value.keys() != wanted.keys():
        return None
    if any(type(value[name]) is not kind for name, kind in wanted.items()):
        return None
    state = State(**value)
    sound = _SHA.fullmatch(state.head) and _WORD.fullmatch(state.verdict)
    return state if sound and state.number >= 0 and state.attempt >= 0 else None
