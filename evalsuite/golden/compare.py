"""Two golden datasets side by side: what a reviewer must know, and the version step it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.golden.dataset import Dataset
from evalsuite.golden.fields import FIELDS
from evalsuite.golden.release import Level, level


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ids, each sorted; `changed` names the fields that differ. A renamed case is removed and
    added."""

    added: Sequence[str]
    removed: Sequence[str]
    changed: Mapping[str, Sequence[str]]
    level: Level


def compare(before: Dataset, after: Dataset) -> Comparison:
    """What changed from `before` to `after`."""
    old = {case.id: case for case in before.cases}
    new = {case.id: case for case in after.cases}
    changed = {
        name: [each for each in FIELDS if getattr(old[name], each) != getattr(new[name], each)]
        for name in sorted(old.keys() & new.keys())
        if before.keys[name] != after.keys[name]
    }
    return Comparison(
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        changed=changed,
        level=level(before.keys, after.keys),
    )
