"""The order in which a sequential run takes its cases: seeded, and like the whole at any point."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from evalsuite.canonical import canonical
from evalsuite.records import Case
from evalsuite.seeds import derive


def taken(cases: Iterable[Case], seed: int) -> list[str]:
    """Ids of the cases, the must_pass ones first, then those of every combination of slices spread
    evenly: what is read by a look has each slice's share, whatever order the files have.

    The order depends on the seed and the golden data alone, never on what was answered.
    """
    strict: list[tuple[int, str]] = []
    groups: dict[bytes, list[tuple[int, str]]] = defaultdict(list)
    for case in cases:
        drawn = derive(seed, "order", case.id)
        if case.must_pass:
            strict.append((drawn, case.id))
        else:
            groups[canonical(dict(case.slices))].append((drawn, case.id))
    placed = []
    for slices, group in groups.items():
        start = derive(seed, "group", slices.decode()) / 2**32
        for number, (drawn, name) in enumerate(sorted(group)):
            placed.append(((number + start) / len(group), drawn, name))
    return [name for _, name in sorted(strict)] + [name for _, _, name in sorted(placed)]
