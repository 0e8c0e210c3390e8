"""What a run cost by who asked, fresh and stored apart, in real runs against a counting server."""

from __future__ import annotations

from typing import Any

import pytest
from counting import counting

from evalsuite.backends.account import Account
from evalsuite.records import ModelCalls
from evalsuite.snapshot.codec import decoder, to_json

pytest.importorskip("openai")

SUITE = """
import evalsuite as ev

async def liked(case, output, llm):
    return 1.0 if (await llm.chat("Say whether " + output.text)).text else 0.0

@ev.suite(golden="words", scorers=[liked])
async def words(case, llm):
    return (await llm.chat("Say " + case.input)).text
"""
PRICE = (5 * 100 + 3 * 1000) / 1e6
"""US dollars of a call of 5 tokens in and 3 out."""


def test_target_and_scorers_are_told_apart_and_so_are_fresh_and_stored(project: Any) -> None:
    project.write("test_words.py", SUITE)
    project.cases(project.many(10, slices={"topic": "a"}))
    with counting() as server:
        project.write(
            "pyproject.toml",
            f'[tool.evalsuite]\nbudget = ["200calls"]\nbackends = {{ default = "{server.spec}" }}\n'
            '[tool.evalsuite.prices."openai:counted"]\ninput = 100.0\noutput = 1000.0\n',
        )
        assert project.run("-q").ret == 0
        report = project.report()
        spent = report["run"]["operations"]
        assert spent["budget"] == {"calls": 200}
        for part in ("target", "liked"):
            calls = spent["parts"][part]["openai:counted"]
            assert (calls["calls"], calls["stored"]) == (10, 0)
            assert calls["cost"] == pytest.approx(10 * PRICE)
        whole, topic = report["costs"]
        assert (topic["slice"], topic["answers"]) == ("topic=a", 10)
        assert whole["known"] == pytest.approx(10 * PRICE, rel=1e-3)
        assert whole["moves"]["cost_per_success"]["now"] == pytest.approx(PRICE, rel=1e-3)
        project.accept()

        project.write("test_words.py", SUITE + "# edited\n")
        project.cases([*project.many(10), {"id": "new", "input": "brand new"}])
        assert project.run("-q").ret == 0
        assert server.asked.total() == 22
    parts = project.report()["run"]["operations"]["parts"]
    for part in ("target", "liked"):
        calls = parts[part]["openai:counted"]
        assert (calls["calls"], calls["cost"]) == (1, pytest.approx(PRICE))
    assert parts["target"]["openai:counted"]["stored"] == 10
    page = (project.path / "reports/words/report.md").read_text()
    assert "Calls by part and model" in page
    assert "0.5% of 200 calls" in page or "1% of 200 calls" in page


def test_parts_add_up_over_processes() -> None:
    one, two = Account(), Account()
    for each in (one, two):
        each.recalled("target", "openai:m")
        each.parts = {**each.parts, "liked": {"openai:m": ModelCalls(1, 0.5, 5, 3, 0, 0.25)}}
    sent: Account = decoder(Account)(to_json(two))
    one.add(sent)
    assert one.parts["target"]["openai:m"] == ModelCalls(stored=2)
    assert one.parts["liked"]["openai:m"] == ModelCalls(2, 1.0, 10, 6, 0, 0.5)
