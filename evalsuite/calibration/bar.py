"""What a judge must reach before gates rest on it, and which state its figures earn it.

The bar is the project's: `[tool.evalsuite] bar`. Lower bounds count, never the figures themselves,
so that few labels can't be lucky.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from evalsuite.errors import OptionError, did_you_mean

State = Literal["uncertified", "provisional", "trusted"]

STATES: tuple[State, ...] = ("uncertified", "provisional", "trusted")
"""From worst to best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """The least of each figure for a state: labelled items in the test split and raters of them;
    one-sided 95 % lower bounds of Spearman's rho (ordinal criteria), TPR and TNR (binary ones and
    pairs). `days` is how long a certificate holds."""

    trusted_labels: float = 100
    trusted_raters: float = 2
    trusted_spearman: float = 0.70
    trusted_tpr: float = 0.85
    trusted_tnr: float = 0.70
    provisional_labels: float = 50
    provisional_raters: float = 1
    provisional_spearman: float = 0.50
    provisional_tpr: float = 0.75
    provisional_tnr: float = 0.55
    days: float = 180

    def wanted(self, state: State, figure: str) -> float:
        """The least value of "labels", "raters", "spearman", "tpr" or "tnr" for a state."""
        return float(getattr(self, f"{state}_{figure}"))


_WHOLE = ("labels", "raters", "days")


def bar_of(given: Mapping[str, Any]) -> Bar:
    """The bar of a project's settings; OptionError names each setting that makes no sense."""
    known = [each.name for each in fields(Bar)]
    problems = []
    for name, value in given.items():
        if name not in known:
            problems.append(f'bar has no "{name}": {did_you_mean(name, known)}')
            continue
        whole = name.endswith(_WHOLE)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or (whole and (value != int(value) or not 1 <= value <= 100_000)):
            problems.append(f"bar.{name} must be {'a whole number from 1 up' if whole else _SHARE}")
        elif not whole and not 0 <= value < 1:
            problems.append(f"bar.{name} must be {_SHARE}, not {value}")
    if not problems:
        bar = Bar(**given)
        problems = [
            f"bar.provisional_{name} must not be above bar.trusted_{name}"
            for name in ("labels", "raters", "spearman", "tpr", "tnr")
            if bar.wanted("provisional", name) > bar.wanted("trusted", name)
        ]
    if problems:
        raise OptionError("\n".join(f"[tool.evalsuite] {problem}" for problem in problems))
    return bar


_SHARE = "a number from 0 to below 1"


def as_numbers(bar: Bar) -> dict[str, float]:
    """The bar as a certificate keeps it."""
    return {name: float(value) for name, value in asdict(bar).items()}


def needed(ordinal: bool) -> tuple[str, ...]:
    """The figures whose lower bounds decide."""
    return ("spearman",) if ordinal else ("tpr", "tnr")


def state_of(figures: Mapping[str, float | None], bar: Bar, names: Sequence[str]) -> State:
    """What a criterion's figures are worth: "n", "raters", and "NAME_lower" of those that decide
    (`names`: what is `needed` of its scale). An unknown figure reaches no bar."""
    for state in reversed(STATES[1:]):
        enough = all(
            (figures.get(have) or 0) >= bar.wanted(state, name)
            for have, name in (("n", "labels"), ("raters", "raters"))
        )
        lowers = [(figures.get(f"{name}_lower"), bar.wanted(state, name)) for name in names]
        if enough and all(have is not None and have >= want for have, want in lowers):
            return state
    return STATES[0]


def short_of(
    figures: Mapping[str, float | None], bar: Bar, state: State, names: Sequence[str]
) -> list[str]:
    """In words, what is missing for a state."""
    said = []
    for have, name, noun in (("n", "labels", "labelled items"), ("raters", "raters", "raters")):
        count, least = int(figures.get(have) or 0), int(bar.wanted(state, name))
        if count < least:
            said.append(f"{count} of {least} {noun}")
    for name in names:
        lower, want = figures.get(f"{name}_lower"), bar.wanted(state, name)
        title = {"spearman": "Spearman's rho", "tpr": "TPR", "tnr": "TNR"}[name]
        if lower is None:
            said.append(f"{title} is unknown")
        elif lower < want:
            said.append(f"{title} at least {lower:.2f}, and {want:.2f} is asked for")
    return said
