"""The metrics by name: light, since every module with suites loads it."""

from __future__ import annotations

from collections.abc import Mapping

from evalsuite.records import Metric

METRICS: Mapping[str, Metric] = {
    name: Metric(name, higher_is_better=name != "noise_sensitivity")
    for name in (
        "faithfulness",
        "answer_relevancy",
        "context_relevance",
        "context_precision",
        "context_recall",
        "citation_precision",
        "citation_recall",
        "answer_correctness",
        "noise_sensitivity",
        "unanswerable_refusal",
    )
}
"""All of them range over [0, 1]; metrics.py defines each."""

TRIAD = ("faithfulness", "answer_relevancy", "context_relevance")

REFERENCE = ("context_recall", "answer_correctness", "noise_sensitivity")
"""What needs a reference answer, and so the second call."""

UNANSWERABLE = "answerable=no"
"""The slice of the cases whose question the documents do not answer."""

CITATIONS = ("citation_precision", "citation_recall")
"""What takes the answer's sentences, each with what it cites."""

GIVEN = ("answer_correctness", "noise_sensitivity")
"""What takes the answer's claims, each against the reference answer."""
