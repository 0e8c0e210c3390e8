"""Whether a quote stands in a context word for word. Code decides that, whatever a reply says.

White space, quote marks and Unicode's two ways to write an accent don't count; letters, case,
digits and other marks do. Nor may a quote begin or end inside a word or a number: "6 weeks" does
not stand in "16 weeks", nor "500 euros" in "1 500 euros", "5 degrees" in "-5 degrees", or
"refundable" in "non-refundable". Where one can't tell, it does not stand there.
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
_DASHES = "\\-\u2010\u2011\u2012\u2013\u2212"
_JOINED = re.compile(rf"\d[.,:/·\u2044\u066b\u066c{_DASHES}]\d|[^\W\d_][-\u2010\u2011][^\W\d_]")
"""Numbers by their marks (1.5, 1/2, 10-20), and words by a hyphen (non-refundable)."""

_SIGNED = re.compile(rf"[{_DASHES}]([$€£¥]?\d)")
"""A quote that begins behind the sign of its number."""

_POINT = re.compile(r"(?:^|[\s(])[.,]\d")
"""".5", cut behind its point."""

_HEAD = re.compile(r"(?<!\d)\d{1,3}\Z")
_TAIL = re.compile(r"\d{3}(?!\d)")
"""Thousands by spaces, as in "1 500": a place beside the space is inside of the number."""

_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u2e80-\u312f\u3190-\u9fff\ua000-\ua4cf"
    "\ua9e0-\ua9ff\uaa60-\uaadf\uf900-\ufaff\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, Tai scripts, Chinese, Japanese, Yi."""

_JOINERS = "_\u00ad\u200c\u200d"


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
    if _bound(text[place - 1]) and _bound(text[place]):
        return True
    if _SIGNED.match(text[max(0, place - 1) : place + 2]):
        return True
    if any(
        _JOINED.fullmatch(text, start, start + 3) for start in (place - 2, place - 1) if start >= 0
    ) or _POINT.fullmatch(text, max(0, place - 2), place + 1):
        return True
    gap = place if text[place] == " " else place - 1
    return (
        text[gap] == " "
        and _HEAD.search(text, max(0, gap - 4), gap) is not None
        and _TAIL.match(text, gap + 1) is not None
    )


def _bound(letter: str) -> bool:
    """A digit, or a letter or mark of a script that has spaces between words."""
    if letter.isnumeric():
        return not _UNSPACED.match(letter) or letter.isdigit()
    if _UNSPACED.match(letter):
        return False
    return letter.isalpha() or letter in _JOINERS or unicodedata.category(letter)[0] == "M"
