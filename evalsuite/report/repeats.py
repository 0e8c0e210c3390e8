"""How far the trials of a case are apart: the model's own noise, which is a quality of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from evalsuite.diff import own_trials
from evalsuite.gate import OVERALL
from evalsuite.records import CHECKS
from evalsuite.report import figures
from evalsuite.report.blocks import Cases, Name, Table, TableRow, compact
from evalsuite.report.material import Material
from evalsuite.stats.flakiness import Unstable
from evalsuite.stats.intervals import Estimate
from evalsuite.stats.trials import Tries, tries

Variances = Mapping[tuple[str, str], float]
"""By metric and slice: the mean over cases of the variance of a case's trials."""


def variances(material: Material, cases: Cases) -> Variances:
    """Of this run; empty with one trial per case, and a slice is left out without a case that was
    scored twice."""
    by_id = {one.id: one.variance for one in cases.lines if one.variance}
    parts: dict[str, Sequence[str]] = {OVERALL: list(material.after)}
    parts |= {**material.diff.slices, **material.diff.derived}
    found = {}
    for name, ids in parts.items():
        members = [by_id[each] for each in ids if each in by_id]
        for at, metric in enumerate(cases.metrics):
            known = [each[at] for each in members]
            values = [each for each in known if each is not None]
            if values:
                found[metric, name] = fmean(values)
    return found


def said(material: Material, found: Variances) -> str:
    """What the first screen tells of trials; "" with one per case."""
    trials = material.diff.candidate.trials
    if trials < 2:
        return ""
    metrics = {metric: value for (metric, part), value in found.items() if part == OVERALL}
    metric = CHECKS if CHECKS in metrics else next(iter(metrics), "")
    if not metric:
        return f"{trials} trials a case"
    every = [each for each in tried(material) if each.all is not None][-1:]
    last = [f", pass^{each.k} {figures.percent(each.all.value)}" for each in every if each.all]
    varied = figures.variance(metrics[metric])
    return "".join([f"{trials} trials a case, variance {varied}", *last])


def tried(material: Material) -> list[Tries]:
    """pass@k and pass^k of `checks` over this run's cases, for each k up to its trials; empty with
    one trial per case, or where no case has checks."""
    run = material.diff.candidate
    counts, clusters = [], []
    for id_, row in sorted(material.after.items()):
        if CHECKS in row.scores:
            held = [each for each in own_trials(row, row.scores[CHECKS], run) if each is not None]
            counts.append((len(held), sum(each == 1.0 for each in held)))
            clusters.append(row.cluster or (id_,))
    if run.trials < 2 or not counts:
        return []
    return [tries(counts, k, clusters=clusters) for k in range(1, run.trials + 1)]


def table(found: Sequence[Tries]) -> Table | None:
    """A row per k; None with one trial per case."""
    if not found:
        return None
    rows = [
        TableRow(
            (
                (str(each.k),),
                (_estimate(each.at_least_one),),
                (_estimate(each.all),),
                (f"{figures.many(each.lack, 'case')} with fewer trials" if each.lack else "",),
            )
        )
        for each in found
    ]
    columns = ("k", "pass@k, 95% CI", "pass^k, 95% CI", "Not told")
    return compact(Table("Repeated tries", columns, rows, _TRIES))


LISTED = 10
"""Unstable cases that are named."""


def flaky(found: Sequence[Unstable]) -> Table | None:
    """The cases whose checks flipped while nothing changed, the most unstable first; None where
    none did."""
    if not found:
        return None
    rows = [
        TableRow(
            (
                (Name(each.case),),
                (f"{each.held} of {figures.many(each.answers, 'answer')}",),
                (figures.percent(each.instability),),
            )
        )
        for each in found[:LISTED]
    ]
    more = len(found) - len(rows)
    note = f"{_FLAKY} {figures.many(more, 'more case')} flipped." if more else _FLAKY
    return Table("Unstable cases", ("Case", "Checks held", "Instability"), rows, note)


_FLAKY = (
    "Over the stored runs of this same subject: the chance that two answers of a case disagree,"
    " with Jeffreys' prior. It changes no verdict."
)

_TRIES = (
    "Of k tries of a case at least one holds its checks (pass@k), all do (pass^k): unbiased"
    " estimates from its trials, the mean over all cases, the interval by case."
)


def _estimate(found: Estimate | None) -> str:
    if found is None:
        return figures.UNKNOWN
    low, high = figures.percent(found.low), figures.percent(found.high)
    return f"{figures.percent(found.value)} ({low} to {high})"
