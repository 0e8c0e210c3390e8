"""Ratings are lines that are never lost or changed, and refused where they say nothing clear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.calibration.labels import (
    append_items,
    append_labels,
    check_label,
    effective,
    item_id,
    mend_labels,
    read_items,
    read_labels,
)
from evalsuite.calibration.records import Item, Label
from evalsuite.errors import ProblemsError
from evalsuite.judging.records import UNSURE, Card, Criterion, Level, Subject
from evalsuite.judging.subjects import subject_of
from evalsuite.records import Case, Document, Output
from evalsuite.strictjson import Malformed

SCALE = (Level("fail", 0.0), Level("pass", 1.0))
CARD = Card(
    name="tone",
    kind="rubric",
    criteria=(Criterion("polite", "Is it polite?", SCALE),),
    template="{{ output }}",
    key="k",
)


def item(text: str = "Good day.") -> Item:
    subject = Subject(input="Hello?", output=text, contexts=(Document("d", "text", 1.5),))
    return Item(id=item_id(subject), subject=subject, case="hello", judged={"polite": "pass"})


def test_an_item_is_known_by_what_people_see_of_its_documents() -> None:
    contexts = (Document("d", "text", 1.5), Document("e", "u"))
    subject = Subject(input="Hello?", output="hi", contexts=contexts)
    assert item_id(subject) == "e7f6c6d35f0a57c8"
    labelled = tuple(replace(each, metadata={"tenant": "acme"}) for each in subject.contexts)
    assert item_id(replace(subject, contexts=labelled)) == "e7f6c6d35f0a57c8"


def test_metadata_is_shown_to_nobody_and_kept_in_no_item() -> None:
    output = Output(text="hi", contexts=[Document("d", "text", 1.5, {"tenant": "acme"})])
    subject = subject_of(Case(id="c", input="Hello?"), output)
    assert subject.contexts == (Document("d", "text", 1.5),)


def label(value: str | None = "pass", *, rater: str = "ann", **more: object) -> Label:
    made = Label(item=item().id, rater=rater, criterion="polite", value=value)
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "judges" / "tone"
    append_items(found, [item()])
    return found


def problems(folder: Path, card: Card | None = None) -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        read_labels(folder, card)
    return str(caught.value).splitlines()


def test_what_was_appended_is_read_again(folder: Path) -> None:
    given = [
        label(seconds=3.5, order="ab", seed=7, time="2026-03-01T12:00:00+00:00"),
        label(UNSURE, critique="zwei\nZeilen \u202e", occasion=1),
        label(None),
    ]
    append_labels(folder, given[:1])
    append_labels(folder, given[1:])
    assert read_labels(folder, CARD) == given
    assert read_items(folder) == {item().id: item()}


def test_a_folder_without_files_holds_nothing(tmp_path: Path) -> None:
    assert read_items(tmp_path) == {}
    assert read_labels(tmp_path) == []


def test_an_item_is_added_once_whatever_its_run_and_its_ranks(folder: Path) -> None:
    again = replace(item(), run="r2")
    contexts = [Document("d", "text", 9.0)]
    assert item_id(replace(item().subject, contexts=contexts)) == item().id
    assert append_items(folder, [again]) == []
    assert append_items(folder, [again, item("Bye."), item("Bye.")]) == [item("Bye.")]
    assert read_items(folder)[item().id].run == ""


@pytest.mark.parametrize("weight", [0.0, -1.0, 1e-7, 1e7, 1e308])
def test_a_weight_that_no_choice_gives_is_refused(folder: Path, weight: float) -> None:
    for made in (item("Bye."), item()):  # a further one, and another weight of one that is there
        with pytest.raises(Malformed, match="from 1e-06 to 1e\\+06"):
            append_items(folder, [replace(made, weight=weight)])
    line = json.loads((folder / "items.jsonl").read_text())
    (folder / "items.jsonl").write_text(json.dumps({**line, "weight": weight}) + "\n")
    with pytest.raises(ProblemsError, match="weight: must be a number from 1e-06 to 1e"):
        read_items(folder)


def test_half_a_surrogate_pair_has_one_identity_before_and_after_the_file(folder: Path) -> None:
    added = append_items(folder, [item("\ud800")])
    assert added[0].id in read_items(folder)


def test_the_last_line_holds_and_none_takes_it_back() -> None:
    other = label("fail", rater="bob")
    repeat = label("fail", occasion=1)
    assert effective([label("fail"), other, label("pass"), repeat]) == [
        label("pass"),
        other,
        repeat,
    ]
    assert effective([label(), other, label(None)]) == [other]


def test_a_line_that_a_merge_doubled_does_not_come_back(folder: Path) -> None:
    first = label("fail", time="2026-03-01T12:00:00.000001Z")
    then = label("pass", time="2026-03-01T12:00:09.000001Z")
    append_labels(folder, [first, then, first])
    assert read_labels(folder) == [first, then]
    assert effective([first, then, first]) == [then]


@pytest.mark.parametrize("between", ["fail", None])
def test_a_rating_without_a_time_that_is_given_again_holds(
    folder: Path, between: str | None
) -> None:
    given = [label("pass"), label(between), label("pass")]
    assert effective(given) == [label("pass")]
    append_labels(folder, given)
    assert read_labels(folder) == given[1:]
    assert effective(read_labels(folder)) == [label("pass")]


def test_every_problem_is_listed_with_its_line_field_and_remedy(folder: Path) -> None:
    lines = [
        {"item": item().id, "rater": "ann", "criterion": "polit", "value": "pass"},
        {"item": item().id, "rater": "ann", "criterion": "polite", "value": "passs"},
        {"item": "0" * 16, "rater": "ann", "criterion": "polite", "value": "pass"},
        {"item": item().id, "rater": "ann", "criterion": "polite", "value": UNSURE},
    ]
    (folder / "labels.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    found = problems(folder, CARD)
    assert len(found) == 3
    assert "labels.jsonl:1: criterion:" in found[0]
    assert 'did you mean "polite"?' in found[0]
    assert "labels.jsonl:2: value:" in found[1]
    assert 'did you mean "pass"?' in found[1]
    assert "labels.jsonl:3: item:" in found[2]
    assert "restore items.jsonl" in found[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vlaue": "x"}, 'vlaue: is not known (did you mean "value"?)'),
        ({"rater": ""}, "rater: must be 1 to 100 printable characters"),
        ({"rater": "a\u202eb"}, "rater: must be 1 to 100"),
        ({"rater": 3}, "rater: must be text, not 3"),
        ({"seconds": -1}, "seconds: must be a number from 0 up"),
        ({"seconds": "fast"}, "seconds: must be a number"),
        ({"time": "yesterday"}, "time: must be a time such as"),
        ({"time": "2026-03-01T12:00:00"}, "time: must be a time such as"),
        ({"order": "aa"}, 'order: must be "ab" or "ba"'),
        ({"occasion": -1}, "occasion: must be 0"),
        ({"item": "x"}, "item: must be an item's id"),
        ({"value": ""}, 'value: must be a level, "unsure" or null'),
    ],
)
def test_a_field_that_says_nothing_clear_is_refused(
    folder: Path, change: dict[str, object], said: str
) -> None:
    line = {"item": item().id, "rater": "ann", "criterion": "polite", "value": "pass", **change}
    (folder / "labels.jsonl").write_text(json.dumps(line) + "\n")
    (found,) = problems(folder)
    assert f"labels.jsonl:1: {said}" in found


def test_a_rating_without_a_value_is_no_rating_that_was_taken_back(folder: Path) -> None:
    line = {"item": item().id, "rater": "ann", "criterion": "polite"}
    (folder / "labels.jsonl").write_text(json.dumps(line) + "\n")
    assert "value: is missing" in problems(folder)[0]


def test_conflict_markers_are_one_problem(folder: Path) -> None:
    append_labels(folder, [label()])
    file = folder / "labels.jsonl"
    file.write_text("<<<<<<< ours\n" + file.read_text() + "=======\n{oops\n>>>>>>> theirs\n")
    (found,) = problems(folder)
    assert "labels.jsonl:1: holds conflict markers of git (" in found
    assert "keep those of both sides" in found


def test_a_line_that_a_crash_cut_off_is_named_and_mended_by_the_next_writer(folder: Path) -> None:
    append_labels(folder, [label(), label(rater="bob")])
    file = folder / "labels.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    assert "labels.jsonl:2: ends in the middle of a line (a crash" in problems(folder)[0]
    append_labels(folder, [label(rater="cem")])
    assert [each.rater for each in read_labels(folder)] == ["ann", "cem"]
    assert not mend_labels(folder)


def test_a_last_line_that_lacks_only_its_end_is_kept(folder: Path) -> None:
    append_labels(folder, [label()])
    file = folder / "labels.jsonl"
    file.write_bytes(file.read_bytes()[:-1])
    assert read_labels(folder) == [label()]
    append_labels(folder, [label(rater="bob")])
    assert [each.rater for each in read_labels(folder)] == ["ann", "bob"]


def test_line_ends_of_another_platform_do_not_matter(folder: Path) -> None:
    append_labels(folder, [label(), label(rater="bob")])
    file = folder / "labels.jsonl"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_labels(folder)) == 2


def test_an_item_that_was_edited_is_refused(folder: Path) -> None:
    file = folder / "items.jsonl"
    file.write_text(file.read_text().replace("Good day.", "Bad day."))
    with pytest.raises(ProblemsError, match=r"items\.jsonl:1: id: is not the hash"):
        read_items(folder)


def test_one_item_of_two_runs_is_refused(folder: Path) -> None:
    file = folder / "items.jsonl"
    line = file.read_text()
    file.write_text(line + line.replace('"case"', '"run":"another","case"'))
    with pytest.raises(ProblemsError, match=r"items\.jsonl:2: id: is there already, at line 1"):
        read_items(folder)


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}\n")
    (folder / "labels.jsonl").symlink_to(tmp_path / "elsewhere")
    assert "is not an ordinary file" in problems(folder)[0]


def test_a_rating_that_could_not_be_read_back_is_not_written(folder: Path) -> None:
    with pytest.raises(Malformed):
        append_labels(folder, [label(), label(rater=" ")])
    assert read_labels(folder) == []
    with pytest.raises(Malformed, match="no level"):
        check_label(label("ok"), CARD)
    check_label(label(UNSURE), CARD)


def test_processes_that_write_at_once_lose_and_tear_nothing(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from evalsuite.calibration.labels import append_labels\n"
        "from evalsuite.calibration.records import Label\n"
        "for at in range(25):\n"
        f"    append_labels(Path(sys.argv[1]), [Label(item={item().id!r}, rater=sys.argv[2],"
        " criterion='polite', value='pass', critique='x' * 9000, seed=at)])\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, str(folder), name], env=dict(os.environ))
        for name in ("ann", "bob", "cem")
    ]
    assert [each.wait(60) for each in started] == [0, 0, 0]
    found = read_labels(folder)
    assert len(found) == 75
    for name in ("ann", "bob", "cem"):
        assert [each.seed for each in found if each.rater == name] == list(range(25))


def test_git_is_told_to_keep_both_sides_lines(folder: Path) -> None:
    append_labels(folder, [label()])
    assert "*.jsonl merge=union" in (folder.parent / ".gitattributes").read_text()
    assert ".write.lock" in (folder.parent / ".gitignore").read_text()


@given(st.binary(max_size=80))
def test_any_bytes_are_ratings_or_problems(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "labels.jsonl").write_bytes(data)
        said = "labels.jsonl:"
        try:
            assert read_labels(Path(name)) == []
        except ProblemsError as error:
            said = str(error)
        assert "labels.jsonl:" in said


def test_a_further_choice_gives_an_item_another_weight_and_the_last_one_holds(tmp_path):
    first = replace(item(), weight=1.0)
    assert append_items(tmp_path, [first]) == [first]
    assert append_items(tmp_path, [replace(first, weight=2.5)]) == []
    assert append_items(tmp_path, [replace(first, weight=2.5)]) == []
    assert read_items(tmp_path) == {first.id: replace(first, weight=2.5)}
    assert len((tmp_path / "items.jsonl").read_text().splitlines()) == 2
