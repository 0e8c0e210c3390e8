"""`ev.ranking`: names, what it shows, and suites that retrieve and never generate."""

from __future__ import annotations

from typing import Any

import pytest

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.records import Case, Document, Metric, Output
from evalsuite.scoring import scorer_key


def test_each_name_and_k_is_a_metric() -> None:
    made = ev.ranking("recall@1,5", "ndcg@10", "mrr", "r_precision")
    names = ["recall@1", "recall@5", "ndcg@10", "mrr", "r_precision"]
    assert made.metrics == tuple(map(Metric, names))
    output = Output(contexts=[Document("a", "x")])
    assert list(made(Case(id="c", input="?", relevant={"a": 1.0}), output)) == names


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "name its metrics"),
        (("recal@5",), r"no metric is named 'recal': did you mean \"recall\"\?"),
        (("ndgc",), r"did you mean \"ndcg\"\?"),
        (("recall@",), "a metric is text such as"),
        (("recall@0",), "k must be from 1 to 1000"),
        (("recall@1001",), "k must be from 1 to 1000"),
        (("recall@1,",), "a metric is text such as"),
        (("recall@five",), "a metric is text such as"),
        (("recall@٥",), "a metric is text such as"),
        (("mrr", "mrr"), '"mrr" is there twice'),
        (("recall@5", "recall@1,5"), '"recall@5" is there twice'),
        (("r_precision@5",), 'write "r_precision" without k'),
        ((5,), "a metric is text such as"),
    ],
)
def test_a_wrong_name_is_an_error_at_import_with_a_remedy(names: Any, says: str) -> None:
    with pytest.raises(SuiteError, match=says):
        ev.ranking(*names)


def test_a_case_without_labels_is_not_scored_and_says_why() -> None:
    found = ev.ranking("recall@5", "mrr")(Case(id="c", input="?"), Output())
    assert [(each.value, each.reason) for each in found.values()] == [
        (None, "the case names no relevant document")
    ] * 2


def test_another_metric_makes_none_of_the_others_stale() -> None:
    assert scorer_key(ev.ranking("mrr")) == scorer_key(ev.ranking("recall@5", "mrr"))


def test_what_was_found_at_which_rank_is_shown_once_and_said_where_it_is_not_all() -> None:
    case = Case(id="c", input="?", relevant={"b": 1.0, "a": 3.0})
    output = Output(contexts=[Document("x", ""), Document("a", "")])
    found = ev.ranking("mrr", "recall@1", "hit_rate")(case, output)
    assert found["mrr"].evidence == [
        {"document": "a", "grade": 3.0, "rank": 2},
        {"document": "b", "grade": 1.0, "rank": "not retrieved"},
    ]
    assert not found["recall@1"].evidence
    reasons = {name: each.reason for name, each in found.items()}
    assert reasons == {"mrr": "not retrieved: b", "recall@1": "not retrieved: b", "hit_rate": ""}
    whole = Output(contexts=[Document("x", ""), Document("a", ""), Document("b", "")])
    assert ev.ranking("mrr")(case, whole)["mrr"].reason == "a at rank 2, b at rank 3, of 3"
    assert ev.ranking("mrr")(case, Output())["mrr"].reason == "nothing was retrieved"


DOCUMENTS = """
import evalsuite as ev

HANDBOOK = {
    "leave": "Parental leave is 16 weeks, paid in full.",
    "pay": "Salaries are paid on the 25th.",
    "desk": "Book a desk in the app.",
}
"""
RETRIEVER = DOCUMENTS + (
    """
@ev.suite(
    golden="words",
    scorers=[ev.ranking("recall@1,2", "mrr")],
    gate=ev.Gate(min={"recall@2": 0.9}),
)
def words(case):
    found = [ev.Document(name, HANDBOOK[name]) for name in case.input.split()]
    return ev.Output(contexts=found)
"""
)


def retriever(project: Any, cases: list[dict[str, Any]], source: str = RETRIEVER) -> None:
    # A backend that can't be opened: a suite that asks no model needs none.
    project.write("pyproject.toml", '[tool.evalsuite]\nbackends = { default = "openai:gpt-x" }\n')
    project.write("test_words.py", source)
    project.cases(cases)


def test_a_suite_that_only_retrieves_needs_no_model_and_is_gated(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    cases = [{"id": f"c{n:02}", "input": "pay leave desk", "relevant": ["leave"]} for n in range(9)]
    retriever(project, [*cases, {"id": "unlabelled", "input": "pay"}])
    result = project.run()
    assert result.ret == 0
    said = result.stdout.str() + result.stderr.str()
    assert "arning" not in said
    scores = {name: row["scores"] for name, row in project.rows().items()}
    assert scores["c00"]["recall@1"] == [0.0]
    assert scores["c00"]["recall@2"] == [1.0]
    assert scores["c00"]["mrr"] == [0.5]
    assert scores["unlabelled"]["mrr"] == [None]


def test_a_plan_is_of_the_metrics_that_there_are(project: Any) -> None:
    retriever(project, [{"id": "c1", "input": "leave", "relevant": ["leave"]}])
    assert project.run().ret == 0
    planned = project.evalsuite("plan", "--run", "last")
    planned.stdout.fnmatch_lines(["gate *", "recall@1  1      none *"])
    planned.stdout.no_fnmatch_line("checks *")


def test_a_retriever_that_finds_less_is_blocked_by_its_floor(project: Any) -> None:
    cases = [
        {"id": f"c{n:02}", "input": "pay desk leave", "relevant": ["leave"]} for n in range(60)
    ]
    retriever(project, cases)
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*gate?recall@2*"])


def test_the_report_shows_the_documents_before_and_after_and_where_the_relevant_ones_are(
    project: Any,
) -> None:
    case = {"id": "c1", "input": "leave pay", "relevant": ["leave"]}
    retriever(project, [case])
    project.run()
    project.accept()
    project.write("test_words.py", RETRIEVER.replace("case.input.split()", '["pay", "desk"]'))
    project.run()
    (shown,) = project.report()["answers"]
    texts = {op: text for op, text in shown["diff"] if op != "same"}
    assert texts["gone"] == "leave: Parental leave is 16 weeks, paid in full.\n"
    assert "desk: Book a desk in the app" in texts["new"]
    assert shown["judged"] == [
        {"label": "recall@1", "text": "document: leave; grade: 1.0; rank: not retrieved"}
    ]


def test_a_suite_without_any_labelled_case_is_refused_before_it_runs(project: Any) -> None:
    retriever(project, [{"id": "c1", "input": "pay"}])
    result = project.run()
    assert result.ret in (2, 4)
    said = result.stdout.str() + result.stderr.str()
    assert "ranking: no case names relevant documents" in said
    assert 'write "relevant": ["doc-1", "doc-2"]' in said
