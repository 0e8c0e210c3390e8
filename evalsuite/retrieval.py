"""BM25 over documents, in memory: the baseline that any retriever should beat.

It serves the example's retriever and, over sentences instead of documents, the embedded backend,
so that a whole pipeline can be evaluated without a model, a service or a download.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite.records import Document

STEM = 6
"""Letters kept of a word. Cutting words short is a stemmer for many languages at once, and nearly
as good as one made for each (McNamee and Mayfield, "Character n-gram tokenization for European
language text retrieval", Information Retrieval 7, 2004)."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_token = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:[.,:][0-9]+)*")


def tokens(text: str) -> list[str]:
    """Case-folded words without the endings -s, -ed and -ing of English, cut to `STEM` letters. A
    number with its separators ("1,200.50", "18:30") stays whole; each Chinese, Japanese or Korean
    character is a token."""
    return [_stem(word) for word in _token.findall(text.casefold())]


def _stem(word: str) -> str:
    if word[0].isdigit() or len(word) < 4:
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word[-1] == "s" and word[-2] not in "su":
        word = word[:-1]
    if word.endswith("ing") and len(word) > 6:
        word = word[:-3]
    elif word.endswith("ed") and len(word) > 5:
        word = word[:-2]
    return word[:STEM]


@dataclass(frozen=True, slots=True)
class Index:
    """`postings` maps a token to {place of a document: how often it occurs there}; `lengths` are
    in tokens, `average` is their mean."""

    documents: Sequence[Document]
    postings: Mapping[str, Mapping[int, int]]
    lengths: Sequence[int]
    average: float
    analyse: Callable[[str], list[str]]


def index(documents: Iterable[Document], analyse: Callable[[str], list[str]] = tokens) -> Index:
    """Read the documents once; `analyse` makes tokens of a document and later of a query."""
    documents = tuple(documents)
    postings: dict[str, dict[int, int]] = {}
    lengths = []
    for place, document in enumerate(documents):
        counts = Counter(analyse(document.text))
        lengths.append(counts.total())
        for token, count in counts.items():
            postings.setdefault(token, {})[place] = count
    average = sum(lengths) / len(lengths) if lengths else 0.0
    return Index(documents, postings, lengths, average, analyse)


def rarity(index: Index, token: str) -> float:
    """The inverse document frequency, above 0 for every token (the variant of Lucene)."""
    found = len(index.postings.get(token, ()))
    return math.log1p((len(index.documents) - found + 0.5) / (found + 0.5))


def scores(
    index: Index, query: Mapping[str, float], *, k1: float = 1.2, b: float = 0.75
) -> dict[int, float]:
    """Okapi BM25 of every document that shares a token with `query`, by its place; >= 0.

    `query` maps a token to its weight (usually its count). Source: Robertson and Zaragoza, "The
    Probabilistic Relevance Framework: BM25 and Beyond", 2009, equation 3.15.
    """
    found: dict[int, float] = {}
    for token, weight in query.items():
        worth = weight * rarity(index, token) * (k1 + 1)
        for place, count in index.postings.get(token, {}).items():
            norm = k1 * (1 - b + b * index.lengths[place] / index.average)
            found[place] = found.get(place, 0.0) + worth * count / (count + norm)
    return found


def search(index: Index, query: str, k: int, *, k1: float = 1.2, b: float = 0.75) -> list[Document]:
    """The best `k` documents with their scores, best first, ties by id; only those that share a
    token with the query, so there may be fewer."""
    found = scores(index, Counter(index.analyse(query)), k1=k1, b=b)
    best = sorted(found, key=lambda place: (-found[place], index.documents[place].id))
    return [replace(index.documents[place], score=found[place]) for place in best[: max(k, 0)]]
