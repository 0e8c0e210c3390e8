"""What a triad costs: model calls and tokens per case, native and of ragas and deepeval.

    python3 dev.py adapters -q && .venv/bin/python benchmarks/triad_calls.py [--cases 20] [--json]

Every figure is counted at one HTTP server on this machine, in one run over the same cases of
AskAcme's golden dataset: the embedded model's answers, four retrieved contexts each. Measured are
faithfulness, answer relevancy and context relevance, then context recall as well. Through our
backend, each library runs in the environment that `dev.py adapters` makes for it; "own client" is
the library alone, as its documentation has it, with its own client and defaults.

Tokens are those of what is sent: words and punctuation marks of all messages, and of the schema
where the request has one. Lists in the replies have two entries, so that none of the libraries gets
more to do than another. Exit status 1: a value is missing, or the native triad took other than one
call (two with recall).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "adapters"))
sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "askacme"))

import pipeline
from serving import Served, schema_of, sent_by, serving

from evalsuite import golden
from evalsuite.backends.base import COVERAGE, GROUNDING, Request
from evalsuite.backends.embedded import Embedded
from evalsuite.records import Case
from evalsuite.snapshot import load

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = {each: ROOT / f".venv-{each}" / "bin" / "python" for each in ("ragas", "deepeval")}

RAGAS = ["faithfulness", "answer_relevancy", "context_relevance"]
DEEPEVAL = ["faithfulness", "answer_relevancy", "contextual_relevancy"]
SUITE = """
@ev.suite(golden="cases", scorers=[{scorers}])
def {name}(case):
    return ev.Output(text=case.input["answer"], contexts=case.input["contexts"])
"""
OWN_RAGAS = """
import asyncio, json, sys, openai
from ragas.embeddings.base import embedding_factory
from ragas.llms import llm_factory
import ragas.metrics.collections as home

async def main(url, cases):
    for model, names in {models}.items():
        client = openai.AsyncOpenAI(base_url=url, api_key="x")
        for case in cases:
            given = dict(user_input=case["question"], response=case["answer"],
                         retrieved_contexts=case["contexts"], reference=case["reference"])
            for name in names:
                parts = dict(llm=llm_factory(model, client=client))
                takes = getattr(home, name).ascore.__code__.co_varnames
                if name == "AnswerRelevancy":
                    parts["embeddings"] = embedding_factory("openai", model=model, client=client)
                chosen = {{each: value for each, value in given.items() if each in takes}}
                await getattr(home, name)(**parts).ascore(**chosen)

asyncio.run(main(sys.argv[1], json.load(sys.stdin)))
"""
OWN_DEEPEVAL = """
import asyncio, json, sys
import deepeval.metrics as home
from deepeval.models import OpenAIModel
from deepeval.test_case import LLMTestCase

async def main(url, cases):
    for model, names in {models}.items():
        for case in cases:
            for name in names:
                judge = OpenAIModel(model=model, base_url=url, api_key="x")
                metric = getattr(home, name)(model=judge)
                await metric.a_measure(
                    LLMTestCase(input=case["question"], actual_output=case["answer"],
                                retrieval_context=case["contexts"],
                                expected_output=case["reference"]),
                    _show_indicator=False)

