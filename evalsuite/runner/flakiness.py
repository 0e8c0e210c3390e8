"""What stored runs of one subject say of its cases' stability: it informs, and gates nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evalsuite import snapshot
from evalsuite.config import Config
from evalsuite.errors import SnapshotError
from evalsuite.records import CHECKS, Row, Run

if TYPE_CHECKING:
    from evalsuite.stats.flakiness import Unstable

LOOKED = 10
"""Stored runs that are read beside this one."""


def unstable_cases(config: Config, run: Run) -> list[Unstable]:
    """The cases whose checks were seen to flip while subject, case and checks stayed as they are.

    Trials, further trials, later runs and those of `evalsuite aa` count alike. Equal answers of one
    trial count once: a stored answer that is used again is no second one.
    """
    from evalsuite.stats.flakiness import unstable  # noqa: PLC0415

    answers: dict[str, dict[tuple[int, str], bool]] = {case: {} for case in run.rows}
    for each in (run, *_alike(config, run)):
        for case, row in each.rows.items():
            if case in run.rows and _measured_alike(row, run.rows[case]):
                answers[case] |= _answers(row, each.manifest.afresh)
    return unstable({case: found.values() for case, found in answers.items()})


def _alike(config: Config, run: Run) -> Iterator[Run]:
    """The newest stored runs of the same subject."""
    manifest, read = run.manifest, 0
    for kind in ("runs", "aa"):
        for head, folder in snapshot.stored_runs(config, manifest.suite, kind):
            other = head.manifest
            if other.run == manifest.run or other.subject != manifest.subject:
                continue
            if read == LOOKED:
                return
            try:
                yield snapshot.load(folder)
            except SnapshotError:  # naming it says what is wrong with it
                continue
            read += 1


def _measured_alike(one: Row, other: Row) -> bool:
    same = one.scorer_keys.get(CHECKS) == other.scorer_keys.get(CHECKS)
    return same and one.case_key == other.case_key


def _answers(row: Row, afresh: int) -> dict[tuple[int, str], bool]:
    """By trial and answer whether its checks held; what was not scored is left out."""
    pairs = zip(row.scores.get(CHECKS, ()), row.outputs, strict=False)
    return {
        (afresh + trial, output): value >= 1
        for trial, (value, output) in enumerate(pairs, 1)
        if value is not None and output is not None
    }
