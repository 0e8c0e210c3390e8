"""Scores of a judge that was asked elsewhere are verdicts, or problems with a line each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import CARD, PASS, POLITE, by_id, item

from evalsuite.calibration.scores import read_scores
from evalsuite.errors import ProblemsError
from evalsuite.judging.records import UNSURE

ITEMS = by_id([item(number) for number in range(3)])
FIRST, SECOND, THIRD = ITEMS
TWO = replace(CARD, criteria=(POLITE, replace(POLITE, name="short")))


def problems(text: str, card: object = CARD) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        read_scores(text.encode(), "s", card, ITEMS)  # type: ignore[arg-type]
    return str(caught.value).splitlines()


def test_numbers_and_levels_in_csv_and_json_lines() -> None:
    rows = [
        {"item": FIRST, "score": 0.75},
        {"case": "c1", "label": "Pass"},
        {"item": THIRD, "label": UNSURE},
    ]
    lines = "".join(json.dumps(each) + "\n" for each in rows)
    table = f"item,case,score,label\n{FIRST},,0.75,\n,c1,,Pass\n{THIRD},,,unsure\n"
    for text in (lines, table):
        found = read_scores(text.encode(), "s", CARD, ITEMS)
        one, two, three = (found[each]["polite"] for each in (FIRST, SECOND, THIRD))
        assert (one.label, one.value) == (None, 0.75)
        assert (two.label, two.value) == (PASS, 1.0)
        assert (three.label, three.value, three.reason) == (UNSURE, None, "unable to tell")


def test_a_row_without_a_score_is_no_verdict() -> None:
    found = read_scores(f"item,score\n{FIRST},\n".encode(), "s", CARD, ITEMS)
    assert (found[FIRST]["polite"].value, found[FIRST]["polite"].reason) == (None, "no score")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"item": "x", "score": 1}', "s:1: item: 'x' is no item that was rated"),
        ('{"score": 1}', "s:1: item: names neither item nor case"),
        ('{"case": "c9", "score": 1}', "s:1: case: no item is of case 'c9'"),
        ('{"case": "c1", "score": 4}', "s:1: score: must be a number from 0 to 1, not 4"),
        ('{"case": "c1", "score": true}', "s:1: score: must be a number from 0 to 1, not True"),
        ('{"case": "c1", "score": "nan"}', "s:1: score: must be a number from 0 to 1"),
        ('{"case": "c1", "score": 1, "label": "pass"}', "s:1: score: beside a label"),
        ('{"case": "c1", "label": "good"}', "s:1: value: polite has no level 'good'"),
        ('{"case": "c1", "score": 1, "criterion": "polit"}', 'did you mean "polite"'),
        ('{"case": "c1", "scoer": 1}', 'unknown column (did you mean "score"?)'),
        ('{"case": "c1"}', "score: the column is missing"),
        ("", "holds no scores"),
    ],
)
def test_what_says_nothing_clear_is_refused(row: str, said: str) -> None:
    assert any(said in each for each in problems(row))


def test_two_scores_of_one_item_are_a_problem() -> None:
    (found,) = problems(f"item,case,score\n{FIRST},,1\n,c0,0\n")
    assert "s:3: item: has a score above" in found


def test_with_several_criteria_each_row_says_which() -> None:
    (found,) = problems(f"item,score\n{FIRST},1\n", TWO)
    assert "criterion: no criterion None (one of polite, short)" in found
    text = f"item,criterion,score\n{FIRST},polite,1\n{FIRST},short,0\n"
    assert set(read_scores(text.encode(), "s", TWO, ITEMS)[FIRST]) == {"polite", "short"}


def test_a_case_with_two_items_does_not_say_which() -> None:
    twice = {**ITEMS, **by_id([replace(item(9), case="c1")])}
    with pytest.raises(ProblemsError, match="2 items are of case 'c1'"):
        read_scores(b"case,score\nc1,1\n", "s", CARD, twice)


@given(st.binary(max_size=60))
def test_any_bytes_are_scores_or_problems(data: bytes) -> None:
    said = "s:"
    try:
        assert read_scores(data, "s", CARD, ITEMS)
    except ProblemsError as error:
        said = str(error)
    assert said.startswith("s:")
