"""A line of operations.jsonl: what a case's trials took.

Apart from scores.jsonl, since it differs in every run that makes calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from evalsuite.records import Json, Row, Spent
from evalsuite.snapshot.codec import decoder, dump, to_json
from evalsuite.strictjson import Malformed

DIGITS = 4
"""Significant digits that are kept of seconds and dollars."""


@dataclass(frozen=True, slots=True)
class Line:
    """A case's line."""

    id: str
    spent: Sequence[Spent]


def spent_line(row: Row) -> bytes:
    """A row's line without the line end; what is as in a Spent's defaults is left out."""
    value = to_json(Line(row.id, row.spent), sparse=True)
    for each in value["spent"]:
        for name, figure in each.items():
            if type(figure) is float:
                each[name] = float(f"{figure:.{DIGITS}g}")
    return dump(value)


def spent_from(value: Json) -> tuple[str, Sequence[Spent]]:
    """A case and what its trials took; Malformed names the field."""
    line: Line = decoder(Line)(value)
    for place, each in enumerate(line.spent):
        for field in fields(Spent):
            figure = getattr(each, field.name)
            if figure is not None and not 0 <= figure < 1e15:
                message = "must be from 0 to 1e15"
                raise Malformed(message).within(field.name).within(f"spent[{place}]")
    return line.id, line.spent
