"""Commands that hold foreign names: a name stays one word, whatever is in it."""

from __future__ import annotations

import shlex


def fill(template: str, **values: str) -> str:
    """`pytest --evals 'x.py::s[{id}]'`, one command, with {id} put in and each word quoted; it may
    come after `cd FOLDER &&`."""
    words = shlex.split(template)
    step = words[:3] if words[:1] == ["cd"] else []
    command = shlex.join(_put(word, values) for word in words[len(step) :])
    return f"{shlex.join(step[:2])} && {command}" if step else command


def _put(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word
