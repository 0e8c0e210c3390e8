"""The word diff: right on any two texts, readable, and cheap."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from evalsuite.report.blocks import Piece
from evalsuite.report.words import compare, excerpt

TEXTS = st.text(st.sampled_from("ab c.\n,d日本"), max_size=40)


def side(pieces: tuple[Piece, ...], without: str) -> str:
    return "".join("".join(piece.text.split()) for piece in pieces if piece.op != without)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_the_pieces(before: str, after: str) -> None:
    pieces = compare(before, after)
    assert side(pieces, "new") == "".join(before.split())
    assert side(pieces, "gone") == "".join(after.split())


def test_a_lost_phrase_is_the_only_thing_marked() -> None:
    pieces = compare("Give 14 days' notice in writing first.", "Give notice first.")
    assert [piece.text for piece in pieces if piece.op == "same"] == ["Give ", "first."]


def test_what_is_lost_keeps_its_own_full_stop_and_brackets() -> None:
    before, after = "It is so. Not always. [a] [b]", "It is so. [a] [b]"
    for pieces in (compare(before, after), compare(after, before)):
        marked = [piece.text for piece in pieces if piece.op != "same"]
        assert marked == ["Not always. "]
    assert Piece("gone", "[a] ") in compare("so [a] [b]", "so [b]")


def test_words_stay_apart_where_the_shorter_text_ends() -> None:
    assert compare("a b c", "a b") == (Piece("same", "a b"), Piece("gone", " c"))


def test_equal_words_are_one_piece_whatever_the_white_space() -> None:
    assert compare("a  b\n", "a b") == (Piece("same", "a b"),)


def test_scripts_without_spaces_are_compared_by_character() -> None:
    assert Piece("same", "有給休暇は") in compare("有給休暇は十日です", "有給休暇は五日です")


def test_texts_made_to_be_slow_are_not() -> None:
    start = time.process_time()
    compare("a b " * 20_000, "b a c " * 20_000)
    compare(" ".join(map(str, range(3000))), " ".join(map(str, range(3000, 0, -1))))
    assert time.process_time() - start < 1.0


def test_an_excerpt_keeps_the_first_change_and_stays_short() -> None:
    before, after = "same " * 300 + "old end", "same " * 300 + "new end"
    short = excerpt(compare(before, after), 120)
    assert {"old", "new"} <= {word for piece in short for word in piece.text.split()}
    assert sum(len(piece.text) for piece in short) < 200
