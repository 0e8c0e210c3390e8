"""What an answer cites: the document that a mark such as [leave#parental] names, and in it the
sentence that has most words in common with the citing one. A help to the eye, not a judgement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from evalsuite.records import Document

_BRACKET = re.compile(r"\[([^\[\]\n]{1,300})\]")
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])|\n+")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+")

MOST = 200
"""Citations that are looked at in one answer."""

LOOKED_AT = 100_000
"""Characters of a text in which sentences are looked for."""


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


def cited(answer: str, documents: Sequence[Document]) -> Cited:
    """Find the citations, and mark in each cited document the sentence that is meant."""
    places = {document.id: place for place, document in enumerate(documents, 1)}
    found = list(_citations(answer, places))
    marked: dict[int, set[tuple[int, int]]] = {}
    sentences = list(_sentences(answer))
    for start, _end, place in found:
        saying = _saying(answer, sentences, start)
        span = _closest(saying, documents[place - 1].text)
        if span is not None:
            marked.setdefault(place, set()).add(span)
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


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _END.finditer(text, 0, LOOKED_AT):
        if match.start() > start:
            yield start, match.start()
        start = match.end()
    if start < min(len(text), LOOKED_AT):
        yield start, min(len(text), LOOKED_AT)


def _saying(text: str, sentences: Sequence[tuple[int, int]], at: int) -> set[str]:
    """The words of the sentence that a citation belongs to: the one it stands in or, if it stands
    alone behind it, the one before."""
    for place, (start, end) in enumerate(sentences):
        if start <= at < end:
            words = _words(_BRACKET.sub(" ", text[start:end]))
            if words or not place:
                return words
            before, _ = sentences[place - 1]
            return _words(_BRACKET.sub(" ", text[before : sentences[place - 1][1]]))
    return set()


def _closest(saying: set[str], text: str) -> tuple[int, int] | None:
    """The sentence with most words in common; the shorter one of two; None if none has any."""
    best, found = 0.0, None
    for start, end, words in _read(text):
        common = len(saying & words)
        score = common + common / (len(words) + 1.0)
        if score > best:
            best, found = score, (start, end)
    return found


@lru_cache(maxsize=512)
def _read(text: str) -> tuple[tuple[int, int, frozenset[str]], ...]:
    """A document's sentences and their words: many answers cite the same ones."""
    return tuple(
        (start, end, frozenset(words))
        for start, end in _sentences(text)
        if (words := _words(text[start:end]))
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
