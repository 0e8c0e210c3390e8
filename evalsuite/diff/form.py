"""Whether answers changed their form: judges grade a longer or differently laid out answer
differently even where people do not, so that a judge's difference is then no evidence by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from evalsuite.records import STYLE, Json, Row

LENGTH = 1.25
"""The ratio of median lengths, up or down, from which length counts as shifted."""

FORMAT = 0.20
"""The share of cases with another format from which the format counts as shifted."""

_CHARACTERS, _FORMAT = STYLE


def form_shift(before: Mapping[str, Row], after: Mapping[str, Row], cases: Sequence[str]) -> str:
    """What of the form shifted over these cases, in words; "" for nothing that is known.

    >>> one = Row("a", "", {}, {}, output_facts={"answer_characters": 100})
    >>> two = Row("a", "", {}, {}, output_facts={"answer_characters": 300})
    >>> form_shift({"a": one}, {"a": two}, ["a"])
    'median length 100 → 300 characters'
    """
    said = []
    lengths = _both(before, after, cases, _CHARACTERS)
    if lengths:
        old, new = (median(float(pair[side]) for pair in lengths) for side in (0, 1))
        if old > 0 and not 1 / LENGTH <= new / old <= LENGTH:
            said.append(f"median length {old:g} → {new:g} characters")
    formats = _both(before, after, cases, _FORMAT)
    other = sum(old != new for old, new in formats)
    if formats and other > FORMAT * len(formats):
        said.append(f"another layout in {other} of {len(formats)} answers")
    return ", ".join(said)


def _both(
    before: Mapping[str, Row], after: Mapping[str, Row], cases: Sequence[str], fact: str
) -> list[tuple[Json, Json]]:
    pairs = [
        (before[case].output_facts.get(fact), after[case].output_facts.get(fact)) for case in cases
    ]
    kind = str if fact == _FORMAT else (int, float)
    return [pair for pair in pairs if all(isinstance(each, kind) for each in pair)]
