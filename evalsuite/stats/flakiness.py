"""How unstable a case is: how often two answers of unchanged code say different things of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unstable:
    """A case of which `held` of `answers` answers held, some and not all."""

    case: str
    answers: int
    held: int

    @property
    def instability(self) -> float:
        return instability(self.answers, self.held)


def instability(answers: int, held: int) -> float:
    """The chance that two answers disagree, 2 p (1 - p), in [0, 0.5]: its mean where p has the Beta
    distribution that Jeffreys' prior gives after these answers (H. Jeffreys, Proceedings of the
    Royal Society A 186 (1946)). Few answers that agree are no proof, so that it is never 0.

    >>> [round(instability(*each), 3) for each in [(5, 5), (20, 20), (5, 3)]]
    [0.131, 0.044, 0.417]
    """
    if not 0 <= held <= answers:
        raise ValueError(f"{held} of {answers} answers hold")
    one, other = held + 0.5, answers - held + 0.5
    return 2 * one * other / ((one + other) * (one + other + 1))


def unstable(counts: Mapping[str, Iterable[bool]]) -> list[Unstable]:
    """The cases whose answers differ, the most unstable first, then by id."""
    found = []
    for case, answers in counts.items():
        held = list(answers)
        if 0 < sum(held) < len(held):
            found.append(Unstable(case, len(held), sum(held)))
    return sorted(found, key=lambda each: (-each.instability, each.case))
