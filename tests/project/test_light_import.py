"""What every pytest run of a user's project pays for having the plugin installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

import evalsuite

HEAVY = {
    "anthropic",
    "asyncio",
    "datasets",
    "deepeval",
    "httpx2",
    "jinja2",
    "jsonschema",
    "numpy",
    "openai",
    "pandas",
    "pyarrow",
    "pydantic",
    "ragas",
    "regex",
    "rich",
    "scipy",
    "sqlglot",
    "sqlite3",
    "yaml",
}
EXPORTED = [
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


def loaded_by(statement: str) -> set[str]:
    """Names of the modules that are loaded after `statement` in a fresh interpreter."""
    code = f"{statement}\nimport sys; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import evalsuite",
        "import pytest, evalsuite.plugin",
        "import evalsuite as ev\n@ev.suite(golden='x', gate=ev.Gate())\ndef x(case): return ''",
        "import evalsuite as ev\nev.jury([ev.judge('a'), ev.judge('b', votes=3)], cascade=True)",
        "import evalsuite as ev\nev.rag.triad(recall=True), ev.rag.similarity()",
        "import evalsuite as ev\nev.ranking('recall@1,5', 'mrr')",
        "import evalsuite as ev\nev.guardrail({'injection': 0.5})",
        "import evalsuite as ev\nev.ragas.faithfulness(), ev.deepeval.geval(criteria='x')",
        "import evalsuite.backends",
    ],
    ids=[
        "package",
        "plugin",
        "a module with a suite",
        "judges",
        "rag",
        "ranking",
        "guardrails",
        "adapters",
        "backends",
    ],
)
def test_an_import_loads_nothing_heavy(statement: str) -> None:
    assert not loaded_by(statement) & HEAVY


def test_a_providers_sdk_is_not_loaded_before_its_first_call() -> None:
    statement = (
        "from evalsuite.backends import open_backend\n"
        "open_backend('openai:m', calls=False), open_backend('anthropic:m', calls=False)"
    )
    assert not loaded_by(statement) & (HEAVY - {"asyncio"})


def test_importing_the_plugin_loads_little_of_the_package() -> None:
    ours = {name for name in loaded_by("import evalsuite.plugin") if name.startswith("evalsuite")}
    assert ours == {"evalsuite", "evalsuite.plugin"}


def test_the_exported_names_are_these_and_can_be_used() -> None:
    assert sorted(evalsuite.__all__) == sorted(EXPORTED)
    assert all(getattr(evalsuite, name) is not None for name in EXPORTED)


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Sweet'"):
        evalsuite.Sweet  # noqa: B018
