"""A run becomes the snapshot that later runs are compared with: without a call, and on purpose."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from evalsuite.errors import SnapshotError
from evalsuite.records import CHECKS, Output, Row, Run
from evalsuite.snapshot.folder import Source, read_head, read_outputs
from evalsuite.snapshot.outputs import redacted
from evalsuite.snapshot.writer import write

MAX_OUTPUTS = 10 * 10**6
"""Bytes of outputs.jsonl that git is asked to hold; above, a snapshot names them by hash only."""


def refusal(run: Run) -> str:  # noqa: PLR0911 - one return per reason
    """Why a run can't become a snapshot; empty if it can."""
    manifest = run.manifest
    if manifest.afresh:
        return "evalsuite aa made it, to compare unchanged code with itself: run pytest --evals"
    if manifest.looks is not None and not manifest.looks.last:
        looks = manifest.looks
        return (
            f"it was decided after {looks.read} of {len(looks.order)} cases: run without "
            "--evals-sequential, what is finished is not paid twice"
        )
    if manifest.tier:
        return (
            f"it is one of tier {manifest.tier}, a part of its suite: run the whole suite "
            "(--evals-tier=), what is finished is not paid twice"
        )
    if manifest.partial:
        return "it ran only a part of the cases: run the whole suite"
    if manifest.stopped:
        return f"it was stopped: {manifest.stopped}; run again, what is finished is not paid twice"
    if not manifest.complete or len(run.rows) < manifest.expected:
        missing = max(manifest.expected - len(run.rows), 0)
        of = f"{missing} of {manifest.expected} cases are missing" if missing else "cases failed"
        return f"it is not complete ({of}): run again, what is finished is not paid twice"
    if not any(value is not None for row in run.rows.values() for value in _values(row)):
        return "no case of it was scored"
    return ""


def merged(old: Run | None, new: Run, take: Container[str] | None) -> Run:
    """The run to be accepted: `take` names the cases whose row comes from the new run, None: all.

    A case that is only in `old` stays unless everything is taken or `take` names it. Where old rows
    stay, a note says so, and as long as one of them is behind the new run's, the subject is the
    old one's, so that the next comparison still lists what changed.
    """
    if old is None:
        return new
    if take is None:
        return Run(new.manifest, {name: _with_spent(old, row) for name, row in new.rows.items()})
    rows: dict[str, Row] = {}
    for name in sorted(old.rows.keys() | new.rows.keys()):
        source = new.rows if name in take else old.rows
        if name in source:
            rows[name] = source[name]
    kept = [name for name, row in rows.items() if row is old.rows.get(name)]
    behind = any(name in new.rows and new.rows[name] != rows[name] for name in kept)
    manifest = replace(
        new.manifest,
        subject=old.manifest.subject if behind else new.manifest.subject,
        notes=[*new.manifest.notes, f"{len(kept)} cases kept from run {old.manifest.run}"]
        if kept
        else new.manifest.notes,
        expected=len(rows),
    )
    return Run(manifest, rows)


def _with_spent(old: Run, row: Row) -> Row:
    """The row with what the old snapshot knows of the same answers, where nothing was asked."""
    before = old.rows.get(row.id)
    if (
        any(each.measured for each in row.spent)
        or before is None
        or tuple(before.outputs) != tuple(row.outputs)
    ):
        return row
    return replace(row, spent=before.spent or row.spent)


def as_kept(run: Run) -> Run:
    """The run without the words that its manifest's `outputs` keeps out of a snapshot.

    Reasons quote answers, and so do errors after their kind. What was answered to an older
    snapshot's documents says nothing beside a newer one.
    """
    rows = {
        name: replace(row, crossed=None, again={}) if row.crossed or row.again else row
        for name, row in run.rows.items()
    }
    manifest = replace(run.manifest, looks=None, again=0, shocks={})
    if run.manifest.outputs == "full":
        return Run(manifest, rows)
    rows = {
        name: replace(
            row, reasons={}, errors=[each and each.partition(":")[0] for each in row.errors]
        )
        for name, row in rows.items()
    }
    return Run(manifest, rows)


def unchanged(old: Run | None, new: Run) -> bool:
    """Whether accepting would leave a snapshot that says the same."""
    if old is None or old.rows != new.rows:
        return False
    if _has_spent(new) and not _has_spent(old):  # what operational gates are to be compared with
        return False
    before, after = old.manifest, new.manifest
    names = ("golden", "subject", "policy", "expected", "trials", "seed", "outputs", "tiers")
    same = all(getattr(before, name) == getattr(after, name) for name in names)
    return same and tuple(before.metrics) == tuple(after.metrics)


def _has_spent(run: Run) -> bool:
    return any(row.spent for row in run.rows.values())


def accept(run: Run, sources: Sequence[Source], folder: Path, *, reason: str) -> None:
    """Write `run` as the snapshot in `folder`; its outputs are read from `sources`, in that order.

    The manifest's `outputs` decides what of them is kept: full, redacted, or only their hash; its
    `accepted` becomes {"run", "reason", "previous": key of the snapshot that is replaced}.

    Raises:
        SnapshotError: the run is partial, stopped or incomplete; a source is damaged.
    """
    cause = refusal(run)
    if cause:
        raise SnapshotError(f"run {run.manifest.run} can't be accepted: {cause}")
    accepted = {"run": run.manifest.run, "reason": reason, "previous": _previous(folder)}
    kept = as_kept(Run(replace(run.manifest, accepted=accepted), run.rows))
    write(folder, kept, stored_answers(kept, sources), keep=MAX_OUTPUTS)


def stored_answers(run: Run, sources: Sequence[Source]) -> Iterator[tuple[str, Output]]:
    """What a snapshot keeps of a run's outputs, as its manifest's `outputs` says.

    Sorted by key, so that an answer that did not change keeps its place in the file.
    """
    mode = run.manifest.outputs
    if mode == "hash":
        return
    wanted = {name for row in run.rows.values() for name in row.outputs if name is not None}
    found: dict[str, Output] = {}
    for source in sources:
        found = read_outputs(source, wanted - found.keys()) | found
    for name in sorted(found):
        yield name, redacted(found[name]) if mode == "redacted" else found[name]


def pass_rate(run: Run) -> float | None:
    """The mean of `checks` over the cases that have one; None if no case has."""
    means = [
        sum(values) / len(values)
        for row in run.rows.values()
        if (values := [each for each in row.scores.get(CHECKS, ()) if each is not None])
    ]
    return sum(means) / len(means) if means else None


def _values(row: Row) -> Iterator[float | None]:
    for values in row.scores.values():
        yield from values


def _previous(folder: Path) -> str | None:
    try:
        return read_head(folder).key
    except SnapshotError:
        return None
