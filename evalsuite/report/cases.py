"""From rows to blocks: the list of all cases, answers before and after, slices, distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from evalsuite.gate import OVERALL, Finding
from evalsuite.gate.verdict import BAD
from evalsuite.records import CHECKS, Manifest, Metric, Row
from evalsuite.report import figures
from evalsuite.report.blocks import (
    CaseLine,
    Cases,
    Cell,
    Heat,
    HeatRow,
    Kind,
    Name,
    Text,
    Tone,
    joined,
)
from evalsuite.report.escape import line, shorten
from evalsuite.report.material import (
    Material,
    gone,
    measured,
    origin,
    suspects,
    value,
    variance,
)
from evalsuite.report.repeats import Variances

KINDS: tuple[Kind, ...] = get_args(Kind)
_NOTE = 200
_BINS = 10
_VERDICTS = 40
"""How many verdicts are shown of an answer."""


def case_list(material: Material) -> Cases:
    """All cases of both runs but those that a run decided early did not need, by kind, then the
    must_pass ones and the largest fall first, then by id."""
    shown = measured(material)
    ids = {*material.after}
    if not material.diff.candidate.partial:
        ids |= material.before.keys() & material.diff.status.keys()
    left = gone(material.diff)[1] > 0
    lines = [_case_line(each, material, shown, left) for each in sorted(ids)]
    lines.sort(
        key=lambda one: (
            KINDS.index(one.kind),
            not one.strict,
            min(_changes(one.before, one.after), default=0),
        )
    )
    names = [metric.name for metric in shown]
    note: Text = ()
    if material.diff.baseline is not None and names:
        others = ", else by the next of the metrics that moved" if len(names) > 1 else ""
        note = ("Worse and better by ", Name(names[0]), f"{others}.")
    return Cases("All cases", names, lines, note)


def _case_line(id_: str, material: Material, shown: Sequence[Metric], left: bool) -> CaseLine:
    before, after = material.before.get(id_), material.after.get(id_)
    stale = material.diff.stale.get(id_, ())
    was, now = material.diff.baseline, material.diff.candidate
    old = [None if each.name in stale else _before(before, after, each, was) for each in shown]
    new = [value(after, each, now) for each in shown]
    repeated = now.trials > 1
    row = after or before
    return CaseLine(
        id=id_,
        kind=_kind(id_, material, old, new) if after else "gone" if left else "missing",
        slices=row.slices if row else {},
        before=old,
        after=new,
        note=_note(after, [each.name for each in shown], old, new),
        variance=[variance(after, each, now) for each in shown] if repeated else (),
        strict=_strict(row, material),
    )


def _strict(row: Row | None, material: Material) -> str:
    if row is None or not row.must_pass:
        return ""
    return ", ".join(filter(None, ("must_pass", origin(material.cases.get(row.id)))))


def _before(
    before: Row | None, after: Row | None, metric: Metric, run: Manifest | None
) -> float | None:
    """The baseline's value; of what compares with the baseline itself, what "as good" is."""
    if metric.center is None or before is None or after is None:
        return value(before, metric, run)
    return (metric.center - metric.low) / (metric.high - metric.low)


def _kind(
    id_: str, material: Material, old: Sequence[float | None], new: Sequence[float | None]
) -> Kind:
    status = material.diff.status.get(id_, "new")
    row = material.after.get(id_)
    if row is not None and any(row.errors):
        return "error"
    if status in ("new", "stale", "same"):
        return status
    if CHECKS in material.diff.stale.get(id_, ()):
        return "stale"
    change = next((each for each in _changes(old, new) if abs(each) > 1e-9), 0.0)
    if not change:
        return "changed"
    return "worse" if change < 0 else "better"


def _changes(old: Sequence[float | None], new: Sequence[float | None]) -> list[float]:
    """Of the metrics that have both values, `checks` first."""
    return [b - a for a, b in zip(old, new, strict=True) if a is not None and b is not None]


