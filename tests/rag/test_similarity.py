"""`ev.rag.similarity`: what the cosine becomes, what is not scored, what is said before the run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request as Sent
from werkzeug import Response

import evalsuite as ev
from evalsuite.errors import SuiteError
from evalsuite.rag.similarity import likeness

numbers = st.floats(allow_nan=False, allow_infinity=False)
vectors = st.lists(numbers, min_size=3, max_size=3)


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        ([1, 0], [5, 0], 1.0),
        ([1, 0], [0, 2], 0.0),
        ([1, 0], [-1, 0], 0.0),
        ([1, 1], [1, 0], 0.5**0.5),
        ([1e308, 1e308], [1e308, 1e308], 1.0),
        ([5e-324, 0], [5e-324, 0], 1.0),
    ],
)
def test_the_value_is_the_cosine_and_0_where_that_is_negative(
    one: list[float], other: list[float], value: float
) -> None:
    found, reason = likeness(one, other)
    assert found == pytest.approx(value)
    assert not reason


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ([0.0, 0.0], [1.0, 0.0], "the vector of the answer has no direction"),
        ([1.0, 0.0], [0.0, 0.0], "the vector of the reference answer has no direction"),
        ([], [], "has no direction"),
        ([1.0], [1.0, 2.0], "vectors of 1 and 2 numbers can't be compared"),
        ([float("inf")], [1.0], "has no direction"),
        ([float("nan")], [1.0], "has no direction"),
        ([1.0, float("nan")], [1.0, 1.0], "the vector of the answer has no direction: a number"),
        ([1.0, 1.0], [1.0, float("nan")], "the vector of the reference answer has no direction"),
        ([1.0, float("-inf")], [1.0, 1.0], "not finite"),
    ],
)
def test_what_has_no_direction_is_not_scored(
    one: list[float], other: list[float], says: str
) -> None:
    found, reason = likeness(one, other)
    assert found is None
    assert says in reason


@given(vectors, vectors)
def test_any_two_vectors_have_a_value_within_0_and_1_or_a_reason(
    one: list[float], other: list[float]
) -> None:
    value, reason = likeness(one, other)
    assert (value is None) == bool(reason)
    assert value is None or 0.0 <= value <= 1.0
    assert likeness(other, one)[0] == value


SUITE = """
import evalsuite as ev

@ev.suite(golden="words", scorers=[ev.rag.similarity({arguments})])
def words(case):
    return case.input
"""
CASES = [
    {"id": "same", "input": "16 weeks", "expected": "16 weeks"},
    {"id": "field", "input": "16 weeks", "expected": {"answer": "sixteen weeks"}},
    {"id": "empty", "input": " ", "expected": "16 weeks"},
    {"id": "none", "input": "16 weeks"},
    {"id": "dots", "input": "…", "expected": "16 weeks"},
]


def test_a_fall_is_shown_and_blocks_nothing_but_a_floor_does(project: Any) -> None:
    cases = [{"id": f"c{n:02}", "input": "16 weeks", "expected": "16 weeks"} for n in range(40)]
    settings(project, 'default = "embedded", embed = "embedded"', cases=cases)
    assert project.run().ret == 0
    project.accept()
    worse = SUITE.format(arguments="").replace("case.input", '"a desk"')
    project.write("test_words.py", worse)
    result = project.run()
    assert result.ret == 0
    assert "gate[similarity" not in result.stdout.str()
    assert project.rows()["c00"]["scores"]["similarity"][0] < 0.1
    project.write(
        "test_words.py", worse.replace("()])", '()], gate=ev.Gate(min={"similarity": 0.8}))')
    )
    result = project.run()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*gate?similarity >= 0.80?*below*"])


def settings(project: Any, backends: str, *, arguments: str = "", cases: Any = CASES) -> None:
    project.write("pyproject.toml", f"[tool.evalsuite]\nbackends = {{ {backends} }}\n")
    project.write("test_words.py", SUITE.format(arguments=arguments))
    project.cases(cases)


def test_the_offline_vectors_score_what_they_can_and_say_why_of_the_rest(project: Any) -> None:
    settings(project, 'default = "embedded", embed = "embedded"')
    assert project.run().ret == 0
    rows = project.rows()
    values = {name: row["scores"]["similarity"][0] for name, row in rows.items()}
    assert values["same"] == pytest.approx(1)
    assert 0.3 < values["field"] < 0.9
    assert values["empty"] == 0
    assert values["none"] is values["dots"] is None
    assert rows["none"]["reasons"]["similarity"].startswith("no reference answer")
    assert "has no direction" in rows["dots"]["reasons"]["similarity"]
    assert rows["empty"]["reasons"]["similarity"] == "the answer is empty"


def test_a_server_is_asked_once_a_pair_and_not_again_by_the_next_run(
    project: Any, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    asked: list[Any] = []

    def answer(sent: Sent) -> Response:
        body = json.loads(sent.data)
        asked.append((body["model"], body["input"]))
        data = [{"index": n, "embedding": [1.0, n]} for n in range(len(body["input"]))]
        return Response(json.dumps({"model": "e", "data": data}), mimetype="application/json")

    httpserver.expect_request("/v1/embeddings", method="POST").respond_with_handler(answer)
    httpserver.expect_request("/v1/models/e").respond_with_json({"id": "e", "object": "model"})
    embed = f'vectors = "openai:e@{httpserver.url_for("/v1")}"'
    settings(project, f'default = "embedded", {embed}', arguments='role="vectors"', cases=CASES[:2])
    assert project.run().ret == 0
    assert sorted(asked) == [
        ("e", ["16 weeks", "16 weeks"]),
        ("e", ["16 weeks", "sixteen weeks"]),
    ]
    assert project.rows()["same"]["scores"]["similarity"] == [pytest.approx(0.5**0.5, abs=1e-6)]
    assert project.run().ret == 0
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("backends", "cases", "says"),
    [
        (
            'default = "embedded"',
            CASES,
            'similarity needs embeddings, and no backend has the role "embed" (there are default;',
        ),
        (
            'default = "embedded", embed = "anthropic:m"',
            CASES,
            "the backend of role \"embed\" has no embeddings: 'anthropic:m'",
        ),
        (
            'default = "embedded", embed = "embedded"',
            [CASES[3]],
            "similarity needs a reference answer, and no case has one",
        ),
    ],
)
def test_what_is_lacking_is_said_before_anything_runs(
    project: Any, backends: str, cases: Any, says: str
) -> None:
    settings(project, backends, cases=cases)
    result = project.run()
    assert result.ret in (2, 4)
    assert says in result.stdout.str() + result.stderr.str()
    assert not (project.path / ".evalsuite" / "runs").exists()


def test_a_role_that_is_no_text_is_an_error_at_import() -> None:
    with pytest.raises(SuiteError, match="role must be text"):
        ev.rag.similarity(role=None)  # type: ignore[arg-type]
