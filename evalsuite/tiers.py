"""Tiers: parts of a suite that are run for themselves, each with gates of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.policy import Gate
from evalsuite.wording import shown

_TIER = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?", re.ASCII)
"""It is typed on a command line, and stands in reports."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A part of a suite: `pytest --evals --evals-tier NAME` runs it as a whole of its own.

    `cases` is how many golden cases it has (None: all): every must_pass one, and others by seed, so
    that each slice is represented. `scorers` names metrics whose scorers are asked, beside the
    checks, which always are (None: all of the suite; [] none). `trials` is how often each case is
    asked, `gate` when a merge is blocked (None: the suite's).
    """

    cases: int | None = None
    scorers: Sequence[str] | None = None
    trials: int | None = None
    gate: Gate | None = None


def tier_problems(tiers: object) -> list[str]:
    """What is wrong with a suite's tiers."""
    if not isinstance(tiers, Mapping):
        return [f"tiers must be a dict of evalsuite.Tier, not {shown(tiers)}"]
    found = []
    for name, tier in tiers.items():
        where = f"tiers[{shown(name)}]"
        if not isinstance(name, str) or not _TIER.fullmatch(name):
            found.append(f"{where}: a name has letters, digits, and . _ - within, up to 64")
        if isinstance(tier, Tier):
            found += [f"{where}: {problem}" for problem in _problems(tier)]
        else:
            found.append(f"{where} must be an evalsuite.Tier, not {shown(tier)}")
    return found


def _problems(tier: Tier) -> list[str]:
    found = []
    if tier.cases is not None and (type(tier.cases) is not int or tier.cases < 1):
        found.append(f"cases must be a whole number from 1 up, not {shown(tier.cases)}")
    if tier.scorers is not None and not _names(tier.scorers):
        found.append(f"scorers must be a list of metrics' names, not {shown(tier.scorers)}")
    if tier.trials is not None and (type(tier.trials) is not int or not 1 <= tier.trials <= 100):
        found.append(f"trials must be a whole number from 1 to 100, not {shown(tier.trials)}")
    if tier.gate is not None and not isinstance(tier.gate, Gate):
        found.append(f"gate must be an evalsuite.Gate, not {type(tier.gate).__name__}")
    return found


def _names(value: object) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return listed and all(isinstance(each, str) for each in value)  # type: ignore[attr-defined]
