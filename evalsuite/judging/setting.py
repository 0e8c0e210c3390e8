"""What a judge is bound to before a suite runs: its settings, models, cases and baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.config import Config
from evalsuite.records import Case, Run
from evalsuite.snapshot import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`specs` maps a role to the spec of its backend; `source` is where the baseline's outputs are
    read from; `suite` is the suite's name, with its variant."""

    config: Config
    specs: Mapping[str, str]
    suite: str
    cases: Sequence[Case] = ()
    baseline: Run | None = None
    source: Source | None = None


def role_of(wanted: str, specs: Mapping[str, str]) -> str:
    """The role that a judge asks: its own where the settings name one, else the default model."""
    return wanted if wanted in specs else "default"
