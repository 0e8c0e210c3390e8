"""What cases took in earlier runs, where nothing was stored: by case and part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evalsuite import snapshot
from evalsuite.config import Config
from evalsuite.errors import SnapshotError
from evalsuite.records import Asked, ModelCalls, Spent
from evalsuite.snapshot import Head

LOOKED = 10
"""How many runs back are looked at: each costs a file."""


@dataclass(frozen=True, slots=True)
class Record:
    """What `trials` trials took, by part as in `Spent.asked`. `own`: of the very case."""

    trials: int
    parts: Mapping[str, Asked]
    own: bool = True


@dataclass(slots=True)
class History:
    """The newest record of each case, and all of them together for a case that has none."""

    cases: dict[str, Record] = field(default_factory=dict)

    def of(self, case: str) -> Record | None:
        """A case's own record, else that of the suite's mean case; None where nothing is known."""
        if case in self.cases or not self.cases:
            return self.cases.get(case)
        return Record(
            sum(each.trials for each in self.cases.values()),
            _joined(part for each in self.cases.values() for part in each.parts.items()),
            own=False,
        )


def heads(config: Config, suite: str) -> Iterator[tuple[Path, Head]]:
    """A suite's runs, the newest first, and its snapshot; what can't be read is passed over."""
    runs = (config.state_dir / "runs").glob(f"*/{suite}/manifest.json")
    folders = [each.parent for each in sorted(runs, reverse=True)[:LOOKED]]  # ids sort by time
    for folder in (*folders, config.snapshot_dir / suite):
        try:
            yield folder, snapshot.read_head(folder)
        except SnapshotError:
            continue


def history_of(config: Config, suite: str) -> History:
    """What is known of a suite's cases."""
    found = History()
    for folder, head in heads(config, suite):
        try:
            spent = snapshot.read_spent(folder, head)
        except SnapshotError:
            continue
        for case, trials in spent.items():
            record = _record(trials)
            if record.parts:
                found.cases.setdefault(case, record)
    return found


def _record(trials: Sequence[Spent]) -> Record:
    return Record(len(trials), _joined(part for each in trials for part in each.asked.items()))


def _joined(parts: Iterator[tuple[str, Asked]]) -> dict[str, Asked]:
    found: dict[str, Asked] = {}
    for name, asked in parts:
        before = found.get(name, Asked())
        models = dict(before.models)
        for model, calls in asked.models.items():
            models[model] = models.get(model, ModelCalls()) + calls
        found[name] = Asked(models, before.shared + asked.shared)
    return found
