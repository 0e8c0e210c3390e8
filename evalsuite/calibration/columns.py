"""Columns of a file of rated outputs: JSON Lines in whatever layout, its fields named by paths.

A path is names with dots ("human.faithfulness"); a name that holds dots itself is found too. Where
a row holds a list of outputs, each element is a unit, and a field that it lacks is the row's.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from evalsuite.calibration.journal import refuse
from evalsuite.errors import Problem, did_you_mean
from evalsuite.golden.lines import decode
from evalsuite.records import Json
from evalsuite.strictjson import Malformed, parse
from evalsuite.wording import printable, shown

T = TypeVar("T")

ABSENT = object()
"""There is no such field, which is not the same as null."""

SCANNED = 200
"""Units of which the fields are listed for a remedy."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What people and a metric gave a value to: a row, or the element `inner` of a list in it.
    `where` names that element in messages, such as "answers[2]."."""

    path: str
    line: int
    row: Mapping[str, Json]
    inner: Mapping[str, Json] | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """What people said of each unit: `ratings` are (units, raters), None where a rater gave none,
    and `values` their means, None of no rating. Without names of raters the file holds one number
    a unit, whoever it is of."""

    name: str
    raters: Sequence[str]
    ratings: Sequence[Sequence[float | None]]

    @property
    def values(self) -> list[float | None]:
        rows = [[each for each in row if each is not None] for row in self.ratings]
        return [_even_mean(row) if row else None for row in rows]


def _even_mean(ratings: Sequence[float]) -> float:
    """Equal means are equal numbers: ranks must not tell 2 of 2 from 3 of 3 by a last digit."""
    mean = statistics.fmean(ratings)
    return mean if len(ratings) == 1 else float(f"{mean:.12g}")


@dataclass(frozen=True, slots=True)
class Column:
    """One value per unit, None where there is none."""

    name: str
    values: Sequence[float | None]


def units_of(data: bytes, path: str, each: str = "") -> list[Unit]:
    """The units of a file: its rows, or with `each` the elements of that list in every row.

    Raises:
        ProblemsError: every line that is no object, or holds no such list.
    """
    found: list[Unit] = []
    problems: list[Problem] = []
    for number, text in _lines(data, path):
        if number == 1 and text.strip() == "[":
            remedy = "write one object per line"
            refuse([Problem(path, 1, "format", "a JSON array, not JSON Lines", remedy)])
        try:
            found += _units(parse(text), path, number, each)
        except Malformed as bad:
            problems.append(Problem(path, number, bad.field, bad.message, bad.remedy))
    if not found and not problems:
        problems.append(Problem(path, 0, "", "holds no rows", "one JSON object per line"))
    refuse(problems)
    return found


def _lines(data: bytes, path: str) -> Iterator[tuple[int, str]]:
    try:
        text = decode(data)
    except Malformed as bad:
        refuse([Problem(path, 0, "encoding", bad.message, bad.remedy)])
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line and not line.isspace():
            yield number, line


def _units(row: Json, path: str, line: int, each: str) -> list[Unit]:
    if not isinstance(row, dict):
        raise Malformed("is no object", 'write {"human": …, "value": …}')
    if not each:
        return [Unit(path, line, row)]
    held = look(row, each)
    if held is ABSENT:
        raise Malformed("the row has no such list", did_you_mean(each, _lists(row)), each)
    if held is None:
        return []
    if not isinstance(held, list):
        raise Malformed(f"must be a list, not {shown(held)}", "name a list by --each", each)
    for place, inner in enumerate(held):
        if not isinstance(inner, dict):
            raise Malformed("is no object", "--each takes lists of objects", f"{each}[{place}]")
    return [Unit(path, line, row, inner, f"{each}[{at}].") for at, inner in enumerate(held)]


def look(value: Json, path: str) -> Json:
    """What lies at a path, else ABSENT; of names with dots the longest that fits goes first."""
    if not isinstance(value, dict):
        return ABSENT
    if path in value:
        return value[path]
    cut = path.rfind(".")
    while cut > 0:
        if path[:cut] in value:
            found = look(value[path[:cut]], path[cut + 1 :])
            if found is not ABSENT:
                return found
        cut = path.rfind(".", 0, cut)
    return ABSENT


def field_of(unit: Unit, path: str) -> Json:
    """A unit's field: the element's own, else the row's; ABSENT."""
    found = look(unit.inner, path) if unit.inner is not None else ABSENT
    return look(unit.row, path) if found is ABSENT else found


def expand(units: Sequence[Unit], path: str, *, people: bool) -> list[str]:
    """The fields with numbers that "auto.*" stands for, in the order of the file; any other path is
    itself. `people`: several numbers are one field. ProblemsError where it stands for none."""
    if path != "*" and not path.endswith(".*"):
        return [path]
    outer = path[:-2]
    names: dict[str, None] = {}
    for unit in units:
        for held in [field_of(unit, outer)] if outer else [unit.inner or {}, unit.row]:
            for name, value in held.items() if isinstance(held, dict) else ():
                if _is_number(value) or (people and _holds_numbers(value)):
                    names[f"{outer}.{name}" if outer else name] = None
    if not names:
        _absent(units, path, "there is no number in any row", _numbers)
    return list(names)


