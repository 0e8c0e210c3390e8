"""Near-duplicate texts by MinHash and banding, so that ten thousand cases need no pair of loops.

Broder, "On the resemblance and containment of documents" (1997); banding as in Leskovec, Rajaraman
and Ullman, "Mining of Massive Datasets", section 3.4. Every candidate is confirmed exactly.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_WIDTH = 3
_BANDS = 20
_ROWS = 4
_LAGS = 8
_TRIES = 3
_MAX_CHARACTERS = 20_000

Hashes = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]
Places = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


class Near(NamedTuple):
    """`later` resembles `first`, both places in the given texts; `similarity` is at most 1."""

    first: int
    later: int
    similarity: float


def near_duplicates(texts: Sequence[str], threshold: float = 0.7) -> list[Near]:
    """For each text that resembles an earlier one, the earlier one it resembles most.

    Similarity is the Jaccard index of character trigrams, without regard to case, punctuation and
    white space. Texts whose numbers differ ("level 3", "level 4") ask different things and are
    never paired. Only the first 20,000 characters count. The chance to overlook a pair right at
    the default threshold is about 0.4 %, and less above it; among many texts of one pattern only
    the likeliest pairs are confirmed, so that time stays linear.
    """
    plain = [_plain(text) for text in texts]
    first: dict[str, int] = {}
    found = {}
    for place, text in enumerate(plain):
        if text and first.setdefault(text, place) != place:
            found[place] = Near(first[text], place, 1.0)
    places = [place for place in first.values() if len(plain[place]) >= _WIDTH]
    grams = [_grams(plain[place]) for place in places]
    tried: Counter[int] = Counter()
    for one, other in _candidates(grams):
        early, late = sorted((places[one], places[other]))
        if tried[late] == _TRIES or _numbers(plain[early]) != _numbers(plain[late]):
            continue
        tried[late] += 1
        similarity = _jaccard(grams[one], grams[other])
        if similarity >= threshold and (late not in found or similarity > found[late].similarity):
            found[late] = Near(early, late, similarity)
    return [found[place] for place in sorted(found)]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text[:_MAX_CHARACTERS].casefold()))


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def _grams(text: str) -> Hashes:
    """The distinct trigrams of a text as 64-bit numbers: three code points of 21 bits each."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    packed = (points[:-2] << np.uint64(42)) | (points[1:-1] << np.uint64(21)) | points[2:]
    return np.unique(packed)


def _jaccard(one: Hashes, other: Hashes) -> float:
    shared = np.intersect1d(one, other, assume_unique=True).size
    return float(shared / (one.size + other.size - shared))


def _candidates(grams: Sequence[Hashes]) -> list[tuple[int, int]]:
    """Pairs that agree in a whole band and in half of their signatures, the likeliest first.

    Within a band that many texts share, each is paired with its 8 neighbours only.
    """
    if len(grams) < 2:
        return []
    signatures = np.stack([_signature(each, *_permutations()) for each in grams])
    pairs: list[Places] = []
    for band in range(_BANDS):
        rows = signatures[:, band * _ROWS : (band + 1) * _ROWS]
        _, group = np.unique(rows, axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        ranked = group.ravel()[order]
        for lag in range(1, min(_LAGS, len(order) - 1) + 1):
            same = ranked[lag:] == ranked[:-lag]
            pairs.append(np.stack([order[:-lag][same], order[lag:][same]], axis=1))
    unique = np.unique(np.concatenate(pairs), axis=0)
    agree = (signatures[unique[:, 0]] == signatures[unique[:, 1]]).mean(axis=1)
    likely = np.argsort(-agree, kind="stable")[: int((agree >= 0.5).sum())]
    return [(int(one), int(other)) for one, other in unique[likely]]


def _permutations() -> tuple[Hashes, Hashes]:
    rng = np.random.default_rng(20_240_501)
    factors, offsets = rng.integers(0, 2**64, size=(2, _BANDS * _ROWS, 1), dtype=np.uint64)
    return factors | np.uint64(1), offsets


def _signature(grams: Hashes, factors: Hashes, offsets: Hashes) -> Hashes:
    mixed = (grams ^ (grams >> np.uint64(33))) * factors + offsets
    least: Hashes = (mixed >> np.uint64(20)).min(axis=1)
    return least
