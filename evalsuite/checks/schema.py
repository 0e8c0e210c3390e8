"""JSON Schema with an end: no network, timed patterns, a bounded number of steps.

A recursive schema with alternatives takes exponential time on an answer made for it, and a pattern
may never come back; both become "could not be decided". Imported where a schema is used: jsonschema
is slow to import.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from evalsuite.canonical import canonical
from evalsuite.checks.define import bad
from evalsuite.checks.patterns import TooSlow, compiled, find
from evalsuite.records import Json
from evalsuite.scoring import Outcome, clip

STEPS = 100_000
"""Keywords that are applied before validation of one value gives up (about a second)."""

_NO_DRAFT: Any = None
_left: ContextVar[int] = ContextVar("steps left of this validation")
_Keyword = Callable[[Any, Any, Any, Any], Iterable[Any]]


def validator_of(schema: Mapping[str, Json], where: str) -> Callable[[Json], Outcome]:
    """A function that says whether a value is valid; ProblemsError at `where` for a bad schema.

    The draft is what "$schema" names, else 2020-12. "format" is an annotation, as the standard
    has it. References lead inside the schema or to the standard's own, never to the network.
    """
    base: Any = Draft202012Validator
    if "$schema" in schema:
        base = validator_for(schema, default=_NO_DRAFT)
    if base is _NO_DRAFT:
        raise bad(where, f"unknown $schema {clip(str(schema['$schema']), 80)}", "leave it out")
    draft = "see json-schema.org for what a keyword takes"
    try:
        base.check_schema(schema)
    except SchemaError as error:
        place = "".join(f".{each}" for each in error.absolute_path)
        raise bad(
            f"{where}{place}", f"not a JSON Schema: {clip(error.message, 160)}", draft
        ) from None
    except RecursionError:
        raise bad(where, "is nested too deeply", "name parts of it in $defs") from None
    for pattern in _patterns(schema):
        compiled(pattern, where)
    validator = _bounded(base)(schema, registry=Registry())

    def judge(value: Json) -> Outcome:
        return _judge(validator, value)

    if judge(None).holds is None:
        raise bad(where, judge(None).reason, "a $ref must lead to a part of this schema")
    return judge


def _judge(validator: Any, value: Json) -> Outcome:
    token = _left.set(STEPS)
    try:
        error = next(validator.iter_errors(value), None)
    except RecursionError:
        if value is None:
            return Outcome(None, "the schema refers to itself without end")
        return Outcome(False, "the value is nested too deeply for this schema")
    except Unresolvable as unresolved:
        return Outcome(
            None, f"the schema refers to what is not there: {clip(str(unresolved), 120)}"
        )
    except TooSlow as slow:
        return Outcome(None, str(slow))
    finally:
        _left.reset(token)
    if error is None:
        return Outcome(True, "the value is valid by the schema")
    place = clip(error.json_path, 120)
    evidence = {"path": place, "violation": clip(error.message)}
    return Outcome(False, f"at {place}: {clip(error.message, 160)}", evidence)


@functools.cache
def _bounded(base: Any) -> Any:
    """The validator class with every keyword counted, and those that run patterns or compare all
    with all replaced."""
    own: dict[str, _Keyword] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
    }
    keywords = {name: _counted(own.get(name, each)) for name, each in base.VALIDATORS.items()}
    return extend(base, keywords)  # type: ignore[no-untyped-call]


def _counted(keyword: _Keyword) -> _Keyword:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[Any]:
        left = _left.get() - 1
        if left < 0:
            raise TooSlow(f"validation took over {STEPS} steps")
        _left.set(left)
        return keyword(validator, value, instance, schema) or ()

    return counted


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield _violation(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if validator.is_type(instance, "object"):
        for pattern, inner in value.items():
            for name, each in instance.items():
                if _matches(pattern, name):
                    yield from validator.descend(each, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    for name, each in instance.items():
        known = name in schema.get("properties", {})
        if known or any(_matches(pattern, name) for pattern in patterns):
            continue
        if value is False:
            yield _violation(f"{name!r} is not allowed here")
        else:
            yield from validator.descend(each, value, path=name)


def _unique_items(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if value and validator.is_type(instance, "array"):
        spelled = [canonical(_whole(each)) for each in instance]
        if len(set(spelled)) < len(spelled):
            yield _violation("the items are not unique")


def _whole(value: Json) -> Json:
    """A value with 1.0 written as 1: equal numbers are one item to JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    return value


def _violation(message: str) -> Any:
    return ValidationError(message)


def _matches(pattern: str, text: str) -> bool:
    return find(compiled(pattern, "pattern"), text) is not None


def _patterns(schema: Json) -> Iterator[str]:
    if isinstance(schema, dict):
        for name, value in schema.items():
            if name == "pattern" and isinstance(value, str):
                yield value
            if name == "patternProperties" and isinstance(value, dict):
                yield from value
            yield from _patterns(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _patterns(each)
