"""Tables of a calibration: people among themselves, and what moves the judge."""

from __future__ import annotations

from evalsuite.calibration.measured import Measured
from evalsuite.report.blocks import Name, Table, TableRow, Text
from evalsuite.report.charts import figure
from evalsuite.report.figures import many
from evalsuite.stats.intervals import Estimate
from evalsuite.stats.pairings import Of

TITLES = {
    "agreement": "agreement",
    "kappa": "Cohen's kappa",
    "kappa_linear": "kappa, linear weights",
    "kappa_quadratic": "kappa, quadratic weights",
    "ac1": "Gwet's AC1",
    "ac2": "Gwet's AC2, quadratic weights",
    "tpr": "TPR",
    "tnr": "TNR",
    "precision": "precision",
    "npv": "negative predictive value",
    "spearman": "Spearman's rho",
    "kendall_b": "Kendall's tau-b",
    "pearson": "Pearson's r",
    "shift": "judge less people",
}

_NOMINAL: tuple[Of, ...] = ("agreement", "kappa")
_ORDINAL: tuple[Of, ...] = ("spearman",)


def estimate(found: Estimate) -> str:
    """0.72 (0.61 to 0.80)."""
    if found.value is None:
        return "unknown"
    if found.low is None or found.high is None:
        return f"{figure(found.value)} (no interval)"
    return f"{figure(found.value)} ({figure(found.low)} to {figure(found.high)})"


def people(measured: Measured, of: str) -> Table:
    """People and the judge, each against people. `of` ends the title."""
    found, rows = measured.people, list[TableRow]()

    def row(*cells: str) -> None:
        rows.append(TableRow([(cell,) for cell in cells]))

    ceiling, ordinal = found.ceiling, measured.scale == "ordinal"
    for of_two in (*_NOMINAL, *_ORDINAL) if ordinal else _NOMINAL:
        sides = (ceiling.people[of_two], ceiling.judge[of_two], ceiling.gap[of_two])
        title = TITLES["kappa_quadratic"] if ordinal and of_two == "kappa" else TITLES[of_two]
        row(f"{title}, of two", *map(estimate, sides))
    metric = "ordinal" if ordinal else "nominal"
    row(f"Krippendorff's alpha, {metric}", estimate(found.alpha), "", "")
    again = estimate(found.repeats) if found.repeats.n else "no repeats"
    row("same rating again", again, "", "")
    for name, each in zip(found.names, found.left_out, strict=True):
        if each.n:
            like: Text = (Name(name), f" against the others, n={each.n}")
            alike = (figure(each.human), figure(each.judge), estimate(each.difference))
            rows.append(TableRow([like, *((side,) for side in alike)]))
    alt = found.alt
    said = "not testable: two raters with 30 shared items are needed"
    if alt.winning_rate is not None:
        verdict = "may stand in for a rater" if alt.passes else "may not stand in for a rater"
        said = f"{verdict}: omega {alt.winning_rate:.2f} of {many(alt.tested, 'rater')}"
        said += f", epsilon {alt.epsilon:g}"
    row("alternative annotator test", "", said, "")
    note = (
        "What people reach among themselves is as much as a judge can be asked for. Against the"
        " others: share of equal ratings, or minus the distance on the scale where it has an order."
        " All rated items count alike here."
    )
    return Table(
        f"People among themselves{of}", ["", "people", "judge", "judge less people"], rows, note
    )


def biases(measured: Measured, of: str) -> Table:
    """What moves the judge beside quality."""
    found, said = measured.biases, list[tuple[str, str]]()
    if found.swaps is not None:
        said += [
            ("orders disagree", estimate(found.swaps.flip_rate)),
            ("what is shown first wins", estimate(found.swaps.first_share)),
            ("kappa of both orders", figure(found.swaps.kappa_ab_ba)),
        ]
    elif measured.scale == "pairwise":
        said.append(("position", "one order was asked: nothing is known of it"))
    if found.length_pairs is not None:
        said += [
            ("the longer wins", estimate(found.length_pairs.longer)),
            ("where people prefer the longer", estimate(found.length_pairs.when_people_longer)),
            ("where people prefer the shorter", estimate(found.length_pairs.when_people_shorter)),
            ("beyond people's own", estimate(found.length_pairs.excess)),
        ]
    if found.length is not None:
        said.append(("correlation with length, people held equal", estimate(found.length)))
    if found.noise is not None:
        said.append(("two votes in one order agree", estimate(found.noise.same_order)))
    rows = [TableRow([(name,), (value,)]) for name, value in said]
    note = "Shares from 0 to 1, correlations and kappa from -1 to 1; all items count alike."
    columns = ["", "value (95 % interval)"]
    return Table(f"Position, length, noise{of}", columns, rows, note if rows else "")
