"""Who rates what, and in which order: pure, and the same again for the same seed.

Some items go to everybody, so that raters can be compared; the others are shared out. Each rater
has an order of their own, and meets some items twice, at a distance and without being told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from evalsuite.calibration.records import Item
from evalsuite.judging.records import Order
from evalsuite.seeds import derive

DISTANCE = 20
"""Items between an item and its hidden repeat, where the queue is long enough."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A place in a rater's queue: an item, for the first time or again."""

    item: str
    occasion: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How the work is laid out: the share that all raters get, the share that each gets twice."""

    overlap: float = 0.2
    repeats: float = 0.15
    seed: int = 0


def plan(
    items: Sequence[Item],
    raters: Sequence[str],
    shares: Shares,
    owners: Mapping[str, Collection[str]],
) -> dict[str, list[Entry]]:
    """What is to be added to each rater's queue.

    `owners` says by item who rated it or has it in a queue already: that stays as it is, so more
    items or raters can be added at any time. The outputs of one case go to one rater, or to all.
    """
    units = _units(items)
    order = sorted(units, key=lambda unit: (derive(shares.seed, "share", unit), unit))
    common = set(order[: round(shares.overlap * len(order))]) if len(raters) > 1 else set()
    mine: dict[str, list[str]] = {rater: [] for rater in raters}
    for unit in order:
        names = [item.id for item in units[unit]]
        if unit in common:
            chosen = list(raters)
        elif any(owners.get(name) for name in names):
            chosen = [
                each for each in raters if any(each in owners.get(name, ()) for name in names)
            ]
        else:
            chosen = [min(raters, key=lambda each: (len(mine[each]), raters.index(each)))]
        for rater in chosen:
            mine[rater] += [name for name in names if rater not in owners.get(name, ())]
    return {rater: _ordered(rater, names, shares) for rater, names in mine.items()}


def _units(items: Sequence[Item]) -> dict[str, list[Item]]:
    """The items by case: both arms of a comparison are rated by the same people."""
    units: dict[str, list[Item]] = {}
    for item in items:
        units.setdefault(item.case or item.id, []).append(item)
    return units


def seed_of(rater: str, shares: Shares) -> int:
    """The seed of a rater's shuffle and sides."""
    return derive(shares.seed, "rater", rater)


def side_of(entry: Entry, seed: int) -> Order:
    """Which of a pair is on the left, by the rater's seed: each time anew."""
    return "ab" if derive(seed, "side", entry.item, entry.occasion) % 2 else "ba"


def _ordered(rater: str, names: Sequence[str], shares: Shares) -> list[Entry]:
    """The rater's order, with hidden repeats of some of the earlier items among the later ones."""
    seed = seed_of(rater, shares)
    order = sorted(names, key=lambda name: (derive(seed, "order", name), name))
    distance = min(DISTANCE, len(order) // 2)
    count = min(round(shares.repeats * len(order)), len(order) - distance)
    early = order[: len(order) - distance]
    again = sorted(early, key=lambda name: derive(seed, "again", name))[:count]
    # Each after at least `distance` others, spread over the whole rest.
    places = [(float(place), Entry(name)) for place, name in enumerate(order)]
    for name in again:
        first = order.index(name) + distance
        room = len(order) - first
        place = first + room * derive(seed, "place", name) / 2**32
        places.append((place + 0.5, Entry(name, 1)))
    places.sort(key=lambda each: each[0])
    return [entry for _, entry in places]
