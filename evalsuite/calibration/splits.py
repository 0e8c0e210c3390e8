"""Dev and test: what wordings and thresholds are tried on, and what a certificate is given on.

The split follows from what an item belongs to, so that one question is never in both, and nobody
can move an item. Who looks at the test split for anything but a certificate is written down: a
figure that was tuned on is no longer held out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evalsuite.calibration.journal import append_lines, read_lines
from evalsuite.calibration.records import Item, Label, Split
from evalsuite.canonical import key
from evalsuite.snapshot.codec import decoder, to_json

DEV = 0.25
"""The share of clusters that are for trying."""

READS = "reads.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A line of reads.jsonl: somebody looked at figures of the test split. `judge` is the judge's
    key then, `labels` how many ratings there were."""

    time: str
    why: str
    judge: str
    labels: int


def unit_of(item: Item) -> str:
    """What an item stands or falls with: its cluster, else its case, else itself."""
    return item.cluster or item.case or item.id


def split_of(item: Item) -> Split:
    return "dev" if int(key("split", unit_of(item))[:8], 16) < DEV * 2**32 else "test"


def in_split(items: Mapping[str, Item], split: Split | None) -> dict[str, Item]:
    """The items of a split; all of them for None."""
    return {name: item for name, item in items.items() if split in (None, split_of(item))}


def labels_in(labels: Iterable[Label], items: Mapping[str, Item]) -> list[Label]:
    """The ratings of these items."""
    return [label for label in labels if label.item in items]


def log_look(folder: Path, look: Look) -> None:
    """Write down that the test split was looked at."""
    append_lines(folder / READS, [to_json(look)])


def looks(folder: Path) -> list[Look]:
    """Every look at the test split so far, the oldest first."""
    return [look for _, look in read_lines(folder / READS, decoder(Look))]


def spoken(found: Iterable[Look]) -> str:
    """How often the test split was looked at; "" if never. More versions of a judge are more
    chances to fit it by accident."""
    found = list(found)
    if not found:
        return ""
    times = "once" if len(found) == 1 else f"{len(found)} times"
    versions = len({look.judge for look in found})
    judges = "one version" if versions == 1 else f"{versions} versions"
    return f"figures of the test split were looked at {times}, with {judges} of the judge"
