"""The evals of AskAcme: `pytest --evals examples/askacme`."""

from __future__ import annotations

from collections.abc import Sequence

import pipeline

import evalsuite as ev


@ev.suite(
    golden="askacme",
    inputs={
        "prompt": "prompts/answer.j2",
        "handbook": "handbook",
        "retriever": "retriever.toml",
    },
    scorers=[
        ev.ranking("recall", "mrr"),
        ev.rag.triad(also=["unanswerable_refusal"], unanswerable="kind=unanswerable"),
    ],
    gate=ev.Gate(
        min={"checks": 0.70, "recall": 0.85, "unanswerable_refusal": 0.60},
        slices={"topic=legal": ev.Slice(margin=0.05, exclude=0.25)},
        metrics={"unanswerable_refusal": ev.Slice(margin=0.05, exclude=0.25)},  # of 32 cases
    ),
    tiers={"pr": ev.Tier(cases=150, scorers=["recall"]), "nightly": ev.Tier(trials=3)},
)
async def askacme(
    case: ev.Case, llm: ev.LLM, contexts: Sequence[ev.Document] | None = None
) -> ev.Output:
    question = case.input["question"]
    documents = contexts
    if documents is None:
        documents = pipeline.retrieve(question, case.input.get("attachment"))
    answer = await llm.chat(pipeline.messages(question, documents))
    return ev.Output(text=answer.text, contexts=documents)
