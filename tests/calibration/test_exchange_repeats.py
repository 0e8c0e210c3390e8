"""A hidden repeat that was answered otherwise goes out and comes back as one, in every layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from making import CARD, FAIL, GRADES, PASS, item

from evalsuite.calibration.exchange import FORMATS, export, read, take
from evalsuite.calibration.labels import append_items, append_labels, read_items, read_labels
from evalsuite.calibration.records import Label
from evalsuite.errors import ProblemsError
from evalsuite.judging.records import UNSURE


def ratings() -> list[Label]:
    one = item(1).id
    return [
        Label(item=one, rater="ann", criterion="polite", value=UNSURE),
        Label(item=one, rater="ann", criterion="polite", value=PASS, critique="so", occasion=1),
        Label(item=one, rater="bob", criterion="polite", value=FAIL, critique="no"),
    ]


@pytest.mark.parametrize("layout", FORMATS)
def test_a_repeat_with_another_answer_is_no_contradiction(layout: str, tmp_path: Path) -> None:
    folder, other = tmp_path / "tone", tmp_path / "other"
    append_items(folder, [item(1)])
    append_labels(folder, ratings())
    data = export(folder, layout, CARD)
    again = take(folder, CARD, read(layout, data, "f", CARD, read_items(folder)))
    assert (again.labels, again.items, again.same) == (0, 0, 3)
    take(other, CARD, read(layout, data, "f", CARD, {}))
    found = {(x.rater, x.occasion): (x.value, x.critique) for x in read_labels(other)}
    assert found == {(x.rater, x.occasion): (x.value, x.critique) for x in ratings()}


def test_argilla_gets_one_answer_of_a_rater_per_question(tmp_path: Path) -> None:
    append_items(tmp_path, [item(1)])
    append_labels(tmp_path, ratings())
    (record,) = json.loads(export(tmp_path, "argilla", CARD))
    users = [each["user_id"] for each in record["responses"]["polite"]]
    assert len(users) == len(set(users)) == 2


@pytest.mark.parametrize("value", ["[", "{}", '[{"rater": 1}]', "[1]", "[]", 7])
def test_repeats_that_are_none_are_refused(value: object) -> None:
    record = {"fields": {"output": "a"}, "responses": {}, "metadata": {"repeats": value}}
    with pytest.raises(ProblemsError, match="repeats: holds"):
        read("argilla", json.dumps([record]).encode(), "f", CARD, {})


def test_a_table_has_reasons_beside_each_criterion() -> None:
    text = "rater,output,good,good_critique\nann,an answer,4,short and right\n"
    (label,) = read("csv", text.encode(), "f", GRADES, {}).labels
    assert (label.value, label.critique) == ("4", "short and right")
