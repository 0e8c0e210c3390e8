"""A whole suite's run as far as a tier of it goes: what is beyond is neither gone nor dropped."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from evalsuite.records import Extent, Manifest, Row, Run, shared

T = TypeVar("T")


def beside(baseline: Run, candidate: Manifest) -> Run:
    """The baseline as a candidate is compared with it: the part that its tier measures."""
    tier = candidate.tiers.get(candidate.tier)
    if tier is None:
        return baseline
    return of_tier(baseline, known(baseline.manifest, candidate.tier, tier), candidate.among)


def known(baseline: Manifest, name: str, tier: Extent) -> Extent:
    """The tier with what its gates see, if the baseline knows it as it is now."""
    stored = baseline.tiers.get(name)
    return stored if stored is not None and _asks(stored) == _asks(tier) else tier


def _asks(tier: Extent) -> Extent:
    """What it asks: without the level, which a run halves that is compared with a release too."""
    policy = {name: value for name, value in tier.policy.items() if name != "level"}
    return replace(tier, detectable={}, policy=policy)


def of_tier(run: Run, tier: Extent, cases: Collection[str]) -> Run:
    """The rows of these cases, all of them where `cases` is empty, with the tier's metrics alone;
    what the gates see is what `tier` knows of it."""
    kept = set(cases)
    metrics = tuple(each for each in run.manifest.metrics if not _left_out(each.name, tier))
    return Run(
        replace(run.manifest, metrics=metrics, detectable=tier.detectable),
        {name: _row(row, tier) for name, row in run.rows.items() if not kept or name in kept},
    )


def _row(row: Row, tier: Extent) -> Row:
    if not tier.without:
        return row
    return replace(row, scores=_kept(row.scores, tier), scorer_keys=_kept(row.scorer_keys, tier))


def _kept(by_metric: Mapping[str, T], tier: Extent) -> Mapping[str, T]:
    return shared({name: each for name, each in by_metric.items() if not _left_out(name, tier)})


def _left_out(metric: str, tier: Extent) -> bool:
    """Whether it is a metric, or a part of one, that the tier leaves out."""
    return any(metric == name or metric.startswith(f"{name}.") for name in tier.without)
