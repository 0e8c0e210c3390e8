"""The orders in which a sequential run and a tier take cases: seeded, and stratified by slice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from evalsuite.canonical import canonical
from evalsuite.records import Case, Row
from evalsuite.seeds import derive


def taken(cases: Iterable[Case | Row], seed: int) -> list[str]:
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


def ranked(cases: Collection[Case | Row], seed: int, wanted: Mapping[str, int]) -> list[str]:
    """Ids of the cases, so that the first of them stand for all: every must_pass one, then one of
    each slice, then as many of a slice as `wanted` says, then those of `taken`.

    A case's place is drawn by its id: others that come or go hardly move it.
    """
    parts = {case.id: [f"{name}={value}" for name, value in case.slices.items()] for case in cases}
    strict = [case.id for case in cases if case.must_pass]
    order = taken(cases, seed)
    ahead = dict.fromkeys(order[: len(strict)])
    have = Counter(part for name in ahead for part in parts[name])
    once = {part: 1 for found in parts.values() for part in found}
    for least in (once, wanted):
        for name in order:
            if name not in ahead and any(have[part] < least.get(part, 0) for part in parts[name]):
                ahead[name] = None
                have.update(parts[name])
    return list(ahead | dict.fromkeys(order))
