"""A reply is verdicts only if it is exactly what was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_rag import Scripted, claim, covered, grounded, measured, output, wanted
from scripted_rag import given as said

from evalsuite.judging.fence import outside
from evalsuite.rag.material import material_of
from evalsuite.rag.prompt import coverage_prompt, grounding_prompt
from evalsuite.records import Case, Output

MADE = output("It is blue [d1]. It is old.", "It is blue.", "Other.")
CITED = {
    "sentence_1": {
        "claims": True,
        "carried": True,
        "citations": {"context_1": {"quote": "It is blue.", "carries": "fully"}},
    },
    "sentence_2": {"claims": True, "carried": False, "citations": {}},
}
ALL = ("faithfulness", "citation_recall")


def whole() -> dict[str, Any]:
    text = grounded(
        claim("It is blue.", "supported", "It is blue."), relevant=[True, False], sentences=CITED
    )
    made: dict[str, Any] = json.loads(text)
    return made


def reason(reply: str, *names: str) -> str:
    found = measured(Scripted(lambda request: reply), MADE, names=names or ALL)
    reasons = {each.reason for each in found.values() if each.value is None}
    values = {each.value for each in found.values()}
    assert values == {None} or None not in values
    return next(iter(reasons), "")


def test_the_whole_reply_is_read() -> None:
    assert reason(json.dumps(whole())) == ""
    assert reason(f"```json\n{json.dumps(whole())}\n```") == ""


def test_the_reply_in_the_docs_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "rag.md").read_text(encoding="utf-8")
    reply = text.partition("```json\n")[2].partition("```")[0]
    made = output("It is 16 weeks.", "Parental leave is 16 weeks at full pay.", "Pensions.")
    found = measured(Scripted(lambda request: reply), made, names=("faithfulness",))
    assert found["faithfulness"].value == 1.0


def change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(made: dict[str, Any]) -> None:
        *inner, last = path.split("/")
        place: Any = made
        for name in inner:
            place = place[int(name)] if isinstance(place, list) else place[name]
        if value is ...:
            del place[last]
        else:
            place[int(last) if isinstance(place, list) else last] = value

    return apply


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("declines", "no", '"declines" is neither true nor false'),
        ("declines", ..., 'the reply lacks "declines"'),
        ("more", 1, "the reply has a field that nobody asked for"),
        ("claims", {}, '"claims" is no list'),
        ("claims", ["x"] * 101, '"claims" has more than 100 claims'),
        ("claims/0", "blue", "claim 1 is no JSON object"),
        ("claims/0/claim", " ", "claim 1 has no text"),
        ("claims/0/verdict", "true", "the verdict of claim 1 is none of those"),
        ("claims/0/verdict", ["supported"], "the verdict of claim 1 is none of those"),
        ("claims/0/addresses", 1, '"addresses" of claim 1 is neither true nor false'),
        ("claims/0/quotes", "It is blue.", "the quotes of claim 1 are no list of text"),
        ("claims/0/quotes", [None], "the quotes of claim 1 are no list of text"),
        ("claims/0/quotes", ["x"] * 11, "claim 1 has more than 10 quotes"),
        ("claims/0/score", 1, "claim 1 has a field that nobody asked for"),
        ("contexts/context_2", ..., '"contexts" lacks "context_2"'),
        ("contexts/context_3", {}, '"contexts" has a field that nobody asked for'),
        ("contexts/context_1/relevant", None, '"relevant" of "context_1" is neither'),
        ("contexts/context_1/critique", 7, 'the critique of "context_1" is no text'),
        ("sentences/sentence_2", ..., '"sentences" lacks "sentence_2"'),
        ("sentences/sentence_1/carried", "yes", '"carried" of "sentence_1" is neither'),
        ("sentences/sentence_1/citations", {}, 'the citations of "sentence_1" lacks "context_1"'),
        (
            "sentences/sentence_1/citations/context_1/carries",
            "wholly",
            '"carries" of "context_1" of "sentence_1" is none of those',
        ),
        (
            "sentences/sentence_1/citations/context_1/quote",
            None,
            'the quote of "context_1" of "sentence_1" is no text',
        ),
    ],
)
def test_whatever_differs_from_what_was_asked_for_is_no_verdict(
    path: str, value: Any, problem: str
) -> None:
    made = whole()
    change(path, value)(made)
    assert reason(json.dumps(made)).startswith(f"unparsable verdict: {problem}")


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (covered([wanted("a")]), 'the reply lacks "answer"'),
        (covered([wanted("a", "yes")], []), '"in_answer" of reference claim 1 is neither'),
        (covered([], [said("a", "right")]), "the verdict of answer claim 1 is none of those"),
        (covered(["a"], []), "reference claim 1 is no JSON object"),  # type: ignore[list-item]
    ],
)
def test_the_second_call_is_read_as_strictly(reply: str, problem: str) -> None:
    assert reason(reply, "answer_correctness").startswith(f"unparsable verdict: {problem}")


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["declines", "claims", "contexts", "claim", "quotes", "verdict"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_makes_a_value_by_accident(value: Any) -> None:
    assert reason(json.dumps(value)).startswith("unparsable verdict")


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_what_stands_outside_of_the_fences_does_not_depend_on_what_is_judged(
    question: str, answer: str, context: str
) -> None:
    def bare(case: Case, made: Output) -> list[str]:
        material = material_of(case, made, unanswerable="a=b")
        texts = []
        for prompt in (
            grounding_prompt(material, citations=False),
            coverage_prompt(material, given=True),
        ):
            text = str(prompt.messages[-1]["content"])
            mark = text.split("marked ", 1)[1][:24]
            texts.append(outside(text, mark).replace(mark, ""))
        return texts

    judged = Case(id="c", input=question, expected="x")
    harmless = Case(id="c", input="What?", expected="x")
    assert bare(judged, output(answer, context)) == bare(harmless, output("It is.", "Blue."))
