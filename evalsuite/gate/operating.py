"""Operational gates: what answers take, in seconds, tokens, dollars and failures; lower is better.

They rest on what was asked afresh alone, and stand apart from quality: no hypothesis of its family,
a level of their own that all of them share (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from evalsuite.diff import Diff, Took, Trial
from evalsuite.gate.judged import MISSING
from evalsuite.gate.verdict import Finding, Result
from evalsuite.policy import OBJECTIVES, Gate, Objective
from evalsuite.stats.bounds import paired_bounds, rate_bounds
from evalsuite.stats.flips import Floats, Ints
from evalsuite.stats.rises import (
    Factor,
    Span,
    quantile,
    quantile_factor,
    ratio_factor,
    ratio_span,
)
from evalsuite.stats.student import upper

FEWEST = 10
"""Cases (clusters) of fresh trials below which nothing is decided."""

SHARES = {"latency_p50": 0.5, "latency_p95": 0.95, "first_token_p50": 0.5, "first_token_p95": 0.95}

_SHOWN = 0.025
"""One end of the two-sided 95 % interval that is shown."""

_MORE = {
    "s": "slower",
    "USD": "dearer",
    "tokens": "longer",
    "share": "more frequent",
    "attempts": "more",
}

_LACK = {
    "s": "no time is known of {n} fresh answers",
    "USD": "the price or the success of {n} fresh answers is unknown",
    "tokens": "nobody counted the tokens of {n} fresh answers",
}

Read = Callable[[Trial], tuple[float, float] | None]


@dataclass(frozen=True, slots=True)
class Sample:
    """Trials of one run or of both, paired: `amounts` and `counts` (n,), a unit's number per trial.
    `missing` counts fresh trials of which the figure is not known."""

    units: Ints
    after: tuple[Floats, Floats]
    before: tuple[Floats, Floats]
    missing: int

    @property
    def size(self) -> int:
        return len(set(self.units.tolist()))


def operations(diff: Diff, policy: Gate) -> list[Finding]:
    """A finding for each `max` and each `rise` that the policy declares."""
    asked = [
        (name, each, kind)
        for name, each in policy.operations.items()
        for kind in ("max", "rise")
        if getattr(each, kind) is not None
    ]
    alpha = policy.level / max(1, len(asked))
    made = []
    for name, each, kind in asked:
        finding = _blank(name, each, kind, policy)
        if diff.candidate.replayed:
            reason = "replayed: what was recorded on another day gates nothing"
            made.append(replace(finding, result="not proven", reason=reason))
        elif kind == "max":
            made.append(_absolute(finding, sample(diff.took, name, paired=False), alpha))
        else:
            made.append(_relative(diff, finding, alpha))
    return made


def _blank(name: str, each: Objective, kind: str, policy: Gate) -> Finding:
    unit = OBJECTIVES[name]
    limit = float(getattr(each, kind))
    allowed = amount(limit, unit) if kind == "max" else more(limit, unit)
    return Finding(
        name=f"{name} <= {allowed}" if kind == "max" else f"{name} rise <= {allowed}",
        metric=name,
        kind="operation",
        critical=each.critical,
        mode=each.mode or policy.mode,
        result="inconclusive",
        unit=unit,
        limit=limit,
    )


def amount(value: float | None, unit: str) -> str:
    """2.25 "s" -> "2.25 s"; 0.02 "share" -> "2%"."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.3g}%"
    number = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return f"{number} {unit}"


def more(value: float | None, unit: str) -> str:
    """A rise: 0.25 -> "25%" of what it was; in a unit of shares 0.02 -> "2 points"."""
    if value is None:
        return "–"
    return f"{100 * value:.3g} points" if unit == "share" else f"{100 * value:.3g}%"


def needed(name: str) -> int:
    """How many cases a figure takes at least: as many as bound its quantile with 95 % confidence by
    the largest of them (0.95 ** n <= 0.05 gives 59)."""
    return 59 if SHARES.get(name) == 0.95 else FEWEST


