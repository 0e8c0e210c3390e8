"""Slices that nobody tagged: cut from what a case is, or from what the baseline answered.

A drop that hits long inputs alone hides in every tag. The candidate's own output must not decide
who is in a slice, else a change would move cases between slices and compare unlike with unlike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from evalsuite.records import Json

_LENGTHS = ("short", "medium", "long", "longest")
_AMOUNTS = ("lowest", "low", "high", "highest")

_FEW = 7
"""A count with no more distinct values than this is sliced by value, not by quartile."""

_HUGE = 1e300
"""Numbers from here on, infinity and NaN included, are no facts."""

_MOST = 50
"""Text with more distinct values than this is an identifier, not a slice."""


def derived_slices(facts: Mapping[str, Mapping[str, Json]]) -> dict[str, tuple[str, ...]]:
    """Ids by slice name, from facts by case id: quartiles of numbers, values of text and booleans.

    >>> derived_slices({"a": {"language": "de"}, "b": {"language": "fr"}})
    {'language=de': ('a',), 'language=fr': ('b',)}
    """
    columns: dict[str, dict[str, Json]] = defaultdict(dict)
    for case, values in sorted(facts.items()):
        for name, value in values.items():
            columns[name][case] = value
    slices: dict[str, list[str]] = defaultdict(list)
    for name, column in sorted(columns.items()):
        for case, value in _labels(name, column).items():
            slices[f"{name}={value}"].append(case)
    return {name: tuple(slices[name]) for name in sorted(slices)}


def _labels(name: str, column: Mapping[str, Json]) -> dict[str, str]:
    numbers = {
        case: float(value)
        for case, value in column.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HUGE
    }
    distinct = len(set(numbers.values()))
    size = name.endswith(("length", "tokens"))
    if distinct > (1 if size else _FEW):
        names = _LENGTHS if size else _AMOUNTS
        values = np.array(list(numbers.values()))
        quartile = np.searchsorted(np.quantile(values, (0.25, 0.5, 0.75)), values)
        return {case: names[place] for case, place in zip(numbers, quartile, strict=True)}
    if numbers:
        return {case: f"{value:g}" for case, value in numbers.items()}
    texts = {
        case: str(value).lower() if isinstance(value, bool) else value
        for case, value in column.items()
        if isinstance(value, bool | str)
    }
    several = 2 if name == "model" else 1  # one model is every case's, and no slice
    return texts if several <= len(set(texts.values())) <= _MOST else {}
