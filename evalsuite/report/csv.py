"""All cases as a table for a spreadsheet; no cell of it is taken for a formula."""

from __future__ import annotations

import csv
import io

from evalsuite.report.blocks import Cases, Report, block_of
from evalsuite.report.escape import csv_field


def render(report: Report) -> str:
    """A header, then a line per case: id, kind, slices, before and after per metric, note."""
    cases = block_of(report, Cases)
    out = io.StringIO()
    writer = csv.writer(out)
    scores = [f"{name} {side}" for name in cases.metrics for side in ("before", "after")]
    writer.writerow([csv_field(name) for name in ("id", "kind", "slices", *scores, "note")])
    for line in cases.lines:
        slices = "; ".join(f"{key}={value}" for key, value in line.slices.items())
        pairs = zip(line.before, line.after, strict=True)
        values = ["" if value is None else f"{value:.6g}" for pair in pairs for value in pair]
        row = [csv_field(line.id), line.kind, csv_field(slices), *values, csv_field(line.note)]
        writer.writerow(row)
    return out.getvalue()
