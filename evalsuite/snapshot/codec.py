"""Records to JSON and back, by their type hints: a stored field is what it must be, or named.

A decoder is built once per type and is fast where all is well; only when a value is refused does
it look again for the field, so that the error can name it.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from sys import intern
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from evalsuite import strictjson
from evalsuite.errors import did_you_mean
from evalsuite.records import Json, shared
from evalsuite.strictjson import Malformed

Decode = Callable[[Json], Any]

_SHORT = 64
"""Text up to here is kept once, however often it occurs."""

_EQUAL = (str, Sequence[float | None])
"""Mappings to these are equal in many rows."""


def parse(data: bytes) -> Json:
    """Strict JSON without a lone surrogate. Nobody writes it by hand: a spelling has no remedy."""
    if data.startswith(BOM_UTF8):
        raise Malformed("starts with a byte order mark")
    try:
        value = strictjson.parse(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 (byte {error.start})") from None
    except Malformed as bad:
        raise Malformed(bad.message, field=bad.field) from None
    if rb"\u" in data:
        _refuse_surrogates(value)
    return value


def dump(value: Json) -> bytes:
    """One compact line in the order given; ValueError for what is no finite JSON.

    A lone surrogate, which a model can send but no file can hold, becomes "?".
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def pretty(value: Json) -> bytes:
    """Indented, sorted, with a last line end: a file that git can diff."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    return text.encode("utf-8", "replace") + b"\n"


def to_json(value: Any, *, sparse: bool = False) -> Json:
    """A record, mapping or sequence as JSON; `sparse` leaves out what equals its default."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {name: to_json(value[name], sparse=sparse) for name in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [to_json(each, sparse=sparse) for each in value]
    if is_dataclass(value):
        return {
            name: to_json(getattr(value, name), sparse=sparse)
            for name, default in _defaults(value.__class__)
            if not (sparse and _equal(getattr(value, name), default))
        }
    remedy = ": write its isoformat()" if hasattr(value, "isoformat") else ""
    raise TypeError(f"{type(value).__name__} is not JSON{remedy}")


@cache
def decoder(hint: Any) -> Decode:  # noqa: PLR0911 - one return per kind of type
    """A function from JSON to a value of the type; it raises Malformed."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return _as_it_is
    if hint is float:
        return _float
    if hint in _SPOKEN:
        return _text if hint is str else _exactly(hint)
    if origin is Literal:
        return _one_of(args)
    if origin in (Union, UnionType) and NoneType in args:
        return _optional(decoder(Union[tuple(arg for arg in args if arg is not NoneType)]))  # noqa: UP007
    if origin is Mapping:
        return _mapping(decoder(args[1]), equal=args[1] in _EQUAL)
    if origin is Sequence:
        return _sequence(decoder(args[0]))
    if is_dataclass(hint):
        return _record(hint)
    raise TypeError(f"no way to store {hint}")


_SPOKEN = {str: "text", int: "a whole number", bool: "true or false"}


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (each.name, each.default if each.default_factory is MISSING else each.default_factory())
        for each in fields(kind)
    )


def _equal(value: Any, default: Any) -> bool:
    if isinstance(default, (tuple, dict)):
        return not default and not value
    return bool(value == default)


def _refusal(value: Json, wanted: str) -> Malformed:
    return Malformed(f"must be {wanted}, not {json.dumps(value)[:60]}")


def _as_it_is(value: Json) -> Json:
    return value


def _float(value: Json) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise _refusal(value, "a number")
    try:
        return float(value)
    except OverflowError:
        raise Malformed("is too large a number") from None


def _exactly(kind: type) -> Decode:
    def exactly(value: Json) -> Json:
        if type(value) is not kind:
            raise _refusal(value, _SPOKEN[kind])
        return value

    return exactly


def _text(value: Json) -> str:
    """Ids and keys are the same in both runs of a comparison, slices in many rows."""
    if type(value) is not str:
        raise _refusal(value, _SPOKEN[str])
    return intern(value) if len(value) <= _SHORT else value


def _one_of(choices: Sequence[Json]) -> Decode:
    def one_of(value: Json) -> Json:
        if value not in choices:
            raise _refusal(value, " or ".join(json.dumps(each) for each in choices))
        return value

    return one_of


def _optional(inner: Decode) -> Decode:
    return lambda value: None if value is None else inner(value)


def _mapping(inner: Decode, *, equal: bool) -> Decode:
    def mapping(value: Json) -> Json:
        if type(value) is not dict:
            raise _refusal(value, "an object")
        try:
            made = {intern(name): inner(each) for name, each in value.items()}
        except Malformed as error:
            raise _place(inner, value.items(), error) from None
        return shared(made) if equal else made

    return mapping


def _sequence(inner: Decode) -> Decode:
    def sequence(value: Json) -> Json:
        if type(value) is not list:
            raise _refusal(value, "a list")
        try:
            return tuple([inner(each) for each in value])
        except Malformed as error:
            raise _place(inner, enumerate(value), error) from None

    return sequence


def _place(inner: Decode, items: Iterable[tuple[object, Json]], error: Malformed) -> Malformed:
    for name, each in items:
        try:
            inner(each)
        except Malformed as found:
            return found.within(name)
    return error


def _record(kind: Any) -> Decode:
    hints = get_type_hints(kind)
    decoders = {each.name: decoder(hints[each.name]) for each in fields(kind)}
    required = {
        each.name
        for each in fields(kind)
        if each.default is MISSING and each.default_factory is MISSING
    }

    def record(value: Json) -> Any:
        if type(value) is not dict:
            raise _refusal(value, "an object")
        if not required <= value.keys():
            raise Malformed("is missing").within(min(required - value.keys()))
        for name in value.keys() - decoders.keys():
            raise Malformed("is not known", did_you_mean(name, decoders)).within(name)
        try:
            return kind(**{name: decoders[name](each) for name, each in value.items()})
        except Malformed:
            for name, each in value.items():
                try:
                    decoders[name](each)
                except Malformed as error:
                    raise error.within(name) from None
            raise

    return record


def _refuse_surrogates(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("holds half of a surrogate pair") from None