def figure(found: Sample, name: str, *, before: bool = False) -> float | None:
    """A figure of one side; None where it is undefined."""
    amounts, counts = found.before if before else found.after
    if not len(amounts):
        return None
    if name in SHARES:
        return quantile(amounts, SHARES[name])
    total = float(counts.sum())
    return float(amounts.sum()) / total if total > 0 else None


def sample(took: Iterable[Took], name: str, *, paired: bool) -> Sample:
    """The trials that count for a figure: fresh ones, of both sides if they are `paired`."""
    read = _READ[name]
    numbers: dict[str, int] = {}
    units: list[int] = []
    rows: list[tuple[float, float, float, float]] = []
    missing = 0
    for each in took:
        for old, new in _trials(each, paired=paired):
            both = [read(old) if old else (0.0, 0.0), read(new)]
            if None in both:
                continue
            values = [value for pair in both for value in pair or ()]
            if any(map(math.isnan, values)):
                missing += 1
                continue
            unit = f"cluster {each.cluster}" if each.cluster is not None else f"case {each.case}"
            units.append(numbers.setdefault(unit, len(numbers)))
            rows.append((values[0], values[1], values[2], values[3]))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return Sample(
        np.array(units, dtype=np.int64), (table[2], table[3]), (table[0], table[1]), missing
    )


def _trials(each: Took, *, paired: bool) -> Sequence[tuple[Trial | None, Trial]]:
    if paired:
        return list(zip(each.before, each.after, strict=False))
    return [(None, trial) for trial in each.after]


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _took(field: str) -> Read:
    def read(trial: Trial) -> tuple[float, float] | None:
        if not trial.spent.fresh:
            return None
        value = getattr(trial.spent, field)
        return _known(max(value, 1e-9) if value is not None and field in _TIMES else value), 1.0

    return read


_TIMES = ("latency", "first_token")


def _part(field: str, whole: str) -> Read:
    def read(trial: Trial) -> tuple[float, float] | None:
        count = getattr(trial.spent, whole)
        return (float(getattr(trial.spent, field)), float(count)) if count else None

    return read


def _paid(trial: Trial) -> tuple[float, float] | None:
    if not trial.spent.fresh:
        return None
    success = None if trial.success is None else float(trial.success)
    return _known(trial.spent.cost), _known(success)


_READ: dict[str, Read] = {
    "latency_p50": _took("latency"),
    "latency_p95": _took("latency"),
    "first_token_p50": _took("first_token"),
    "first_token_p95": _took("first_token"),
    "tokens": _took("tokens"),
    "cost": _took("cost"),
    "cost_per_success": _paid,
    "error_rate": _took("lost"),
    "failed_attempts": _took("failed_attempts"),
    "swap_flip_rate": _part("flips", "swaps"),
    "unparsable_rate": _part("unparsable", "verdicts"),
}


def _absolute(finding: Finding, found: Sample, alpha: float) -> Finding:
    name, limit = finding.metric, finding.limit or 0.0
    value = figure(found, name)
    finding = replace(finding, n=found.size, missing=found.missing, after=value)
    lacking = _lacking(finding, found)
    if lacking or value is None:
        return replace(finding, reason=lacking or "no fresh answer succeeded")
    shown, least = _span(found, name, _SHOWN), _span(found, name, alpha)
    finding = replace(finding, low=shown.low, high=shown.high)
    if least.low > limit:
        reason = f"over {amount(limit, finding.unit)} by more than chance explains"
        return replace(finding, result="over", reason=reason)
    result, reason = _settled(finding, found)
    if result == "pass" and value > limit:
        return replace(finding, reason=f"over by less than {found.size} cases can prove")
    return replace(finding, result=result, reason=reason)


def _span(found: Sample, name: str, alpha: float) -> Span:
    """The figure with bounds at 1 - `alpha` each. Of a quantile they are those of R. Woodruff,
    Journal of the American Statistical Association 47 (1952): the quantiles at the bounds of its
    share."""
    amounts, counts = found.after
    z = NormalDist().inv_cdf(1 - alpha)
    if name in SHARES:
        ends = rate_bounds(SHARES[name], found.size, z) or (0.0, 1.0)
        low, high = (quantile(amounts, end) for end in ends)
        return Span(quantile(amounts, SHARES[name]), low, high)
    if OBJECTIVES[name] == "share":
        rate = float(amounts.sum() / counts.sum())
        low, high = rate_bounds(min(1.0, rate), found.size, z) or (0.0, 1.0)
        return Span(rate, low, high)
    return ratio_span(amounts, counts, found.units, upper(alpha, found.size - 1))


