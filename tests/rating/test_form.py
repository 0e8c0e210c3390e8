"""What a form may say, by the card and by the side on which an answer was shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_samples import BOTH, CARD, PAIR

from evalsuite.judging.records import UNSURE, Level
from evalsuite.rating.form import MAX_CRITIQUE, MAX_SECONDS, choices, level_of, read, sent_for


def test_a_critique_is_needed_in_the_worst_half_only() -> None:
    for fields, wrong in (
        ({"v0": "fail", "v1": "warm"}, {"correctness"}),
        ({"v0": "fail", "c0": "12 weeks is wrong", "v1": "neutral"}, set()),
        ({"v0": "pass", "v1": "rude"}, {"tone"}),
        ({"v0": "pass", "v1": UNSURE}, set()),
        ({"v0": "fail", "c0": " \n ", "v1": "warm"}, {"correctness"}),
        ({"v0": "pass"}, {"tone"}),
        ({}, {"correctness", "tone"}),
        ({"v0": "perfect", "v1": "warm"}, {"correctness"}),
    ):
        assert set(read(BOTH, fields, "", 10.0).problems) == wrong


def test_no_side_of_a_pair_needs_a_critique() -> None:
    for sent in ("left", "right", "tie", UNSURE):
        assert not read(PAIR, {"v0": sent}, "ba", 10.0).problems


def test_sides_are_kept_as_the_outputs_they_were() -> None:
    values = [
        read(PAIR, {"v0": sent}, order, 1.0).values["preference"]  # type: ignore[arg-type]
        for order in ("ab", "ba")
        for sent in ("left", "right", "tie")
    ]
    assert values == ["A", "B", "tie", "B", "A", "tie"]


@given(order=st.sampled_from(["ab", "ba"]), level=st.sampled_from(["A", "B", "tie", UNSURE]))
def test_a_side_comes_back_as_it_was_sent(order: str, level: str) -> None:
    assert level_of(sent_for(level, order), order) == level  # type: ignore[arg-type]


def test_a_pair_can_not_be_answered_by_a_level_that_the_page_does_not_offer() -> None:
    assert read(PAIR, {"v0": "A"}, "ba", 1.0).problems


@pytest.mark.parametrize(
    ("sent", "at_most", "seconds"),
    [
        ("12.34", 60.0, 12.3),
        ("900", 60.0, 60.0),
        ("1e9", 1e9, MAX_SECONDS),
        ("-3", 60.0, None),
        ("nan", 60.0, None),
        ("inf", 60.0, None),
        ("", 60.0, None),
        ("5", -2.0, 0.0),
    ],
)
def test_seconds_are_bounded_by_what_the_server_saw(
    sent: str, at_most: float, seconds: float | None
) -> None:
    assert read(CARD, {"v0": "pass", "seconds": sent}, "", at_most).seconds == seconds


def test_a_critique_is_bounded_and_can_be_stored() -> None:
    found = read(CARD, {"v0": "pass", "c0": "a\ud800b\0c\r\nd"}, "", 1.0)
    assert found.critiques["correctness"] == "a?bc\nd"
    assert read(CARD, {"v0": "pass", "c0": "x" * (MAX_CRITIQUE + 1)}, "", 1.0).problems


def test_keys_go_from_worst_to_best_and_unsure_is_the_last() -> None:
    assert [(each.key, each.label, each.fail) for each in choices(CARD, CARD.criteria[0])] == [
        ("1", "fail", True),
        ("2", "pass", False),
        ("u", "Unsure", False),
    ]
    assert [each.key for each in choices(PAIR, PAIR.criteria[0])] == ["a", "t", "b", "u"]


def test_a_level_may_be_called_like_a_side() -> None:
    scale = (Level("left", 0.0), Level("right", 1.0))
    card = replace(CARD, criteria=(replace(CARD.criteria[0], scale=scale),))
    assert read(card, {"v0": "right"}, "", 1.0).values == {"correctness": "right"}
    assert sent_for("right", "") == "right"
