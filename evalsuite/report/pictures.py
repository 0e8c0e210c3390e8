"""What a run has to show as plots: how values lie, what answers took, how far judges can be read.

A run in which nothing moved has nothing to plot, and draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from evalsuite.records import Metric, Row, Standing
from evalsuite.report import figures
from evalsuite.report.blocks import Cases, Name
from evalsuite.report.cases import main_metrics
from evalsuite.report.drawn import Distribution, Intervals, Mark, Plots, Spread
from evalsuite.report.material import Material
from evalsuite.stats.bounds import rate_bounds

_BINS = 10
_ENOUGH = 5
"""Fresh answers below which a curve would only be steps."""

_PARTS = 5
"""Into how many parts a judge's values are cut where they are not few anyway."""


def quality(material: Material, cases: Cases) -> Plots | None:
    """How many cases have which value before and after, and what people say where a judge does."""
    items: list[Distribution | Intervals] = [
        *distributions(material, cases),
        *_reliability(material),
    ]
    return Plots("Distributions", items) if items else None


def distributions(material: Material, cases: Cases) -> list[Distribution]:
    """Of each metric whose values moved, or that is new."""
    edges = [at / _BINS for at in range(_BINS)]
    made = []
    for at, metric in main_metrics(material, cases):
        before, after = [0] * _BINS, [0] * _BINS
        for one in cases.lines:
            for bins, seen in ((before, one.before[at]), (after, one.after[at])):
                if seen is not None and one.kind != "gone":
                    bins[max(0, min(int(seen * _BINS), _BINS - 1))] += 1
        if any(after) and before != after:
            made.append(Distribution(metric, edges, before, after))
    return made


def operations(material: Material) -> Plots | None:
    """What answers took that were asked afresh, beside what those of the baseline did."""
    items = []
    for title, unit, field in (
        ("Latency of an answer", "s", "latency"),
        ("Time to the first token", "s", "first_token"),
        ("Cost of an answer, USD", "USD", "cost"),
    ):
        before, after = _taken(material.before, field), _taken(material.after, field)
        if len(after) >= _ENOUGH and any(after):
            old = before if len(before) >= _ENOUGH else []
            items.append(Spread(title, "USD" if unit == "USD" else "s", old, after))
    return Plots("Latency and cost of fresh answers", items) if items else None


def _taken(rows: Mapping[str, Row], field: str) -> list[float]:
    taken = (getattr(each, field) for row in rows.values() for each in row.spent if each.fresh)
    return [each for each in taken if each is not None and isfinite(each) and each >= 0]


def _reliability(material: Material) -> Iterable[Intervals]:
    """Of each judge whose values people rated: what they say where it says so much."""
    run = material.diff.candidate
    metrics = {each.name: each for each in run.metrics}
    for name, standing in run.judges.items():
        marks = _rated(metrics.get(name), standing)
        if len(marks) > 1:
            note = (
                "Where the judge says so much, what people say on average, with its 95 % interval."
            )
            yield Intervals(f"Reliability of {name}", marks, note, "what the judge says")


def _rated(metric: Metric | None, standing: Standing) -> list[Mark]:
    if metric is None or metric.role != "gate":
        return []
    parts: dict[float, list[Sequence[float]]] = {}
    pairs = [each for each in standing.pairs if _usable(each)]
    judged = {pair[1] for pair in pairs}
    for pair in pairs:
        share = min(1.0, max(0.0, pair[1]))
        part = share if len(judged) <= _PARTS else min(int(share * _PARTS), _PARTS - 1) / _PARTS
        parts.setdefault(part, []).append(pair)
    return [_mark(parts[part]) for part in sorted(parts)]


def _usable(pair: Sequence[float]) -> bool:
    """Of a stored run anything may stand there."""
    return len(pair) == 3 and all(isfinite(each) and each >= 0 for each in pair) and pair[2] > 0


def _mark(pairs: Sequence[Sequence[float]]) -> Mark:
    weight = sum(each[2] for each in pairs)
    people = min(1.0, sum(each[0] * each[2] for each in pairs) / weight)
    judge = sum(each[1] * each[2] for each in pairs) / weight
    low, high = rate_bounds(people, len(pairs)) or (0.0, 1.0)
    n = f"n={figures.number(len(pairs))}"
    return Mark(Name(figures.score(judge)), people, low, high, judge, n)
