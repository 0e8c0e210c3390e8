"""Calls of a model in this process: plan, budget and report count them alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

SUITE = """
import pytest
import evalsuite as ev

async def liked(case, output, llm):
    return 1.0 if (await llm.chat("Say whether " + output.text)).text else 0.0

@pytest.fixture(scope="session")
def ready():  # with a fixture a suite is not looked at beforehand, and so not refused
    return True

@ev.suite(golden="words", scorers=[liked])
async def words(case, llm{fixture}):
    return (await llm.chat(f"Say {{case.input}} {edit}")).text
"""
MODEL = "embedded:extractive"


@pytest.fixture
def own(project: Any) -> Any:
    """Five cases, each with a call of its target and one of a scorer."""
    project.write("test_words.py", SUITE.format(fixture="", edit=""))
    project.cases(project.many(5))
    return project


def page(project: Any) -> str:
    return Path(project.path, "reports/words/report.md").read_text(encoding="utf-8")


def test_fresh_calls_are_counted_by_part_and_cost_nothing(own: Any) -> None:
    assert own.run("-q").ret == 0
    parts = own.report()["run"]["operations"]["parts"]
    for part in ("target", "liked"):
        calls = parts[part][MODEL]
        assert (calls["calls"], calls["stored"], calls["cost"], calls["unpriced"]) == (5, 0, 0, 0)
        assert calls["input_tokens"] > 0
        assert f"| `{part}` | `{MODEL}` | 5 | 0 |" in page(own)
    own.accept()
    own.write("test_words.py", SUITE.format(fixture="", edit="now"))
    assert own.run("-q").ret == 0
    assert "0.00 USD for 5 calls" in page(own)


def test_a_budget_that_does_not_cover_them_is_refused_and_one_that_does_is_used_up(
    own: Any,
) -> None:
    assert "10 calls, 0.00 USD" in own.run_apart("--evals-plan").stdout.str()
    done = own.run_apart("--evals-budget=9calls")
    assert done.ret == 10
    refused = "the budget of 9 calls does not cover the run, which takes 10 calls"
    assert refused in done.stdout.str() + done.stderr.str()
    assert not Path(own.path, ".evalsuite/runs").exists()
    done = own.run_apart("--evals-budget=10calls,1tokens,0.01usd")
    assert done.ret == 0, done.stdout.str()
    assert own.manifest()["operations"]["fresh_calls"] == 10
    assert "100% of 10 calls" in page(own)
    assert "0% of 1 token" in page(own)


def test_a_budget_ends_a_run_that_was_not_looked_at_and_the_same_command_goes_on(own: Any) -> None:
    own.write("test_words.py", SUITE.format(fixture=", ready", edit=""))
    done = own.run_apart("--evals-budget=6calls")
    assert done.ret == 10, done.stdout.str()
    assert own.manifest()["stopped"] == "the budget of 6 calls is used up (spent 6 calls)"
    assert own.manifest()["operations"]["fresh_calls"] == 6
    assert own.run_apart("--evals-budget=6calls").ret == 0
    assert own.manifest()["operations"]["fresh_calls"] == 4
