"""Checks as golden files write them, made into checks: one-key objects, {"kind": value}.

`true` means without parameters, an object names parameters, anything else is the first parameter.
Compiling the same line again is a look-up, since ten thousand cases share few checks.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_origin, get_type_hints

from evalsuite.canonical import canonical, key
from evalsuite.checks.define import Check, bad, negate
from evalsuite.errors import MissingExtra, Problem, ProblemsError, did_you_mean
from evalsuite.records import Json
from evalsuite.registry import find, names
from evalsuite.scoring import clip, complaint

MOST_NOTS = 8


def compile_checks(specs: Sequence[Mapping[str, Json]]) -> tuple[Check, ...]:
    """The checks of one case, in order.

    Raises:
        ProblemsError: a DataError with every problem; fields read "checks[0].contains.text".
        MissingExtra: a check needs a package that is not installed.
    """
    made, wrong = [], []
    for place, spec in enumerate(specs):
        try:
            made.append(_compile(spec))
        except ProblemsError as error:
            wrong += [_placed(problem, place) for problem in error.problems]
    if wrong:
        raise ProblemsError(wrong)
    return tuple(made)


def problems(specs: Sequence[Mapping[str, Json]]) -> list[tuple[str, str, str]]:
    """(field, message, remedy) for everything that is wrong with the checks of one case.

    A package that is not installed here is no problem of the data, and `compile_checks` says it.
    """
    found = []
    for place, spec in enumerate(specs):
        try:
            _compile(spec)
        except ProblemsError as error:
            found += [_placed(problem, place) for problem in error.problems]
        except MissingExtra:
            continue
    return [(each.field, each.message, each.remedy) for each in found]


def checks_key(specs: Sequence[Mapping[str, Json]], extra: Sequence[Check] = ()) -> str:
    """The scorer.key of a case's checks together; their order doesn't matter."""
    keys = [check.key for check in (*compile_checks(specs), *extra)]
    return key("scorer", ["checks", sorted(keys)])


def _placed(problem: Problem, place: int) -> Problem:
    field = f"checks[{place}].{problem.field}".rstrip(".")
    return Problem("check", 0, field, problem.message, problem.remedy)


def _compile(spec: object) -> Check:
    kind, value = _one_key(spec)
    nots = 0
    while kind == "not":
        nots += 1
        if nots > MOST_NOTS:
            raise bad("not", "is nested too deeply", "two of them cancel out")
        kind, value = _one_key(value)
    # the source behind "python" may change while the process lives
    kept = kind != "python"
    check = _cached(kind, _spelled(kind, value)) if kept else _build(kind, value)
    for _ in range(nots):
        check = negate(check)
    return check


def _one_key(spec: object) -> tuple[str, Json]:
    if not isinstance(spec, Mapping) or len(spec) != 1:
        said = (
            f"an object of {len(spec)} keys" if isinstance(spec, Mapping) else clip(repr(spec), 60)
        )
        remedy = 'write {"contains": "16 weeks"}, one object per check'
        raise bad("", f"a check is an object of one key, not {said}", remedy)
    kind, value = next(iter(spec.items()))
    if kind != "not" and kind not in names("scorers"):
        known = {*names("scorers"), "not"}
        raise bad("", f'unknown check "{clip(str(kind), 60)}"', did_you_mean(str(kind), known))
    return kind, value


def _spelled(kind: str, value: Json) -> bytes:
    try:
        return canonical(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise bad(
            kind, f"is not plain JSON: {complaint(error)}", "write text, numbers, lists"
        ) from None


@lru_cache(maxsize=8192)
def _cached(kind: str, spelled: bytes) -> Check:
    return _build(kind, json.loads(spelled))


def _build(kind: str, value: Json) -> Check:
    factory = find("scorers", kind)
    args: tuple[Json, ...] = ()
    kwargs: dict[str, Json] = {}
    if value is False or value is None:
        said = "false" if value is False else "null"
        raise bad(kind, f"can't be {said}", f'write true, or {{"not": {{"{kind}": true}}}}')
    if isinstance(value, dict) and not _takes_object(factory):
        kwargs = value
    elif value is not True:
        args = (value,)
    try:
        check = factory(*args, **kwargs)
    except TypeError as error:
        raise bad(kind, complaint(error), "see the check's parameters") from None
    if not isinstance(check, Check):
        raise bad(kind, "is installed as a scorer, not as a check", "name it in the suite instead")
    return check


@lru_cache(maxsize=256)
def _takes_object(factory: Callable[..., Any]) -> bool:
    """Whether an object is the factory's one parameter itself, as a JSON Schema is."""
    parameters = list(inspect.signature(factory).parameters)
    if len(parameters) != 1:
        return False
    hint = get_type_hints(inspect.unwrap(factory)).get(parameters[0])
    return get_origin(hint) is Mapping
