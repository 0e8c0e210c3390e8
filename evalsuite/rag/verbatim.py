"""Whether a quote stands in a context word for word. Code decides that, whatever a reply says.

White space, quote marks and Unicode's two ways to write an accent don't count; letters, case,
digits and other marks do. Nor may a quote begin or end inside a word or a number: "6 weeks" does
not stand in "16 weeks", nor "5 euros" in "1.5 euros".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from evalsuite.judging import fence
from evalsuite.rag.records import Quote
from evalsuite.records import Document
from evalsuite.scoring import clip

QUOTE = 1_000
"""Characters kept of a quote in evidence; all of it is looked up."""

MOST_PLACES, MOST_LETTERS = 1_000, 1_000_000
"""Places in one context at which a quote is looked for, and letters of it that are compared there:
one that stands inside of words so often is no quote."""

_MARKS = str.maketrans(dict.fromkeys("\"'`´“”„‟‘’‚‛«»‹›″′〝〞＂＇「」『』"))
_ALL = 1 << 40
_SEPARATED = re.compile(r"\d[.,]\d")


class Shelf:
    """Contexts as quotes are looked up in them: as they are, and as a model was shown them."""

    def __init__(self, contexts: Sequence[Document]) -> None:
        self._texts = [
            {plain(each.text), plain(fence.inert(each.text, _ALL).text)} for each in contexts
        ]

    def find(self, quote: str) -> Quote:
        """The quote with the places of the contexts in which it stands."""
        wanted = plain(quote)
        places: tuple[int, ...] = ()
        if any(each.isalnum() for each in wanted):
            places = tuple(
                place
                for place, texts in enumerate(self._texts, 1)
                if any(stands(wanted, text) for text in texts)
            )
        return Quote(clip(quote, QUOTE), places)


def plain(text: str) -> str:
    """A text as quotes are compared."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_MARKS).split())


def stands(quote: str, text: str) -> bool:
    """Whether a quote stands in a text, both `plain`, and cuts no word or number of it."""
    start = text.find(quote)
    for _ in range(min(MOST_PLACES, 1 + MOST_LETTERS // max(1, len(quote)))):
        if start < 0:
            return False
        if not _inside(text, start) and not _inside(text, start + len(quote)):
            return True
        start = text.find(quote, start + 1)
    return False


def _inside(text: str, place: int) -> bool:
    """Whether a place is inside of a word or a number. Scripts that have no spaces between words
    have no inside."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if _bound(before) and _bound(after):
        return True
    around = (text[max(0, place - 2) : place + 1], text[place - 1 : place + 2])
    return any(_SEPARATED.fullmatch(each) for each in around)


def _bound(letter: str) -> bool:
    """A digit, or a letter of a script that has upper and lower case."""
    return letter.isdigit() or letter.lower() != letter.upper()
