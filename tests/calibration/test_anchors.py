"""Whether a judge says of the same outputs what it once said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.calibration.anchors import shift

VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60)


@given(VALUES)
def test_equal_verdicts_are_no_drift(values):
    found = shift(values, values)
    assert (found.p, found.before, found.drifted) == (1.0, found.after, False)


def test_no_anchor_tells_nothing():
    assert shift([], []) is None


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_judge_that_grew_harsher_or_milder_drifted(sign):
    stored = np.full(40, 0.5)
    now = stored + sign * np.array([0.25] * 12 + [0.0] * 28)
    assert shift(stored, now).drifted


def test_noise_in_both_directions_is_no_drift():
    rng = np.random.default_rng(5)
    drifted = 0
    for _ in range(300):
        stored = rng.choice([0.0, 0.5, 1.0], 40)
        noise = np.where(rng.random(40) < 0.2, rng.choice([-0.5, 0.5], 40), 0)
        now = np.where((stored + noise > 1) | (stored + noise < 0), stored - noise, stored + noise)
        drifted += shift(stored, np.clip(now, 0, 1)).drifted
    assert drifted <= 9
