"""The expressions of GitHub workflows, as far as those of this repository use them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

TOKEN = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||[!=]=|[!()\[\],]|\d+|[A-Za-z_][\w.-]*)")
WORDS = {"&&": "and", "||": "or", "!": "not", "true": "True", "false": "False", "null": "None"}
HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
STATUS = re.compile(r"\b(always|failure|success|cancelled)\(")


def evaluate(text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable]) -> Any:
    """The value of what stands between `${{` and `}}`. A name that is not there is null."""
    names: dict[str, Any] = {}
    python = []
    place = 0
    source = text.strip()
    while place < len(source):
        found = TOKEN.match(source, place)
        assert found, f"not understood: {source[place:]}"
        word, place = found[1], found.end()
        if word[0] == "'":
            python.append(repr(word[1:-1].replace("''", "'")))
        elif word in WORDS:
            python.append(WORDS[word])
        elif re.match(r"[A-Za-z_]", word):
            name = f"v{len(names)}"
            names[name] = functions[word] if word in functions else _look_up(word, contexts)
            python.append(name)
        else:
            python.append(word)
    return eval(" ".join(python), {"__builtins__": {}}, names)  # of this repository's own files


def _look_up(path: str, contexts: Mapping[str, Any]) -> Any:
    value: Any = contexts
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def filled(value: Any, contexts: Mapping[str, Any], functions: Mapping[str, Callable]) -> Any:
    """Text with its expressions replaced; one that stands alone keeps its type in an `if`."""
    if not isinstance(value, str):
        return value
    return HOLE.sub(lambda found: shown(evaluate(found[1], contexts, functions)), value)


def shown(value: Any) -> str:
    """How a value appears in text."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def holds(condition: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable]) -> bool:
    """An `if`; without a status function it also needs success()."""
    inner = condition.strip().removeprefix("${{").removesuffix("}}") or "true"
    value = evaluate(inner, contexts, functions)
    return bool(value) and (bool(STATUS.search(inner)) or bool(functions["success"]()))


def contains(where: Any, what: Any) -> bool:
    return what in (where or ())


def hash_of(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest() if contents else ""


FUNCTIONS: Mapping[str, Callable] = {"contains": contains, "fromJSON": json.loads}
