"""Cases that moved, asked again: trials 2 to 5 of the candidate, to be compared with the stored
trials 2 to 5 of the baseline.

A trial's seed and call keys come from its number, so a second run of the same code gets the answers
of the first from the store, and says the same: asking until it is green is not possible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.backends.calls import Tally
from evalsuite.backends.together import together
from evalsuite.gate.rules import AGAIN
from evalsuite.records import COMPLETION, Case, Row
from evalsuite.runner.answer import Bench
from evalsuite.runner.case import row_of, try_once
from evalsuite.runner.slots import Slots


@dataclass(frozen=True, slots=True)
class Again:
    """A case's further trials: `values` as in Row.again. `missing` says which call was not made, so
    that none of them counts."""

    case: str
    values: Mapping[str, Sequence[float | None]]
    tallies: Sequence[Tally]
    calls: Sequence[str]
    reused: int
    judged: int
    missing: str


async def ask_again(bench: Bench, case: Case, slots: Slots) -> Again:
    """The further trials of a case, side by side as far as slots are free."""
    compiled = bench.plan.checks_of(case)
    numbers = range(2, AGAIN + 2)
    made = await together([try_once(bench, case, each, compiled, slots) for each in numbers])
    tallies = [tally for each in made for asked in each.asked for tally in asked]
    return Again(
        case=case.id,
        values=_values(row_of(bench.plan, case, made)),
        tallies=tallies,
        calls=tuple(dict.fromkeys(key for tally in tallies for key in tally.keys)),
        reused=sum(each.reused for each in made),
        judged=sum(tally.fresh for each in made for asked in each.asked for tally in asked[1:]),
        missing=next((each.missing for each in made if each.missing), ""),
    )


def _values(row: Row) -> Mapping[str, Sequence[float | None]]:
    """All metrics; whether the target came to an end is one, though no scorer gave it."""
    errors = row.errors or [None] * len(row.outputs)
    ended = [
        1.0 if output is not None else 0.0 if (error or "").startswith("target:") else None
        for output, error in zip(row.outputs, errors, strict=True)
    ]
    return {COMPLETION: ended, **row.scores}
