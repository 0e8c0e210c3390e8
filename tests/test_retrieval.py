"""BM25: what it finds, in which order, and that nothing in a text can upset it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.records import Document
from evalsuite.retrieval import index, rarity, scores, search, tokens

LEAVE = Document("leave", "Parental leave is 16 weeks.")
MEALS = Document("meals", "Meals are reimbursed up to 45.50 EUR a day.")
DESK = Document("desk", "Book a desk in the app before 18:30.")


def test_words_are_folded_and_cut_and_numbers_stay_whole() -> None:
    text = "STRASSE Straße reimbursement reimbursed policies policy gas 1,200.50 18:30 2026"
    assert tokens(text) == [
        *("strass", "strass", "reimbu", "reimbu", "policy", "policy", "gas"),
        *("1,200.50", "18:30", "2026"),
    ]


def test_english_endings_do_not_separate_a_question_from_its_answer() -> None:
    assert tokens("book booked booking books") == ["book"] * 4


def test_characters_of_languages_without_spaces_are_tokens() -> None:
    assert tokens("有給休暇 2日 café") == ["有", "給", "休", "暇", "2", "日", "café"]


def test_the_document_that_shares_rare_words_comes_first() -> None:
    found = search(index([MEALS, DESK, LEAVE]), "how many weeks is parental leave", 3)
    assert [document.id for document in found] == ["leave"]
    assert found[0].score is not None
    assert found[0].score > 0
    assert found[0].text == LEAVE.text


def test_equal_documents_are_ordered_by_id_however_they_came() -> None:
    one, two = Document("a", LEAVE.text), Document("b", LEAVE.text)
    for order in ([one, two], [two, one]):
        assert [found.id for found in search(index(order), "leave", 2)] == ["a", "b"]


def test_k_limits_the_list_and_unrelated_documents_never_fill_it() -> None:
    both = index([LEAVE, MEALS, Document("late", "Leave early.")])
    assert len(search(both, "leave", 1)) == 1
    assert len(search(both, "leave", 10)) == 2
    assert search(both, "leave", 0) == []
    assert search(both, "zebra", 5) == []


def test_an_empty_index_and_empty_documents_answer_nothing() -> None:
    assert search(index([]), "leave", 3) == []
    assert search(index([Document("a", ""), Document("b", "…")]), "leave", 3) == []


def test_a_score_is_okapi_bm25() -> None:
    made = index([Document("a", "cat cat dog"), Document("b", "dog")])
    idf = math.log1p((2 - 1 + 0.5) / (1 + 0.5))
    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / 2)
    assert rarity(made, "cat") == pytest.approx(idf)
    assert scores(made, {"cat": 1.0})[0] == pytest.approx(idf * 2 * 2.2 / (2 + norm))


def test_a_weight_scales_what_a_token_is_worth() -> None:
    made = index([LEAVE, MEALS])
    assert scores(made, {"leave": 2.0})[0] == pytest.approx(2 * scores(made, {"leave": 1.0})[0])


@given(st.lists(st.text(max_size=40), max_size=12), st.text(max_size=40))
def test_any_text_gives_finite_ordered_scores(texts: list[str], query: str) -> None:
    documents = [Document(str(place), text) for place, text in enumerate(texts)]
    found = search(index(documents), query, 5)
    values = [document.score for document in found if document.score is not None]
    assert len(values) == len(found) <= 5
    assert all(math.isfinite(value) and value > 0 for value in values)
    assert values == sorted(values, reverse=True)


@given(st.permutations([LEAVE, MEALS, DESK, Document("late", "Leave a meal in the app.")]))
def test_the_order_of_documents_does_not_change_the_ranking(documents: list[Document]) -> None:
    found = search(index(documents), "leave meals app", 4)
    first = search(index(sorted(documents, key=lambda each: each.id)), "leave meals app", 4)
    assert [(each.id, each.score) for each in found] == [(each.id, each.score) for each in first]
