"""Anchors: frozen outputs with the verdicts that a judge once gave.

They are asked again in each run that asks the judge anyway. The outputs are the same, so that a
shift is the judge's own: its model changed behind its name, and nothing that it says of this run
can be compared with what it said of the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evalsuite.calibration.labels import read_items
from evalsuite.calibration.records import Item
from evalsuite.stats.flips import SignFlips
from evalsuite.stats.stages import step_down

ANCHORS = "anchors.jsonl"

SEED = 70_230
"""Fixed, so that equal verdicts always have equal p."""

LEVEL = 0.01
"""The two-sided p from which a shift counts: one false error in a hundred runs."""

MARGIN = 0.02
"""The smallest mean shift that counts: below it nothing would be blocked by it."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Mean verdicts of `n` anchors then and now, in [0, 1]; `p` is two-sided."""

    before: float
    after: float
    p: float
    n: int

    @property
    def drifted(self) -> bool:
        return self.p <= LEVEL and abs(self.after - self.before) >= MARGIN


def shift(stored: Sequence[float], now: Sequence[float]) -> Shift | None:
    """Whether a judge's verdicts on the same outputs moved; None without a verdict.

    `stored` and `now` hold one value in [0, 1] per anchor, in the same order. The test is a paired
    sign flip in both directions, stepped down.
    """
    if not len(stored):
        return None
    old, new = np.asarray(stored, dtype=np.float64), np.asarray(now, dtype=np.float64)
    moved = np.round(new - old, 8)
    flips = SignFlips(np.stack([moved, -moved], axis=1), rng=np.random.default_rng(SEED))
    p = float(step_down(flips).min()) if moved.any() else 1.0
    return Shift(float(old.mean()), float(new.mean()), p, len(old))


def read_anchors(folder: Path) -> tuple[Item, ...]:
    """The frozen items of a judge's folder; none where there is no file. ProblemsError."""
    return tuple(read_items(folder, ANCHORS).values())
