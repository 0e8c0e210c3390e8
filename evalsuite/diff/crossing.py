"""What the baseline's documents would have changed: the crossed answers, beside both runs' values.

Of a case with the same documents on both sides the crossed answer is the run's own; one that is the
baseline's answer again has the baseline's value, whatever a scorer would have said of it today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from evalsuite.records import Row

T = TypeVar("T")
Trials = Sequence[float | None]


def crossed_with(before: Row, after: Row) -> bool:
    """Whether what was crossed was crossed with these answers, not with another baseline's."""
    found = after.crossed
    return found is not None and any(
        was is not None and was == _at(before.outputs, trial)
        for trial, was in enumerate(found.against)
    )


def crossed_trials(
    before: Row, after: Row, metric: str, values: tuple[Trials, Trials]
) -> list[float | None]:
    """The crossed value of each trial that both sides have, None where there is none. `values` are
    those before and after."""
    found, (old, new) = after.crossed, values
    made: list[float | None] = []
    for trial in range(min(len(old), len(new))):
        was, own = _at(before.outputs, trial), _at(after.outputs, trial)
        answer = _at(found.outputs, trial) if found else None
        if own is not None and own == was:
            made.append(new[trial])
        elif found is None or was is None or _at(found.against, trial) != was:
            made.append(None)
        elif answer is not None and answer in (own, was):
            made.append(new[trial] if answer == own else old[trial])
        else:
            made.append(_at(found.scores.get(metric, ()), trial))
    return made


def other_documents(before: Row, after: Row) -> bool:
    """Whether the documents of any trial differ, or can't be known to be the same."""
    found = after.crossed
    if found is None:
        return False
    for trial, answer in enumerate(found.outputs):
        was, own = _at(before.outputs, trial), _at(after.outputs, trial)
        if own is None or own not in (was, answer):
            return True
    return False


def uncrossed(before: Mapping[str, Row], after: Mapping[str, Row]) -> dict[str, str]:
    """By case id why there is no answer of its to the baseline's documents."""
    made = {}
    for case, row in after.items():
        errors = [each for each in row.crossed.errors if each] if row.crossed else []
        if errors:
            made[case] = errors[0] or ""
        elif case in before and not crossed_with(before[case], row):
            made[case] = "nothing was run on the baseline's documents"
    return made


def _at(values: Sequence[T | None], place: int) -> T | None:
    return values[place] if place < len(values) else None
