"""A case and its output as what is judged, and the values that are known without a call."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from evalsuite.checks.grounding import MOST, citations_in
from evalsuite.checks.numeric import split
from evalsuite.judging.prompt import as_text, question_of
from evalsuite.judging.subjects import text_of
from evalsuite.rag.names import CITATIONS, REFERENCE
from evalsuite.rag.records import Cite, Material, Sentence
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


@dataclass(frozen=True, slots=True)
class Known:
    """A value, or None, and why. `void`: there is nothing to judge, and so nothing is missing."""

    value: float | None
    reason: str
    void: bool = False


def material_of(case: Case, output: Output, *, unanswerable: str) -> Material:
    """What is judged of an output. Its contexts are its own alone: a case's reference contexts
    would tell nothing of what was retrieved."""
    contexts, places = distinct(output.contexts)
    answer, question, given = text_of(output), question_of(case.input), as_text(case.input)
    dimension, _, value = unanswerable.partition("=")
    return Material(
        question=question,
        answer=answer,
        contexts=contexts,
        reference=reference_of(case),
        input=given if given != question and not _only_question(case.input) else "",
        sentences=sentences_of(answer, output.contexts, places),
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


def distinct(contexts: Sequence[Document]) -> tuple[tuple[Document, ...], tuple[int, ...]]:
    """Contexts without copies of earlier ones (equal but for white space): they bring nothing; and
    for each given one its place among them, from 1. Those without text are nobody's copies."""
    found: dict[str | int, Document] = {}
    names: list[str | int] = []
    for number, each in enumerate(contexts):
        names.append(" ".join(each.text.split()) or number)
        found.setdefault(names[-1], each)
    place = {name: number for number, name in enumerate(found, 1)}
    return tuple(found.values()), tuple(place[name] for name in names)


def sentences_of(
    answer: str, contexts: Sequence[Document], places: Sequence[int]
) -> tuple[Sentence, ...]:
    """The answer's sentences with what each cites: ids of contexts in brackets, as the check
    `citation` reads them. A citation behind the full stop is of the sentence before it."""
    known: dict[str, dict[int, None]] = {}
    for each, place in zip(contexts, places, strict=True):
        known.setdefault(each.id, {})[place] = None
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
            text,
            tuple(
                Cite(each, tuple(known.get(each, ())))
                for each in dict.fromkeys(islice(citations_in(text, known), MOST))
            ),
        )
        for text in texts
    )


def judged_sentences(material: Material) -> Sequence[Sentence]:
    """The sentences whose citations are judged: none of an answer that has too many."""
    return material.sentences if len(material.sentences) <= MOST_SENTENCES else ()


def settled(name: str, material: Material) -> Known | None:  # noqa: PLR0911 (a line an edge case)
    """The value of a metric where no model need be asked for it; None where one must be."""
    if material.answerable == (name == "unanswerable_refusal"):
        what = "answerable" if material.answerable else "unanswerable"
        return _nothing(f"the question is {what}: this is measured of others")
    if name in REFERENCE and material.reference is None:
        return _nothing("no reference answer: the case expects no text")
    if name in _NEEDS_CONTEXTS and (lacking := _no_contexts(material)):
        return lacking
    if material.refused or not material.answer.strip():
        why = "the answer was refused" if material.refused else "the answer is empty"
        if name in _OF_CLAIMS:
            return _nothing(f"no claims: {why}")
        if name in ("answer_relevancy", "answer_correctness"):
            return Known(0.0, why)
        if name == "unanswerable_refusal":
            return Known(float(material.refused), why)
    if name == "citation_precision" and not any(each.cites for each in material.sentences):
        return _nothing("no citations: the answer cites nothing")
    if name in CITATIONS and len(material.sentences) > MOST_SENTENCES:
        return Known(None, f"the answer has more than {MOST_SENTENCES} sentences")
    return None


def _no_contexts(material: Material) -> Known | None:
    if not material.contexts:
        return _nothing("no contexts: the output has none")
    if not any(each.text.strip() for each in material.contexts):
        return _nothing("the contexts have no text")
    return None


def _nothing(reason: str) -> Known:
    return Known(None, reason, void=True)