def people_of(units: Sequence[Unit], name: str) -> People:
    """People's ratings: a number, or an object or list with one per rater. ProblemsError."""
    each = _each(units, name, _ratings)
    raters = list(dict.fromkeys(rater for row in each for rater in row))
    ratings = [[row.get(rater) for rater in raters] for row in each]
    return People(name, [] if raters == [""] else raters, ratings)


def values_of(units: Sequence[Unit], name: str) -> Column:
    """A metric's values. ProblemsError."""
    return Column(name, _each(units, name, _value))


def names_of(units: Sequence[Unit], name: str, *, nameless: str = "") -> list[str]:
    """What each unit belongs to, as text: every one must say so, unless `nameless` says what those
    are called that don't. ProblemsError."""
    return _each(units, name, partial(_belongs, nameless=nameless))


def demand(units: Sequence[Unit], name: str) -> None:
    """ProblemsError, with the nearest name, for a field that no unit has."""
    if all(field_of(unit, name) is ABSENT for unit in units):
        _absent(units, name, "no row has this field", _fields)


def _each(units: Sequence[Unit], name: str, read: Callable[[Json], T]) -> list[T]:
    held = [field_of(unit, name) for unit in units]
    if all(each is ABSENT for each in held):
        known = _numbers if read in (_ratings, _value) else _fields
        _absent(units, name, "no row has this field", known)
    found, problems = [], []
    for unit, value in zip(units, held, strict=True):
        try:
            found.append(read(value))
        except Malformed as bad:
            field = f"{unit.where if unit.inner and look(unit.inner, name) is not ABSENT else ''}"
            field += f"{name}.{bad.field}" if bad.field else name
            problems.append(Problem(unit.path, unit.line, field, bad.message, bad.remedy))
    refuse(problems)
    return found


def _absent(
    units: Sequence[Unit], name: str, message: str, known: Callable[[Json], Iterator[str]]
) -> None:
    first = units[0].path
    scanned = islice(units, SCANNED)
    names = {each for unit in scanned for held in (unit.inner, unit.row) for each in known(held)}
    remedy = did_you_mean(name, sorted(names)[:40])
    refuse([Problem(first, 0, printable(name), message, remedy)])


def _value(held: Json) -> float | None:
    if held is ABSENT or held is None:
        return None
    if isinstance(held, dict):
        names = ", ".join(printable(str(name)) for name in islice(held, 8))
        raise Malformed(f"is an object with {names}", "name one of its fields: FIELD.NAME")
    return _number(held)


def _ratings(held: Json) -> dict[str, float]:
    """By rater; "" is nobody in particular."""
    if held is ABSENT or held is None:
        return {}
    if isinstance(held, list):
        held = {str(place): each for place, each in enumerate(held, 1)}
    elif not isinstance(held, dict):
        return {"": _number(held)}
    found = {}
    for rater, rating in held.items():
        if rating is None:
            continue
        if isinstance(rating, dict | list):
            raise Malformed("holds more than a rating", "name it: FIELD.NAME", str(rater))
        try:
            found[rater] = _number(rating)
        except Malformed as bad:
            raise bad.within(rater) from None
    return found


def _number(held: Json) -> float:
    if not _is_number(held):
        raise Malformed(
            f"must be a number, not {shown(held)}", "write a number, or null where there is none"
        )
    try:
        value = float(held)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise Malformed("the number is out of range", "write null where there is none")
    return value


def _belongs(held: Json, *, nameless: str) -> str:
    if held is ABSENT or held is None:
        if nameless:
            return nameless
        raise Malformed("has no value", "every row must say what it belongs to")
    if isinstance(held, dict | list):
        raise Malformed(f"must be text or a number, not {shown(held)}", "name another field")
    return held if isinstance(held, str) else str(held)


def _walk(value: Json, prefix: str = "") -> Iterator[tuple[str, Json]]:
    for name, held in value.items() if isinstance(value, dict) else ():
        yield f"{prefix}{name}", held
        yield from _walk(held, f"{prefix}{name}.")


def _numbers(value: Json) -> Iterator[str]:
    """Paths of numbers, and of objects that hold some."""
    return (path for path, held in _walk(value) if _is_number(held) or _holds_numbers(held))


def _is_number(held: Json) -> bool:
    return isinstance(held, int | float)


def _holds_numbers(held: Json) -> bool:
    inner = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    return any(map(_is_number, inner))


def _fields(value: Json) -> Iterator[str]:
    return (path for path, _ in _walk(value))


def _lists(value: Json) -> list[str]:
    return [path for path, held in _walk(value) if isinstance(held, list)]
