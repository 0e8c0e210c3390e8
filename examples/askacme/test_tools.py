"""The evals of AskAcme with tools: `pytest --evals examples/askacme/test_tools.py`."""

from __future__ import annotations

import desk

import evalsuite as ev

EMPLOYEE = "E-1003"


@ev.suite(
    golden="askacme-tools",
    scorers=[ev.trajectory(tools=desk.tools(), max_calls=6)],
    # Without noise: what is compared here is the way, and its changes are to be told one by one.
    backend="embedded",
    inputs={
        "prompt": "prompts/desk.j2",
        "tools": "desk/tools.json",
        "records": "desk/records.json",
        "handbook": "handbook",
    },
    gate=ev.Gate(
        min={
            "checks": 0.70,
            "trajectory.order": 0.90,
            "trajectory.recall": 0.90,
            "trajectory.known": 1.0,
            "trajectory.budget": 1.0,
        },
        slices={
            "tool=vacation": ev.Slice(),
            "tool=ticket": ev.Slice(),
            "kind=forbidden": ev.Slice(min=1.0),
        },
    ),
)
async def askacme_tools(case: ev.Case, llm: ev.LLM) -> ev.Output:
    return await desk.talk(
        case.input["messages"], llm.chat, employee=EMPLOYEE, down=case.input.get("down", {})
    )
