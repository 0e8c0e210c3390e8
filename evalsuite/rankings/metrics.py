"""Retrieval metrics of one ranking, as trec_eval defines them.

Source: trec_eval 9 (https://github.com/usnistgov/trec_eval); NDCG by Järvelin and Kekäläinen,
"Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002, with trec_eval's discount
of log2(rank + 1) and the grade itself as the gain.

Each metric takes the grades by rank (0: not relevant), the grades of all relevant documents (at
least one, largest first), and k: how many ranks count, None for all. It is in [0, 1]; a ranking
without any document is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

Measure = Callable[[Sequence[float], Sequence[float], int | None], float]


def ranked(ids: Iterable[str]) -> list[str]:
    """The documents by rank, out of the ids of pieces in their order.

    Several pieces of one document are that document, at the rank of its best piece, and later
    documents move up (MaxP: Dai and Callan, "Deeper Text Understanding for IR with Contextual
    Neural Language Modeling", SIGIR 2019). Pieces without an id are a document each.

    >>> ranked(["leave", "leave", "pay", "", ""])
    ['leave', 'pay', '', '']
    """
    return list({id_ or place: id_ for place, id_ in enumerate(ids)}.values())


def gains(documents: Iterable[str], relevant: Mapping[str, float]) -> list[float]:
    """The grade of each rank. The empty id names no document."""
    return [float(relevant.get(each, 0.0)) if each else 0.0 for each in documents]


def recall(found: Sequence[float], ideal: Sequence[float], k: int | None) -> float:
    """Relevant documents within k, of all relevant ones."""
    return _hits(found[:k]) / len(ideal)


def precision(found: Sequence[float], ideal: Sequence[float], k: int | None) -> float:
    """Relevant documents within k, of k, also where fewer were retrieved; without k of all that
    were retrieved."""
    return _hits(found[:k]) / (k or len(found) or 1)


def hit_rate(found: Sequence[float], ideal: Sequence[float], k: int | None) -> float:
    """1 if a relevant document is within k, else 0."""
    return 1.0 if _hits(found[:k]) else 0.0


def mrr(found: Sequence[float], ideal: Sequence[float], k: int | None) -> float:
    """1 / rank of the first relevant document within k, else 0: its mean over cases is MRR."""
    return next((1 / rank for rank, grade in enumerate(found[:k], 1) if grade > 0), 0.0)


def average_precision(found: Sequence[float], ideal: Sequence[float], k: int | None) -> float:
    """The sum of the precision at each relevant document within k, by all relevant documents: its
    mean over cases is MAP."""
    hits, total = 0, 0.0
    for rank, grade in enumerate(found[:k], 1):
        if grade > 0:
            hits += 1
            total += hits / rank
    return total / len(ideal)


def ndcg(found: Sequence[float], ideal: Sequence[float], k: int | None) -> float:
    """The discounted gain within k, by that of the best ranking of all relevant documents."""
    best = ideal[0]  # of grades only their ratios count, and these can't overflow
    reached = _discounted([grade / best for grade in found[:k]])
    return min(1.0, reached / _discounted([grade / best for grade in ideal[:k]]))


def r_precision(found: Sequence[float], ideal: Sequence[float], k: int | None) -> float:
    """The precision at R, the number of relevant documents."""
    return _hits(found[: len(ideal)]) / len(ideal)


MEASURES: Mapping[str, Measure] = {
    "recall": recall,
    "precision": precision,
    "hit_rate": hit_rate,
    "mrr": mrr,
    "map": average_precision,
    "ndcg": ndcg,
    "r_precision": r_precision,
}


def _hits(grades: Sequence[float]) -> int:
    return sum(grade > 0 for grade in grades)


def _discounted(grades: Sequence[float]) -> float:
    return math.fsum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
