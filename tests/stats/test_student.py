"""Student's quantiles are scipy's."""

from __future__ import annotations

import pytest

from evalsuite.stats.bounds import Z_ONE_SIDED, Z_TWO_SIDED
from evalsuite.stats.student import student


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 7, 10, 29, 30, 99, 1000, 9999, 10_000])
def test_quantiles_are_scipys(freedom):
    special = pytest.importorskip("scipy.special")
    expected = (special.stdtrit(freedom, 0.975), special.stdtrit(freedom, 0.95))
    assert student(freedom) == pytest.approx(expected, rel=1e-9)


def test_many_degrees_are_normal_and_none_is_an_error():
    assert student(10_001) == (Z_TWO_SIDED, Z_ONE_SIDED)
    with pytest.raises(ValueError, match="degree"):
        student(0)
