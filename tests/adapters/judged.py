"""Cases scored by a metric of another library, over a real HTTP server and a store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from serving import Served

from evalsuite import scoring
from evalsuite.backends import open_backend
from evalsuite.backends.calls import TALLY, Tally
from evalsuite.backends.llm import LLM
from evalsuite.backends.recording import Recorded
from evalsuite.config import Config
from evalsuite.judging.setting import Setting
from evalsuite.records import Case, Document, Output, Score, ToolCall
from evalsuite.store import Store

ragas = pytest.mark.skipif(find_spec("ragas") is None, reason="needs ragas: dev.py adapters")
deepeval = pytest.mark.skipif(
    find_spec("deepeval") is None, reason="needs deepeval: dev.py adapters"
)

CONTEXTS = ["Leave is 16 weeks.", "Cats sleep.", "Dogs bark.", "Parental leave is paid."]
CASES = [
    Case(
        id=f"c{number}",
        input={"question": f"How long is parental leave in year {number}?"},
        expected={
            "answer": f"{number} weeks, paid",
            "trajectory": [{"name": "find", "arguments": {"n": 1}}, {"name": "tell"}],
            "reference_topics": ["leave"],
            "rubrics": {"score1_description": "wrong", "score5_description": "right"},
        },
        contexts=["Leave is 16 weeks, by law."],
    )
    for number in range(6)
]


def output_of(case: Case) -> Output:
    return Output(
        text=f"It is {case.id[1:]} weeks.",
        contexts=[Document(str(n), each) for n, each in enumerate(CONTEXTS)],
        tool_calls=[ToolCall("find", {"n": 1}, "16 weeks")] * (1 + int(case.id[1:]) % 2),
    )


def setting(url: str, cases: Sequence[Case] = CASES, root: Path = Path()) -> Setting:
    specs = {"default": f"openai:m@{url}", "embed": f"openai:v@{url}"}
    return Setting(config=Config(root=root), specs=specs, suite="words", cases=cases)


def judged(
    metric: Any,
    served: Served,
    folder: Path,
    cases: Sequence[Case] = CASES,
    outputs: Sequence[Output] | None = None,
) -> list[Score]:
    """A score per case, folded as the runner does."""
    scorer = metric.bind(setting(served.url, cases))

    async def run() -> list[Score]:
        backends = {role: open_backend(f"openai:{role}@{served.url}") for role in ("m", "v")}
        store = Store(folder)
        roles = {
            "default": Recorded(backends["m"], store),
            "embed": Recorded(backends["v"], store),
        }
        llm = LLM(roles, asyncio.get_running_loop())
        found: list[Score] = []
        try:
            for case, output in zip(cases, outputs or map(output_of, cases), strict=True):
                tally = Tally(case.id, 1, 0)
                TALLY.set(tally)
                result = await scorer(case, output, llm)
                found += scoring.fold(result, scorer.metric, case.id, 1)
        finally:
            for backend in backends.values():
                await backend.close()
            store.close()
        return found

    return asyncio.run(run())


def values(scores: Sequence[Score]) -> list[float | None]:
    return [each.value for each in scores]
