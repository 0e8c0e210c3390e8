"""What came back: where in a reply the parts of an Output are, and what it is if they are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import Any

from evalsuite.errors import SuiteError
from evalsuite.records import Document, Json, Output, ToolCall
from evalsuite.strictjson import Malformed, parse, rewritten
from evalsuite.wording import shown

LIMIT = 10 * 1024 * 1024
"""Bytes of a reply, beyond which it is none."""

_STEP = re.compile(r"""\.?([^\W\d][\w-]*)|\.?\[(?:(\d+)|(\*)|"([^"]*)"|'([^']*)')\]""")


class TargetError(Exception):
    """The app failed, or answered otherwise than promised: an outcome, as if it had raised."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where in a JSON reply each part of an Output is: "$.answer", "$.steps[0].text",
    "$.sources[*].text". None: there is none; with `text` None the whole reply is the text."""

    text: str | None = None
    value: str | None = None
    contexts: str | None = None
    tool_calls: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        for part in fields(self):
            spec = getattr(self, part.name)
            if spec is not None:
                _steps(spec, part.name)

    def read(self, body: bytes, clean: Callable[[str], str] = str) -> Output:
        """The Output in a reply, `clean` applied to all text of it.

        Raises:
            TargetError: the reply is not JSON, or lacks a part.
        """
        text = body.decode("utf-8", "replace")
        if all(getattr(self, part.name) is None for part in fields(self)):
            return Output(text=clean(text.removesuffix("\n").removesuffix("\r")))
        try:
            reply = rewritten(parse(text), clean)
        except Malformed as error:
            raise TargetError(f"the reply is not JSON: {error.message}: {shown(text)}") from None
        model = self._found(reply, "model")
        return Output(
            text=clean(text) if self.text is None else _of(str, self._found(reply, "text"), "text"),
            value=self._found(reply, "value"),
            contexts=_list(self._found(reply, "contexts"), Document, "contexts"),
            tool_calls=_list(self._found(reply, "tool_calls"), ToolCall, "tool_calls"),
            model=None if model is None else _of(str, model, "model"),
        )

    def _found(self, reply: Json, part: str) -> Json:
        spec = getattr(self, part)
        return None if spec is None else _find(reply, _steps(spec, part), f"{part}: {spec}")


def _steps(spec: object, part: str) -> list[str | int]:
    """The path taken apart; "*" stands for each item of a list."""
    if isinstance(spec, str):
        rest = spec.removeprefix("$")
        steps: list[str | int] = []
        place = 0
        while place < len(rest) and (found := _STEP.match(rest, place)):
            name, number, every, double, single = found.groups()
            steps.append(int(number) if number else (every or name or double or single or ""))
            place = found.end()
        if spec and place == len(rest):
            return steps
    raise SuiteError(f'{part} must be a path such as "$.answer", not {shown(spec)}')


def _find(value: Json, steps: Sequence[str | int], where: str) -> Json:
    for place, step in enumerate(steps):
        if step == "*" and isinstance(value, list):
            return [_find(each, steps[place + 1 :], where) for each in value]
        fits = isinstance(value, list if isinstance(step, int) else dict)
        if not fits or (step >= len(value) if isinstance(step, int) else step not in value):
            raise TargetError(f"{where} is not in the reply: {_holds(value)}")
        value = value[step]
    return value


def _holds(value: Json) -> str:
    if isinstance(value, dict):
        return f"there is {', '.join(shown(name) for name in list(value)[:8]) or 'nothing'}"
    return f"there is {shown(value)}"


def _of(kind: Any, value: Json, part: str) -> Any:
    from evalsuite.snapshot.codec import decoder  # noqa: PLC0415 (only in a run)

    try:
        return decoder(kind)(value)
    except Malformed as error:
        raise TargetError(f"{error.within(part).field} {error.message}") from None


def _list(value: Json, kind: Any, part: str) -> list[Any]:
    """Records out of objects that may hold more than we ask for; a text is a document too."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise TargetError(f"{part} must be a list, not {shown(value)}")
    known = [each.name for each in fields(kind)]
    made = []
    for place, each in enumerate(value):
        item = {"text": each} if kind is Document and isinstance(each, str) else each
        if not isinstance(item, dict):
            raise TargetError(f"{part}[{place}] must be an object, not {shown(item)}")
        item = {name: item[name] for name in known if name in item}
        if kind is Document:
            item["id"] = str(item.get("id", place + 1))
            if item.get("metadata", {}) is None:
                del item["metadata"]
        made.append(_of(kind, item, f"{part}[{place}]"))
    return made


def at_place(
    target: Callable[..., Any], name: str, caller: FrameType, prepare: Callable[[], object]
) -> Callable[..., Any]:
    """Make a target that has no `def` look like one: a name for its snapshot, the place where it
    was written. `prepare` finds what is wrong with it before anything is run."""
    target.__name__ = target.__qualname__ = name
    target.place = (Path(caller.f_code.co_filename), caller.f_lineno)  # type: ignore[attr-defined]
    target.prepare = prepare  # type: ignore[attr-defined]
    return target
