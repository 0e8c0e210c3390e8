"""Two runs side by side: which cases can be compared, their values as paired arrays, what changed.

There are two kinds of identity. The measure (case, scorer) must be equal on both sides, else that
pair is stale: neither compared nor passed. The subject (model, prompt, inputs, code) is what is
being compared: it is expected to differ, and what changed of it is listed.
"""

from __future__ import annotations

from evalsuite.diff.pairing import VOTED, compare, own_trials
from evalsuite.diff.record import Change, Diff, Pairs, Took, Trial

__all__ = ["VOTED", "Change", "Diff", "Pairs", "Took", "Trial", "compare", "own_trials"]
