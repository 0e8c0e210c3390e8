"""The formulas: known values, and what holds of them whatever the verdicts."""

from __future__ import annotations

from typing import Any

import pytest
from constructed import built, judged
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_rag import Scripted, measured

from evalsuite.rag import metrics
from evalsuite.rag.records import Citation, Cited, Support
from evalsuite.records import Case, Document, Output

BOOLS = st.lists(st.booleans(), max_size=8)
SUPPORTS = st.lists(
    st.sampled_from(["supported", "contradicted", "absent", "unverified"]), max_size=8
)
CITATIONS = st.builds(
    Citation, st.sampled_from(["d1", "d2", "none"]), st.sampled_from(["fully", "partly", "no"])
)
SENTENCES = st.lists(
    st.builds(Cited, st.just("s"), st.booleans(), st.booleans(), st.lists(CITATIONS, max_size=3)),
    max_size=5,
)


@pytest.mark.parametrize(
    ("relevant", "value"),
    [
        ([True], 1),
        ([False], 0),
        ([], None),
        ([True, False], 1),
        ([False, True], 1 / 2),
        ([True, False, True], (1 + 2 / 3) / 2),
        ([False, True, True], (1 / 2 + 2 / 3) / 2),
        ([False, False, False, True], 1 / 4),
        ([True, True, False, False], 1),
    ],
)
def test_context_precision_is_average_precision(relevant: list[bool], value: float | None) -> None:
    assert metrics.context_precision(relevant) == value


@pytest.mark.parametrize(
    ("correct", "answered", "value"),
    [
        ([True, True], [True, True], 1),
        ([True, False], [True, True], 2 / 3),
        ([True], [True, False], 2 / 3),
        ([False], [False], 0),
        ([], [False], 0),
        ([], [True], None),
        ([True], [], None),
        ([], [], None),
    ],
)
def test_answer_correctness_is_f1(
    correct: list[bool], answered: list[bool], value: float | None
) -> None:
    assert metrics.answer_correctness(correct, answered) == value


def test_citations_count_where_their_sentence_is_carried() -> None:
    fully, partly, no, none = (
        Citation("d1", "fully"),
        Citation("d2", "partly"),
        Citation("d3", "no"),
        Citation("none", "no"),
    )
    sentences = [
        Cited("a", True, True, [fully, no]),
        Cited("b", True, False, [partly, none]),
        Cited("c", True, True, [partly, partly]),
        Cited("d", False, True, [fully]),
        Cited("e", True, False),
    ]
    assert metrics.citation_recall(sentences) == 2 / 4
    assert metrics.citation_precision(sentences) == 3 / 6


@given(SUPPORTS, BOOLS, BOOLS, st.booleans(), SENTENCES)
def test_every_value_is_from_0_to_1_or_none(
    supports: list[Support],
    some: list[bool],
    others: list[bool],
    declines: bool,
    sentences: list[Cited],
) -> None:
    pairs = list(zip(some, others, strict=False))
    values = [
        metrics.faithfulness(supports),
        metrics.context_recall(supports),
        metrics.answer_relevancy(some, declines=declines),
        metrics.context_relevance(some),
        metrics.context_precision(some),
        metrics.answer_correctness(some, others),
        metrics.noise_sensitivity([a for a, _ in pairs], [b for _, b in pairs]),
        metrics.citation_recall(sentences),
        metrics.citation_precision(sentences),
        metrics.unanswerable_refusal(declines=declines),
    ]
    assert all(value is None or 0 <= value <= 1 for value in values)
    assert (values[0] is None) == (not supports)
    assert (values[3] is None) == (values[4] is None) == (not some)


@given(SUPPORTS.filter(bool), st.sampled_from(["contradicted", "absent", "unverified"]))
def test_a_claim_that_is_not_supported_lowers_faithfulness(
    supports: list[Support], further: Support
) -> None:
    before = metrics.faithfulness(supports)
    after = metrics.faithfulness([*supports, further])
    assert before is not None
    assert after is not None
    assert after < before or before == after == 0
    more = metrics.faithfulness([*supports, "supported"])
    assert more is not None
    assert more > before or before == more == 1


@given(BOOLS.filter(bool))
def test_the_best_order_is_the_relevant_ones_first(relevant: list[bool]) -> None:
    best = metrics.context_precision(sorted(relevant, reverse=True))
    worst = metrics.context_precision(sorted(relevant))
    value = metrics.context_precision(relevant)
    assert best == (1.0 if any(relevant) else 0.0)
    assert worst is not None
    assert value is not None
    assert worst - 1e-12 <= value <= best


def scored(case: Any, documents: list[Document]) -> dict[str, float | None]:
    golden = case.golden()
    made = Case(id=case.id, input=golden["input"]["question"], expected=case.reference)
    backend = Scripted(lambda request: judged(str(request.messages[-1]["content"])))
    found = measured(backend, Output(text=case.answer, contexts=documents), made)
    return {name: score.value for name, score in found.items()}


@settings(max_examples=40)
@given(st.sampled_from(built()), st.randoms(use_true_random=False))
def test_the_order_of_contexts_matters_to_context_precision_alone(case: Any, random: Any) -> None:
    documents = [Document(str(n), each) for n, each in enumerate(case.contexts, 1)]
    before = scored(case, documents)
    random.shuffle(documents)
    after = scored(case, documents)
    precision = after.pop("context_precision"), before.pop("context_precision")
    assert after == before
    assert None not in precision


@settings(max_examples=20)
@given(st.sampled_from(built()), st.integers(0, 4))
def test_a_copy_of_a_context_behind_it_changes_nothing(case: Any, place: int) -> None:
    documents = [Document(str(n), each) for n, each in enumerate(case.contexts, 1)]
    first = documents[place % len(documents)]
    copy = Document("copy", f" {first.text}\n")
    assert scored(case, [*documents, copy]) == scored(case, documents)
