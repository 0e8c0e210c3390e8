"""By how much people found one side's answers better."""

from __future__ import annotations

import pytest

from evalsuite.calibration.people import human_differences, human_values
from evalsuite.calibration.records import Item, Label
from evalsuite.judging.records import Card, Criterion, Level, Subject
from evalsuite.records import Row

SCALE = (Level("bad", 0.0), Level("fair", 0.5), Level("good", 1.0))
CARD = Card(
    name="answer",
    kind="rubric",
    criteria=(Criterion("right", "?", SCALE, weight=3.0), Criterion("short", "?", SCALE)),
    template="",
    key="card",
)
PAIR = Card(
    name="better",
    kind="pairwise",
    criteria=(Criterion("better", "?", (Level("B", 0.0), Level("tie", 0.5), Level("A", 1.0))),),
    template="",
    key="card",
)


def label(item: str, criterion: str, value: str, rater: str = "r1", occasion: int = 0) -> Label:
    return Label(item=item, rater=rater, criterion=criterion, value=value, occasion=occasion)


def item(name: str, output_key: str, other_key: str = "") -> Item:
    subject = Subject(input="q", output=output_key, other=other_key or None)
    return Item(id=name, subject=subject, case="c", output_key=output_key, other_key=other_key)


def row(output: str) -> Row:
    return Row("c", "key", {}, {}, outputs=[output])


def test_criteria_are_weighted_and_raters_averaged():
    labels = [
        label("i", "right", "good"),
        label("i", "right", "fair", "r2"),
        label("i", "short", "bad"),
    ]
    assert human_values(CARD, labels) == {"i": pytest.approx((3 * 0.75 + 0.0) / 4)}


def test_unsure_repeats_and_half_rated_items_do_not_count():
    half = [label("i", "right", "good"), label("i", "short", "unsure")]
    assert human_values(CARD, half) == {}
    full = [label("i", "right", "good"), label("i", "short", "good")]
    again = label("i", "right", "bad", occasion=1)
    assert human_values(CARD, [*full, again]) == {"i": 1.0}


def test_a_case_counts_if_both_its_answers_were_rated():
    items = {"i": item("i", "new"), "j": item("j", "old")}
    before, after = {"c": row("old")}, {"c": row("new")}
    found = human_differences(CARD, items, {"i": 0.25, "j": 1.0}, before, after)
    assert found == {"c": (-0.75, 1.0)}
    assert human_differences(CARD, items, {"i": 0.25}, before, after) == {}
    assert human_differences(CARD, items, {"i": 0.25, "j": 1.0}, before, {"c": row("x")}) == {}


@pytest.mark.parametrize(
    ("first", "second", "value", "difference"),
    [("new", "old", 1.0, 0.5), ("old", "new", 1.0, -0.5), ("new", "old", 0.5, 0.0)],
)
def test_a_pair_counts_whichever_side_came_first(first, second, value, difference):
    items = {"p": item("p", first, second)}
    found = human_differences(PAIR, items, {"p": value}, {"c": row("old")}, {"c": row("new")})
    assert found == {"c": (difference, 1.0)}


def test_an_adjudicated_answer_goes_before_all_others():
    labels = [
        label("i", "right", "good"),
        label("i", "right", "bad", "r2"),
        label("i", "right", "fair", "adjudicated"),
        label("i", "short", "good"),
    ]
    assert human_values(CARD, labels) == {"i": pytest.approx((3 * 0.5 + 1.0) / 4)}