def _relative(diff: Diff, finding: Finding, alpha: float) -> Finding:
    name = finding.metric
    if diff.baseline is None:
        reason = "there is no snapshot to compare with"
        return replace(finding, result="no baseline", reason=reason)
    found = sample(diff.took, name, paired=True)
    before, after = figure(found, name, before=True), figure(found, name)
    finding = replace(finding, n=found.size, missing=found.missing, before=before, after=after)
    lacking = _lacking(finding, found)
    if lacking:
        return replace(finding, reason=f"{lacking}, measured on both sides")
    if before is None or after is None:
        return replace(finding, reason="no fresh answer succeeded on one of the sides")
    if finding.unit != "share" and not (before > 0 and after > 0):
        return _from_nothing(finding, before, after)
    return _compared(finding, found, alpha)


def _compared(finding: Finding, found: Sample, alpha: float) -> Finding:
    name, limit = finding.metric, finding.limit or 0.0
    shown, bound = _rise(found, name, _SHOWN), _rise(found, name, alpha)
    finding = replace(finding, effect=shown.value, low=shown.low, high=shown.high)
    allowed = more(limit, finding.unit)
    if bound.low is not None and bound.low > limit:
        reason = f"{_MORE[finding.unit]} than the snapshot, by more than the {allowed} allowed"
        return replace(finding, result="regression", reason=reason)
    result, reason = _settled(finding, found)
    if result == "pass" and (bound.high is None or bound.high > limit):
        most = "any rise" if bound.high is None else f"a rise of {more(bound.high, finding.unit)}"
        return replace(finding, reason=f"{most} is not ruled out, {allowed} was asked")
    return replace(finding, result=result, reason=reason)


def _from_nothing(finding: Finding, before: float, after: float) -> Finding:
    """Where one side is 0 there is no factor; less, or as little, is no rise."""
    if after <= before:
        return replace(finding, result="pass")
    return replace(finding, reason="the snapshot's is 0, of which no rise can be told: give a max")


def _rise(found: Sample, name: str, alpha: float) -> Factor:
    """How much more, less 1: a factor's excess; of shares the difference (Bonett and Price)."""
    if OBJECTIVES[name] == "share":
        return _points(found, NormalDist().inv_cdf(1 - alpha))
    if name in SHARES:
        before, after = found.before[0], found.after[0]
        made = quantile_factor(before, after, found.units, SHARES[name], alpha)
    else:
        made = ratio_factor(found.before, found.after, found.units, alpha)
    low, high = (None if each is None else each - 1 for each in (made.low, made.high))
    return Factor(made.value - 1, low, high)


def _points(found: Sample, z: float) -> Factor:
    (was, of), (now, by) = found.before, found.after
    change = now / by - was / of
    sizes = np.bincount(found.units).astype(np.float64)
    sums = np.bincount(found.units, weights=change)
    low = -paired_bounds(sums.tolist(), sizes.tolist(), z).upper_drop
    high = paired_bounds((-sums).tolist(), sizes.tolist(), z).upper_drop
    return Factor(float(change.mean()), low, high)


def _lacking(finding: Finding, found: Sample) -> str:
    """Why nothing can be said; "" if enough was asked afresh."""
    least = needed(finding.metric)
    if found.size >= least:
        return ""
    if not found.size and found.missing and finding.unit in _LACK:
        return _LACK[finding.unit].format(n=found.missing)
    return f"{found.size} of the {least} cases that it takes were asked afresh"


def _settled(finding: Finding, found: Sample) -> tuple[Result, str]:
    trials = len(found.units) + found.missing
    if found.missing > MISSING * trials:
        return "inconclusive", f"{found.missing} of {trials} fresh answers lack the figure"
    return "pass", ""
