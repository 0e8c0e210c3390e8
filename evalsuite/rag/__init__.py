"""Metrics of retrieval-augmented generation, by one structured call per answer.

    naming.py     what a suite names: triad(), faithfulness(), ...
    names.py      the metrics by name
    records.py    what is judged, and what a reply says of it
    material.py   case and output -> what is judged; what needs no call
    prompt.py     what is judged -> messages and schema of a call
    reply.py      a reply -> verdicts
    verbatim.py   quotes -> the contexts in which they stand, word for word
    metrics.py    verdicts -> values: the definitions
    measuring.py  values, reasons and evidence -> scores
    asking.py     the one place that waits
    scorer.py     a suite's scorer
    similarity.py answer and reference answer by their vectors: the one metric that asks no judge

docs/rag.md has definitions, sources and edge cases. Importing this loads names alone.
"""

from evalsuite.rag.naming import (
    answer_correctness,
    answer_relevancy,
    citation_precision,
    citation_recall,
    context_precision,
    context_recall,
    context_relevance,
    faithfulness,
    noise_sensitivity,
    triad,
    unanswerable_refusal,
)
from evalsuite.rag.similarity import similarity

__all__ = [
    "answer_correctness",
    "answer_relevancy",
    "citation_precision",
    "citation_recall",
    "context_precision",
    "context_recall",
    "context_relevance",
    "faithfulness",
    "noise_sensitivity",
    "similarity",
    "triad",
    "unanswerable_refusal",
]
