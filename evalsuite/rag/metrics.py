"""The definitions: verdicts in, a value in [0, 1] or None out. Pure, and of plain values alone.

None is never a number by another name: it says that the metric is not defined for what there is.
The verdicts are those after the quotes were looked up (`verbatim`).
"""

from __future__ import annotations

from collections.abc import Sequence

from evalsuite.rag.records import Cited, Support


def _share(holds: Sequence[bool]) -> float | None:
    return sum(holds) / len(holds) if holds else None


def faithfulness(claims: Sequence[Support]) -> float | None:
    """supported / claims. Contradicted, absent and unverified ones all count against it.

    RAGAS (Es et al. 2023, arXiv 2309.15217), with quotes checked. None: the answer claims nothing.
    """
    return _share([each == "supported" for each in claims])


def answer_relevancy(addresses: Sequence[bool], *, declines: bool) -> float | None:
    """Claims that address the question / claims; 0 for an answer that declines as a whole.

    The share of relevant statements as in DeepEval's metric of this name, without embeddings; a
    noncommittal answer is 0 as in RAGAS. None: it claims nothing and does not decline.
    """
    return 0.0 if declines else _share(addresses)


def context_relevance(relevant: Sequence[bool]) -> float | None:
    """Relevant contexts / contexts, whatever their order.

    The "context relevance" of the RAG triad (TruLens) and of ARES (Saad-Falcon et al. 2023, arXiv
    2311.09476), yes or no by passage. None: there is no context.
    """
    return _share(relevant)


def context_precision(relevant: Sequence[bool]) -> float | None:
    """Average precision: the mean of precision@k over the ranks k of relevant contexts.

    sum_k(precision@k · relevant_k) / sum_k(relevant_k), as RAGAS has it; 1 if no irrelevant
    context stands before a relevant one. Zero relevant contexts are 0: nothing was found. None:
    there is no context.
    """
    if not relevant:
        return None
    hits, total = 0, 0.0
    for rank, each in enumerate(relevant, 1):
        if each:
            hits += 1
            total += hits / rank
    return total / hits if hits else 0.0


def context_recall(wanted: Sequence[Support]) -> float | None:
    """Claims of the reference answer that the contexts support / its claims.

    RAGAS' context recall, with quotes checked. None: the reference answer claims nothing.
    """
    return _share([each == "supported" for each in wanted])


def answer_correctness(correct: Sequence[bool], answered: Sequence[bool]) -> float | None:
    """F1 = TP / (TP + (FP + FN) / 2) over claims.

    TP: claims of the answer (`correct`) that the reference answer supports, FP: its other ones,
    FN: claims of the reference answer (`answered`) that the answer does not make. The claims' part
    of RAGAS' answer correctness. An answer without claims is 0. None: the reference answer claims
    nothing, or the answer is said to claim nothing and yet to miss nothing.
    """
    if not answered:
        return None
    right, missed = sum(correct), len(answered) - sum(answered)
    both = right + (len(correct) - right + missed) / 2
    return right / both if both else None


def noise_sensitivity(correct: Sequence[bool], carried: Sequence[bool]) -> float | None:
    """Claims of the answer that the reference answer does not support and a context does / claims.

    Of wrong claims those that retrieval brought in: RAGChecker (Ru et al. 2024, arXiv 2408.08067),
    relevant and irrelevant contexts together. Lower is better. A claim that is said to be in the
    contexts and whose quote is unverified is `carried`. None: the answer claims nothing.
    """
    return _share([each and not right for right, each in zip(correct, carried, strict=True)])


def citation_recall(sentences: Sequence[Cited]) -> float | None:
    """Sentences that what they cite carries / sentences that claim something.

    ALCE (Gao et al. 2023, arXiv 2305.14627): all passages cited in a sentence, taken together,
    carry it; a sentence that cites nothing is not carried. None: no sentence claims anything.
    """
    return _share([each.carried for each in sentences if each.claims])


def citation_precision(sentences: Sequence[Cited]) -> float | None:
    """Citations that count / citations, of sentences that claim something.

    ALCE: a citation counts if its sentence is carried and its passage carries all of that, or a
    part that it takes. One that names no context never does. None: nothing is cited.
    """
    return _share(
        [
            each.carried and one.carries != "no"
            for each in sentences
            if each.claims
            for one in each.citations
        ]
    )


def unanswerable_refusal(*, declines: bool) -> float:
    """1 if the answer declines, else 0; of questions that the documents do not answer."""
    return 1.0 if declines else 0.0
