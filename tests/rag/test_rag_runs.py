"""Rag metrics in whole runs: what is asked, what is not asked again, what rows and reports hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jinja2.meta
import jinja2.sandbox  # noqa: F401 (pytester forgets what a run inside this process loads first)
import planning
import pytest
from chat_server import Chat, chatting
from constructed import fact, judged

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.rag.scorer import rag_key

SUITE = """
import evalsuite as ev

ANSWERS = {answers}

@ev.suite(golden="words", scorers=[{scorers}]{more})
async def words(case):
    text = ANSWERS.get(case.id, case.input["answer"])
    return ev.Output(text=text, contexts=[ev.Document("h", "The room a costs 100 euros.")])
"""

pytest.importorskip("openai")  # and loaded here, so that a run in this process finds it

ROOM, WRONG = fact("room", "a"), fact("room", "b")


@pytest.fixture
def chat(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    with chatting(judged) as chat:
        judge = f'{{ judge = "openai:j@{chat.url}", other = "openai:o@{chat.url}" }}'
        project.write("pyproject.toml", f"[tool.evalsuite]\nbackends = {judge}\n")
        yield chat


def case(name: str, answer: str = ROOM, **more: Any) -> dict[str, Any]:
    asked = {"question": f"What does it cost, {name}?", "answer": answer}
    return {"id": name, "input": asked, "expected": ROOM, **more}


def write(
    project: Any, scorers: str, answers: dict[str, str] | None = None, more: str = ""
) -> None:
    text = SUITE.format(scorers=scorers, answers=answers or {}, more=more)
    project.write("test_words.py", text)


def test_an_unchanged_answer_makes_no_call_and_a_changed_one_is_asked_about_alone(
    project: Any, chat: Chat
) -> None:
    project.cases([case(f"c{n}") for n in range(4)])
    write(project, "ev.rag.triad()")
    assert project.run().ret == 0
    assert len(chat.asked) == 4
    write(project, "ev.rag.triad()", {"c2": WRONG})
    assert project.run().ret == 0
    assert len(chat.asked) == 5
    assert WRONG in chat.asked[-1]
    row = project.rows()["c2"]
    assert row["scores"]["faithfulness"] == [0]
    assert row["reasons"]["faithfulness"] == "0 of 1 claims are supported, 1 absent"
    write(project, "ev.rag.triad()", {"c2": WRONG}, ", trials=3")
    assert project.run().ret == 0
    assert len(chat.asked) == 5, "equal answers of several trials are asked about once"


def test_an_unanswerable_case_has_its_own_metric_and_lacks_no_other(
    project: Any, chat: Chat
) -> None:
    unanswerable = {"slices": {"kind": "unanswerable"}}
    cases = [
        case("good"),
        case("told", "I don't know.", **unanswerable),
        case("guessed", **unanswerable),
    ]
    project.cases(cases)
    named = 'unanswerable="kind=unanswerable"'
    write(project, f"ev.rag.triad({named}), ev.rag.unanswerable_refusal({named})")
    done = project.run()
    assert done.ret == 0, done.stdout.str()
    rows = project.rows()
    triad = ["answer_relevancy", "context_relevance", "faithfulness"]
    assert rows["good"]["void"] == ["unanswerable_refusal"]
    assert [rows["good"]["scores"][name] for name in triad] == 3 * [[1]]
    for name, value in (("told", 1), ("guessed", 0)):
        assert rows[name]["scores"]["unanswerable_refusal"] == [value]
        assert rows[name]["void"] == triad
        assert "the question is unanswerable" in rows[name]["reasons"]["faithfulness"]
    text = json.dumps(project.report(), ensure_ascii=False)
    assert "not scored" not in text
    write(project, f"ev.rag.triad({named})")
    assert project.run().ret == 0
    assert len(chat.asked) == 3


def test_a_provider_that_fails_leaves_every_metric_without_a_value(
    project: Any, chat: Chat
) -> None:
    project.cases([case("good"), case("bad")])
    chat.answer = lambda prompt: 400 if "cost, bad" in prompt else judged(prompt)
    write(project, "ev.rag.triad(recall=True)")
    project.run()
    row = project.rows()["bad"]
    for name in ("faithfulness", "answer_relevancy", "context_relevance", "context_recall"):
        assert row["scores"][name] == [None]
        assert row["reasons"][name].startswith("provider: ")
    assert project.rows()["good"]["scores"]["context_recall"] == [1]


def test_what_is_not_scored_is_counted_and_said(project: Any, chat: Chat) -> None:
    cases = [case(f"c{n}") for n in range(4)]
    del cases[1]["expected"]
    cases[2]["input"]["answer"] = "Hm?"
    project.cases(cases)
    chat.answer = lambda prompt: "no JSON" if "cost, c3" in prompt else judged(prompt)
    write(project, "ev.rag.triad(recall=True)")
    project.run()
    rows = project.rows()
    assert rows["c1"]["scores"]["context_recall"] == [None]
    assert rows["c1"]["reasons"]["context_recall"].startswith("no reference answer")
    assert rows["c2"]["scores"]["faithfulness"] == [None]
    assert rows["c3"]["reasons"]["faithfulness"].startswith("unparsable verdict")
    text = json.dumps(project.report(), ensure_ascii=False)
    for told in ("no reference answer", "the answer makes no claim", "unparsable verdict"):
        assert told in text
    # Two calls each but for c1, which has one, and two more for c3, whose replies are slips.
    assert len(chat.asked) == 2 * 4 - 1 + 2


def test_evidence_is_kept_and_shown_with_its_quotes(project: Any, chat: Chat) -> None:
    project.cases([case(f"c{n}") for n in range(3)])
    write(project, "ev.rag.triad()", {"c2": WRONG})
    project.run()
    page = (project.path / "reports" / "words" / "report.html").read_text(encoding="utf-8")
    assert f"absent: {WRONG}" in page, "the lowest are shown where nothing is compared"
    assert f"supported: {ROOM}" not in page
    project.accept()
    write(project, "ev.rag.triad()", {"c0": f"{ROOM} {WRONG}", "c2": WRONG})
    project.run()
    lines = (project.runs()[-1] / "words" / "evidence.jsonl").read_text().splitlines()
    found = {(each["id"], each["metric"]): each["evidence"] for each in map(json.loads, lines)}
    assert found["c0", "faithfulness"] == [
        {
            "claim": ROOM,
            "verdict": "supported",
            "quotes": [{"quote": ROOM, "contexts": ["h"]}],
        },
        {"claim": WRONG, "verdict": "absent"},
    ]
    page = (project.path / "reports" / "words" / "report.html").read_text(encoding="utf-8")
    assert f"supported: {ROOM} – “{ROOM}” in h" in page
    assert f"absent: {WRONG}" in page
    assert "relevant: context h at rank 1 – as it is" in page


@pytest.mark.parametrize(
    ("scorers", "said"),
    [
        (
            "ev.rag.context_recall()",
            "*rag context_recall needs a reference answer, and no case has one*",
        ),
        (
            "ev.rag.triad(recall=True)",
            "*rag context_recall needs a reference answer, and no case has one*",
        ),
        (
            "ev.rag.unanswerable_refusal()",
            '*rag unanswerable_refusal: no case is in slice "answerable=no"*',
        ),
        (
            'ev.rag.triad(unanswerable="topic=x")',
            '*rag faithfulness: every case is in slice "topic=x"*',
        ),
        (
            'ev.rag.triad(unanswerable="topik=x")',
            "*rag: unanswerable: no case is in slice 'topik=x': did you mean \"topic=x\"?*",
        ),
        (
            'ev.rag.faithfulness(unanswerable="answerble=no")',
            "*no case is in slice 'answerble=no': known: topic=x*",
        ),
        ('ev.rag.triad(role="jugde")', '*no backend has the role "jugde"*'),
        ("ev.rag.triad(), ev.rag.faithfulness()", '*"faithfulness" is the name of another*'),
    ],
)
def test_what_can_not_be_measured_is_said_before_anything_is_spent(
    project: Any, scorers: str, said: str
) -> None:
    cases = [case(f"c{n}", slices={"topic": "x"}) for n in range(2)]
    project.cases([{**each, "expected": {"must": ["x"]}} for each in cases])
    write(project, scorers)
    done = project.run()
    done.stdout.fnmatch_lines([said])
    assert not (project.path / ".evalsuite" / "runs").exists()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ev.rag.triad(also=["faithfullness"]), "no metric .faithfullness.: did you mean"),
        (lambda: ev.rag.triad(also="faithfulness"), "must be a list"),
        (lambda: ev.rag.triad(also=None), "also must be a list of metrics, not None: write also="),
        (lambda: ev.rag.triad(also=5), "also must be a list of metrics, not 5"),
        (lambda: ev.rag.triad(also=[["x"]]), "there is no metric .*x"),
        (lambda: ev.rag.triad(recall="no"), "recall must be True or False, not 'no'"),
        (lambda: ev.rag.triad(recall=None), "recall must be True or False, not None"),
        (lambda: ev.rag.triad(unanswerable="no"), "must be a slice"),
        (lambda: ev.rag.faithfulness(role=7), "role must be text"),  # type: ignore[arg-type]
    ],
)
def test_a_slip_is_said_at_import(make: Callable[[], object], said: str) -> None:
    with pytest.raises(SuiteError, match=said):
        make()


def test_the_key_covers_model_and_what_is_asked_and_not_which_metrics_are_shown() -> None:
    triad = ("faithfulness", "answer_relevancy", "context_relevance")
    same = {
        rag_key(triad, "openai:a"),
        rag_key(triad[:1], "openai:a"),
        rag_key((*triad, "context_recall"), "openai:a"),
    }
    others = {
        rag_key(triad, "openai:b"),
        rag_key(triad, "openai:a?temperature=0"),
        rag_key((*triad, "citation_recall"), "openai:a"),
        rag_key((*triad, "answer_correctness"), "openai:a"),
    }
    assert len(same) == 1
    assert len(others | same) == 5


def test_another_role_is_asked_and_makes_the_scores_others(project: Any, chat: Chat) -> None:
    project.cases([case("good")])
    write(project, "ev.rag.faithfulness()")
    project.run()
    first = project.rows()["good"]["scorer_keys"]["faithfulness"]
    write(project, 'ev.rag.faithfulness(role="other")')
    project.run()
    assert project.rows()["good"]["scorer_keys"]["faithfulness"] != first
    assert len(chat.asked) == 2


def test_the_embedded_model_answers_without_a_key(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    project.cases(
        [
            case("right"),
            case("number", "The room a costs 120 euros."),
            case("other", "Dragons are green."),
            case("silent", "I don't have that in the handbook."),
            case("cited", "The room a costs 100 euros. [h]"),
        ]
    )
    write(
        project,
        'ev.rag.triad(recall=True, also=["context_precision", "citation_precision", '
        '"citation_recall", "answer_correctness", "noise_sensitivity"])',
    )
    done = project.run()
    assert done.ret == 0, done.stdout.str()
    rows = project.rows()
    faithful = {name: row["scores"]["faithfulness"][0] for name, row in rows.items()}
    assert faithful == {"right": 1, "number": 0, "other": 0, "silent": None, "cited": 1}
    correct = {name: row["scores"]["answer_correctness"][0] for name, row in rows.items()}
    assert correct == {"right": 1, "number": 0, "other": 0, "silent": 0, "cited": 1}
    assert rows["number"]["reasons"]["faithfulness"].endswith("1 contradicted")
    assert rows["silent"]["scores"]["answer_relevancy"] == [0]
    assert rows["cited"]["scores"]["citation_recall"] == [1]
    assert rows["cited"]["scores"]["citation_precision"] == [1]
    assert rows["right"]["scores"]["context_recall"] == [1]


def test_a_plan_counts_the_calls_of_rag_metrics(project: Any, chat: Chat) -> None:
    project.cases([case(f"c{n}") for n in range(4)])
    write(project, "ev.rag.triad(recall=True)")
    assert project.run_apart().ret == 0
    write(project, "ev.rag.triad(recall=True)", {"c1": WRONG})
    chat.asked.clear()
    planned = project.run_apart("--evals-plan")
    assert not chat.asked
    calls, _ = planning.told(planned.stdout.str())
    assert project.run_apart().ret == 0
    assert len(chat.asked) == calls == 2
