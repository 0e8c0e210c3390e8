"""A judge's reply is a verdict or none: one JSON object of exactly the fields asked for.

Nothing is searched for in prose and nothing guessed, since a reply may repeat what it judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evalsuite import strictjson
from evalsuite.backends.base import Completion
from evalsuite.judging.prompt import Field
from evalsuite.records import Json

RAW = 2_000
"""Characters kept of a reply that is no verdict."""

CRITIQUE = 600
"""Characters kept of a critique."""

_CODE = "```"
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)


class Unparsable(Exception):
    """A reply that is no verdict; the message says why and quotes nothing of it."""


def verdicts_in(reply: Completion, fields: Sequence[Field]) -> dict[str, tuple[str, str]]:
    """Label and critique by criterion.

    Raises:
        Unparsable: the reply is not finished, or not exactly what was asked for.
    """
    value = exactly(json_in(reply), [each.name for each in fields], "the reply")
    return {each.criterion: _verdict(value[each.name], each) for each in fields}


def json_in(reply: Completion) -> Json:
    """The one JSON value that a finished reply is; Unparsable if it is none."""
    if reply.finish_reason != "stop":
        raise Unparsable(f"the reply ended with {reply.finish_reason}")
    text = _bare(reply.text.strip())
    if not text.startswith("{"):
        raise Unparsable("the reply is empty" if not text else "the reply is no JSON object")
    try:
        return strictjson.parse(text)
    except strictjson.Malformed as bad:
        raise Unparsable(bad.message) from None


def repairable(reply: Completion) -> bool:
    """Whether asking once more may help: a refusal and a cut are answers, and no slips."""
    return reply.finish_reason == "stop"


def _bare(text: str) -> str:
    """What is in a code fence, if the text is one; else the text."""
    head, _, rest = text.partition("\n")
    fenced = head.rstrip(" \t").lower() in (_CODE, f"{_CODE}json") and rest.endswith(_CODE)
    return rest.removesuffix(_CODE).strip() if fenced else text


def exactly(value: Json, names: Sequence[str], what: str) -> Mapping[str, Json]:
    """An object of these fields and no others; Unparsable names it as `what` if it is none."""
    if not isinstance(value, Mapping):
        raise Unparsable(f"{what} is no JSON object")
    missing = [name for name in names if name not in value]
    if missing:
        raise Unparsable(f'{what} lacks "{missing[0]}"')
    if len(value) > len(names):
        raise Unparsable(f"{what} has a field that nobody asked for")
    return value


def _verdict(value: Json, field: Field) -> tuple[str, str]:
    what = f'"{field.name}"'
    said = exactly(value, ("critique", "verdict"), what)
    critique, label = said["critique"], said["verdict"]
    if not isinstance(critique, str):
        raise Unparsable(f"the critique of {what} is no text")
    if isinstance(label, int | float) and not isinstance(label, bool):
        label = _level(label, field.labels)
    if label not in field.labels:
        raise Unparsable(f"the verdict of {what} is none of its levels")
    return str(label), critique.strip()


def _level(number: float, labels: Sequence[str]) -> str | None:
    """A level that is a number may be written as one: the very same, none that is near it."""
    equal = (each for each in labels if _NUMBER.fullmatch(each) and float(each) == number)
    return next(equal, None)
