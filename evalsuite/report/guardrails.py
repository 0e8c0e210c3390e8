"""Guardrails by rule and threshold: how often each fires without cause, and how often it misses."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.gate.guarding import Errors, Point
from evalsuite.report import figures
from evalsuite.report.blocks import Name, Table, TableRow

_NOTE = (
    "At a score from the threshold on a rule fires. False positives: it fired, of the cases where"
    " it should not; false negatives: it did not, of those where it should. Rates with 95 %"
    " intervals (Wilson), of the first trial. Not scored: the rule gave no score in [0, 1]."
)


def table(found: Sequence[Point]) -> Table | None:
    """A row per rule and threshold; None without guardrails."""
    if not found:
        return None
    rows = [
        TableRow(
            [
                (Name(each.rule),),
                (f"{each.threshold:g}{' (gated)' if each.gated else ''}",),
                (_told(each.false_positives),),
                (_told(each.false_negatives),),
                (figures.number(each.unscored) if each.unscored else "none",),
            ],
        )
        for each in found
    ]
    columns = ["Rule", "Fires from", "False positives", "False negatives", "Not scored"]
    return Table("Guardrails", columns, rows, _NOTE)


def _told(found: Errors) -> str:
    if found.rate is None:
        return "no case"
    interval = f"{figures.percent(found.low)} to {figures.percent(found.high)}"
    rate = figures.percent(found.rate)
    return f"{figures.number(found.errors)} of {figures.number(found.n)}: {rate} ({interval})"
