"""What fresh answers took, of a whole suite and of its slices, beside the snapshot's.

Nothing here decides: the same figures under a limit are operational gates (`operating`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalsuite.diff import Diff, Took
from evalsuite.gate.operating import figure, sample
from evalsuite.records import Row

PER_ANSWER = ("cost", "cost_per_success", "tokens")
TIMES = ("latency_p50", "latency_p95", "first_token_p50", "first_token_p95")
BY_SLICE = ("cost", "cost_per_success", "latency_p50", "latency_p95", "first_token_p50")
RATES = ("error_rate", "failed_attempts", "swap_flip_rate", "unparsable_rate")
"""Told where they are not 0."""


@dataclass(frozen=True, slots=True)
class Move:
    """A figure of this run (`now`), and over the `cases` that were asked afresh in both runs the
    snapshot's (`before`) and this run's (`after`); None is not known."""

    now: float | None
    before: float | None = None
    after: float | None = None
    cases: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a slice's answers took ("" is the whole suite): `answers` were asked afresh, for `known`
    US dollars and, of `unknown` of them, for nobody knows how much. `moves` are by figure
    (OBJECTIVES)."""

    slice: str
    answers: int
    known: float
    unknown: int
    moves: Mapping[str, Move] = field(default_factory=dict)


def costs_of(diff: Diff, rows: Mapping[str, Row]) -> tuple[Cost, ...]:
    """Of the whole suite, then of each declared slice, the dearest first."""
    if diff.candidate.replayed:
        return ()
    parts: dict[str, list[Took]] = {}
    for each in diff.took:
        for name, value in rows[each.case].slices.items():
            parts.setdefault(f"{name}={value}", []).append(each)
    whole = _cost("", diff.took, (*PER_ANSWER, *TIMES, *RATES))
    found = [_cost(name, took, BY_SLICE) for name, took in parts.items()]
    return (whole, *sorted(found, key=lambda each: (-each.known, each.slice)))


def _cost(part: str, took: Sequence[Took], names: Sequence[str]) -> Cost:
    fresh = [trial.spent for each in took for trial in each.after if trial.spent.fresh]
    return Cost(
        slice=part,
        answers=len(fresh),
        known=sum(each.cost or 0.0 for each in fresh),
        unknown=sum(each.cost is None for each in fresh),
        moves={name: move for name in names if (move := _move(took, name)) is not None},
    )


def _move(took: Sequence[Took], name: str) -> Move | None:
    now = figure(sample(took, name, paired=False), name)
    if now is None:
        return None
    pairs = sample(took, name, paired=True)
    before, after = figure(pairs, name, before=True), figure(pairs, name)
    return Move(now, before, after, pairs.size)
