"""What an answer cites: the document that a mark such as [leave#parental] names, and in it the
sentence that has most words in common with the citing one. A help to the eye, not a judgement.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evalsuite.records import Document
from evalsuite.stats.flips import Floats, Ints

_BRACKET = re.compile(r"\[([^\[\]\n]{1,300})\]")
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")

MOST = 200
"""Citations that are looked at in one answer."""

LOOKED_AT = 100_000
"""Characters in which sentences are looked for: of an answer, and of what it cites together."""

SAID = 2_000
"""Characters of a citing sentence whose words are looked for."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; `document` is the place (from 1) of the document that it cites, or that
    it is a cited sentence of; 0 for plain text."""

    text: str
    document: int = 0


@dataclass(frozen=True, slots=True)
class Cited:
    """An answer and its documents, in pieces that spell them out whole."""

    answer: Sequence[Piece]
    documents: Sequence[Sequence[Piece]]


@dataclass(frozen=True, slots=True)
class _Index:
    """The sentences of a document that hold words: their stretches, how many words each has, and
    in which of them each word is."""

    spans: Sequence[tuple[int, int]]
    sizes: Floats
    places: Mapping[str, Ints]


def cited(answer: str, documents: Sequence[Document]) -> Cited:
    """Find the citations, and mark in each cited document the sentence that is meant."""
    places = {document.id: place for place, document in enumerate(documents, 1)}
    found = list(_citations(answer, places))
    sentences = list(_sentences(answer, LOOKED_AT))
    said = dict.fromkeys((place, _saying(answer, sentences, at)) for at, _, place in found)
    marked: dict[int, set[tuple[int, int]]] = {}
    left = LOOKED_AT
    for place in dict.fromkeys(place for place, _ in said):
        index = _read(documents[place - 1].text[:left])
        left -= min(left, len(documents[place - 1].text))
        closest = (_closest(_words(words), index) for at, words in said if at == place)
        marked[place] = {span for span in closest if span is not None}
    return Cited(
        _pieces(answer, found),
        [
            _pieces(each.text, [(*span, place) for span in sorted(marked.get(place, ()))])
            for place, each in enumerate(documents, 1)
        ],
    )


def _citations(text: str, places: Mapping[str, int]) -> Iterator[tuple[int, int, int]]:
    """(start, end, document) of each known id in brackets, several by comma or semicolon."""
    seen = 0
    for match in _BRACKET.finditer(text):
        if match[1].strip() in places:
            spans = [(match.start(), match.end(), places[match[1].strip()])]
        else:
            spans = [
                (match.start(1) + part.start(), match.start(1) + part.end(), places[part[0]])
                for part in re.finditer(r"[^,;\s](?:[^,;]*[^,;\s])?", match[1])
                if part[0] in places
            ]
        for span in spans:
            seen += 1
            if seen > MOST:
                return
            yield span


def _sentences(text: str, most: int) -> Iterator[tuple[int, int]]:
    start, most = 0, min(len(text), most)
    for match in _END.finditer(text, 0, most):
        if match.start() > start:
            yield start, match.start()
        start = match.end()
    if start < most:
        yield start, most


def _saying(text: str, sentences: Sequence[tuple[int, int]], at: int) -> str:
    """The sentence that a citation belongs to, without brackets: the one it stands in or, if it
    stands alone behind it, the one before."""
    place = bisect_right(sentences, at, key=lambda span: span[0]) - 1
    if place < 0 or at >= sentences[place][1]:
        return ""
    own = _without_brackets(text, sentences[place])
    return own if _WORD.search(own) or not place else _without_brackets(text, sentences[place - 1])


def _without_brackets(text: str, span: tuple[int, int]) -> str:
    return _BRACKET.sub(" ", text[span[0] : min(span[1], span[0] + SAID)])


def _closest(saying: set[str], index: _Index) -> tuple[int, int] | None:
    """The sentence with most words in common; the shorter one of two; None if none has any."""
    held = [index.places[word] for word in saying if word in index.places]
    if not held:
        return None
    common = np.bincount(np.concatenate(held), minlength=len(index.spans))
    return index.spans[int((common + common / (index.sizes + 1.0)).argmax())]


@lru_cache(maxsize=32)
def _read(text: str) -> _Index:
    """A document's sentences by their words, read once: many answers cite the same ones."""
    found = [
        (span, words)
        for span in _sentences(text, len(text))
        if (words := _words(text[slice(*span)]))
    ]
    places: dict[str, list[int]] = defaultdict(list)
    for place, (_, words) in enumerate(found):
        for word in words:
            places[word].append(place)
    return _Index(
        [span for span, _ in found],
        np.array([len(words) for _, words in found], dtype=np.float64),
        {word: np.array(each, dtype=np.int64) for word, each in places.items()},
    )


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def _pieces(text: str, spans: Sequence[tuple[int, int, int]]) -> list[Piece]:
    pieces, at = [], 0
    for start, end, place in spans:
        if start > at:
            pieces.append(Piece(text[at:start]))
        pieces.append(Piece(text[start:end], place))
        at = end
    if at < len(text) or not pieces:
        pieces.append(Piece(text[at:]))
    return pieces
