"""Each edge case has its documented value, or none and the reason; nothing is 0 by accident."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from scripted_rag import (
    Scripted,
    claim,
    covered,
    given,
    grounded,
    in_turn,
    measured,
    output,
    wanted,
)

from evalsuite.backends.base import Completion, Request
from evalsuite.rag.names import METRICS
from evalsuite.records import Case, Document, Output

CONTEXT = "The word is blue."
ASKED = Case(id="c", input={"question": "What is it?"}, expected="The word is blue.")
UNANSWERABLE = Case(
    id="c", input="What?", expected="not there", slices={"answerable": "no", "topic": "x"}
)
WITHOUT = Case(id="c", input="What is it?")
FINE = grounded(claim("It is blue.", "supported", CONTEXT), relevant=[True])
FINE_TOO = covered([wanted("It is blue.", True, CONTEXT)], [given("It is blue.", "supported")])


def both(first: str = FINE, second: str = FINE_TOO) -> Scripted:
    """Answers each call by its kind, with the parts that it asks for."""

    def answer(request: Request) -> str:
        assert request.schema is not None
        reply = second if request.schema["title"].endswith("coverage") else first
        if not reply.startswith("{"):
            return reply
        said, asked = json.loads(reply), request.schema["properties"]
        silent = {"claims": False, "carried": False, "citations": {}}
        cites = asked.get("sentences", {"properties": {}})["properties"]
        said.setdefault("sentences", dict.fromkeys(cites, silent))
        return json.dumps({name: said[name] for name in asked})

    return Scripted(answer)


def values(backend: Scripted, made: Output, case: Case = ASKED, *names: str) -> dict[str, Any]:
    found = measured(backend, made, case, names or tuple(METRICS))
    for each in found.values():
        assert each.value is None or 0 <= each.value <= 1
        assert each.value is not None or each.reason
        assert each.value is None or not each.void
    return {name: score.value for name, score in found.items()}


def scored(backend: Scripted, made: Output, case: Case = ASKED) -> dict[str, Any]:
    """Those that have a value."""
    found = values(backend, made, case)
    return {name: value for name, value in found.items() if value is not None}


def test_an_empty_answer_claims_nothing_addresses_nothing_and_is_not_correct() -> None:
    backend = both()
    found = measured(backend, output(" \n", CONTEXT), ASKED)
    assert {name: score.value for name, score in found.items()} == {
        "faithfulness": None,
        "answer_relevancy": 0.0,
        "context_relevance": 1.0,
        "context_precision": 1.0,
        "context_recall": 1.0,
        "citation_precision": None,
        "citation_recall": None,
        "answer_correctness": 0.0,
        "noise_sensitivity": None,
        "unanswerable_refusal": None,
    }
    assert found["faithfulness"].reason == "no claims: the answer is empty"
    assert scored(both(), output("", CONTEXT), UNANSWERABLE) == {"unanswerable_refusal": 0.0}


@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
def test_an_answer_that_the_provider_refused_is_a_refusal_whatever_its_text_says(
    reason: str,
) -> None:
    made = output("It is blue.", CONTEXT, finish_reason=reason)
    found = measured(both(), made, ASKED)
    assert found["faithfulness"].value is None
    assert found["faithfulness"].reason == "no claims: the answer was refused"
    assert found["answer_relevancy"].value == found["answer_correctness"].value == 0.0
    assert found["noise_sensitivity"].value is None
    backend = both()
    assert scored(backend, made, UNANSWERABLE) == {"unanswerable_refusal": 1.0}
    assert backend.asked == []


def test_an_answer_that_was_cut_is_judged_as_it_stands() -> None:
    made = output("It is blue. It is al", CONTEXT, finish_reason="length")
    assert values(both(), made)["faithfulness"] == 1.0


def test_an_answer_that_declines_is_no_relevant_one_and_has_no_claim_to_be_faithful_with() -> None:
    backend = both(
        grounded(relevant=[True], declines=True), covered([wanted("It is blue.", False)], [])
    )
    found = measured(backend, output("I can't say.", CONTEXT), ASKED)
    assert found["answer_relevancy"].value == 0.0
    assert found["answer_relevancy"].reason == "the answer declines"
    assert found["faithfulness"].value is None
    assert found["faithfulness"].reason == "the answer makes no claim"
    assert found["answer_correctness"].value == 0.0
    assert found["noise_sensitivity"].value is None


def test_an_answer_that_claims_nothing_and_does_not_decline_is_not_scored() -> None:
    found = measured(both(grounded(relevant=[True])), output("What do you mean?", CONTEXT), ASKED)
    for name in ("faithfulness", "answer_relevancy"):
        assert (found[name].value, found[name].reason) == (None, "the answer makes no claim")
        assert found[name].void


def test_without_contexts_only_what_needs_none_is_scored() -> None:
    backend = both(grounded(claim("It is blue.")))
    found = measured(backend, output("It is blue. [d1]"), ASKED)
    valued = {name for name, score in found.items() if score.value is not None}
    assert valued == {"answer_relevancy", "answer_correctness"}
    assert found["context_recall"].reason == "no contexts: the output has none"
    assert "There are no contexts." in str(backend.asked[0].messages[-1]["content"])
    alone = both()
    assert values(alone, output("It is blue."), ASKED, "faithfulness") == {"faithfulness": None}
    assert alone.asked == []


def test_a_cases_own_contexts_are_no_retrieved_ones() -> None:
    case = Case(id="c", input="What?", contexts=[CONTEXT])
    assert values(both(), output("It is blue."), case, "context_relevance") == {
        "context_relevance": None
    }


def test_without_a_reference_answer_the_second_call_is_not_made() -> None:
    backend = both()
    found = measured(backend, output("It is blue.", CONTEXT), WITHOUT)
    for name in ("context_recall", "answer_correctness", "noise_sensitivity"):
        assert found[name].value is None
        assert found[name].reason == "no reference answer: the case expects no text"
    assert found["faithfulness"].value == 1.0
    assert len(backend.asked) == 1


@pytest.mark.parametrize(
    ("expected", "there"),
    [
        ("blue", True),
        ({"answer": "blue"}, True),
        ({"answer": "  "}, False),
        ({"must": ["blue"]}, False),
        (["blue"], False),
        ("", False),
        (7, False),
    ],
)
def test_a_reference_answer_is_text_or_the_field_answer(expected: Any, there: bool) -> None:
    case = Case(id="c", input="What?", expected=expected)
    found = values(both(), output("It is blue.", CONTEXT), case, "context_recall")
    assert found == {"context_recall": 1.0 if there else None}


def test_a_reference_answer_that_claims_nothing_is_no_measure() -> None:
    found = measured(
        both(second=covered([], [given("It is blue.")])), output("It is.", CONTEXT), ASKED
    )
    for name in ("context_recall", "answer_correctness"):
        assert found[name].value is None
        assert found[name].reason == "the reference answer makes no claim"


def test_verdicts_that_contradict_each_other_are_no_correctness() -> None:
    second = covered([wanted("It is blue.", True)], [])
    found = measured(both(second=second), output("Hm.", CONTEXT), ASKED)["answer_correctness"]
    assert found.value is None
    assert not found.void
    assert "contradict each other" in found.reason


def test_an_unanswerable_case_is_measured_by_whether_it_is_declined_and_by_nothing_else() -> None:
    declines = grounded(relevant=[False], declines=True)
    made = output("I don't know.", CONTEXT)
    assert scored(both(declines), made, UNANSWERABLE) == {"unanswerable_refusal": 1.0}
    assert scored(both(), made, UNANSWERABLE) == {"unanswerable_refusal": 0.0}
    assert "unanswerable_refusal" not in scored(both(), made, ASKED)
    alone = both()
    found = measured(alone, made, UNANSWERABLE, ("faithfulness", "context_recall"))
    for each in found.values():
        assert each.value is None
        assert each.void
        assert each.reason == "the question is unanswerable: this is measured of others"
    assert alone.asked == []


def test_zero_relevant_contexts_are_zero_precision() -> None:
    first = grounded(claim("It is blue."), relevant=[False, False])
    found = values(both(first), output("It is blue.", CONTEXT, "Other."), ASKED)
    assert (found["context_precision"], found["context_relevance"]) == (0.0, 0.0)


def test_copies_of_a_context_are_one_and_are_shown_once() -> None:
    backend = both(grounded(claim("It is blue."), relevant=[False, True]))
    copies = output("It is blue.", "Other.", CONTEXT, " The word\nis blue. ", "Other.")
    found = values(backend, copies, ASKED, "context_relevance", "context_precision")
    assert found == {"context_relevance": 0.5, "context_precision": 0.5}
    assert str(backend.asked[0].messages[-1]["content"]).count(CONTEXT) == 1


def test_a_citation_of_a_copy_is_one_of_the_context() -> None:
    documents = [Document("a", CONTEXT), Document("b", CONTEXT)]
    said = {"context_1": {"quote": CONTEXT, "carries": "fully"}}
    cited = {"sentence_1": {"claims": True, "carried": True, "citations": said}}
    first = grounded(claim("It is blue."), relevant=[True], sentences=cited)
    made = Output(text="It is blue [b].", contexts=documents)
    found = values(both(first), made, ASKED, "citation_precision", "citation_recall")
    assert found == {"citation_precision": 1.0, "citation_recall": 1.0}


def test_an_id_that_several_contexts_share_cites_them_all() -> None:
    documents = [Document("a", "Other."), Document("a", CONTEXT), Document("b", "Third.")]
    said = {
        "context_1": {"quote": "", "carries": "no"},
        "context_2": {"quote": CONTEXT, "carries": "fully"},
    }
    cited = {"sentence_1": {"claims": True, "carried": True, "citations": said}}
    first = grounded(claim("It is blue."), relevant=[False, True, False], sentences=cited)
    backend = both(first)
    made = Output(text="It is blue [a].", contexts=documents)
    found = values(backend, made, ASKED, "citation_precision", "citation_recall")
    assert found == {"citation_precision": 1.0, "citation_recall": 1.0}
    asked = str(backend.asked[0].messages[-1]["content"])
    assert "which cites context_1, context_2:" in asked


def test_a_supported_claim_without_a_true_quote_is_unverified_and_counts_against() -> None:
    first = grounded(
        claim("It is blue.", "supported", CONTEXT),
        claim("It is red.", "supported", "The word is red."),
        claim("It is old.", "supported"),
        claim("It is both.", "supported", CONTEXT, "The word is red."),
        relevant=[True],
    )
    found = measured(both(first), output("It is.", CONTEXT), ASKED)["faithfulness"]
    assert found.value == 0.25
    assert found.reason == "1 of 4 claims are supported, 3 unverified"
    assert [each["verdict"] for each in found.evidence] == ["supported"] + 3 * ["unverified"]
    assert found.evidence[3]["quotes"] == [
        {"quote": CONTEXT, "contexts": ["d1"]},
        {"quote": "The word is red.", "contexts": []},
    ]


def test_what_a_reference_claim_and_a_citation_rest_on_is_looked_up_as_well() -> None:
    second = covered(
        [wanted("It is blue.", True, "made up")], [given("It is red.", "absent", "made up")]
    )
    said = {"context_1": {"quote": "made up", "carries": "fully"}}
    cited = {"sentence_1": {"claims": True, "carried": True, "citations": said}}
    first = grounded(claim("It is blue."), relevant=[True], sentences=cited)
    found = values(both(first, second), output("It is blue [d1].", CONTEXT), ASKED)
    assert found["context_recall"] == 0.0
    assert found["noise_sensitivity"] == 1.0
    assert (found["citation_precision"], found["citation_recall"]) == (0.0, 0.0)


def test_a_wrong_claim_whose_quote_is_unverified_makes_no_answer_look_better() -> None:
    second = covered(
        [wanted("It is blue.", True, CONTEXT)],
        [
            given("It is blue.", "supported", "made up"),
            given("It is red.", "contradicted", "made up"),
            given("It is old.", "absent", CONTEXT),
            given("It is new.", "absent"),
        ],
    )
    found = measured(both(second=second), output("It is.", CONTEXT), ASKED)["noise_sensitivity"]
    assert found.value == 0.5
    assert found.reason == "2 of 4 claims are wrong and from a context, 1 of them unverified"
    assert [each["verdict"] for each in found.evidence] == [
        "right",
        "wrong, from a context by a quote that is unverified",
        "wrong, from a context",
        "wrong, from no context",
    ]


def test_contexts_without_text_are_nothing_to_measure_by_and_no_copies() -> None:
    backend = both(grounded(claim("It is blue."), relevant=[False, False]))
    found = measured(backend, output("It is blue. [d1]", "", " \n"), ASKED, tuple(METRICS)[:4])
    for name in ("faithfulness", "context_relevance", "context_precision"):
        assert (found[name].value, found[name].reason) == (None, "the contexts have no text")
        assert found[name].void
    said = grounded(claim("It is blue.", "supported", CONTEXT), relevant=[False, True, False])
    made = output("It is blue.", "", CONTEXT, " ")
    assert values(both(said), made, ASKED, "context_relevance") == {"context_relevance": 1 / 3}


def test_an_answer_without_claims_and_a_sentence_that_claims_contradict_each_other() -> None:
    said = {"context_1": {"quote": CONTEXT, "carries": "fully"}}
    cited = {"sentence_1": {"claims": True, "carried": True, "citations": said}}
    first = grounded(relevant=[True], sentences=cited)
    found = measured(both(first), output("It is blue [d1].", CONTEXT), ASKED)
    for name in ("faithfulness", "answer_relevancy", "citation_precision", "citation_recall"):
        assert found[name].value is None
        assert not found[name].void
        assert found[name].reason.startswith("the verdicts contradict each other: no claim")
    assert found["context_relevance"].value == 1.0


def test_an_answer_without_claims_makes_none_of_the_reference_answer() -> None:
    second = covered([wanted("It is blue.", True, CONTEXT), wanted("It is new.")], [])
    found = measured(both(second=second), output("Hm.", CONTEXT), ASKED)
    for name in ("answer_correctness", "noise_sensitivity"):
        assert (found[name].value, found[name].void) == (None, False)
        assert "contradict each other" in found[name].reason
    assert found["context_recall"].value == 0.5


def test_a_citation_is_shown_by_a_quote_of_the_context_that_it_names() -> None:
    said = {"context_2": {"quote": CONTEXT, "carries": "fully"}}
    cited = {"sentence_1": {"claims": True, "carried": True, "citations": said}}
    first = grounded(claim("It is blue."), relevant=[True, False], sentences=cited)
    found = values(both(first), output("It is blue [d2].", CONTEXT, "Other."), ASKED)
    assert (found["citation_precision"], found["citation_recall"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("names", "fields"),
    [
        (["faithfulness"], [["declines", "claims", "contexts"]]),
        (["unanswerable_refusal", "context_recall"], [["reference"]]),
        (["context_recall", "answer_correctness"], [["reference", "answer"]]),
        (["context_recall", "noise_sensitivity"], [["reference", "answer"]]),
        (
            ["answer_relevancy", "citation_recall", "context_recall"],
            [["declines", "claims", "contexts", "sentences"], ["reference"]],
        ),
    ],
)
def test_a_call_asks_for_what_its_metrics_take_and_no_more(
    names: list[str], fields: list[list[str]]
) -> None:
    backend = both()
    measured(backend, output("It is blue.", CONTEXT), ASKED, names)
    schemas = [each.schema or {} for each in backend.asked]
    assert [list(each["properties"]) for each in schemas] == fields


def test_an_answer_that_cites_nothing_has_no_precision_and_no_recall_where_it_claims() -> None:
    cited = {"sentence_1": {"claims": True, "carried": True, "citations": {}}}
    first = grounded(claim("It is blue."), relevant=[True], sentences=cited)
    found = measured(both(first), output("It is blue.", CONTEXT), ASKED)
    assert found["citation_precision"].value is None
    assert found["citation_precision"].reason == "no citations: the answer cites nothing"
    assert found["citation_recall"].value == 0.0


@pytest.mark.parametrize(
    ("reply", "reason", "calls"),
    [
        ("All claims are supported.", "unparsable verdict: the reply is no JSON object", 2),
        ("", "unparsable verdict: the reply is empty", 2),
        ('{"declines": false, "claims": NaN}', "unparsable verdict: NaN is not JSON", 2),
        (
            Completion(text=FINE[:40], finish_reason="length"),
            "no verdict: the reply ended with length",
            1,
        ),
        (
            Completion(text=FINE, finish_reason="content_filter"),
            "no verdict: the reply ended with content_filter",
            1,
        ),
    ],
)
def test_a_reply_that_is_no_verdict_scores_nothing_and_is_kept(
    reply: str | Completion, reason: str, calls: int
) -> None:
    backend = Scripted(lambda request: reply)
    found = measured(
        backend, output("It is blue.", CONTEXT), ASKED, ("faithfulness", "context_precision")
    )
    for each in found.values():
        assert (each.value, each.reason, each.void) == (None, reason, False)
        assert list(each.evidence[0]) == ["raw"]
    assert len(backend.asked) == calls


def test_one_slip_is_asked_about_once_without_showing_the_reply_again() -> None:
    backend = in_turn("Here you are: supported, all of it", FINE)
    found = measured(backend, output("It is blue.", CONTEXT), ASKED, ("faithfulness",))
    assert found["faithfulness"].value == 1.0
    first, second = (str(each.messages[-1]["content"]) for each in backend.asked)
    assert second.startswith(first)
    assert "all of it" not in second


def test_one_call_without_a_verdict_takes_nothing_from_the_other() -> None:
    found = measured(both(second="nonsense"), output("It is blue.", CONTEXT), ASKED)
    assert found["faithfulness"].value == 1.0
    assert found["context_recall"].value is None
    assert found["context_recall"].reason.startswith("unparsable verdict")


def test_what_was_cut_of_a_long_text_is_said() -> None:
    long = CONTEXT + " filler" * 20_000
    found = measured(both(), output("It is blue.", long), ASKED, ("faithfulness",))["faithfulness"]
    assert found.value == 1.0
    assert found.evidence[-1] == {"left out": {"context 1": len(long) - 40_000}}


def test_an_answer_of_too_many_sentences_is_not_judged_for_its_citations() -> None:
    made = output("It is blue [d1]. " * 201, CONTEXT)
    backend = both()
    found = measured(
        backend, made, ASKED, ("faithfulness", "citation_precision", "citation_recall")
    )
    assert found.pop("faithfulness").value == 1.0
    assert "Sentence 1 of" not in str(backend.asked[0].messages[-1]["content"])
    assert {(score.value, score.void) for score in found.values()} == {(None, False)}
    assert found["citation_recall"].reason == "the answer has more than 200 sentences"


def test_the_documents_table_of_edge_cases_names_every_metric_and_reason() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rag.md").read_text(encoding="utf-8")
    table = text.partition("## Edge cases")[2].partition("\n## ")[0]
    for name in METRICS:
        assert f"`{name}`" in text
    source = Path(__file__).parents[2] / "evalsuite" / "rag"
    reasons = re.findall(r'return _nothing\("([^"{]+)"', (source / "material.py").read_text())
    assert len(reasons) >= 3
    for reason in reasons:
        assert reason.partition(":")[0] in table, reason


def test_evidence_of_the_longest_reply_can_be_kept() -> None:
    claims = [claim("ü" * 600, "supported", *["ö" * 1_000] * 10) for _ in range(100)]
    found = measured(both(grounded(*claims, relevant=[True])), output("It.", CONTEXT), ASKED)
    evidence = found["faithfulness"].evidence
    assert len(evidence) == 100
    assert len(json.dumps(evidence, ensure_ascii=False).encode()) < 65_536
