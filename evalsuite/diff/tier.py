"""A whole suite's run as far as a tier of it goes: what is beyond is neither gone nor dropped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from evalsuite.records import Extent, Manifest, Run


def beside(baseline: Run, candidate: Manifest) -> Run:
    """The baseline as a candidate is compared with it: the part that its tier measures."""
    tier = candidate.tiers.get(candidate.tier)
    if tier is None:
        return baseline
    return of_tier(baseline, known(baseline.manifest, candidate.tier, tier), candidate.among)


def known(baseline: Manifest, name: str, tier: Extent) -> Extent:
    """The tier with what its gates see, if the baseline knows it as it is now."""
    stored = baseline.tiers.get(name)
    same = stored is not None and replace(stored, detectable={}) == replace(tier, detectable={})
    return stored if stored is not None and same else tier


def of_tier(run: Run, tier: Extent, cases: Collection[str]) -> Run:
    """The rows of these cases, all of them where `cases` is empty, and the tier's metrics; what the
    gates see is what `tier` knows of it."""
    kept = set(cases)
    metrics = tuple(each for each in run.manifest.metrics if not _left_out(each.name, tier))
    return Run(
        replace(run.manifest, metrics=metrics, detectable=tier.detectable),
        {name: row for name, row in run.rows.items() if not kept or name in kept},
    )


def _left_out(metric: str, tier: Extent) -> bool:
    """Whether it is a metric, or a part of one, that the tier leaves out."""
    return any(metric == name or metric.startswith(f"{name}.") for name in tier.without)
