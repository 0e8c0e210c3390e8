"""The embedded model on rag metrics: words in common, numbers that match, quotes that are true."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_rag import output

from evalsuite.backends import open_backend
from evalsuite.canonical import canonical
from evalsuite.judging.asking import of_backend
from evalsuite.rag.asking import measure
from evalsuite.rag.material import material_of
from evalsuite.rag.names import METRICS, UNANSWERABLE
from evalsuite.records import Case, Document, Output, Score

EMBEDDED = of_backend(open_backend("embedded"))
LEAVE = """# Parental leave
Parental leave is
16 weeks at full pay. The desk is open until 18:00.

1. Tell your manager first.
2. Then write to the people team.
"""
OTHER = "Dragons sleep in caves."


def measured(made: Output, **case: Any) -> dict[str, Score]:
    asked = Case(id="c", input={"question": "How long is parental leave?"}, **case)
    material = material_of(asked, made, unanswerable=UNANSWERABLE)
    return asyncio.run(measure(list(METRICS), material, EMBEDDED))


@pytest.mark.parametrize(
    ("answer", "verdict", "quote"),
    [
        (
            "Parental leave is 16 weeks.",
            "supported",
            "Parental leave is 16 weeks at full pay.",
        ),
        (
            "Parental leave is 12 weeks.",
            "contradicted",
            "Parental leave is 16 weeks at full pay.",
        ),
        ("The desk is open until 18:00.", "supported", "The desk is open until 18:00."),
        ("Write to the people team.", "supported", "Then write to the people team."),
        ("Tigers are striped.", "absent", ""),
    ],
)
def test_a_claim_is_supported_by_the_sentence_that_has_its_words_and_numbers(
    answer: str, verdict: str, quote: str
) -> None:
    (claim,) = measured(output(answer, OTHER, LEAVE))["faithfulness"].evidence
    assert (claim["claim"], claim["verdict"]) == (answer, verdict)
    found = [{"quote": quote, "contexts": ["d2"]}] if quote else None
    assert claim.get("quotes") == found


def test_it_declines_where_it_says_nothing_else() -> None:
    for answer in ("I don't have that in the handbook.", "I can't tell from what I was given."):
        found = measured(output(answer, LEAVE), slices={"answerable": "no"})
        assert found["unanswerable_refusal"].value == 1.0
    both = "I don't have that in the handbook. Parental leave is 16 weeks."
    assert measured(output(both, LEAVE))["answer_relevancy"].value == 1.0


def test_contexts_are_relevant_by_the_words_of_the_question() -> None:
    found = measured(output("Parental leave is 16 weeks.", OTHER, LEAVE))
    assert found["context_relevance"].value == 0.5
    assert found["context_precision"].value == 0.5


def test_a_reference_answer_is_compared_claim_by_claim() -> None:
    found = measured(
        output("Parental leave is 16 weeks. Dragons sleep in caves.", LEAVE, OTHER),
        expected="16 weeks; apply to the works council",
    )
    assert found["context_recall"].value == 0.5
    assert found["answer_correctness"].value == pytest.approx(2 / (2 + 1 + 1))
    assert found["noise_sensitivity"].value == 0.5


def test_a_citation_carries_what_its_document_says() -> None:
    answer = "Parental leave is 16 weeks [d1]. Dragons sleep in caves. [d1] Lions roar [d9]."
    found = measured(output(answer, LEAVE, OTHER))
    assert found["citation_recall"].value == pytest.approx(1 / 3)
    assert found["citation_precision"].value == pytest.approx(1 / 3)


ODD = st.lists(
    st.sampled_from(
        ["\ud800", "\udfff", "\x00", "\u202e", "[", "]", "d1", "<data-", ">", ". ", "ß", "7"]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=60)
@given(ODD, st.lists(ODD, max_size=3), ODD, ODD)
def test_no_text_whatever_it_holds_breaks_a_metric_or_what_is_kept_of_it(
    answer: str, contexts: list[str], reference: str, id_: str
) -> None:
    documents = [Document(f"{id_}{n}", each) for n, each in enumerate(contexts)]
    found = measured(Output(text=answer, contexts=documents), expected=reference)
    assert set(found) == set(METRICS)
    for each in found.values():
        assert each.value is None or 0 <= each.value <= 1
        assert each.value is not None or each.reason
        canonical([each.reason, list(each.evidence)])


WORDS = st.sampled_from(
    ["leave", "is", "16", "weeks.", "18:00.", "Then", "“pay”", "e.g.", "[d1]", "≺x", "Ü\u200b"]
)
LINES = st.lists(
    st.tuples(st.sampled_from(["", "- ", "2. ", "# ", "  "]), st.lists(WORDS, max_size=8)),
    max_size=5,
).map(lambda lines: "\n".join(mark + " ".join(words) for mark, words in lines))


@settings(max_examples=80)
@given(LINES, st.lists(LINES, min_size=1, max_size=3))
def test_whatever_it_quotes_stands_where_it_says(answer: str, contexts: list[str]) -> None:
    found = measured(output(answer, *contexts), expected=answer)
    for name in ("faithfulness", "context_recall", "noise_sensitivity"):
        for each in found[name].evidence:
            assert each["verdict"] != "unverified", each
            assert all(quote["contexts"] for quote in each.get("quotes", ())), each
