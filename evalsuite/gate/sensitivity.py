"""What a snapshot says that its gates would see."""

from __future__ import annotations

from evalsuite.policy import OVERALL
from evalsuite.records import CHECKS, Manifest


def gate_name(metric: str, part: str) -> str:
    """The name of a gate on a metric, overall or in a slice: "checks", "checks, topic=legal"."""
    return metric if part == OVERALL else f"{metric}, {part}"


def drops_of(manifest: Manifest) -> dict[str, float]:
    """The smallest drop by name of the gate. An old manifest, by slice, told of `checks` alone."""
    metrics = {CHECKS, *(metric.name for metric in manifest.metrics)}
    return {
        name if _gate(name, metrics) else gate_name(CHECKS, name): drop
        for name, drop in manifest.detectable.items()
    }


def _gate(name: str, metrics: set[str]) -> bool:
    return name in metrics or any(name.startswith(f"{metric}, ") for metric in metrics)