asyncio.run(main(sys.argv[1], json.load(sys.stdin)))
"""
OWN = {
    "ragas": (
        OWN_RAGAS,
        {
            "own-ragas": ["Faithfulness", "AnswerRelevancy", "ContextRelevance"],
            "own-ragas-recall": ["ContextRecall"],
        },
    ),
    "deepeval": (
        OWN_DEEPEVAL,
        {  # names that deepeval knows, so that it sends schemas
            "gpt-4o": ["FaithfulnessMetric", "AnswerRelevancyMetric", "ContextualRelevancyMetric"],
            "gpt-4o-mini": ["ContextualRecallMetric"],
        },
    ),
}
ROWS = [
    ("evalsuite, `ev.rag.triad()`", "native", "native-recall"),
    ("ragas, through our backend", "ragas", "ragas-recall"),
    ("ragas, own client", "own-ragas", "own-ragas-recall"),
    ("deepeval without reasons, through our backend", "deepeval-plain", "deepeval-plain-recall"),
    ("deepeval, through our backend", "deepeval", "deepeval-recall"),
    ("deepeval, own client", "gpt-4o", "gpt-4o-mini"),
]
"""What is said, the model that the triad asked, and the one that context recall asked beside it;
the native triad with recall asks all of its own."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    missing = [str(each) for each in PYTHONS.values() if not each.exists()]
    if missing:
        sys.exit(f"triad_calls: {', '.join(missing)}: python3 dev.py adapters makes them")
    cases = asyncio.run(asked(options.cases))
    with serving(lists=2, other=native) as served, tempfile.TemporaryDirectory() as folder:
        problems = through_us(served, cases, Path(folder))
        alone(served, cases)
        figures = counted(served, len(cases))
    for name, calls in (("native", 1), ("native-recall", 2)):
        if figures[name]["calls"] != calls:
            problems.append(f"{name}: {figures[name]['calls']} calls a case, not {calls}")
    print(json.dumps(figures, indent=1) if options.json else table(figures))
    for each in problems:
        print(f"triad_calls: {each}", file=sys.stderr)
    return int(bool(problems))


async def asked(count: int) -> list[dict[str, Any]]:
    """Questions of AskAcme with four contexts and the embedded model's answer."""
    model = Embedded()
    dataset = golden.load(ROOT / "golden" / "askacme")
    found = []
    for case in dataset.cases:
        if not plain(case):
            continue
        question = case.input["question"]
        documents = pipeline.retrieve(question)[:4]
        messages = pipeline.messages(question, documents)
        answer = await model.complete(Request(messages=messages))
        contexts = [each.text for each in documents]
        if len(contexts) == 4 and answer.text and len(found) < count:
            found.append(
                {
                    "id": case.id,
                    "question": question,
                    "answer": answer.text,
                    "contexts": contexts,
                    "reference": case.expected,
                }
            )
    return found


def plain(case: Case) -> bool:
    return isinstance(case.expected, str) and set(case.input) == {"question"}


def native(body: dict[str, Any], schema: dict[str, Any] | None) -> str | None:
    """The embedded model's verdicts, where the native triad asks; they are consistent ones."""
    if schema is None or schema.get("title") not in (GROUNDING, COVERAGE):
        return None
    return asyncio.run(Embedded().complete(Request(messages=body["messages"], schema=schema))).text


