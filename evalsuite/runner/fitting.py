"""Which tier fits a deadline, and what it gives up against the whole suite."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.errors import OptionError
from evalsuite.gate.sensitivity import drops_of, gate_name
from evalsuite.records import CHECKS
from evalsuite.report import figures
from evalsuite.runner.forecast import Forecast, basis, by_the_clock, forecast, minutes, money
from evalsuite.runner.plan import Plan
from evalsuite.wording import shown

_TIME = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([smh])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Deadline:
    """As it was typed, and in seconds, above 0."""

    text: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Choice:
    """A tier ("": all) of every suite that has it; what that takes at most, and whose taking is not
    known."""

    tier: str
    plans: Sequence[Plan]
    takes: Sequence[Forecast]
    unknown: Sequence[str]

    @property
    def name(self) -> str:
        return f"tier {self.tier}" if self.tier else "all"

    @property
    def answers(self) -> int:
        return sum(len(plan.dataset.cases) * plan.suite.trials for plan in self.plans)

    @property
    def seconds(self) -> float:
        return math.inf if self.unknown else sum(each.seconds for each in self.takes)

    def told(self) -> str:
        if self.unknown:
            return "time not known"
        costs = [each.usd for each in self.takes]
        usd = money(None if None in costs else sum(each or 0.0 for each in costs))
        calls = figures.many(sum(each.calls for each in self.takes), "call")
        return f"at most {calls}, {usd}, about {minutes(self.seconds)}"


def deadline_of(text: str) -> Deadline:
    """OptionError says what a deadline looks like."""
    found = _TIME.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if seconds <= 0:
        raise OptionError(
            f'--evals-deadline must be such as "10m", "90s" or "1.5h", not {shown(text)}'
        )
    return Deadline(text.strip(), seconds)


def fitting(plans: Sequence[Plan], deadline: Deadline) -> tuple[str | None, list[str]]:
    """The tier to run ("": all of every suite): the largest that is expected to end in time, else
    the smallest; None where the settings name one. And what is said of it: its calls, money and
    time, and what its gates see beside those of all cases.
    """
    if not plans:
        return None, []
    names = dict.fromkeys(["", *(name for plan in plans for name in plan.tiers)])
    choices = [_choice(name, plans) for name in names]
    choices.sort(key=lambda each: (-each.seconds, -each.answers, each.tier))
    start = f"--evals-deadline {deadline.text}: "
    named = {plan.config.tier for plan in plans} - {""}
    if named:
        return None, [f"{start}{one.name}: {one.told()}" for one in choices if one.tier in named]
    best = next((one for one in choices if one.seconds <= deadline.seconds), choices[-1])
    late = "" if best.seconds <= deadline.seconds else "none is sure to fit, the smallest runs: "
    whole = next(one for one in choices if not one.tier)
    beside = "" if best is whole else f" (all: {whole.told()})"
    said = f"{start}{late}{best.name}, {best.told()}{beside}"
    for plan in best.plans:
        plan.notes.append(said)
    lines = [said, *_how_to_know(best.unknown)]
    return best.tier, [*lines, *(_given_up(plan) for plan in best.plans if plan.tier)]


def _choice(tier: str, plans: Sequence[Plan]) -> _Choice:
    parts = [plan.tiers.get(tier, plan) for plan in plans]
    takes, unknown = [], []
    for part in parts:
        config, name = part.config, part.suite.name
        answers = len(part.dataset.cases) * part.suite.trials
        known = basis(config, name, part.tier)
        if known is None:
            made = by_the_clock(config, name, answers)
        else:
            made = forecast(known, answers, config)
        if made is None:
            unknown.append(name)
        else:
            takes.append(made)
    return _Choice(tier, parts, takes, unknown)


def _how_to_know(suites: Sequence[str]) -> list[str]:
    """What to do where no run tells what one takes."""
    if not suites:
        return []
    names, how = ", ".join(suites), f"evalsuite plan {suites[0]} --measure 5"
    return [f"  no run here tells what {names} takes; to measure it: {how}"]


def _given_up(part: Plan) -> str:
    """What a tier's gates see beside those of all cases, as far as the snapshot knows."""
    from evalsuite.diff.tier import known  # noqa: PLC0415 (arrays: only where it is asked)

    assert part.extent is not None
    said = f"  {part.suite.name}: {len(part.dataset.cases)} of {len(part.dataset.keys)} cases"
    if part.extent.without:
        said += f", without {', '.join(part.extent.without)}"
    whole = drops_of(part.baseline.manifest) if part.baseline else {}
    seen = known(part.baseline.manifest, part.tier, part.extent).detectable if part.baseline else {}
    metric = next((name for name in (CHECKS, *whole) if name in seen), "")
    if not metric:
        how = f"evalsuite plan {part.suite.name} --tier {part.tier}, once a snapshot knows the tier"
        return f"{said}; what its gates see: {how}"
    said += f"; sees drops of {metric} from {_beside(metric, seen, whole)}"
    slices = {gate_name(metric, each): each for each in part.suite.gate.slices}
    there = [name for name in slices if name in whole or name in seen]
    if there:
        worst = max(there, key=lambda name: (seen.get(name, 2.0), name))
        said += f", in {slices[worst]} from {_beside(worst, seen, whole)}"
    return said


def _beside(gate: str, seen: Mapping[str, float], whole: Mapping[str, float]) -> str:
    """ "6.3 points (all: 2.8)"."""
    part, full = (
        f"{100 * drops[gate]:.1f}" if gate in drops else "no size" for drops in (seen, whole)
    )
    return f"{part} points (all: {full})" if gate in seen else f"no size on (all: {full} points)"
