"""All cases as a table for a spreadsheet; no cell of it is taken for a formula."""

from __future__ import annotations

import csv
import io

from evalsuite.report.blocks import Cases
from evalsuite.report.escape import csv_field
from evalsuite.report.reports import Report, block_of


def render(report: Report) -> str:
    """A header, then a line per case: id, kind, slices, before and after per metric, note; with
    repeats also the variance between trials."""
    cases = block_of(report, Cases)
    out = io.StringIO()
    writer = csv.writer(out)
    varied = any(line.variance for line in cases.lines)
    sides = ("before", "after", "variance") if varied else ("before", "after")
    scores = [f"{name} {side}" for name in cases.metrics for side in sides]
    writer.writerow([csv_field(name) for name in ("id", "kind", "slices", *scores, "note")])
    for line in cases.lines:
        slices = "; ".join(f"{key}={value}" for key, value in line.slices.items())
        columns = (line.before, line.after, *([line.variance or [None] * len(line.after)] * varied))
        values = [each for pair in zip(*columns, strict=True) for each in pair]
        values = ["" if value is None else f"{value:.6g}" for value in values]
        row = [csv_field(line.id), line.kind, csv_field(slices), *values, csv_field(line.note)]
        writer.writerow(row)
    return out.getvalue()
