"""A case and an output as what a judge sees, and what they lack for it."""

from __future__ import annotations

from evalsuite.judging.prompt import as_text
from evalsuite.judging.records import Card, Subject
from evalsuite.judging.statements import statements_of
from evalsuite.records import Case, Document, Output


def subject_of(case: Case, output: Output, other: str | None = None) -> Subject:
    """What a judge or a rater is shown. The contexts are those that the output was made from, else
    the case's own; nobody is shown their metadata."""
    given = [Document(str(place), text) for place, text in enumerate(case.contexts, 1)]
    found = [Document(each.id, each.text, each.score) for each in output.contexts]
    return Subject(
        input=case.input,
        output=text_of(output),
        other=other,
        expected=case.expected,
        contexts=tuple(found or given),
    )


def text_of(output: Output) -> str:
    """The text of an output, or its value where it has no text."""
    return output.text or as_text(output.value)


def lacking(card: Card, subject: Subject) -> str:
    """Why a subject can't be judged by a card, "" if it can."""
    if "expected" in card.needs and subject.expected in (None, "", [], {}):
        return f"{card.name} needs an expected answer, and the case has none"
    if "contexts" in card.needs and not subject.contexts:
        return f"{card.name} needs contexts, and neither output nor case has any"
    if card.kind == "expectations":
        try:
            statements_of(subject.expected)
        except ValueError as error:
            return f"{card.name}: {error}"
    return ""
