"""A quote stands in a context word for word, or it does not; whatever a reply says of it."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsuite.rag.verbatim import Shelf, plain, stands
from evalsuite.records import Document

CONTEXT = (
    "Parental leave is 16 weeks at “full” pay;\n  it can't be split. Rate: 1.5 euros, 2,000 a day."
)


def places(quote: str, *contexts: str) -> tuple[int, ...]:
    found = Shelf([Document(str(n), each) for n, each in enumerate(contexts, 1)]).find(quote)
    return tuple(found.places)


@pytest.mark.parametrize(
    "quote",
    [
        "Parental leave is 16 weeks",
        '"Parental leave is 16 weeks"',
        "«16 weeks at full pay»",
        'at "full" pay; it can’t be split.',
        "pay;\u00a0it\tcan't",
        "16",
        "1.5 euros",
        "2,000 a day",
        "split",
        "e: 1.5"[3:],
    ],
)
def test_it_stands_there_whatever_its_spaces_and_quote_marks(quote: str) -> None:
    assert places(quote, CONTEXT) == (1,)


@pytest.mark.parametrize(
    "quote",
    [
        "6 weeks",
        "arental leave",
        "Parental leav",
        "parental leave",
        "Parental leave was 16 weeks",
        "Parental leave is 16 weeks.",
        "Parental leave … full pay",
        "Parental leave is weeks",
        "5 euros",
        "1",
        "000 a day",
        "2",
        "",
        " ",
        '""',
        ";",
        "…",
    ],
)
def test_it_does_not_where_a_word_or_number_is_cut_changed_or_left_out(quote: str) -> None:
    assert places(quote, CONTEXT) == ()


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("500 euros", "It costs 1 500 euros."),
        ("500 euros", "It costs 1\u202f500 euros."),
        ("500 euros", "It costs 1\u00a0500 euros."),
        ("500 000 euros", "It costs 1 500 000 euros."),
        ("50", "It seats 50 000 people."),
        ("costs 1", "It costs 1 500 euros."),
        ("costs 1 500", "It costs 1 500 000 euros."),
        ("5 degrees", "It is -5 degrees."),
        ("5 degrees", "It is \u22125 degrees."),
        ("€5", "It is -€5."),
        ("5 euros", "It costs .5 euros."),
        ("2", "It is 1/2."),
        ("1", "It is 1/2."),
        ("30", "It opens at 10:30."),
        ("20 weeks", "It is 16-20 weeks."),
        ("refundable", "It is non-refundable."),
        ("It is non", "It is non-refundable."),
        ("It is non-", "It is non-refundable."),
        ("-refundable", "It is non-refundable."),
        ("name", "The file_name is set."),
        ("كتب", "قرأ مكتبة اليوم"),
        ("مكتب", "قرأ مكتبة اليوم"),
        ("कर", "यह करना है"),
        ("क", "यह कि है"),
        ("가능", "환불은 불가능 합니다"),
        ("ם", "שלום לך"),
        ("خواهم", "می\u200cخواهم"),
    ],
)
def test_no_quote_is_cut_out_of_a_number_or_word_of_any_script_with_spaces(
    quote: str, text: str
) -> None:
    assert places(quote, text) == ()


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("1 500 euros", "It costs 1 500 euros."),
        ("-5 degrees", "It is -5 degrees."),
        ("non-refundable", "It is non-refundable."),
        ("16-20 weeks", "It is 16-20 weeks."),
        ("20 people", "In 2024 20 people came."),
        ("500 people", "In 2024 500 people came."),
        ("page 3", "See page 3 – it is long."),
        ("It is long", "See page 3 – It is long."),
        ("مكتبة", "قرأ مكتبة اليوم"),
        ("करना", "यह करना है"),
        ("불가능", "환불은 불가능 합니다"),
        ("คืนเงิน", "ไม่สามารถคืนเงินได้"),
        ("退款", "不可退款。"),
        ("5", "It costs $5, or 5%."),
    ],
)
def test_whole_numbers_and_words_stand(quote: str, text: str) -> None:
    assert places(quote, text) == (1,)


def test_scripts_without_spaces_have_no_inside_of_words() -> None:
    assert places("育児休業は16週間", "正社員の育児休業は16週間です。") == (1,)
    assert places("6週間", "正社員の育児休業は16週間です。") == ()


def test_accents_may_be_written_either_way() -> None:
    text = "Le congé dure 16 semaines."
    assert places(unicodedata.normalize("NFD", "congé dure"), text) == (1,)
    assert places("congé dure", unicodedata.normalize("NFD", text)) == (1,)
    assert places("conge dure", text) == ()


def test_every_context_that_holds_it_is_named() -> None:
    assert places("blue", "It is blue.", "It is red.", "All is blue, really.") == (1, 3)


def test_a_model_may_quote_what_it_was_shown_in_place_of_hidden_letters() -> None:
    context = "The word\u202e is <data-1 name='x'> blue."
    assert places("The word[U+202E] is ≺data-1 name='x'> blue.", context) == (1,)
    assert places("The word\u202e is <data-1", context) == (1,)


def test_a_place_further_on_counts_where_the_first_is_inside_a_word() -> None:
    assert places("6 weeks", "Not 16 weeks, but 6 weeks.") == (1,)


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1), min_size=1),
    st.data(),
)
def test_every_run_of_words_stands_in_the_text_that_they_are_of(
    words: list[str], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    quote = plain("\n ".join(words[start:end]))
    if any(map(str.isdigit, "".join(words))):
        return  # "1 500" is one number
    if any(each.isalnum() for each in quote):
        assert stands(quote, plain(" ".join(words)))


@given(st.text("ab 1.,'", max_size=30), st.text("ab 1.,'", max_size=60))
def test_what_stands_is_a_part_of_the_text(quote: str, text: str) -> None:
    found = places(quote, text)
    if found:
        assert plain(quote) in plain(text)
        assert any(each.isalnum() for each in quote)


@pytest.mark.parametrize("quote", ["aa", "a" * 500_000, "b", "a" * 1_000 + "b"])
def test_a_megabyte_of_one_letter_is_looked_through_in_a_moment(quote: str) -> None:
    began = time.perf_counter()
    assert places(quote, "a" * 1_000_000) == ()
    assert time.perf_counter() - began < 5
