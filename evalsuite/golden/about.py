"""`dataset.json`: what a golden dataset is, under which licence, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalsuite.errors import Problem, did_you_mean
from evalsuite.golden.fields import DIMENSION, Say, kind
from evalsuite.golden.hub import HubSource, fields_from, source_from
from evalsuite.golden.lines import decode
from evalsuite.golden.tables import Fields
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import printable, shown

_KNOWN = ("name", "description", "licence", "provenance", "fields", "slices", "huggingface")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """`fields` maps case fields to the columns of tables; `slices` lists the values that each
    dimension should have, so that lint finds an empty one."""

    description: str = ""
    licence: str = ""
    provenance: Json = None
    fields: Fields = field(default_factory=dict)
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hub: HubSource | None = None


def read_about(data: bytes, path: str, name: str) -> tuple[About, list[Problem]]:
    """The description in dataset.json of the dataset `name`, and every problem of it."""
    problems: list[Problem] = []
    try:
        text = decode(data)
        value = parse(text)
    except Malformed as bad:
        return About(), [Problem(path, 0, bad.field, bad.message, bad.remedy)]

    def say(field: str, message: str, remedy: str) -> None:
        line = _line(text, field.rpartition(".")[2]) or _line(text, field.partition(".")[0])
        problems.append(Problem(path, line, field, message, remedy))

    if not isinstance(value, dict):
        say("", f"must be an object, not {kind(value)}", 'write {"licence": "…"}')
        return About(), problems
    for each in value:
        if each not in _KNOWN:
            say(shown(each), "unknown field", did_you_mean(each, _KNOWN))
    for each in ("name", "description", "licence"):
        if not isinstance(value.get(each, ""), str):
            say(each, f"must be text, not {kind(value[each])}", "quote it")
    if value.get("name", name) != name:
        say("name", f"{shown(value['name'])} is not the folder's name", f'write "{name}"')
    hub = value.get("huggingface")
    about = About(
        description=value.get("description", ""),
        licence=value.get("licence", ""),
        provenance=value.get("provenance"),
        fields=fields_from(value.get("fields", {}), "fields", say),
        slices=_slices(value.get("slices", {}), say),
        hub=None if hub is None else source_from(hub, say),
    )
    return about, problems


def _line(text: str, name: str) -> int:
    """The first line that holds the key `name`, or 0."""
    place = text.find(json.dumps(name, ensure_ascii=False)) if name else -1
    return text.count("\n", 0, place) + 1 if place >= 0 else 0


def _slices(value: Json, say: Say) -> Mapping[str, Sequence[str]]:
    remedy = 'write {"topic": ["legal", "travel"]}'
    if not isinstance(value, dict):
        say("slices", f"must be an object, not {kind(value)}", remedy)
        return {}
    for name, values in value.items():
        texts = isinstance(values, list) and all(isinstance(each, str) for each in values)
        if not DIMENSION.fullmatch(name) or not texts:
            say(f"slices.{printable(name)}"[:80], "must list the values of a dimension", remedy)
            return {}
    return value
