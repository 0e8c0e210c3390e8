"""The embedded model in conversations with tools: chains, follow-ups, objections, failures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalsuite.backends.base import Completion, Request
from evalsuite.backends.embedded import Embedded
from evalsuite.backends.embedded.prompt import read, rules

LOAN = {
    "name": "loan",
    "description": "Books that a reader has borrowed, with their due date.",
    "parameters": {
        "properties": {"card_number": {"type": "string", "pattern": "^L-[0-9]{3}$"}},
        "required": ["card_number"],
    },
}
READERS = {
    "name": "readers",
    "description": "Finds the card number of a reader of the library by name.",
    "parameters": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
}
CATALOGUE = {
    "name": "catalogue",
    "description": "Searches the catalogue of the library for a title.",
    "parameters": {"properties": {"query": {"type": "string"}}, "required": ["query"]},
}
TOOLS = (LOAN, READERS, CATALOGUE)
DUE = "Which books has the reader Ida Grove borrowed?"
SYSTEM = "Answer only from the documents. The one who asks has the card L-900."


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def ask(messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] = TOOLS) -> Completion:
    return asyncio.run(Embedded().complete(Request(messages=tuple(messages), tools=tools)))


def converse(
    *said: Mapping[str, Any], results: Mapping[str, str], system: str = SYSTEM
) -> tuple[list[tuple[str, Any]], str]:
    """The calls and the answer, where a call's result is looked up by name or by an argument."""
    messages: list[Mapping[str, Any]] = [{"role": "system", "content": system}, *said]
    calls: list[tuple[str, Any]] = []
    for _ in range(8):
        reply = ask(messages)
        if not reply.tool_calls:
            return calls, reply.text
        [call] = reply.tool_calls
        calls.append((call.name, call.arguments))
        keys = [call.name, *map(str, call.arguments.values())]
        messages = reply.continued(messages, [next(results[k] for k in keys if k in results)])
    raise AssertionError(f"no end: {calls}")


RESULTS = {
    "Ida Grove": "Ida Grove has the card number L-101.",
    "Ole Marsh": "Ole Marsh has the card number L-102.",
    "L-101": "Ida Grove has borrowed the books Tides and Dunes.",
    "L-102": "Ole Marsh has borrowed the book Moors.",
    "L-900": "You have borrowed the book Peaks.",
}
FIND = ("readers", {"name": "Ida Grove"})
IDA, OLE, OWN = (("loan", {"card_number": f"L-{each}"}) for each in (101, 102, 900))


def test_a_missing_argument_is_found_by_the_tool_whose_description_names_it() -> None:
    calls, text = converse(user(DUE), results=RESULTS)
    assert calls == [FIND, IDA]
    assert text == "Ida Grove has borrowed the books Tides and Dunes."


def test_of_several_each_gets_a_call_of_its_own() -> None:
    question = "Which books have the readers Ida Grove and Ole Marsh borrowed?"
    calls, text = converse(user(question), results=RESULTS)
    assert calls == [FIND, ("readers", {"name": "Ole Marsh"}), IDA, OLE]
    assert "Tides" in text
    assert "Moors" in text


def test_who_asks_of_themselves_is_who_the_instructions_name() -> None:
    calls, text = converse(user("Which books have I borrowed as a reader?"), results=RESULTS)
    assert calls == [OWN]
    assert "Peaks" in text


def test_a_person_who_is_not_found_is_nobody_else() -> None:
    results = {"Una Vale": "No reader is named Una Vale.", **RESULTS}
    before = (user(DUE), assistant(RESULTS["L-101"]))
    question = user("Which books has the reader Una Vale borrowed?")
    for said in ((question,), (*before, question)):
        calls, text = converse(*said, results=results)
        assert calls == [("readers", {"name": "Una Vale"})]
        assert text == "No reader is named Una Vale."


def test_a_follow_up_is_about_the_question_before() -> None:
    before = (user(DUE), assistant(RESULTS["L-101"]))
    calls, text = converse(*before, user("And Ole Marsh?"), results=RESULTS)
    assert calls == [("readers", {"name": "Ole Marsh"}), OLE]
    assert "Moors" in text
    calls, text = converse(*before, user("And which have I?"), results=RESULTS)
    assert calls == [OWN]
    assert "Peaks" in text


def test_a_search_takes_the_question_as_it_is() -> None:
    question = "Does the library have the title Tides?"
    found = '<document id="shelf#4">\nThe title Tides is on shelf 4 of the library.\n</document>'
    calls, text = converse(
        user(question),
        results={"catalogue": found},
        system=f"{SYSTEM} Cite the source.",
    )
    assert calls == [("catalogue", {"query": question})]
    assert text == "The title Tides is on shelf 4 of the library. [shelf#4]"


