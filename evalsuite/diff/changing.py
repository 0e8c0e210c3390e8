"""What of the subject differs between two runs: it is expected to, and is listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from evalsuite.diff.record import Change
from evalsuite.records import Part, Run


def changes(baseline: Run, candidate: Run) -> tuple[Change, ...]:
    """Model, then prompt and other inputs, then code."""
    old, new = baseline.manifest.subject, candidate.manifest.subject
    seeds = baseline.manifest.seed, candidate.manifest.seed
    seed = [Change("model", "seed", *map(str, seeds))] if seeds[0] != seeds[1] else []
    return (
        *_parts("model", old.models, new.models),
        *seed,
        *_parts("input", old.inputs, new.inputs),
        *_parts("code", old.code, new.code),
    )


def _parts(
    kind: Literal["model", "input", "code"], before: Mapping[str, Part], after: Mapping[str, Part]
) -> list[Change]:
    found = []
    for name in sorted({*before, *after}, key=lambda name: ("prompt" not in name.lower(), name)):
        one, other = before.get(name), after.get(name)
        if (one and one.key) != (other and other.key):
            same = one is not None and other is not None and one.label == other.label
            found.append(Change(kind, name, _spoken(one, same), _spoken(other, same)))
    return found


def _spoken(part: Part | None, ambiguous: bool) -> str | None:
    """A part's label, with its key where the label alone does not tell the sides apart."""
    if part is None:
        return None
    if not part.label:
        return part.key[:8]
    return f"{part.label} ({part.key[:8]})" if ambiguous else part.label
