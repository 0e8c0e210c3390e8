"""A snapshot gets further trials from a run of the same code; those that it has stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from evalsuite.records import Part, Row, Run, Spent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ToppedUp:
    """A snapshot with further trials; `left` are ids of the cases that got none."""

    run: Run
    left: Sequence[str]


def untoppable(old: Run, new: Run) -> str:
    """Why a snapshot can't get trials of a run; empty if it can, or lacks none."""
    if new.manifest.trials == 1:
        return "it asked each case once: run pytest --evals --evals-trials 5"
    if _lacking(old, new) and not _fit(old, new):
        return "no case has the snapshot's measure and answers: accept the run as a whole"
    return ""


def topped_up(old: Run, new: Run) -> ToppedUp:
    """The snapshot with the trials of `new` that it lacks.

    A case gets them where it is measured in the same way, and where the same was run: the subject
    is the same, or else each answer that the snapshot has came again. What the snapshot says of
    itself (its run, its subject, its policy) stays.
    """
    fit = _fit(old, new)
    rows = {
        name: _longer(row, new.rows[name]) if name in fit else row for name, row in old.rows.items()
    }
    manifest = replace(
        old.manifest,
        trials=max(old.manifest.trials, new.manifest.trials),
        notes=[*old.manifest.notes, f"further trials of {len(fit)} cases: run {new.manifest.run}"],
    )
    done = Run(manifest, rows)
    return ToppedUp(done, _lacking(done, new))


def _lacking(old: Run, new: Run) -> list[str]:
    return [name for name, row in old.rows.items() if len(row.outputs) < new.manifest.trials]


def _fit(old: Run, new: Run) -> set[str]:
    same = _subject(old) == _subject(new)
    return {
        name
        for name, row in old.rows.items()
        if (other := new.rows.get(name)) is not None
        and (row.case_key, row.scorer_keys) == (other.case_key, other.scorer_keys)
        and len(row.outputs) < len(other.outputs)
        and (same or _again(row, other))
    }


def _again(row: Row, other: Row) -> bool:
    count = len(row.outputs)
    came = tuple(other.outputs[:count]) == tuple(row.outputs)
    return came and all(
        tuple(other.scores.get(name, ())[:count]) == tuple(values)
        for name, values in row.scores.items()
    )


def _longer(row: Row, other: Row) -> Row:
    had, has = len(row.outputs), len(other.outputs)

    def joined(first: Sequence[T], then: Sequence[T], gap: T) -> tuple[T, ...]:
        made = [*first, *[gap] * (had - len(first)), *then[had:]]
        return (*made, *[gap] * (has - len(made)))

    errors = joined(row.errors, other.errors, None)
    spent = joined(row.spent, other.spent, Spent())
    return replace(
        row,
        scores={
            name: joined(row.scores.get(name, ()), values, None)
            for name, values in {**row.scores, **other.scores}.items()
        },
        outputs=(*row.outputs, *other.outputs[had:]),
        errors=errors if any(errors) else (),
        reasons={**other.reasons, **row.reasons},
        spent=spent if any(each != Spent() for each in spent) else (),
    )


def _subject(run: Run) -> Sequence[Mapping[str, str]]:
    subject = run.manifest.subject
    return [_keys(subject.models), _keys(subject.inputs), _keys(subject.code)]


def _keys(parts: Mapping[str, Part]) -> Mapping[str, str]:
    return {name: part.key for name, part in parts.items()}
