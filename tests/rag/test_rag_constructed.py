"""Values that are known by construction come out exactly, through a whole run and a real server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import jinja2.meta
import jinja2.sandbox  # noqa: F401 (pytester forgets what a run inside this process loads first)
import pytest
from chat_server import Chat, chatting
from constructed import Built, built, judged
from scripted_rag import Scripted, measured

from evalsuite.records import Case, Output

pytest.importorskip("openai")

SUITE = """
import evalsuite as ev

@ev.suite(golden="words", scorers=[{scorers}])
async def words(case):
    return ev.Output(text=case.input["answer"], contexts=case.input["contexts"])
"""

EVERY = """ev.rag.triad(recall=True, also=["context_precision", "citation_precision",
    "citation_recall", "answer_correctness", "noise_sensitivity"])"""


@pytest.fixture
def chat(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with chatting(judged) as chat:
        judge = f'{{ judge = "openai:j@{chat.url}" }}'
        project.write("pyproject.toml", f"[tool.evalsuite]\nbackends = {judge}\n")
        yield chat


def write(project: Any, cases: list[Built], scorers: str) -> None:
    project.cases([each.golden() for each in cases])
    project.write("test_words.py", SUITE.format(scorers=scorers))


def test_the_set_is_large_and_its_values_are_many() -> None:
    cases = built()
    assert len(cases) >= 120
    assert len({each.id for each in cases}) == len(cases)
    values = Counter((name, value) for each in cases for name, value in each.values.items())
    assert len(values) >= 70
    assert {name for name, _ in values} == {
        "faithfulness",
        "answer_relevancy",
        "context_relevance",
        "context_precision",
        "context_recall",
        "citation_precision",
        "citation_recall",
        "answer_correctness",
        "noise_sensitivity",
    }


def test_the_code_gives_exactly_the_value_by_construction() -> None:
    backend = Scripted(lambda request: judged(str(request.messages[-1]["content"])))
    for case in built():
        given = case.golden()
        made = Case(id=case.id, input=given["input"], expected=case.reference)
        output = Output(text=case.answer, contexts=case.contexts)  # type: ignore[arg-type]
        scores = measured(backend, output, made)
        for name, value in case.values.items():
            found = scores[name].value
            if value is None or found is None:
                assert found is value, (case.id, name)
            elif name == "context_precision":  # a sum of fractions: the last bit is rounding
                assert found == pytest.approx(float(value), abs=1e-15)
            else:
                assert found == float(value), (case.id, name)


def test_every_value_is_the_one_by_construction_by_two_calls_a_case_and_none_again(
    project: Any, chat: Chat
) -> None:
    cases = built()[::2]  # enough of each kind for a whole run
    assert len(cases) >= 120
    write(project, cases, EVERY)
    done = project.run()
    assert done.ret == 0, done.stdout.str()
    assert len(chat.asked) == 2 * len(cases)
    rows = project.rows()
    wrong = []
    for case in cases:
        for name, value in case.values.items():
            (found,) = rows[case.id]["scores"][name]
            if found != (None if value is None else round(float(value), 6)):  # as rows keep them
                wrong.append((case.id, name, found, value))
    assert wrong == []
    project.run()
    assert len(chat.asked) == 2 * len(cases)
    assert project.rows() == rows


def test_the_triad_costs_one_call_a_case_and_what_is_asked_in_the_same_words_is_asked_once(
    project: Any, chat: Chat
) -> None:
    cases = built()[::20]
    write(project, cases, "ev.rag.triad()")
    assert project.run().ret == 0
    assert len(chat.asked) == len(cases)
    assert sorted(project.rows()[cases[0].id]["scorer_keys"]) == [
        "answer_relevancy",
        "checks",
        "completion",
        "context_relevance",
        "faithfulness",
    ]
    write(
        project,
        cases,
        "ev.rag.faithfulness(), ev.rag.answer_relevancy(), ev.rag.context_relevance(), "
        "ev.rag.context_precision()",
    )
    assert project.run().ret == 0
    assert len(chat.asked) == len(cases)
    write(project, cases, "ev.rag.triad(), ev.rag.context_recall()")
    assert project.run().ret == 0
    assert len(chat.asked) == 2 * len(cases)