def through_us(served: Served, cases: Sequence[dict[str, Any]], folder: Path) -> list[str]:
    """One run of all suites; what has no value is a problem."""
    write(served, cases, folder)
    environment = {**os.environ, "OPENAI_API_KEY": "x", "NO_PROXY": "127.0.0.1"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "evalsuite.plugin", "--evals", "-q"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    problems = [f"pytest ended with {done.returncode}: {done.stdout[-2000:]}"] * (
        done.returncode > 0
    )
    (run,) = (folder / ".evalsuite" / "runs").iterdir()
    for place in sorted(run.iterdir()):
        if not (place / "manifest.json").exists():
            continue
        for row in load(place).rows.values():
            problems += [
                f"{place.name}: {row.id}: {name} has no value: {row.reasons.get(name, '')}"
                for name, values in row.scores.items()
                if None in values
            ]
    return problems


def write(served: Served, cases: Sequence[dict[str, Any]], folder: Path) -> None:
    suites = {
        "native": ['ev.rag.triad(role="native")'],
        "native_recall": ['ev.rag.triad(recall=True, role="native-recall")'],
        "ragas": [foreign("ragas", each, "ragas") for each in RAGAS]
        + [foreign("ragas", "context_recall", "ragas-recall")],
        "deepeval": [foreign("deepeval", each, "deepeval") for each in DEEPEVAL]
        + [foreign("deepeval", "contextual_recall", "deepeval-recall")],
        "deepeval_plain": [
            *(foreign("deepeval", each, "deepeval-plain", "False") for each in DEEPEVAL),
            foreign("deepeval", "contextual_recall", "deepeval-plain-recall", "False"),
        ],
    }
    source = "import evalsuite as ev\n" + "".join(
        SUITE.format(name=name, scorers=", ".join(each)) for name, each in suites.items()
    )
    roles = {model for _, *models in ROWS for model in models} - {
        model for _, models in OWN.values() for model in models
    }
    backends = "".join(f'"{role}" = "openai:{role}@{served.url}"\n' for role in roles)
    lines = [
        {
            "id": each["id"],
            "input": {name: each[name] for name in ("question", "answer", "contexts")},
            "expected": each["reference"],
        }
        for each in cases
    ]
    (folder / "golden" / "cases").mkdir(parents=True)
    (folder / "golden" / "cases" / "cases.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "test_triads.py").write_text(source)
    (folder / "pyproject.toml").write_text(
        f'[tool.evalsuite.backends]\ndefault = "openai:none@{served.url}"\n{backends}'
    )


def foreign(library: str, metric: str, role: str, reason: str = "") -> str:
    more = f", include_reason={reason}" if reason else ""
    more += f', embeddings="{role}"' if library == "ragas" else ""
    return f'ev.{library}.{metric}(role="{role}", python="{PYTHONS[library]}"{more})'


def alone(served: Served, cases: Sequence[dict[str, Any]]) -> None:
    """The libraries as they come, but for their telemetry."""
    quiet = {"RAGAS_DO_NOT_TRACK": "true", "DEEPEVAL_TELEMETRY_OPT_OUT": "1"}
    environment = {**os.environ, **quiet, "DEEPEVAL_DISABLE_DOTENV": "1", "NO_PROXY": "127.0.0.1"}
    for library, (program, models) in OWN.items():
        subprocess.run(
            [str(PYTHONS[library]), "-c", program.format(models=models), served.url],
            input=json.dumps(list(cases)),
            env=environment,
            cwd=tempfile.gettempdir(),
            text=True,
            check=True,
        )


def tokens(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def counted(served: Served, cases: int) -> dict[str, dict[str, float]]:
    """Per model: calls, tokens of messages and schemas, and texts embedded, each per case."""
    found: dict[str, Counter[str]] = {}
    for body in served.bodies:
        mine = found.setdefault(body["model"], Counter())
        mine["calls"] += 1
        schema = schema_of(body)
        mine["tokens"] += sum(map(tokens, sent_by(body)))
        mine["tokens"] += tokens(json.dumps(schema)) if schema else 0
    for model, texts in served.vectors:
        found.setdefault(model, Counter())["embedded"] += len(texts)
    return {
        model: {name: round(each / cases, 2) for name, each in sorted(mine.items())}
        for model, mine in sorted(found.items())
    }


def table(figures: dict[str, dict[str, float]]) -> str:
    """Markdown; ratios are to the native row."""
    base = figures["native"]["tokens"], figures["native-recall"]["tokens"]
    lines = [
        "| | calls | tokens sent | ratio | with recall: calls | tokens sent | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, model, recall in ROWS:
        own, more = figures[model], figures[recall]
        both = Counter(more) if model == "native" else Counter(own) + Counter(more)
        vectors = f" + {own['embedded']:g} texts embedded" if "embedded" in own else ""
        lines.append(
            f"| {label} | {own['calls']:g}{vectors} | {own['tokens']:,.0f} | "
            f"{own['tokens'] / base[0]:.1f} | {both['calls']:g} | {both['tokens']:,.0f} | "
            f"{both['tokens'] / base[1]:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
