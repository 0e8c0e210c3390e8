"""A case and its output as what is judged, and the values that are known without a call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from evalsuite.checks.grounding import MOST, citations_in
from evalsuite.checks.numeric import split
from evalsuite.judging.prompt import as_text, question_of
from evalsuite.judging.subjects import text_of
from evalsuite.rag.names import REFERENCE
from evalsuite.rag.records import Material, Sentence
from evalsuite.records import Case, Document, Json, Output

MOST_SENTENCES = 200
"""Sentences of one answer whose citations are judged; a longer one is not scored for them."""

_LEADING = re.compile(r"\s*((?:\[[^\[\]\n]{1,300}\][\s.,;]*)+)")

_NEEDS_CONTEXTS = frozenset(
    (
        "faithfulness",
        "context_relevance",
        "context_precision",
        "context_recall",
        "citation_precision",
        "citation_recall",
        "noise_sensitivity",
    )
)
_OF_CLAIMS = ("faithfulness", "noise_sensitivity", "citation_precision", "citation_recall")

Known = tuple[float | None, str]
"""A value, or None, and why."""


def material_of(case: Case, output: Output, *, unanswerable: str) -> Material:
    """What is judged of an output. Its contexts are its own alone: a case's reference contexts
    would tell nothing of what was retrieved."""
    contexts = distinct(output.contexts)
    answer, question, given = text_of(output), question_of(case.input), as_text(case.input)
    dimension, _, value = unanswerable.partition("=")
    return Material(
        question=question,
        answer=answer,
        contexts=contexts,
        reference=reference_of(case),
        input=given if given != question and not _only_question(case.input) else "",
        sentences=sentences_of(answer, output.contexts, contexts),
        refused=output.finish_reason in ("refusal", "content_filter"),
        answerable=case.slices.get(dimension) != value,
    )


def _only_question(value: Json) -> bool:
    return isinstance(value, dict) and list(value) == ["question"]


def reference_of(case: Case) -> str | None:
    """The reference answer: `expected` if it is text, or the field "answer" of an object; None if
    there is none, or nothing in it."""
    given = case.expected
    if isinstance(given, dict):
        given = given.get("answer")
    return given if isinstance(given, str) and given.strip() else None


def distinct(contexts: Sequence[Document]) -> tuple[Document, ...]:
    """Contexts without copies of earlier ones (equal but for white space): they bring nothing."""
    found: dict[str, Document] = {}
    for each in contexts:
        found.setdefault(" ".join(each.text.split()), each)
    return tuple(found.values())


def sentences_of(
    answer: str, contexts: Sequence[Document], shown: Sequence[Document]
) -> tuple[Sentence, ...]:
    """The answer's sentences with what each cites: ids of contexts in brackets, as the check
    `citation` reads them. A citation behind the full stop is of the sentence before it."""
    place = {" ".join(each.text.split()): number for number, each in enumerate(shown, 1)}
    known = {each.id: place[" ".join(each.text.split())] for each in contexts}
    texts: list[str] = []
    for piece in islice(split(answer), MOST_SENTENCES + 1):
        moved = _LEADING.match(piece)
        if moved and texts and any(citations_in(moved[1], known)):
            texts[-1] = f"{texts[-1].rstrip()} {moved[1].strip()}"
            piece = piece[moved.end() :]  # noqa: PLW2901 (what is left of it)
        if piece.strip():
            texts.append(piece.strip())
    return tuple(
        Sentence(
            each, tuple(dict.fromkeys(map(known.get, islice(citations_in(each, known), MOST))))
        )
        for each in texts
    )


def applies(name: str, material: Material) -> bool:
    """Whether a metric is one of this case at all: of a question that the documents do not answer
    it is only whether the answer declines, of others all but that."""
    return material.answerable == (name != "unanswerable_refusal")


def settled(name: str, material: Material) -> Known | None:  # noqa: PLR0911 (a line an edge case)
    """The value of a metric where no model need be asked for it; None where one must be."""
    if name in REFERENCE and material.reference is None:
        return None, "no reference answer: the case expects no text"
    if name in _NEEDS_CONTEXTS and not material.contexts:
        return None, "no contexts: the output has none"
    cites = any(each.cites for each in material.sentences)
    nothing = not material.answer.strip()
    if material.refused or nothing:
        why = "the answer was refused" if material.refused else "the answer is empty"
        if name in _OF_CLAIMS:
            return None, f"no claims: {why}"
        if name in ("answer_relevancy", "answer_correctness"):
            return 0.0, why
        if name == "unanswerable_refusal":
            return float(material.refused), why
    if name == "citation_precision" and not cites:
        return None, "no citations: the answer cites nothing"
    if name.startswith("citation") and len(material.sentences) > MOST_SENTENCES:
        return None, f"the answer has more than {MOST_SENTENCES} sentences"
    return None
