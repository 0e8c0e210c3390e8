"""A calibration as a page: what the judge is worth, and every figure that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evalsuite.calibration.measured import Calibration, Disagreement, Measured
from evalsuite.calibration.tables import TITLES, biases, estimate, people
from evalsuite.judging.prompt import as_text
from evalsuite.judging.records import UNSURE, Card
from evalsuite.records import Standing
from evalsuite.report.blocks import (
    Facts,
    Headline,
    Level,
    Line,
    Matrix,
    Name,
    Reading,
    Readings,
    Table,
    TableRow,
    prose,
)
from evalsuite.report.charts import figure
from evalsuite.report.drawn import Intervals, Mark
from evalsuite.report.escape import shorten
from evalsuite.report.figures import many
from evalsuite.report.reports import Block, Document
from evalsuite.stats.labels import OWN

READ = 30
"""Disagreements that are shown."""

SHARES = frozenset({"agreement", "tpr", "tnr", "precision", "npv"})
"""Figures that are shares of items."""

_TEXT = 2_000
_LEVELS: Mapping[str, Level] = {
    "trusted": "tip",
    "provisional": "warning",
    "uncertified": "note",
}


def page(
    card: Card,
    found: Calibration,
    standings: Mapping[str, Standing],
    remarks: Sequence[Line] = (),
) -> Document:
    """The page of one judge. `standings` are by metric, `remarks` what else is to be said first."""
    blocks: list[Block] = [_headline(card, found, standings[card.name], remarks)]
    several = len(found.criteria) > 1
    if several:
        blocks.append(_overview(found, card, standings))
    for measured in found.criteria:
        of = f", {measured.criterion}" if several else ""
        blocks += _criterion(measured, of)
    return Document(card.name, blocks)


def _headline(
    card: Card, found: Calibration, standing: Standing, remarks: Sequence[Line]
) -> Headline:
    counts = found.criteria[0].counts
    split = f"the {found.split} split" if found.split else "all items"
    rated = (
        f"{many(counts.n, 'item')} with a verdict and people's answer, "
        f"{many(counts.ratings, 'rating')} of {many(counts.raters, 'rater')}, "
        f"{many(counts.clusters, 'group')} of cases ({split})"
    )
    lines = [
        Line("labels", (rated,)),
        *(Line(each.criterion, (_main(each),)) for each in found.criteria),
        Line("people", (_ceiling(found.criteria[0]),)),
        Line("intervals", (_bounds(found.criteria[0]),)),
        *_gaps(found),
        *remarks,
    ]
    if standing.remedy:
        lines.append(Line("next", prose(standing.remedy)))
    return Headline(_LEVELS[standing.state], standing.state, prose(standing.says), lines)


def _main(measured: Measured) -> str:
    """The figures that one remembers."""
    names = ("spearman", "kappa_quadratic") if measured.scale == "ordinal" else ("tpr", "tnr")
    said = [f"{TITLES[name]} {estimate(measured.figures[name])}" for name in names]
    agreement, kappa = measured.figures["agreement"], measured.figures["kappa"]
    name = "kappa without weights" if measured.scale == "ordinal" else "kappa"
    if agreement.value is not None and kappa.value is not None:
        said.append(
            f"agreement {100 * agreement.value:.0f}% (always "
            f"{measured.baseline[0]}: {100 * (measured.baseline[1] or 0):.0f}%), {name} "
            f"{figure(kappa.value)}, a gap of {100 * (measured.gap or 0):.0f} points"
        )
    return "; ".join(said)


def _ceiling(measured: Measured) -> str:
    people = measured.people
    if people.ceiling.agreement is None:
        return "no two raters rated the same item: nobody knows how far people agree"
    return (
        f"agree with each other in {100 * people.ceiling.agreement:.0f}%, the judge with them in "
        f"{100 * (people.ceiling.judge_agreement or 0):.0f}%; "
        f"Krippendorff's alpha {estimate(people.alpha)}"
    )


def _bounds(measured: Measured) -> str:
    """Which interval is which, and what is weighted."""
    said = (
        'in brackets and charts two-sided 95 % intervals; "at least" is a one-sided 95 % lower '
        "bound, on which a certificate rests"
    )
    if "sampling" in dict(measured.conventions):
        said += (
            "; figures are weighted by the inverse chance of each item to be chosen, counts and "
            "people among themselves are not"
        )
    return said


def _gaps(found: Calibration) -> Iterator[Line]:
    """What is missing from the figures."""
    for each in found.criteria:
        counts = each.counts
        said = [
            (counts.invalid, "verdict is none", "verdicts are none"),
            (counts.unable, "verdict is unable to tell", "verdicts are unable to tell"),
            (counts.unjudged, "rated item has no verdict", "rated items have no verdict"),
            (counts.undecided, "item got no level, only unsure", "items got no level, only unsure"),
        ]
        texts = [many(count, *words) for count, *words in said if count]
        if texts:
            yield Line("missing", (f"{each.criterion}: {', '.join(texts)}",), "warn")


def _overview(found: Calibration, card: Card, standings: Mapping[str, Standing]) -> Table:
    rows = []
    for each in found.criteria:
        standing = standings[f"{card.name}.{each.criterion}"]
        rows.append(TableRow([(Name(each.criterion),), (standing.state,), (_main(each),)]))
    return Table("Criteria", ["criterion", "standing", "figures"], rows)


def _criterion(measured: Measured, of: str) -> Iterator[Block]:
    yield from _figures(measured, of)
    yield _confusion(measured, of)
    yield _reliability(measured, of)
    yield from _slices(measured, of)
    yield people(measured, of)
    yield biases(measured, of)
    yield _readings(measured, of)
    yield Facts(f"Conventions{of}", [Line(name, (how,)) for name, how in measured.conventions])


def _figures(measured: Measured, of: str) -> Iterator[Intervals]:
    """Shares, from 0 to 1; and what is 0 where chance or nothing made it, from -1 to 1."""
    parts = {
        f"Judge against people{of}": [x for x in measured.figures if x in SHARES],
        f"Judge against people, beyond chance{of}": [
            x for x in measured.figures if x not in SHARES
        ],
    }
    tick = "a judge that always gives the most common answer"
    for title, names in parts.items():
        found = {name: measured.figures[name] for name in names}
        marks = [
            Mark(
                TITLES[name],
                each.value,
                each.low,
                each.high,
                each.baseline,
                f"n={each.n}" + (f" in {each.clusters}" if each.clusters < each.n else ""),
            )
            for name, each in found.items()
        ]
        methods = dict.fromkeys(each.method for each in found.values())
        note = f"With 95 % intervals: {'; '.join(methods)}. n items in so many groups of cases."
        yield Intervals(title, marks, note, tick, 0.0 if set(names) <= SHARES else -1.0)


def _confusion(measured: Measured, of: str) -> Matrix:
    table = measured.confusion
    columns = ["no verdict" if each == OWN else str(each) for each in table.columns]
    counts = [list(row) for row in table.counts]
    if not any(row[-1] for row in counts):
        columns, counts = columns[:-1], [row[:-1] for row in counts]
    return Matrix(
        f"Confusion table{of}",
        "people",
        "judge",
        [str(each) for each in table.rows],
        columns,
        counts,
    )


def _reliability(measured: Measured, of: str) -> Intervals:
    marks = [
        Mark(Name(each.label), each.people, each.low, each.high, each.judge, f"n={each.n}")
        for each in measured.reliability
    ]
    note = "Where the judge says this, what people say on average; values from 0 to 1."
    return Intervals(f"Reliability{of}", marks, note, "what the judge says")


def _slices(measured: Measured, of: str) -> Iterator[Block]:
    if not measured.slices:
        return
    names = ("spearman",) if measured.scale == "ordinal" else ("agreement", "tpr", "tnr")
    enough = [each for each in measured.slices if each.figures]
    for name in names:
        marks = [
            Mark(Name(each.name), f.value, f.low, f.high, f.baseline, f"n={f.n}")
            for each in enough
            for f in [each.figures[name]]
        ]
        title = TITLES[name][0].upper() + TITLES[name][1:]
        if marks:
            low = 0.0 if name in SHARES else -1.0
            yield Intervals(f"{title} by slice{of}", marks, "", "most common answer", low)
    few = [each for each in measured.slices if not each.figures]
    if few:
        text = tuple(s for each in few for s in (Name(each.name), f" ({each.n}) "))
        yield Facts(f"Slices with too few labels{of}", [Line("slices", text)])


def _readings(measured: Measured, of: str) -> Readings:
    items = [_reading(each) for each in measured.disagreements[:READ]]
    more = max(0, len(measured.disagreements) - READ)
    note = f"Not shown: {more} more. " if more else ""
    if measured.hidden:
        are = "is" if measured.hidden == 1 else "are"
        note += (
            f"{many(measured.hidden, 'disagreement')} in the test split {are} not shown, so that "
            "nobody tunes on them."
        )
    return Readings(f"Disagreements to read{of}", items, note.strip())


def _reading(each: Disagreement) -> Reading:
    item = each.item
    subject = item.subject
    texts = [("output", subject.output)]
    if subject.other is not None:
        texts.append(("other", subject.other))
    if subject.expected is not None:
        texts.append(("expected", as_text(subject.expected)))
    people = ", ".join(each.people) or UNSURE
    lines = [
        Line("people", (Name(people),)),
        *(Line("critique", (Name(text),)) for text in each.critiques),
        Line("judge", (Name(each.judge),), "warn"),
    ]
    if each.critique:
        lines.append(Line("critique", (Name(each.critique),)))
    return Reading(
        item.case or item.id,
        ("people: ", Name(people), ", judge: ", Name(shorten(each.judge, 60))),
        shorten(as_text(subject.input), _TEXT),
        [(name, shorten(text, _TEXT)) for name, text in texts],
        lines,
    )
