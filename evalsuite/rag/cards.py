"""What people rate a rag metric by, so that it is measured as a judge is.

The prompt stays the metric's own: such a card has a question and a scale for raters, and its
template only names what they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evalsuite.canonical import key
from evalsuite.judging.records import Card, Criterion, Level
from evalsuite.rag.names import METRICS, REFERENCE

SHARES = (
    Level("none", 0.0),
    Level("few", 0.25, "About a quarter."),
    Level("half", 0.5, "About half."),
    Level("most", 0.75, "About three quarters."),
    Level("all", 1.0),
)

QUESTIONS: Mapping[str, str] = {
    "faithfulness": "How much of what the answer claims do the contexts show to be so?",
    "answer_relevancy": "How much of what the answer claims helps to answer the question? None if "
    "it declines to answer.",
    "context_relevance": "How many of the contexts hold something that helps to answer the "
    "question?",
    "context_precision": "How well do the contexts that help to answer stand before the others? "
    "All if none stands behind a useless one.",
    "context_recall": "How much of what the expected answer claims do the contexts show to be so?",
    "citation_precision": "How many of the answer's citations name a context that shows what their "
    "sentence claims, or a part of it?",
    "citation_recall": "How many of the answer's sentences that claim something are shown to be so "
    "by the contexts that they cite?",
    "answer_correctness": "How far do the answer and the expected answer claim the same? All if "
    "nothing is missing and nothing is added.",
    "noise_sensitivity": "How much of what the answer claims is wrong by the expected answer, and "
    "comes from a context?",
    "unanswerable_refusal": "Does the answer decline, or say that it does not know?",
}


ALONE = ("answer_relevancy", "answer_correctness", "unanswerable_refusal")
"""What is judged without contexts."""


def metric_card(name: str) -> Card:
    """The card of a metric as raters see it; KeyError for what is none."""
    scale: Sequence[Level] = SHARES
    if name == "unanswerable_refusal":
        scale = (Level("answers", 0.0), Level("declines", 1.0))
    elif not METRICS[name].higher_is_better:  # from worst to best, as all scales go
        scale = SHARES[::-1]
    needs = ["expected"] if name in REFERENCE else []
    needs += [] if name in ALONE else ["contexts"]
    shown = ["input", *needs, "output"]
    return Card(
        name=name,
        kind="metric",
        criteria=(Criterion(name, QUESTIONS[name], scale),),
        template="\n".join(f"{{{{ {each} }}}}" for each in shown),
        key=key("rag card", [name, QUESTIONS[name]]),
        description=f"ev.rag.{name}, for people to rate",
        needs=tuple(needs),
        path=f"ev.rag.{name}",
    )
