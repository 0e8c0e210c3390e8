"""What a run that was looked at on its way holds: earlier looks, cases that were asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalsuite.records import Manifest, Row, Run


def earlier_looks(run: Run) -> tuple[Run, ...]:
    """The run as it was at each look before its last one; none if it is not sequential."""
    looks = run.manifest.looks
    if looks is None:
        return ()
    made = []
    for number in range(1, looks.ended):
        rows = {
            case: run.rows[case]
            for case in looks.order[: looks.sizes[number - 1]]
            if case in run.rows
        }
        manifest = replace(run.manifest, looks=replace(looks, ended=number), again=0)
        made.append(Run(manifest, rows))
    return tuple(made)


def needed(rows: Mapping[str, Row], run: Manifest) -> Mapping[str, Row]:
    """A baseline's rows without the cases that a sequential run did not need: they are not gone."""
    if run.looks is None or run.looks.last:
        return rows
    unasked = set(run.looks.order[run.looks.read :])
    return {case: row for case, row in rows.items() if case not in unasked}


def wanted(run: Manifest) -> int:
    """How many cases the run was to read."""
    if run.looks is None:
        return run.expected
    return run.expected - (len(run.looks.order) - run.looks.read)


def again_trials(row: Row, metric: str) -> Sequence[float | None]:
    """A metric's values of the further trials; none where the case was not asked again."""
    return row.again.get(metric, ())
