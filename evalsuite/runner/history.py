"""What cases took in earlier runs, where nothing was stored: by case and part."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalsuite import snapshot
from evalsuite.config import Config
from evalsuite.errors import SnapshotError
from evalsuite.records import Asked, ModelCalls, Spent
from evalsuite.runner.spending import CROSSED
from evalsuite.snapshot import Head

LOOKED = 10
"""How many runs back are looked at: each costs a file."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a part took in `asking` trials of so many `cases`. Equal answers are judged once, so
    that a scorer may ask in fewer trials than a case has: `further` adds up the cases' shares of
    trials after the first in which it asks."""

    asking: int
    asked: Asked
    cases: int = 1
    further: float = 1.0

    def __add__(self, other: Known) -> Known:
        models = dict(self.asked.models)
        for model, calls in other.asked.models.items():
            models[model] = models.get(model, ModelCalls()) + calls
        shared = self.asked.shared + other.asked.shared
        return Known(
            self.asking + other.asking,
            Asked(models, shared),
            self.cases + other.cases,
            self.further + other.further,
        )

    def asks(self, trials: int) -> float:
        """In how many of a case's `trials` it is to be expected to ask: always in the first."""
        return 1 + self.further / self.cases * (trials - 1)


Record = Mapping[str, Known]
"""What a case took, by part as in `Spent.asked`: each by the newest run that asked it."""


@dataclass(slots=True)
class History:
    """A record of each case, and all of them together for a case that has none."""

    cases: dict[str, dict[str, Known]] = field(default_factory=dict)
    _mean: dict[str, Known] = field(default_factory=dict)

    def of(self, case: str) -> Record | None:
        """A case's own record, else that of the suite's mean case; None where nothing is known."""
        if case in self.cases or not self.cases:
            return self.cases.get(case)
        if not self._mean:
            for part, known in (x for each in self.cases.values() for x in each.items()):
                before = self._mean.get(part)
                self._mean[part] = before + known if before else known
        return self._mean


def heads(config: Config, suite: str) -> Iterator[tuple[Path, Head]]:
    """A suite's runs, the newest first, and its snapshot; what can't be read is passed over."""
    runs = (config.state_dir / "runs").glob(f"*/{suite}/manifest.json")
    folders = [each.parent for each in sorted(runs, reverse=True)[:LOOKED]]  # ids sort by time
    for folder in (*folders, config.snapshot_dir / suite):
        try:
            yield folder, snapshot.read_head(folder)
        except SnapshotError:
            continue


def history_of(config: Config, suite: str, parts: Collection[str]) -> History:
    """What is known of these parts of a suite's cases; a tier's runs may lack some of them."""
    found = History()
    repeated = set()  # the parts whose `further` is known
    for folder, head in heads(config, suite):
        try:
            spent = snapshot.read_spent(folder, head)
        except SnapshotError:
            continue
        for case, trials in spent.items():
            record = _record(trials, parts)
            known = found.cases.setdefault(case, {}) if record else {}
            for name, part in record.items():
                newer = known.setdefault(name, part)
                if len(trials) > 1 and (case, name) not in repeated:
                    repeated.add((case, name))
                    known[name] = replace(newer, further=part.further)
    return found


def _record(trials: Sequence[Spent], parts: Collection[str]) -> dict[str, Known]:
    """What each part took."""
    found: dict[str, Known] = {}
    for name, asked in (part for each in trials for part in each.asked.items()):
        if name.removeprefix(CROSSED) in parts:
            before = found.get(name)
            more = Known(1, asked, cases=0, further=0.0)
            found[name] = before + more if before else Known(1, asked)
    if len(trials) > 1:
        rest = len(trials) - 1
        return {name: replace(x, further=(x.asking - 1) / rest) for name, x in found.items()}
    return found
