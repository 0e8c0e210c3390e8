"""What each field of a written case may hold; every refusal names its remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from evalsuite.records import Json
from evalsuite.wording import shown

Say = Callable[[str, str, str], None]
"""Takes (field, message, remedy) of one problem."""

FIELDS = (
    "id",
    "input",
    "expected",
    "checks",
    "contexts",
    "relevant",
    "slices",
    "must_pass",
    "provenance",
    "cluster",
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
DIMENSION = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,49}")
_NAME_RULE = 'use 1 to 100 of "A-Z a-z 0-9 . _ -", beginning with a letter or digit'
# Windows keeps these names for devices, whatever follows the first dot.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def name_problem(name: str) -> tuple[str, str] | None:
    """Why a text can't name a case or dataset (message, remedy): it becomes file and test names."""
    if not NAME.fullmatch(name):
        return f"{shown(name)} is not usable as a name", _NAME_RULE
    if name.endswith(".") or _DEVICE.fullmatch(name):
        return f"{shown(name)} can't be a file name on Windows", "choose another name"
    return None


def kind(value: object) -> str:
    """What a value is, in JSON's words."""
    names: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)


def _id(value: Json, say: Say) -> None:
    if not isinstance(value, str):
        say("id", f"must be text, not {kind(value)}", "quote it, or leave it out")
    elif found := name_problem(value):
        say("id", *found)


def _input(value: Json, say: Say) -> None:
    if isinstance(value, str):
        if not value:
            say("input", "is empty", 'to ask nothing on purpose, write {"question": ""}')
    elif not isinstance(value, dict):
        say("input", f"must be text or an object, not {kind(value)}", 'write {"question": …}')
    elif not value:
        say("input", "is an object without fields", 'write text, or {"question": "…"}')
    elif set(value) == {"messages"}:
        _messages(value["messages"], say)


def _messages(value: Json, say: Say) -> None:
    remedy = 'write {"messages": [{"role": "user", "content": "…"}]}'
    if not isinstance(value, list) or not value:
        say("input.messages", f"must be a list of messages, not {shown(value)}", remedy)
        return
    for place, message in enumerate(value):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or not role:
            say(f"input.messages[{place}]", "must be an object with a role and a content", remedy)


def _checks(value: Json, say: Say) -> None:
    if not isinstance(value, list):
        say("checks", f"must be a list, not {kind(value)}", 'write [{"contains": "…"}]')
        return
    for place, check in enumerate(value):
        _check(check, f"checks[{place}]", say)


def _check(value: Json, field: str, say: Say) -> None:
    if not isinstance(value, dict) or len(value) != 1:
        say(field, "must be an object with one key", 'write {"contains": "…"}')
    elif "not" in value:
        _check(value["not"], f"{field}.not", say)


def _contexts(value: Json, say: Say) -> None:
    if not isinstance(value, list):
        say("contexts", f"must be a list of texts, not {kind(value)}", 'write ["…"]')
        return
    for place, text in enumerate(value):
        if not isinstance(text, str):
            say(f"contexts[{place}]", f"must be text, not {kind(text)}", "write the text itself")


def _relevant(value: Json, say: Say) -> None:
    remedy = 'write ["doc-1", "doc-2"] or {"doc-1": 3, "doc-2": 1}'
    if isinstance(value, list):
        seen = set()
        for place, name in enumerate(value):
            if not isinstance(name, str) or not name:
                say(f"relevant[{place}]", f"must be a document's id, not {shown(name)}", remedy)
            elif name in seen:
                say(f"relevant[{place}]", f"{shown(name)} is listed twice", "keep one of them")
            else:
                seen.add(name)
    elif isinstance(value, dict):
        for name, grade in value.items():
            number = isinstance(grade, int | float) and not isinstance(grade, bool)
            if not name:
                say("relevant", "a document's id must not be empty", remedy)
            elif not number or not 0 < grade <= 1_000:
                say(
                    f"relevant[{shown(name)}]",
                    f"a grade is a number above 0, to 1000, not {shown(grade)}",
                    "leave out documents that are not relevant",
                )
    else:
        say("relevant", f"must be a list or an object, not {kind(value)}", remedy)


def _slices(value: Json, say: Say) -> None:
    if not isinstance(value, dict):
        say("slices", f"must be an object, not {kind(value)}", 'write {"topic": "legal"}')
        return
    for name, each in value.items():
        field = f"slices.{name}" if DIMENSION.fullmatch(name) else f"slices[{shown(name)}]"
        if not DIMENSION.fullmatch(name):
            say(field, "is not usable as a dimension", 'write a word such as "topic"')
        if each is None:
            continue
        if not isinstance(each, str):
            say(field, f"must be text, not {kind(each)}", f'write "{shown(each, 20)}"')
        elif not each or len(each) > 100 or each != each.strip() or not each.isprintable():
            say(field, f"{shown(each)} is not usable", "1 to 100 characters on one line, trimmed")
        elif any(mark in each for mark in ",=[]"):
            say(field, f"{shown(each)} holds one of , = [ ]", "these separate slices in names")


def _must_pass(value: Json, say: Say) -> None:
    if not isinstance(value, bool):
        say("must_pass", f"must be true or false, not {shown(value)}", "write true or false")


def _cluster(value: Json, say: Say) -> None:
    if not isinstance(value, str) or not value:
        say("cluster", f"must be text, not {shown(value)}", "name what the cases share")


CHECKED: Mapping[str, Callable[[Json, Say], None]] = {
    "id": _id,
    "input": _input,
    "checks": _checks,
    "contexts": _contexts,
    "relevant": _relevant,
    "slices": _slices,
    "must_pass": _must_pass,
    "cluster": _cluster,
}
"""Per field; `expected` and `provenance` may hold any JSON."""
