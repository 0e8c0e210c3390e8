"""Operational gates in real runs, against a server on this machine whose delays are set."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chat_server import chatting

pytest.importorskip("openai")

SUITE = """
import evalsuite as ev

@ev.suite(golden="words", gate=ev.Gate(operations={{{operations}}}))
async def words(case, llm):
    reply = await llm.chat({prompt})
    delay = float(reply.text.rsplit(" ", 1)[1])
    return ev.Output(text=reply.text{latency})
"""

PRICES = '[tool.evalsuite.prices."openai:m"]\ninput = 100.0\noutput = 1000.0\n'
"""A call of 7 tokens in and 3 out costs 0.0037 USD."""


@pytest.fixture
def served(project: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sixteen cases whose answers name the server's delay: 20 to 35 ms, times `project.slow`."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key-1234567890")
    project.slow = 1.0

    def answer(prompt: str) -> str:
        delay = project.slow * (0.02 + 0.001 * int(prompt.split()[1]))
        time.sleep(delay)
        return f"{prompt} {delay:.4f}"

    def suite(operations: str, prompt: str = "case.input", *, measured: bool = False) -> None:
        latency = "" if measured else ", latency=delay"
        project.write(
            "test_words.py", SUITE.format(operations=operations, prompt=prompt, latency=latency)
        )

    with chatting(answer) as chat:
        backends = f'concurrency = 16\nbackends = {{ default = "openai:m@{chat.url}" }}\n'
        project.write("pyproject.toml", f"[tool.evalsuite]\n{backends}{PRICES}")
        project.cases(project.many(16))
        project.chat, project.words = chat, suite
        yield project


def findings(project: Any) -> dict[str, Any]:
    return {
        each["name"]: each for each in project.report()["findings"] if each["kind"] == "operation"
    }


RISE = '"latency_p50": ev.Objective(rise=0.5), "cost_per_success": ev.Objective(max=0.1)'


@pytest.mark.parametrize("processes", [(), ("-n", "2", "-p", "xdist")], ids=["one", "two"])
def test_slower_answers_block_by_what_was_recorded(served: Any, processes: Any) -> None:
    served.words(RISE)
    first = served.run_apart(*processes)
    assert first.ret == 0
    served.accept()
    stored = served.path / "snapshots" / "words" / "operations.jsonl"
    lines = [json.loads(line) for line in stored.read_text(encoding="utf-8").splitlines()]
    assert [each["id"] for each in lines] == [f"c{n:03}" for n in range(16)]
    (spent,) = lines[3]["spent"]
    asked = spent.pop("asked")["target"]["models"]["openai:m"]
    assert (asked["calls"], asked["input_tokens"], asked["cost"]) == (1, 7, 0.0037)
    assert spent == {"fresh": True, "latency": 0.023, "tokens": 10, "cost": 0.0037}
    served.slow = 3.0
    served.words(RISE, prompt='case.input + " please"')
    done = served.run_apart(*processes)
    assert done.ret == 1
    found = findings(served)["latency_p50 rise <= 50%"]
    assert (found["result"], found["n"], found["unit"]) == ("regression", 16, "s")
    assert found["effect"] == pytest.approx(2.0)
    assert findings(served)["cost_per_success <= 0.1 USD"]["after"] == pytest.approx(0.0037)
    done.stdout.fnmatch_lines(["*latency_p50 rise <= 50% does not hold: 0.028 s → 0.084 s (+200%*"])
    said = served.evalsuite("explain", "latency_p50 rise <= 50%", "--suite", "words").stdout.str()
    assert "regression, blocks the merge" in said
    html = (served.path / "reports" / "words" / "report.html").read_text(encoding="utf-8")
    assert "0.028 s → 0.084 s" in html
    assert "cost per success" in html


def test_measured_latency_includes_what_the_server_takes(served: Any) -> None:
    served.words('"latency_p50": ev.Objective(max=0.002, mode="observe")', measured=True)
    done = served.run_apart()
    assert done.ret == 0
    found = findings(served)["latency_p50 <= 0.002 s"]
    assert found["result"] == "over"
    assert found["after"] >= 0.028
    assert not found["blocks"]


def test_stored_and_replayed_answers_are_never_gated(served: Any) -> None:
    served.words('"latency_p50": ev.Objective(max=9.0)')
    assert served.run_apart().ret == 0
    served.accept()
    asked = len(served.chat.asked)
    served.words('"latency_p50": ev.Objective(max=0.000001, critical=True)')
    replayed = served.run_apart("--evals-replay=only")
    assert replayed.ret == 0
    (found,) = findings(served).values()
    assert (found["result"], found["n"]) == ("not proven", 0)
    stored = served.run_apart()
    (found,) = findings(served).values()
    assert (stored.ret, found["result"]) == (10, "inconclusive")
    assert "0 of the 10 cases" in found["reason"]
    assert len(served.chat.asked) == asked
    told = (served.runs()[-1] / "words" / "operations.jsonl").read_text(encoding="utf-8")
    assert '"asked"' in told  # what a later run will take
    assert '"fresh"' not in told


def test_accepting_a_run_that_asked_nothing_keeps_the_figures_of_equal_answers(served: Any) -> None:
    served.words('"latency_p50": ev.Objective(max=9.0)')
    served.run_apart()
    served.accept()
    stored = served.path / "snapshots" / "words" / "operations.jsonl"
    before = stored.read_text(encoding="utf-8")
    served.words('"latency_p50": ev.Objective(max=8.0)')
    served.run_apart()
    served.accept()
    assert stored.read_text(encoding="utf-8") == before


def test_a_misspelt_figure_is_an_error_at_collection_with_the_nearest_name(served: Any) -> None:
    served.words('"latency_p59": ev.Objective(max=1)')
    done = served.run_apart()
    assert done.ret != 0
    assert 'no figure is named "latency_p59": did you mean "latency_p95"' in (
        done.stdout.str() + done.stderr.str()
    )
