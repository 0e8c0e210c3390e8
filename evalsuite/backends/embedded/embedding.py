"""Vectors of texts without a model: which runs of letters occur in them.

They measure spelling, not meaning. Texts that share words and word stems are near; a paraphrase in
other words is far, and a negation or another number is hardly seen ("the leave is not paid" is near
"the leave is paid"). So they find what was copied or reworded a little, let a pipeline with
embeddings run without key or download, and are no substitute for a model's.

Character n-grams within words: McNamee and Mayfield, "Character n-gram tokenization for European
language text retrieval", Information Retrieval 7, 2004. Hashed with a sign, so that what falls
together cancels out on average: Weinberger et al., "Feature Hashing for Large Scale Multitask
Learning", ICML 2009.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from functools import lru_cache
from hashlib import blake2b

DIMENSIONS = 1024
"""Length of every vector."""

LENGTHS = (3, 4)
"""Characters of a run; a word has a space on either side."""

READ = 20_000
"""Characters of a text that count."""

_word = re.compile(r"[^\W_]+")


def vector(text: str) -> tuple[float, ...]:
    """The vector of a text: `DIMENSIONS` numbers of Euclidean length 1, or all 0 where the text
    has neither letter nor digit. A run counts by the square root of how often it occurs.

    The same on every machine: nothing but sums, square roots and divisions.
    """
    plain = unicodedata.normalize("NFKC", text[:READ]).casefold()
    counts = Counter(run for word in _word.findall(plain) for run in _runs(word))
    sums = [0.0] * DIMENSIONS
    for run in sorted(counts):  # floats are added in one order
        place, sign = _place(run)
        sums[place] += sign * math.sqrt(counts[run])
    length = math.sqrt(math.fsum(each * each for each in sums))
    return tuple(each / length for each in sums) if length else tuple(sums)


def _runs(word: str) -> list[str]:
    padded = f" {word} "
    return [
        padded[start : start + size] for size in LENGTHS for start in range(len(padded) - size + 1)
    ]


@lru_cache(65_536)
def _place(run: str) -> tuple[int, float]:
    """Which number of the vector a run belongs to, and its sign."""
    found = int.from_bytes(blake2b(run.encode("utf-8", "replace"), digest_size=8).digest())
    return found % DIMENSIONS, -1.0 if found >> 63 else 1.0
