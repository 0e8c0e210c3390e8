"""What the trials of both runs took, side by side, for operational gates."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import zip_longest

from evalsuite.diff.record import Took, Trial
from evalsuite.records import CHECKS, Row, Run


def spending(baseline: Run | None, candidate: Run, shared: Collection[str]) -> tuple[Took, ...]:
    """The candidate's cases that asked anything afresh, sorted by id. Beside them stands what the
    baseline's trials took where the case is the same and its success is told by the same checks."""
    old = {} if baseline is None else baseline.rows
    found = []
    known = set(shared)
    for case, row in sorted(candidate.rows.items()):
        if not any(each.measured for each in row.spent):
            continue
        before = old.get(case)
        if before is None or case not in known or not _alike(before, row):
            before = None
        found.append(Took(case, row.cluster, _trials(before), _trials(row)))
    return tuple(found)


def _alike(before: Row, after: Row) -> bool:
    return before.scorer_keys.get(CHECKS) == after.scorer_keys.get(CHECKS)


def _trials(row: Row | None) -> tuple[Trial, ...]:
    if row is None:
        return ()
    scores: Iterable[float | None] = row.scores.get(CHECKS, ())
    pairs = list(zip_longest(row.spent, list(scores)[: len(row.spent)]))
    errors = list(row.errors) or [None] * len(pairs)
    return tuple(
        Trial(spent, _success(value, error))
        for (spent, value), error in zip(pairs, errors, strict=False)
    )


def _success(value: float | None, error: str | None) -> bool | None:
    """Whether its checks hold; a target that raised did not succeed. None: nothing tells."""
    if error is not None and error.partition(":")[0] == "target":
        return False
    return None if value is None else value >= 1
