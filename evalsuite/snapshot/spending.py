"""A line of operations.jsonl: what a case's trials took.

Apart from scores.jsonl, since it differs in every run that makes calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from evalsuite.records import Asked, Json, ModelCalls, Row, Spent
from evalsuite.snapshot.codec import decoder, dump, to_json
from evalsuite.strictjson import Malformed

DIGITS = 4
"""Significant digits that are kept of seconds and dollars."""

MOST = 1e15


@dataclass(frozen=True, slots=True)
class Line:
    """A case's line."""

    id: str
    spent: Sequence[Spent]


def spent_line(row: Row) -> bytes:
    """A row's line without the line end; what is as in a Spent's defaults is left out."""
    return dump(_short(to_json(Line(row.id, row.spent), sparse=True)))


def _short(value: Json) -> Json:
    if type(value) is float:
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _short(each) for name, each in value.items()}
    return [_short(each) for each in value] if isinstance(value, list) else value


def spent_from(value: Json) -> tuple[str, Sequence[Spent]]:
    """A case and what its trials took; Malformed names the field."""
    line: Line = decoder(Line)(value)
    for place, each in enumerate(line.spent):
        try:
            _check(each)
            for part, asked in each.asked.items():
                _check(asked, f"asked.{part}.")
                for figures in asked.models.values():
                    _check(figures, f"asked.{part}.")
        except Malformed as error:
            raise error.within(f"spent[{place}]") from None
    return line.id, line.spent


def _check(record: Spent | Asked | ModelCalls, within: str = "") -> None:
    for field in fields(record):
        figure = getattr(record, field.name)
        if isinstance(figure, (int, float)) and not 0 <= figure < MOST:
            raise Malformed("must be from 0 to 1e15").within(f"{within}{field.name}")
