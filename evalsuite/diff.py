"""Two runs side by side: which cases can be compared, their values as paired arrays, what changed.

There are two kinds of identity. The measure (case, scorer) must be equal on both sides, else that
pair is stale: neither compared nor passed. The subject (model, prompt, inputs, code) is what is
being compared: it is expected to differ, and what changed of it is listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evalsuite.records import Manifest

Status = Literal["same", "changed", "new", "gone", "stale"]
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Change:
    """A part of the subject that differs. `kind` is "model", "input" or "code"; None: absent."""

    kind: Literal["model", "input", "code"]
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Pairs:
    """One metric's comparable cases, sorted by id.

    `before` (n, kb) and `after` (n, kc) hold values in [0, 1], higher is better, with 0.0 where
    the masks `before_seen`, `after_seen` are False. `identical` (n,) marks cases whose outputs
    and scorer are the same on both sides, so that their difference is exactly 0.
    """

    metric: str
    ids: Sequence[str]
    before: Floats
    after: Floats
    before_seen: Bools
    after_seen: Bools
    identical: Bools
    clusters: Sequence[str | None] = ()


@dataclass(frozen=True, slots=True)
class Diff:
    """`stale` names the metrics per case that can't be compared; `slices` and `derived` map a name
    ("topic=legal", "input_length=longest") to the ids of its cases in the candidate."""

    suite: str
    baseline: Manifest | None
    candidate: Manifest
    status: Mapping[str, Status]
    stale: Mapping[str, Sequence[str]] = field(default_factory=dict)
    subject: Sequence[Change] = ()
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    slices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    derived: Mapping[str, Sequence[str]] = field(default_factory=dict)
