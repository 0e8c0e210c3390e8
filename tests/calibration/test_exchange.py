"""Ratings go to other tools and come back as they were; bad rows are named, none is half taken."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.calibration.exchange import FORMATS, export, read, take, write
from evalsuite.calibration.exchange.csv import LONGEST, safe, unsafe
from evalsuite.calibration.exchange.label_studio import config
from evalsuite.calibration.exchange.rows import level, shown_first
from evalsuite.calibration.labels import (
    append_items,
    append_labels,
    item_id,
    read_items,
    read_labels,
)
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import OptionError, ProblemsError
from evalsuite.judging.records import OTHER, PREFERRED, TIE, UNSURE, Card, Criterion, Level, Subject
from evalsuite.records import Document
from evalsuite.strictjson import Malformed

FAITHFUL = Criterion("faithful", "Is it?", tuple(Level(str(n), (n - 1) / 3) for n in range(1, 5)))
POLITE = Criterion("polite", "Is it?", (Level("fail", 0.0), Level("pass", 1.0)))
RUBRIC = Card(name="r", kind="rubric", criteria=(FAITHFUL, POLITE), template="", key="k")
PREFERENCE = Criterion(
    "preference", "Which?", (Level(OTHER, 0.0), Level(TIE, 0.5), Level(PREFERRED, 1.0))
)
PAIRS = Card(name="p", kind="pairwise", criteria=(PREFERENCE,), template="", key="k")
COLUMNS = Card(
    name="c",
    kind="rubric",
    criteria=tuple(replace(POLITE, name=name) for name in ("output", "expected", "case", "item")),
    template="",
    key="k",
)
"""Criteria that are called as columns are."""
ONE = Card(name="o", kind="rubric", criteria=(POLITE,), template="", key="k")


def item(output: str, *, other: str | None = None, given: Any = "Hi?", **more: Any) -> Item:
    contexts = (Document("d1", "A text; with, all"), Document("d2", "=1+1"))
    subject = Subject(input=given, output=output, other=other, expected="Yes", contexts=contexts)
    return Item(id=item_id(subject), subject=subject, **more)


# What a file keeps: no half surrogate pair.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAME = st.text("abcé @.-_'=+", min_size=1, max_size=9).map(lambda x: x.strip() or "r")


@st.composite
def rated(draw: st.DrawFn, card: Card) -> tuple[dict[str, Item], list[Label]]:
    pair = card.kind == "pairwise"
    items = {}
    for output in draw(st.lists(TEXT.filter(bool), min_size=1, max_size=3, unique=True)):
        other = draw(TEXT.filter(bool)) if pair else None
        given = draw(TEXT | st.dictionaries(TEXT, TEXT, max_size=2))
        made = item(output, other=other, given=given, case=draw(TEXT), slices={"a b": "c"})
        items[made.id] = made
    labels = []
    for made in items.values():
        for rater in draw(st.sets(NAME, max_size=2)):
            for criterion in card.criteria:
                value = draw(st.sampled_from([*(x.label for x in criterion.scale), UNSURE]))
                labels.append(
                    Label(
                        item=made.id,
                        rater=rater,
                        criterion=criterion.name,
                        value=value,
                        critique=draw(TEXT),
                        order=shown_first(made),
                    )
                )
    return items, labels


def essence(labels: Sequence[Label]) -> set[tuple[Any, ...]]:
    return {(x.item, x.rater, x.criterion, x.value, x.critique, x.order) for x in labels}


@pytest.mark.parametrize("layout", FORMATS)
@given(data=st.data())
def test_what_was_exported_is_imported_as_it_was(layout: str, data: st.DataObject) -> None:
    card = data.draw(st.sampled_from([RUBRIC, PAIRS, COLUMNS]))
    items, labels = data.draw(rated(card))
    found = read(layout, write(layout, card, items, labels), "f", card, items)
    assert essence(found.labels) == essence(labels)
    assert found.items == []


@pytest.mark.parametrize("layout", FORMATS)
def test_a_project_without_the_items_takes_them_from_the_texts(layout: str) -> None:
    made = item(
        "An answer", given={"question": "Why?"}, case="c1", cluster="doc", slices={"a": "b"}
    )
    label = Label(item=made.id, rater="ann", criterion="polite", value="pass")
    found = read(layout, write(layout, RUBRIC, {made.id: made}, [label]), "f", RUBRIC, {})
    assert [each.item for each in found.labels] == [made.id]
    assert found.items == [made]


@pytest.mark.parametrize("layout", FORMATS)
def test_raters_learn_nothing_of_the_judge(layout: str) -> None:
    hidden = {"judged": {"polite": "JUDGED"}, "weight": 0.123456, "arm": "candidate"}
    made = item("An answer", run="RUN", output_key="OUTPUT", **hidden)
    text = write(layout, RUBRIC, {made.id: made}, []).decode()
    for secret in ("JUDGED", "0.123456", "candidate", "RUN", "OUTPUT"):
        assert secret not in text


@given(TEXT)
def test_a_cell_is_no_formula_and_comes_back(text: str) -> None:
    cell = safe(text)
    assert unsafe(cell) == text
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%"))


@pytest.mark.parametrize("text", ["=1", "'=1", "''", "'", "-3", "'twas", "\t=1", "＝1", "''=1"])
def test_hostile_cells_come_back(text: str) -> None:
    assert unsafe(safe(text)) == text


def table(rows: Sequence[Mapping[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def test_a_plain_table_of_ones_own_is_enough() -> None:
    rows = [
        {"question": "Hi?", "answer": "Yes.", "who": "ann", "polite": "Pass", "faithful": "4.0"},
        {"question": "Hi?", "answer": "No!", "who": "ann", "polite": "unsure", "faithful": ""},
    ]
    names = {"question": "input", "answer": "output", "who": "rater"}
    found = read("csv", table(rows), "f.csv", RUBRIC, {}, names)
    assert [each.subject.output for each in found.items] == ["Yes.", "No!"]
    values = [(each.criterion, each.value) for each in found.labels]
    assert values == [("faithful", "4"), ("polite", "pass"), ("polite", "unsure")]


def test_every_bad_row_is_named_and_nothing_is_taken() -> None:
    good = {"output": "Yes.", "rater": "ann", "criterion": "polite", "value": "pass"}
    rows = [
        good,
        {**good, "value": "passs"},
        {**good, "criterion": "polit"},
        {**good, "rater": ""},
        {**good, "output": ""},
        {**good, "value": "fail"},
    ]
    with pytest.raises(ProblemsError) as caught:
        read("csv", table(rows), "f.csv", RUBRIC, {})
    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines] == [f"f.csv:{n}:" for n in (3, 4, 5, 6, 7)]
    assert 'did you mean "pass"' in lines[0]
    assert 'did you mean "polite"' in lines[1]
    assert "--map THEIRS=output" in lines[3]
    assert "rated polite of this item before" in lines[4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("output,value\n", "rater: the column is missing"),
        ("output,rater\n", "value: the column is missing"),
        ("output,rater,value,valu\n", "unknown column"),
        ("output,rater,value,value\n", "two columns have this name"),
        ('output,rater,value\n"a,b,c\n', "not CSV"),
        ("output,rater,value\na,b\n", "2 cells under 3 columns"),
        ("output,rater,value,seconds\na,b,pass,fast\n", "seconds: must be a number"),
        ("output,rater,value,order\na,b,pass,aa\n", 'order: must be "ab", "ba" or empty'),
    ],
)
def test_a_table_that_says_nothing_clear_is_refused(text: str, said: str) -> None:
    with pytest.raises(ProblemsError, match=r"f\.csv:") as caught:
        read("csv", text.encode(), "f.csv", ONE, {})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[NaN]", '{"a": 1, "a": 2}', f"[{'9' * 5000}]", "[1e999]"]
)
def test_a_cell_that_is_no_json_is_text(text: str) -> None:
    row = {"input": text, "output": "Yes.", "contexts": text, "rater": "ann", "polite": "pass"}
    found = read("csv", table([row]), "f.csv", ONE, {})
    assert found.items[0].subject.input == text
    assert [each.text for each in found.items[0].subject.contexts] == [text]


def test_names_of_raters_that_are_no_json_are_left_alone() -> None:
    record = {**NESTED, "metadata": {"raters": "[" * 100_000}}
    found = read("argilla", json.dumps([record]).encode(), "f", RUBRIC, {}, NAMES)
    assert {each.rater for each in found.labels} == {USER}


def test_a_long_cell_is_read_and_one_beyond_the_limit_named() -> None:
    before = csv.field_size_limit()
    row = {"output": "x" * 500_000, "rater": "ann", "polite": "pass"}
    assert len(read("csv", table([row]), "f.csv", ONE, {}).items[0].subject.output) == 500_000
    row["output"] = "x" * (LONGEST + 1)
    with pytest.raises(ProblemsError, match=r"f\.csv:2: a cell of more than 1,000,000 characters"):
        read("csv", table([row]), "f.csv", ONE, {})
    assert csv.field_size_limit() == before


def test_files_in_other_encodings_and_layouts_are_refused() -> None:
    for layout in FORMATS:
        with pytest.raises(ProblemsError, match="UTF-16"):
            read(layout, "x".encode("utf-16"), "f", ONE, {})
    for layout in ("argilla", "label-studio"):
        with pytest.raises(ProblemsError, match="f:"):
            read(layout, b"[1, 2]", "f", ONE, {})
        with pytest.raises(ProblemsError, match="not JSON"):
            read(layout, b"[{", "f", ONE, {})
    with pytest.raises(OptionError, match='did you mean "argilla"'):
        read("argila", b"", "f", ONE, {})


LABEL_STUDIO = [
    {
        "id": 7,
        "data": {"question": "Hi?", "answer": "Yes."},
        "annotations": [
            {
                "id": 1001,
                "completed_by": {"id": 1, "email": "ann@example.org", "first_name": ""},
                "result": [
                    {
                        "value": {"choices": ["pass"]},
                        "id": "a",
                        "from_name": "polite",
                        "to_name": "answer",
                        "type": "choices",
                        "origin": "manual",
                    },
                    {
                        "value": {"rating": 3},
                        "id": "b",
                        "from_name": "faithful",
                        "to_name": "answer",
                        "type": "rating",
                    },
                    {
                        "value": {"text": ["Kind", "and short"]},
                        "id": "c",
                        "from_name": "polite_critique",
                        "to_name": "answer",
                        "type": "textarea",
                    },
                ],
                "was_cancelled": False,
                "ground_truth": False,
                "created_at": "2021-03-09T22:16:08.728353Z",
                "lead_time": 4.0,
                "result_count": 3,
                "task": 7,
            },
            {"id": 1002, "completed_by": 2, "result": [], "was_cancelled": True},
        ],
        "predictions": [],
        "file_upload": "x.json",
        "total_annotations": 1,
        "project": 3,
    }
]
NAMES = {"question": "input", "answer": "output"}


def test_an_export_of_label_studio() -> None:
    found = read("label-studio", json.dumps(LABEL_STUDIO).encode(), "f", RUBRIC, {}, NAMES)
    faithful, polite = found.labels
    assert (faithful.value, faithful.rater, faithful.seconds) == ("3", "ann@example.org", 2.0)
    assert (polite.value, polite.critique) == ("pass", "Kind\nand short")
    assert polite.time == "2021-03-09T22:16:08.728353Z"
    assert found.items[0].subject == Subject(input="Hi?", output="Yes.")


def test_an_export_of_label_studio_in_its_short_form() -> None:
    tasks = [
        {
            "question": "Hi?",
            "answer": "Yes.",
            "id": 7,
            "polite": "pass",
            "faithful": [{"rating": 3}],
            "polite_critique": ["Kind", "and short"],
            "annotator": 4,
            "annotation_id": 1001,
            "created_at": "2021-03-09T22:16:08.728353Z",
            "updated_at": "2021-03-09T22:16:08.728353Z",
            "lead_time": 4.0,
        }
    ]
    found = read("label-studio", json.dumps(tasks).encode(), "f", RUBRIC, {}, NAMES)
    assert [(x.rater, x.value) for x in found.labels] == [("4", "3"), ("4", "pass")]
    assert found.labels[1].critique == "Kind\nand short"


@pytest.mark.parametrize(("side", "label"), [("left", PREFERRED), ("right", OTHER)])
def test_a_pair_of_label_studio(side: str, label: str) -> None:
    result = {"from_name": "preference", "type": "pairwise", "value": {"selected": side}}
    task = {
        "data": {"text1": "One", "text2": "Two"},
        "annotations": [{"completed_by": 1, "result": [result]}],
    }
    names = {"text1": "output", "text2": "other"}
    found = read("label-studio", json.dumps([task]).encode(), "f", PAIRS, {}, names)
    assert [(x.value, x.order) for x in found.labels] == [(label, "ab")]


def test_pairs_are_shown_either_way_and_their_answers_turned_back() -> None:
    items = [item(f"An answer {n}", other="Another") for n in range(20)]
    orders = {shown_first(each) for each in items}
    assert orders == {"ab", "ba"}
    labels = [
        Label(item=x.id, rater="ann", criterion="preference", value=PREFERRED, order=shown_first(x))
        for x in items
    ]
    tasks = json.loads(write("label-studio", PAIRS, {x.id: x for x in items}, labels))
    for task in tasks:
        shown = task["data"][task["annotations"][0]["result"][0]["value"]["choices"][0]]
        assert shown.startswith("An answer")
        assert "output" not in task["data"]


def test_the_configuration_of_label_studio_is_xml_whatever_the_card_says() -> None:
    from xml.etree import ElementTree

    criterion = Criterion('a"<b>', "Is <b>it</b> & so?", (Level("<no>", 0.0), Level('y"', 1.0)))
    card = Card(name="x", kind="rubric", criteria=(criterion,), template="", key="k")
    tree = ElementTree.fromstring(config(card, pair=False))
    choices = tree.find("Choices")
    assert choices is not None
    assert choices.get("name") == 'a"<b>'
    assert [each.get("value") for each in choices] == ["<no>", 'y"', UNSURE]
    pairs = ElementTree.fromstring(config(PAIRS, pair=True))
    assert [x.get("value") for x in pairs.findall("Choices/Choice")] == [
        "second",
        "tie",
        "first",
        UNSURE,
    ]


USER = "5f0f3a34-9d9c-4a0e-a54e-1b4a5f4d9b52"
NESTED = {
    "id": "rec-1",
    "fields": {"question": "Hi?", "answer": "Yes."},
    "metadata": {"case": "c1"},
    "suggestions": {"polite": {"value": "fail", "score": None, "agent": "m"}},
    "responses": {
        "polite": [{"value": "pass", "user_id": USER}],
        "faithful": [{"value": 4, "user_id": USER}],
        "polite_critique": [{"value": "Kind.", "user_id": USER}],
    },
    "vectors": {},
    "_server_id": "6a9b1f9e-93b7-4a9f-8a3b-0d5d7ad2b9d0",
}
FLAT = {
    "id": "rec-1",
    "_server_id": None,
    "question": "Hi?",
    "answer": "Yes.",
    "case": "c1",
    "polite.responses": ["pass", "fail", "fail"],
    "polite.responses.users": [USER, "u2", "u3"],
    "polite.responses.status": ["submitted", "draft", "discarded"],
    "faithful.responses": [4],
    "faithful.responses.users": [USER],
    "faithful.responses.status": ["submitted"],
    "polite_critique.responses": ["Kind."],
    "polite_critique.responses.users": [USER],
    "polite_critique.responses.status": ["submitted"],
    "polite.suggestion": "fail",
}


UNANSWERED = {name: None for name in FLAT if ".responses" in name}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([NESTED]),
        json.dumps([FLAT]),
        json.dumps(FLAT) + "\n" + json.dumps({**FLAT, **UNANSWERED}) + "\n",
        json.dumps({name: [value] for name, value in NESTED.items()}),
        json.dumps({name: [value] for name, value in FLAT.items()}),
        json.dumps({"rec-1": {k: v for k, v in NESTED.items() if k != "id"}}),
    ],
    ids=["nested", "flat", "lines", "nested names", "flat names", "nested index"],
)
def test_every_layout_of_argilla_says_the_same(text: str) -> None:
    found = read("argilla", text.encode(), "f", RUBRIC, {}, NAMES)
    assert [(x.criterion, x.value, x.rater) for x in found.labels] == [
        ("faithful", "4", USER),
        ("polite", "pass", USER),
    ]
    assert found.labels[1].critique == "Kind."
    assert [(x.case, x.subject.output) for x in found.items] == [("c1", "Yes.")]


def test_a_ranking_of_argilla_is_a_preference() -> None:
    ranks = [{"value": "A", "rank": 2}, {"value": "B", "rank": 1}]
    record = {
        "fields": {"output": "One", "other": "Two"},
        "responses": {"preference": [{"value": ranks, "user_id": USER}]},
    }
    found = read("argilla", json.dumps([record]).encode(), "f", PAIRS, {})
    assert [x.value for x in found.labels] == [OTHER]


def test_questions_that_are_no_criterion_are_named() -> None:
    text = json.dumps([{**NESTED, "responses": {"politeness": [{"value": "pass"}]}}])
    with pytest.raises(ProblemsError, match=r"'politeness'.*--map QUESTION=CRITERION"):
        read("argilla", text.encode(), "f", RUBRIC, {}, NAMES)
    result = [{"from_name": "tone", "value": {"choices": ["pass"]}}]
    task = {"data": {"output": "x"}, "annotations": [{"completed_by": 1, "result": result}]}
    with pytest.raises(ProblemsError, match=r"'tone'.*--map CONTROL=CRITERION"):
        read("label-studio", json.dumps([task]).encode(), "f", RUBRIC, {})


def test_the_line_of_a_bad_record_is_told() -> None:
    bad = {"fields": {"output": "x"}, "responses": {"polite": [{"value": "maybe", "user_id": "u"}]}}
    with pytest.raises(ProblemsError) as caught:
        read("argilla", json.dumps([NESTED, bad], indent=1).encode(), "f", RUBRIC, {}, NAMES)
    line = json.dumps([NESTED, bad], indent=1).splitlines()
    assert str(caught.value).startswith("f:")
    at = int(str(caught.value).split(":")[1])
    assert line[at - 1].strip() == "{"
    assert line[at + 1].strip() == '"output": "x"'


def test_importing_twice_adds_nothing(tmp_path: Path) -> None:
    made = item("An answer")
    append_items(tmp_path / "r", [made])
    append_labels(
        tmp_path / "r", [Label(item=made.id, rater="ann", criterion="polite", value="fail")]
    )
    data = export(tmp_path / "r", "csv", RUBRIC).replace(b",fail,", b",pass,")
    for added in (1, 0):
        imported = read("csv", data, "f.csv", RUBRIC, read_items(tmp_path / "r"))
        taken = take(tmp_path / "r", RUBRIC, imported)
        assert (taken.items, taken.labels, taken.same) == (0, added, 1 - added)
        assert taken.unrated == 1
    assert [each.value for each in read_labels(tmp_path / "r")] == ["fail", "pass"]


def test_a_text_that_no_cell_holds_is_cut_and_its_item_still_known() -> None:
    made = item("x" * 200_000)
    label = Label(item=made.id, rater="ann", criterion="polite", value="pass")
    data = write("csv", ONE, {made.id: made}, [label])
    assert len(data) < 40_000
    assert read("csv", data, "f", ONE, {made.id: made}).labels == [label]


def test_numbers_name_levels_and_nothing_is_guessed() -> None:
    assert level(FAITHFUL, 3) == level(FAITHFUL, 3.0) == level(FAITHFUL, " 3 ") == "3"
    for value in (1, "1", True, "good", None, ["pass", "fail"], float("nan")):
        with pytest.raises(Malformed, match="no level"):
            level(POLITE, value)


@given(st.binary(max_size=60), st.sampled_from(FORMATS))
def test_any_bytes_are_ratings_or_problems(data: bytes, layout: str) -> None:
    try:
        found = read(layout, data, "f", RUBRIC, {})
    except ProblemsError as error:
        said = str(error)
    else:
        said = "" if found.labels else "f:"
    assert said.startswith("f:")
