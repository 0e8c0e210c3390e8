"""A policy as JSON and back, and everything that can be wrong with one."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

from evalsuite.errors import SuiteError, did_you_mean
from evalsuite.policy import DERIVED, OBJECTIVES, Gate, Objective, Slice
from evalsuite.records import Json

AGAIN = 4
"""Further trials of a case that moved; a baseline needs one more to compare with."""

_SHARES = ("margin", "exclude", "slice_margin", "slice_exclude")


def policy_json(policy: Gate) -> dict[str, Json]:
    """A policy as a manifest keeps it."""
    value = asdict(policy)
    value["min"] = dict(policy.min)
    if not policy.operations:
        del value["operations"]
    return value


def policy_from(value: Json) -> Gate:
    """The policy of a manifest; a missing setting has its default.

    Raises:
        SuiteError: all problems at once, a line each.
    """
    table, problems = _known(value, Gate, "gate")
    parts = (("slices", Slice), ("metrics", Slice), ("operations", Objective))
    for field, record in parts:
        declared = table.get(field, {})
        if isinstance(declared, Mapping):
            made = {}
            for name, inner in declared.items():
                settings, more = _known(inner, record, f'gate.{field}["{name}"]')
                problems += more
                made[name] = record(**settings)
            table[field] = made
    if problems:
        raise SuiteError("\n".join(problems))
    policy = Gate(**table)
    validate(policy)
    return policy


def _known(value: Json, record: type, where: str) -> tuple[dict[str, Any], list[str]]:
    if not isinstance(value, Mapping):
        return {}, [f"{where} must be an object, not {type(value).__name__}"]
    names = [each.name for each in fields(record)]
    unknown = [name for name in value if name not in names]
    problems = [
        f'{where}: unknown setting "{name}": {did_you_mean(name, names)}' for name in unknown
    ]
    return {name: value[name] for name in value if name in names}, problems


def validate(
    policy: Gate,
    *,
    metrics: Collection[str] | None = None,
    slices: Collection[str] | None = None,
) -> None:
    """Check a policy, and its names against what a suite has where that is given.

    A slice of a derived dimension ("input_length=longest") is known before any run has cut it.

    Raises:
        SuiteError: all problems at once, a line each, with the nearest known name.
    """
    problems = [*_numbers(policy), *_floors(policy, metrics), *_slices(policy, slices)]
    problems += [*_metrics(policy, metrics), *_objectives(policy)]
    if problems:
        raise SuiteError("\n".join(problems))


def _numbers(policy: Gate) -> Iterator[str]:
    for name in _SHARES:
        yield from _share(f"gate.{name}", getattr(policy, name))
    if not _number(policy.level) or not 0 < policy.level <= 0.5:
        yield f"gate.level must be a number above 0 and at most 0.5, not {policy.level!r}"
    if type(policy.min_cases) is not int or policy.min_cases < 2:
        yield f"gate.min_cases must be a whole number from 2, not {policy.min_cases!r}"
    yield from _mode("gate.mode", policy.mode)


def _floors(policy: Gate, metrics: Collection[str] | None) -> Iterator[str]:
    if not isinstance(policy.min, Mapping):
        yield 'gate.min must map metrics to floors, such as {"checks": 0.8}'
        return
    for name, floor in policy.min.items():
        yield from _share(f'gate.min["{name}"]', floor, zero=True)
        if metrics is not None and name not in metrics:
            yield f'gate.min: no metric is named "{name}": {did_you_mean(str(name), metrics)}'


def _slices(policy: Gate, slices: Collection[str] | None) -> Iterator[str]:
    if not isinstance(policy.slices, Mapping):
        yield 'gate.slices must map slices to Slice(...), such as {"topic=legal": Slice()}'
        return
    for name, each in policy.slices.items():
        where = f'gate.slices["{name}"]'
        if not isinstance(name, str) or not all(name.partition("=")[::2]):
            yield f'{where}: a slice is named "dimension=value"'
        elif slices is not None and name not in slices and name.partition("=")[0] not in DERIVED:
            yield f'gate.slices: no case is in slice "{name}": {did_you_mean(name, slices)}'
        yield from _part(where, each)


def _metrics(policy: Gate, metrics: Collection[str] | None) -> Iterator[str]:
    if not isinstance(policy.metrics, Mapping):
        yield 'gate.metrics must map metrics to Slice(...), such as {"recall": Slice(margin=0.05)}'
        return
    for name, each in policy.metrics.items():
        if metrics is not None and name not in metrics:
            yield f'gate.metrics: no metric is named "{name}": {did_you_mean(str(name), metrics)}'
        yield from _part(f'gate.metrics["{name}"]', each)


def _part(where: str, each: object) -> Iterator[str]:
    if not isinstance(each, Slice):
        yield f"{where} must be a Slice, not {type(each).__name__}"
        return
    for setting in ("margin", "exclude", "min"):
        value = getattr(each, setting)
        if value is not None:
            yield from _share(f"{where}.{setting}", value, zero=setting == "min")
    if each.mode is not None:
        yield from _mode(f"{where}.mode", each.mode)
    if not isinstance(each.critical, bool):
        yield f"{where}.critical must be true or false, not {each.critical!r}"


def _objectives(policy: Gate) -> Iterator[str]:
    if not isinstance(policy.operations, Mapping):
        yield 'gate.operations must map figures to Objective(...), such as {"cost": Objective()}'
        return
    for name, each in policy.operations.items():
        where = f'gate.operations["{name}"]'
        if name not in OBJECTIVES:
            known = did_you_mean(str(name), OBJECTIVES)
            yield f'gate.operations: no figure is named "{name}": {known}'
            continue
        if not isinstance(each, Objective):
            yield f"{where} must be an Objective, not {type(each).__name__}"
            continue
        yield from _objective(name, each)


def _objective(name: str, each: Objective) -> Iterator[str]:
    where = f'gate.operations["{name}"]'
    if each.max is None and each.rise is None:
        yield f"{where} needs a max ({OBJECTIVES[name]}) or a rise"
    for setting in ("max", "rise"):
        value = getattr(each, setting)
        if OBJECTIVES[name] == "share" and value is not None:
            yield from _share(f"{where}.{setting}", value, zero=True)
        elif value is not None and not (_number(value) and 0 <= value < math.inf):
            yield f"{where}.{setting} must be a finite number from 0, not {value!r}"
    if each.mode is not None:
        yield from _mode(f"{where}.mode", each.mode)
    if not isinstance(each.critical, bool):
        yield f"{where}.critical must be true or false, not {each.critical!r}"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _share(name: str, value: Any, *, zero: bool = False) -> Iterator[str]:
    if not _number(value) or not 0 <= value <= 1 or (value == 0 and not zero):
        least = "from 0" if zero else "above 0"
        yield f"{name} must be a share {least} to 1 (0.05 is 5 points), not {value!r}"


def _mode(name: str, value: object) -> Iterator[str]:
    if value not in ("block", "observe"):
        yield f'{name} must be "block" or "observe", not {value!r}'