BARRED = f"{SYSTEM} Never call loan."


def test_where_the_best_tool_is_barred_none_is_called() -> None:
    assert converse(user("Loan to L-101?"), results=RESULTS)[0] == [IDA]
    assert converse(user("Loan to L-101?"), results=RESULTS, system=BARRED)[0] == []


@pytest.mark.parametrize("failure", ["error: late", ' {"error": "late"}', "Error"])
def test_after_a_failure_nothing_is_called_and_the_wanted_sentence_said(failure: str) -> None:
    wanted = f'{SYSTEM}\nIf a tool fails, say: "Try later."\nIf it is not there, say: "No."'
    results = {**RESULTS, "L-101": failure}
    calls, text = converse(user(DUE), results=results, system=wanted)
    assert (calls, text) == ([FIND, IDA], "Try later.")
    assert converse(user(DUE), results=results)[1] != "Try later."


OBJECTIONS = [
    "Are you sure? It is Moors.",
    "That is wrong, it is Moors.",
    "I don't think so. It is Moors.",
    "No, it is Moors.",
    "My sister says that it is Moors.",
]


@pytest.mark.parametrize("objection", OBJECTIONS)
def test_an_objection_changes_nothing_where_the_prompt_says_so_and_wins_where_not(
    objection: str,
) -> None:
    before = (user("Which books has L-101 borrowed?"), assistant(RESULTS["L-101"]))
    firm = f"{SYSTEM} Keep to what the tools say."
    calls, text = converse(*before, user(objection), results=RESULTS, system=firm)
    assert calls == [IDA]
    assert text == RESULTS["L-101"]
    _, given_in = converse(*before, user(objection), results=RESULTS)
    assert given_in.startswith("You are right, I apologise. ")
    assert "Moors" in given_in


def test_an_objection_needs_an_answer_to_object_to() -> None:
    assert read([user("I think it is Moors. Are you sure?")]).objection == ""
    assert read([user("Which?"), user("I think it is Moors.")]).objection == ""


def test_an_id_is_no_part_of_a_longer_word() -> None:
    for question in ("Which books has L-1012 borrowed?", "Which books has XL-101 borrowed?"):
        assert ask([user(question)]).tool_calls == ()


def test_a_call_whose_arguments_came_as_text_is_not_made_twice() -> None:
    question = user("Which books has L-101 borrowed?")
    [call] = ask([question]).tool_calls
    function = {"name": "loan", "arguments": '{"card_number":"L-101"}'}
    turn = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": function}]}
    answer = {"role": "tool", "tool_call_id": "1", "name": "loan", "content": RESULTS["L-101"]}
    assert call.arguments == {"card_number": "L-101"}
    assert ask([question, turn, answer]).text.startswith(RESULTS["L-101"])
    broken = {**turn, "tool_calls": [{"id": "1", "function": {**function, "arguments": "{"}}]}
    assert ask([question, broken, answer]).tool_calls == (call,)


def test_rules_are_read_from_the_prompt_alone() -> None:
    found = rules('Stick to the sources. Don\'t use loan or sale.\nIf it is down, reply "Off."')
    assert (found.firm, found.failed) == (True, "Off.")
    assert {"loan", "sale"} <= found.never
    nothing = rules("Answer.")
    assert (nothing.firm, nothing.failed, nothing.never) == (False, None, frozenset())


MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system", "x"])},
    optional={
        "content": st.none() | st.text(max_size=60) | st.sampled_from([DUE, *OBJECTIONS]),
        "name": st.sampled_from(["loan", "readers"]) | st.none(),
        "tool_call_id": st.sampled_from(["1", "2"]),
        "tool_calls": st.none()
        | st.lists(
            st.sampled_from([None, 3, {}, {"function": 1}, {"function": {"name": "loan"}}]),
            max_size=2,
        ),
    },
)


@settings(max_examples=60)
@given(st.lists(MESSAGE, max_size=6))
def test_any_conversation_has_an_answer(messages: list[dict[str, Any]]) -> None:
    reply = ask(messages)
    assert bool(reply.tool_calls) == (reply.finish_reason == "tool_calls")


@pytest.mark.parametrize(
    "text", ["I am sure " * 20_000, "says " * 40_000, "if it is down " * 20_000]
)
def test_long_messages_take_no_long_time(text: str) -> None:
    began = time.process_time()  # which a busy machine does not lengthen
    ask([{"role": "system", "content": text[:50_000]}, user("a"), assistant("b"), user(text)])
    assert time.process_time() - began < 3
