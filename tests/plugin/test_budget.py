"""Runs that a budget ends: what is done is kept, the verdict is inconclusive, nothing is paid
twice."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("pytest_httpserver", reason="not installed with the oldest pytest")
pytest.importorskip("openai")

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

SUITE = """
import pytest
import evalsuite as ev

@pytest.fixture(scope="session")
def ready():  # a suite with fixtures is not looked at beforehand, and so not refused
    return True

@ev.suite(golden="words")
async def words(case, llm, ready):
    return (await llm.chat(case.input, max_tokens=10)).text
"""

PRICES = '[tool.evalsuite.prices."openai:m"]\ninput = 100.0\noutput = 1000.0\n'
"""A call of 10 tokens in and 10 out costs 0.011 USD."""


class Server:
    """Counts what it was asked, by prompt; the first `failures` requests of each fail."""

    def __init__(self) -> None:
        self.failures = 0
        self.asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reply(self, request: Request) -> Response:
        prompt = json.loads(request.data)["messages"][0]["content"]
        with self._lock:
            self.asked[prompt] += 1
            if self.asked[prompt] <= self.failures:
                return Response("{}", status=500)
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "served",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": f"word: {prompt}"},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10},
        }
        return Response(json.dumps(answer), content_type="application/json")


@pytest.fixture
def paid(httpserver: HTTPServer, project: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project of twelve cases, each with one call, on a server that counts."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    project.server = Server()
    httpserver.expect_request("/v1/chat/completions").respond_with_handler(project.server.reply)
    project.write("test_words.py", SUITE)
    url = httpserver.url_for("/v1")
    backends = f'[tool.evalsuite]\nconcurrency = 3\nbackends = {{ default = "openai:m@{url}" }}\n'
    project.settings = backends
    project.write("pyproject.toml", backends + PRICES)
    project.cases(project.many(12))
    return project


@pytest.mark.parametrize(
    ("budget", "most"), [("5calls", 5), ("0.06usd", 5), ("100tokens", 5), ("5calls,9usd", 5)]
)
def test_a_budget_ends_the_run_inconclusive_and_a_larger_one_finishes_it(
    paid: Any, budget: str, most: int
) -> None:
    done = paid.run_apart(f"--evals-budget={budget}")
    assert done.ret == 10, done.stdout.str()
    assert 1 <= paid.server.asked.total() <= most
    first = paid.manifest()
    assert first["stopped"].startswith("the budget of ")
    assert "is used up (spent " in first["stopped"]
    assert first["operations"]["fresh_calls"] == paid.server.asked.total()
    report = paid.report()
    assert report["result"] == "inconclusive"
    assert first["stopped"] in done.stdout.str()

    done = paid.run_apart("--evals-budget=500calls", "--evals-budget=100usd")
    assert done.ret == 0, done.stdout.str()
    assert paid.manifest().get("stopped", "") == ""
    assert len(paid.server.asked) == 12
    assert set(paid.server.asked.values()) == {1}  # nothing was paid twice


def test_an_evaluation_that_costs_nothing_more_needs_no_budget(paid: Any) -> None:
    paid.run_apart()
    assert paid.run_apart("--evals-budget=1calls").ret == 0
    assert paid.server.asked.total() == 12


def test_workers_share_one_budget(paid: Any) -> None:
    pytest.importorskip("xdist")
    done = paid.run_apart("-p", "xdist", "-n2", "--evals-budget=5calls")
    assert done.ret == 10, done.stdout.str()
    assert paid.server.asked.total() <= 5
    manifest = paid.manifest()
    assert manifest["stopped"].startswith("a worker's part of the budget, of ")
    assert manifest["operations"]["fresh_calls"] == paid.server.asked.total()
    assert manifest["operations"]["models"]["openai:m"]["calls"] == paid.server.asked.total()


def test_the_setting_holds_where_the_command_line_says_nothing(paid: Any) -> None:
    paid.write("pyproject.toml", paid.settings + 'budget = ["3calls"]\n')
    assert paid.run_apart().ret == 10
    assert paid.server.asked.total() <= 3
    assert paid.run_apart("--evals-budget=99calls").ret == 0


def test_the_account_of_a_run_has_cost_and_latency_of_fresh_calls_alone(paid: Any) -> None:
    done = paid.run_apart()
    assert done.ret == 0
    fresh = paid.manifest()["operations"]
    assert fresh["cost"] == pytest.approx(12 * 0.011)
    assert fresh["models"]["openai:m"]["calls"] == 12
    assert fresh["call_p50"] > 0
    assert paid.manifest()["versions"]["prices"].startswith("genai-prices ")
    paid.write("test_words.py", SUITE + "\n# changed\n")
    done = paid.run_apart()
    stored = paid.manifest()["operations"]
    assert (stored["stored_calls"], stored.get("fresh_calls", 0)) == (12, 0)
    assert stored["cost"] == 0.0
    assert stored.get("call_p50") is None
    assert stored.get("latency_p50") is None


def test_repeated_attempts_are_counted_and_come_out_of_the_budget(paid: Any) -> None:
    paid.server.failures = 1
    done = paid.run_apart("--evals-budget=9calls")
    assert done.ret == 10, done.stdout.str()
    assert paid.server.asked.total() == 9
    done = paid.run_apart()
    assert done.ret == 0, done.stdout.str()
    assert set(paid.server.asked.values()) == {2}
    operations = paid.manifest()["operations"]
    failed = operations["failed_attempts"]["transient"]
    assert operations["fresh_calls"] + failed == 24 - 9
    assert (
        f"failed attempts | {failed} (" in paid.path.joinpath("reports/words/report.md").read_text()
    )


def test_a_budget_in_money_without_a_price_is_refused_before_anything_is_asked(paid: Any) -> None:
    paid.write("pyproject.toml", paid.settings)
    done = paid.run_apart("--evals-budget=1usd")
    assert done.ret == 4
    everything = done.stdout.str() + done.stderr.str()
    assert "price of openai:m is unknown" in everything
    assert '[tool.evalsuite.prices."openai:m"]' in everything
    assert not paid.server.asked


def test_a_budget_that_is_none_is_refused(project: Any) -> None:
    project.suite()
    project.cases(project.many(1))
    done = project.run("--evals-budget=5 apples")
    assert done.ret == 4
    done.stderr.fnmatch_lines(["*--evals-budget must be such as \"2.50usd\"*'5 apples'*"])
    assert not (project.path / ".evalsuite").exists()


def test_a_budget_does_nothing_without_evals(project: Any) -> None:
    project.suite()
    done = project.pytester.runpytest("--evals-budget=5calls")
    assert done.ret == 4
    done.stderr.fnmatch_lines(["*--evals-budget does nothing without --evals*"])
