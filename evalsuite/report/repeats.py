"""How far the trials of a case are apart: the model's own noise, which is a quality of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from evalsuite.gate import OVERALL
from evalsuite.records import CHECKS
from evalsuite.report import figures
from evalsuite.report.blocks import Cases
from evalsuite.report.material import Material

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
    return f"{trials} trials a case, variance {figures.variance(metrics[metric])}"
