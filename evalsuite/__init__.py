"""evalsuite: `pytest --evals` is to LLM quality what `pytest` is to code.

    import evalsuite as ev

    @ev.suite(golden="askacme", gate=ev.Gate(min={"checks": 0.8}))
    async def askacme(case: ev.Case, llm: ev.LLM) -> ev.Output: ...

Names are loaded when they are first used, so that importing this costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalsuite import checks as check
    from evalsuite import rag
    from evalsuite.adapters import deepeval, ragas
    from evalsuite.backends.base import Backend, Completion, Request
    from evalsuite.backends.clients import anthropic_client, openai_client
    from evalsuite.backends.llm import LLM
    from evalsuite.guardrails import guardrail
    from evalsuite.judging.naming import judge, jury
    from evalsuite.policy import Gate, Objective, Slice
    from evalsuite.rankings.naming import ranking
    from evalsuite.records import Case, Document, Metric, Output, Score, ToolCall, Usage
    from evalsuite.scoring import measures
    from evalsuite.suites import suite
    from evalsuite.targets import TargetError, command_target, http_target
    from evalsuite.tiers import Tier
    from evalsuite.trajectories.naming import trajectory
    from evalsuite.variants import Variant

__all__ = [
    "LLM",
    "Backend",
    "Case",
    "Completion",
    "Document",
    "Gate",
    "Metric",
    "Objective",
    "Output",
    "Request",
    "Score",
    "Slice",
    "TargetError",
    "Tier",
    "ToolCall",
    "Usage",
    "Variant",
    "anthropic_client",
    "check",
    "command_target",
    "deepeval",
    "guardrail",
    "http_target",
    "judge",
    "jury",
    "measures",
    "openai_client",
    "rag",
    "ragas",
    "ranking",
    "suite",
    "trajectory",
]

_HOMES = {
    "LLM": "backends.llm",
    "Backend": "backends.base",
    "Case": "records",
    "Completion": "backends.base",
    "Document": "records",
    "Gate": "policy",
    "Metric": "records",
    "Objective": "policy",
    "Output": "records",
    "Request": "backends.base",
    "Score": "records",
    "Slice": "policy",
    "TargetError": "targets",
    "Tier": "tiers",
    "ToolCall": "records",
    "Usage": "records",
    "Variant": "variants",
    "command_target": "targets",
    "http_target": "targets",
    "anthropic_client": "backends.clients",
    "guardrail": "guardrails",
    "judge": "judging.naming",
    "jury": "judging.naming",
    "measures": "scoring",
    "openai_client": "backends.clients",
    "ranking": "rankings.naming",
    "suite": "suites",
    "trajectory": "trajectories.naming",
}

_MODULES = {
    "check": "checks",
    "deepeval": "adapters.deepeval",
    "rag": "rag",
    "ragas": "adapters.ragas",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"evalsuite.{_MODULES[name]}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"evalsuite.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