def _note(
    row: Row | None,
    names: Sequence[str],
    old: Sequence[float | None],
    new: Sequence[float | None],
) -> str:
    """The error, else the reason of the metric that fell: `checks`, or the one that fell furthest;
    where none fell, that of what is not as it should be."""
    if row is None:
        return ""
    for error in row.errors:
        if error:
            return brief(error)
    moves = zip(names, old, new, strict=True)
    falls = {name: b - a for name, a, b in moves if a is not None and b is not None and b < a}
    fell = sorted(falls, key=lambda name: (name != CHECKS, falls[name]))
    if fell:
        return brief(next(filter(None, map(row.reasons.get, fell)), ""))
    told = [text for name, text in row.reasons.items() if name not in row.void]
    return brief(row.reasons.get(CHECKS) or next(iter(told or row.reasons.values()), ""))


def brief(message: str) -> str:
    """A message of a run as a note: one line, cut before it is looked at in full."""
    return shorten(line(message[: 4 * _NOTE]), _NOTE)


def moves(one: CaseLine, names: Sequence[str]) -> Text:
    """What moved of a case, else all that it has: (checks, " 1 → 0")."""
    both = zip(names, one.before, one.after, strict=True)
    parts = [part for part in both if part[1:] != (None, None)]
    moved = [part for part in parts if part[1] != part[2] and None not in part]
    return joined(_move(*part) for part in moved or parts)


def _move(name: str, old: float | None, new: float | None) -> Text:
    was = f"{figures.score(old)} → " if old is not None and old != new else ""
    return (Name(name), f" {was}{figures.score(new)}")


def heat(material: Material, cases: Cases, varies: Variances) -> Heat:
    """Every slice, tagged or derived, under every metric; gates' own figures where there are any.

    A cell without a gate takes the comparable cases that have a value on both sides, or those
    with a value in this run where nothing is compared.
    """
    found = {
        (each.metric, each.slice): each
        for each in material.verdict.findings
        if each.kind == "relative"
    }
    odd = {id(each) for each in suspects(material.verdict)}
    by_id = {one.id: one for one in cases.lines}
    order = {one.id: at for at, one in enumerate(cases.lines)}
    places = main_metrics(material, cases)
    rows = []
    parts = [(OVERALL, list(material.after), False)]
    parts += [(name, list(ids), False) for name, ids in material.diff.slices.items()]
    parts += [
        (name, list(ids), True)
        for name, ids in material.diff.derived.items()
        if len(ids) < len(material.after)  # else it is all cases over again
    ]
    for name, ids, derived in parts:
        members = [by_id[each] for each in ids if each in by_id]
        cells = []
        for at, metric in places:
            finding = found.get((metric, name))
            if finding and finding.effect is not None:
                cell = _gated(finding, id(finding) in odd)
            else:
                cell = _cell(members, at, compared=material.diff.baseline is not None)
            cells.append(replace(cell, variance=varies.get((metric, name))))
        inside = sorted((one.id for one in members), key=order.__getitem__)
        rows.append(HeatRow(name, derived, cells, inside))
    names = [metric for _, metric in places]
    return Heat("Slices", names, [*rows[:1], *sorted(rows[1:], key=_warmth)])


def _gated(finding: Finding, odd: bool) -> Cell:
    tone: Tone = "plain"
    if finding.result in BAD:
        tone = "bad"
    elif odd:
        tone = "warn"
    elif finding.low is not None and finding.low > 0:
        tone = "good"
    made = Cell(finding.before, finding.after, finding.effect, finding.n, tone)
    return replace(made, low=finding.low, high=finding.high)


def _cell(members: Sequence[CaseLine], at: int, *, compared: bool) -> Cell:
    pairs = [(one.before[at], one.after[at]) for one in members]
    both = [(old, new) for old, new in pairs if old is not None and new is not None]
    if compared and both:
        before = sum(old for old, _ in both) / len(both)
        after = sum(new for _, new in both) / len(both)
        return Cell(before, after, after - before, len(both))
    seen = [new for _, new in pairs if new is not None]
    return Cell(None, sum(seen) / len(seen) if seen else None, None, len(seen))


def _warmth(row: HeatRow) -> tuple[float, float, str]:
    falls = [cell.effect for cell in row.cells if cell.effect is not None]
    levels = [cell.after for cell in row.cells if cell.after is not None]
    return min(falls, default=1.0), min(levels, default=1.0), row.slice


def main_metrics(material: Material, cases: Cases) -> list[tuple[int, str]]:
    """Place and name of the metrics that stand for themselves: no details of another."""
    details = {each.name for each in material.diff.candidate.metrics if each.role == "detail"}
    return [(at, name) for at, name in enumerate(cases.metrics) if name not in details]
