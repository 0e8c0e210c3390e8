"""How the members of a jury come to one value, and how many of them agree with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalsuite.judging.names import How

CLOSE = 0.25
"""A member agrees with a median or mean that its value is nearer to than this."""


def combined(
    values: Mapping[str, float | None], weights: Sequence[float], how: How
) -> tuple[float | None, str]:
    """The jury's value, and what there is to say of it.

    A majority stands whatever a missing member would have said; else a missing one leaves no value,
    since a mean over those that are left would be of another jury.
    """
    missing = [name for name, value in values.items() if value is None]
    pairs = zip(values.values(), weights, strict=True)
    given = [(value, weight) for value, weight in pairs if value is not None]
    total = sum(weights)
    if how == "majority":
        found = _majority(given, total)
        if found is not None:
            return found, f"no verdict of {', '.join(missing)}" if missing else ""
    if missing or not given:
        return None, f"no verdict of {', '.join(missing)}"
    if how == "mean":
        return sum(value * w for value, w in given) / total, ""
    if how == "median":
        return _median(given), ""
    tied = _top(given)
    return sum(tied) / len(tied), f"no majority: {', '.join(f'{each:g}' for each in tied)}"


def _majority(given: Sequence[tuple[float, float]], total: float) -> float | None:
    for value in {value for value, _ in given}:
        if 2 * sum(w for other, w in given if other == value) > total:
            return value
    return None


def _top(given: Sequence[tuple[float, float]]) -> list[float]:
    """The values with the greatest weight."""
    sums = {value: sum(w for other, w in given if other == value) for value, _ in given}
    most = max(sums.values())
    return sorted(value for value, weight in sums.items() if weight >= most - 1e-12)


def _median(given: Sequence[tuple[float, float]]) -> float:
    """The weighted median; between two values where half of the weight is on either side."""
    half = sum(w for _, w in given) / 2
    seen = 0.0
    ranked = sorted(given)
    for place, (value, w) in enumerate(ranked):
        seen += w
        if abs(seen - half) < 1e-12:
            return (value + ranked[place + 1][0]) / 2
        if seen > half:
            return value
    return ranked[-1][0]


def agreeing(
    values: Sequence[float | None], weights: Sequence[float], value: float | None
) -> float | None:
    """The share of members, by weight, that agree with the jury; None where nothing is to agree
    with. Who has no verdict does not agree."""
    if value is None:
        return None
    pairs = zip(values, weights, strict=True)
    near = [w for each, w in pairs if each is not None and abs(each - value) < CLOSE]
    return sum(near) / sum(weights)
