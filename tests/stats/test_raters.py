import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalsuite.stats.raters import (
    alphas,
    counts,
    fleiss_kappa,
    krippendorff_alpha,
    majority,
    means,
    medians,
    numbers,
    pair_agreement,
    pairwise_kappas,
)

library = pytest.importorskip("krippendorff")

SCALE = (1, 2, 3, 4, 5)
# K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), C: 12 units, 4 observers.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
PUBLISHED = [list(unit) for unit in zip(*OBSERVERS, strict=True)]

ratings = st.lists(
    st.lists(st.none() | st.sampled_from(SCALE), min_size=3, max_size=3), min_size=2, max_size=15
)


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_is_the_published_one(metric, published):
    assert krippendorff_alpha(PUBLISHED, SCALE, metric=metric) == pytest.approx(published, abs=6e-4)


@given(ratings, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_is_the_librarys_and_the_one_of_the_counts(rows, metric):
    found = krippendorff_alpha(rows, SCALE, metric=metric)
    assume(found is not None)
    data = np.array([[np.nan if each is None else each for each in row] for row in rows]).T
    assert found == pytest.approx(
        library.alpha(data, value_domain=SCALE, level_of_measurement=metric), abs=1e-9
    )
    once = np.ones((1, len(rows)))
    own = alphas(counts(rows, SCALE), once, metric, numbers(SCALE))[0]
    assert own == pytest.approx(found, abs=1e-9)


@given(ratings)
def test_the_order_of_raters_and_of_units_changes_no_alpha(rows):
    found = krippendorff_alpha(rows, SCALE, metric="ordinal")
    turned = krippendorff_alpha([row[::-1] for row in rows[::-1]], SCALE, metric="ordinal")
    assert found == turned or found == pytest.approx(turned, abs=1e-12)


def test_a_weight_of_two_is_a_unit_twice_but_for_the_small_sample_term():
    found = counts(PUBLISHED, SCALE)
    twice = alphas(np.vstack([found, found]), np.ones((1, 24)), "nominal", numbers(SCALE))
    weighted = alphas(found, np.full((1, 12), 2.0), "nominal", numbers(SCALE))
    assert twice == pytest.approx(weighted)


def test_alpha_is_none_where_nothing_can_be_said():
    assert krippendorff_alpha([[1, None], [None, 2]], SCALE) is None
    assert krippendorff_alpha([[1, 1], [1, 1]], SCALE) is None
    assert krippendorff_alpha([], SCALE) is None


def test_fleiss_kappa_is_the_published_one():
    # J. Fleiss (1971): 30 patients, 6 raters, 5 diagnoses; here the first 10 of the worked table.
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = [
        [level for level, count in zip(SCALE, row, strict=True) for _ in range(count)]
        for row in table
    ]
    assert fleiss_kappa(rows, SCALE) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_is_over_complete_units():
    rows = [[1, 1, 2], [2, 2, 2], [3, 3, 1], [1, None, 1]]
    assert fleiss_kappa(rows, SCALE) == fleiss_kappa(rows[:3], SCALE)
    assert fleiss_kappa([[1, None]], SCALE) is None


def test_pairs_of_ratings_are_pooled_over_units():
    # three pairs in the first unit (one equal), one in the second (equal), none in the third
    assert pair_agreement([[1, 1, 2], [3, None, 3], [None, 5, None]], SCALE) == pytest.approx(2 / 4)
    assert pair_agreement([[1, None]], SCALE) is None


def test_kappas_of_two_raters_are_over_the_units_that_both_rated():
    metrics = pytest.importorskip("sklearn.metrics")
    found = pairwise_kappas(PUBLISHED, SCALE)
    assert set(found) == {(a, b) for a in range(4) for b in range(a + 1, 4)}
    one = [a for a, b in zip(OBSERVERS[0], OBSERVERS[2], strict=True) if a and b]
    two = [b for a, b in zip(OBSERVERS[0], OBSERVERS[2], strict=True) if a and b]
    assert found[0, 2] == pytest.approx(metrics.cohen_kappa_score(one, two))


def test_a_vote_without_a_winner_is_named():
    rows = [["B", "A", "B"], ["A", "B", None], [None, None, None]]
    levels = ("A", "tie", "B")
    assert majority(rows, levels) == ["B", None, None]
    assert majority(rows, levels, ties="first") == ["B", "A", None]
    assert majority(rows, levels, ties="last") == ["B", "B", None]
    assert majority(rows, levels, ties=("as", "tie")) == ["B", "tie", None]


def test_medians_and_means_leave_out_who_did_not_rate():
    assert medians([[1, 4, None], [3, 1, 2], [None]]) == [2.5, 2.0, None]
    assert means([[1, 4, None], [None]]) == [2.5, None]
