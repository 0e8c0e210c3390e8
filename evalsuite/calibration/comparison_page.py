"""A comparison of two judges as a page."""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.calibration.comparing import LOSS, PEOPLE, Comparison, Flips, Moved
from evalsuite.calibration.tables import estimate
from evalsuite.judging.prompt import as_text
from evalsuite.judging.records import Card
from evalsuite.report import figures
from evalsuite.report.blocks import Headline, Line, Matrix, Name, Reading, Readings, Table, TableRow
from evalsuite.report.drawn import Intervals, Mark
from evalsuite.report.escape import shorten
from evalsuite.report.reports import Block, Document
from evalsuite.stats.labels import OWN

LEVEL = 0.05
"""The adjusted p from which judges differ on a slice."""

_TEXT = 2_000


def page(names: tuple[str, str], card: Card, found: Comparison, meaning: str) -> Document:
    """`names` are the judges as they were named, `meaning` what becomes of the baseline."""
    old, new = names
    differ = [each for each in found.shifts if each.p <= LEVEL]
    sentence = (
        (Name(new), " and ", Name(old), f" differ on {figures.many(len(differ), 'slice')}")
        if differ
        else (Name(new), " and ", Name(old), ": no difference is shown")
    )
    blocks: list[Block] = [
        Headline(
            "warning" if differ else "tip",
            "differ" if differ else "no difference",
            sentence,
            _lines(found, meaning),
        ),
        _shifts(found),
        *(block for each in found.flips for block in _flips(each, len(found.flips) > 1)),
        _moved(found.moved),
    ]
    return Document(card.name, blocks)


def _lines(found: Comparison, meaning: str) -> list[Line]:
    lines = [Line("outputs", (f"{figures.many(found.n, 'output')} judged by both",))]
    if found.lost or found.gained:
        text = f"{found.lost} have a verdict of the old judge alone, {found.gained} of the new one"
        lines.append(Line("missing", (text,), "warn"))
    if found.shifts:
        whole = found.shifts[0]
        text = (
            f"mean {figures.percent(whole.before)} to {figures.percent(whole.after)}, "
            f"{figures.points(whole.after - whole.before)} points "
            f"({figures.interval(whole.low, whole.high)}), p {figures.chance(whole.p)}"
        )
        lines.append(Line("shift", (text,)))
    lines += [
        Line(each.criterion, (f"Cohen's kappa, without weights, {estimate(each.kappa)}",))
        for each in found.flips
    ]
    lines.append(Line("baseline", (meaning,)))
    lines.append(_promotion(found))
    return lines


def _promotion(found: Comparison) -> Line:
    made = found.promotion
    if made is None:
        text = (
            f"{figures.many(found.rated, 'output is', 'outputs are')} rated by people, of {PEOPLE} "
            "that a change is tried on: which judge is nearer to them is not known"
        )
        return Line("people", (text,), "warn")
    text = (
        f"likeness to people {figures.percent(made.before)} to {figures.percent(made.after)} on "
        f"{made.n} rated outputs; a loss of {100 * LOSS:.0f} points is "
    )
    text += "ruled out" if made.passes else f"not ruled out (up to {100 * made.loss:.1f})"
    if made.mcnemar is not None:
        (_, old), (new, _) = made.mcnemar.table
        chance = figures.chance(made.mcnemar.p)
        text += f"; right alone: old {old}, new {new} (McNemar p {chance})"
    return Line("people", (text,), "good" if made.passes else "bad")


def _shifts(found: Comparison) -> Table:
    rows = [
        TableRow(
            [
                (Name(each.slice),),
                (str(each.n),),
                (figures.percent(each.before),),
                (figures.percent(each.after),),
                (figures.points(each.after - each.before),),
                (figures.interval(each.low, each.high),),
                (figures.chance(each.p),),
            ],
            "warn" if each.p <= LEVEL else "plain",
        )
        for each in found.shifts
    ]
    columns = ["slice", "n", "old", "new", "points", "95 % interval", "p"]
    note = (
        "Two-sided, adjusted over all slices (Westfall-Young); outputs of one case move together."
    )
    return Table("How the judges differ", columns, rows, note)


def _flips(each: Flips, several: bool) -> list[Block]:
    of = f", {each.criterion}" if several else ""
    columns = ["no verdict" if x == OWN else str(x) for x in each.table.columns]
    rows = [str(x) for x in each.table.rows]
    marks = [
        Mark("agreement", each.agreement.value, each.agreement.low, each.agreement.high),
        Mark("Cohen's kappa, without weights", each.kappa.value, each.kappa.low, each.kappa.high),
    ]
    low = min(0.0, *(mark.low or 0.0 for mark in marks))
    return [
        Matrix(f"Flips{of}", "old", "new", rows, columns, each.table.counts),
        Intervals(f"Agreement of both{of}", marks, low=-1.0 if low < 0 else 0.0),
    ]


def _moved(moved: Sequence[Moved]) -> Readings:
    items = [
        Reading(
            each.item.case or each.item.id,
            (f"{figures.score(each.before)} to {figures.score(each.after)}",),
            shorten(as_text(each.item.subject.input), _TEXT),
            [("output", shorten(each.item.subject.output, _TEXT))],
            [Line("new judge", (Name(each.critique),))] if each.critique else [],
        )
        for each in moved
    ]
    return Readings("Moved most", items)
