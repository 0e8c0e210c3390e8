"""What happened so far in a suite, for progress and for the run's manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from evalsuite.backends.account import Account
from evalsuite.backends.calls import Tally
from evalsuite.backends.probe import SAMPLE
from evalsuite.records import Standing
from evalsuite.runner.again import Again
from evalsuite.runner.case import CaseResult


@dataclass(slots=True)
class Counts:
    """What happened so far, for progress and for the run's manifest. `judged` counts the fresh
    calls of scorers, `standings` are the judges' once they were checked in this run."""

    done: int = 0
    failed: int = 0
    missing: int = 0
    running: int = 0
    fresh: int = 0
    stored: int = 0
    reused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    judged: int = 0
    standings: Mapping[str, Standing] = field(default_factory=dict)
    account: Account = field(default_factory=Account)

    def add(self, result: CaseResult) -> None:
        self.done += 1
        self.failed += result.status in ("missed", "error", "failed", "missing")
        self.missing += result.status == "missing"
        self.reused += result.reused
        self.judged += result.judged
        for tally in result.tallies:
            self.spent(tally)

    def repeated(self, again: Again) -> None:
        """A case was asked again."""
        self.missing += bool(again.missing)
        self.reused += again.reused
        self.judged += again.judged
        for tally in again.tallies:
            self.spent(tally)

    def spent(self, tally: Tally) -> None:
        """What was asked on behalf of a case, or of the harness itself."""
        samples = tally.account.parts.get(SAMPLE, {}).values()
        self.fresh += tally.fresh + sum(each.calls for each in samples)
        self.stored += tally.stored
        self.input_tokens += tally.usage.input_tokens + sum(x.input_tokens for x in samples)
        self.output_tokens += tally.usage.output_tokens + sum(x.output_tokens for x in samples)
        self.account.add(tally.account)
        self.cost = self.account.cost
