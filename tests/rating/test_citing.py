"""Citations point to their document, and in it to the sentence that is meant."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_samples import CARD, HANDBOOK, item

from evalsuite.rating.citing import MOST, Piece, cited
from evalsuite.rating.showing import LONGEST, names_shown, show
from evalsuite.records import Document

ALL = ("input", "expected", "contexts")


def marked(pieces: object) -> list[str]:
    return [piece.text for piece in pieces if piece.document]  # type: ignore[attr-defined]


def test_the_cited_sentence_is_the_one_with_most_words_in_common() -> None:
    found = cited(
        "You get 16 weeks of paid leave [leave#parental]. Give notice in writing [hr-12].", HANDBOOK
    )
    assert marked(found.answer) == ["[leave#parental]", "[hr-12]"]
    assert marked(found.documents[0]) == ["Leave is 16 weeks, paid."]
    assert marked(found.documents[1]) == ["Notice is given in writing."]


def test_several_documents_in_one_bracket_and_a_citation_behind_the_sentence() -> None:
    found = cited("Give it 14 days before. [leave#parental; hr-12]", HANDBOOK)
    assert [(piece.text, piece.document) for piece in found.answer if piece.document] == [
        ("leave#parental", 1),
        ("hr-12", 2),
    ]
    assert marked(found.documents[1]) == ["Give it at least 14 days before."]


def test_of_sentences_with_as_much_in_common_the_shorter_then_the_first_is_meant() -> None:
    text = "Staff take leave in July and in August. Leave is in July. Leave was in July."
    found = cited("leave in July [d]", [Document("d", text)])
    assert marked(found.documents[0]) == ["Leave is in July."]


def test_what_names_no_document_is_plain_text() -> None:
    found = cited("See [1] and [a note] and [hr-13].", HANDBOOK)
    assert found.answer == [Piece("See [1] and [a note] and [hr-13].")]
    assert not any(marked(document) for document in found.documents)


def test_languages_without_spaces_have_sentences_too() -> None:
    documents = [Document("d", "休暇は16週間です。通知は書面で行います。")]
    found = cited("通知は書面で [d]。", documents)
    assert marked(found.documents[0]) == ["通知は書面で行います。"]


def test_a_hostile_answer_is_read_in_a_moment() -> None:
    """Of 3,000 citations some are looked at, each sentence once, however many documents."""
    text = "".join(f"Rule {n} names{n} a limit of {n} days.\n" for n in range(5_000))
    documents = [Document(f"d{n}", f"{n}\n{text}") for n in range(50)]
    words = " ".join(f"w{n}" for n in range(20_000))
    hostile = [
        " ".join(f"Rule {n} says names{n} [d0]." for n in range(3_000)),
        " ".join(f"Rule {n} says names{n} [d{n % 50}]." for n in range(3_000)),
        words + "[d0]" * 3_000,
        words + "".join(f"[d{n % 50}]" for n in range(3_000)),
        "[" * 200_000,
    ]
    started = time.process_time()
    found = [cited(answer, documents) for answer in hostile]
    assert time.process_time() - started < 2.0
    assert "Rule 7 names7 a limit of 7 days." in marked(found[0].documents[0])
    assert len([piece for piece in found[0].answer if piece.document]) == MOST


TEXT = st.text(alphabet=st.sampled_from(list("ab [];,.\n![d1]")), max_size=60)


@given(answer=TEXT, documents=st.lists(TEXT, max_size=3))
def test_pieces_spell_out_the_texts_whole(answer: str, documents: list[str]) -> None:
    found = cited(answer, [Document(f"d{at}", text) for at, text in enumerate(documents)])
    assert "".join(piece.text for piece in found.answer) == answer
    assert ["".join(piece.text for piece in each) for each in found.documents] == documents


@given(output=TEXT, other=TEXT)
def test_a_pair_shows_both_texts_whole_in_the_raters_order(output: str, other: str) -> None:
    one = item(1, output=output, other=other, contexts=(Document("d1", "a b. b a."),))
    for order, texts in (("ab", [output, other]), ("ba", [other, output])):
        shown = show(one, ALL, order)  # type: ignore[arg-type]
        spelled = ["".join(piece.text for piece in each.pieces) for each in shown.answers]
        assert spelled == [text if text.strip() else "" for text in texts]
        assert "".join(piece.text for piece in shown.contexts[0].pieces) == "a b. b a."


def test_both_answers_of_a_pair_mark_what_they_cite() -> None:
    one = item(
        1, output="16 weeks paid [leave#parental]", other="from the day of birth [leave#parental]"
    )
    assert marked(show(one, ALL, "ab").contexts[0].pieces) == [
        "Leave is 16 weeks, paid.",
        "It starts on the day of birth.",
    ]


def test_a_text_without_end_is_cut_and_an_empty_one_is_named() -> None:
    shown = show(item(1, output="x" * (LONGEST + 5)), ALL)
    assert len(shown.answers[0].pieces[0].text) == LONGEST
    assert shown.answers[0].long
    assert "5 further characters" in shown.answers[0].note
    assert "empty" in show(item(1, output=""), ALL).answers[0].note


def test_dialogues_and_fields_have_a_heading_each() -> None:
    one = item(1)
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    for value, headings in (
        ("text", ["Question"]),
        ({"question": "text"}, ["Question"]),
        ({"question": "text", "tone": 3}, ["question", "tone"]),
        ({"messages": messages}, ["user", "assistant"]),
    ):
        asked = show(_with_input(one, value), ALL).asked
        assert [each.heading for each in asked] == headings


def _with_input(one: object, value: object) -> object:
    return replace(one, subject=replace(one.subject, input=value))  # type: ignore[attr-defined,type-var]


MESSAGES = [{"role": "user", "content": "Hi"}, {"role": "user", "content": "How long?"}]


@pytest.mark.parametrize(
    ("template", "shown"),
    [
        ("{{ output }}", [[], [], []]),
        ("{{ question }} {{ output }}", [["How long?"], [], []]),
        ("{{ input }} {{ output }}", [["Hi", "How long?"], [], []]),
        ("{{ output }} {{ expected }}", [[], ["16"], []]),
        ("{{ output }} {{ statements }}", [[], ["16"], []]),
        ("{{ output }} {% for each in contexts %}{{ each }}{% endfor %}", [[], [], ["d"]]),
    ],
)
def test_raters_see_what_the_card_shows_the_judge(template: str, shown: list[list[str]]) -> None:
    one = item(1, output="a [d]", other="b", expected="16", contexts=(Document("d", "text"),))
    found = show(
        _with_input(one, {"messages": MESSAGES}),  # type: ignore[arg-type]
        names_shown(replace(CARD, template=template)),
        "ab",
    )
    texts = [[each.pieces[0].text for each in part] for part in (found.asked, found.expected)]
    assert [*texts, [each.heading for each in found.contexts]] == shown
    assert len(found.answers) == 2
