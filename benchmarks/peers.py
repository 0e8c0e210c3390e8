"""evalsuite beside other evaluation harnesses, on one mock provider, interleaved in one run.

    python benchmarks/peers.py --bench FOLDER --peer evalsuite,ideal-openai --scenario A --n 1000
    python benchmarks/peers.py --bench FOLDER --cells     every cell, against the bare client

FOLDER is a copy of the peers' benchmark (a clone has none): `run_bench.py`, its `peers/`, the
built `server`, and an environment per peer below `venvs/`; `venvs/evalsuite` holds this checkout
with its extra `openai` and nothing else. All other options are those of `run_bench.py`.

With `--cells` the exit status is 1 if a limit is missed: whole process at most 1.12 times the bare
asyncio client with the same SDK at 1,000 cases and 1.3 times at 200; first to last call at most
1.10 times; without latency at most 1.5 times its CPU per case.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

SUITE = """
import json, os
import evalsuite as ev

SYSTEM = "You are a support ticket classifier. Answer with the code only, nothing else."
JUDGE = (
    "JUDGE-JSON You are grading an answer. Rubric: the answer states the same code as the "
    "reference, without extra text. Reply with a JSON object with the keys score (0 or 1), "
    "verdict and reason.\\n\\nQuestion:\\n{q}\\n\\nReference:\\n{e}\\n\\nAnswer:\\n{a}\\n"
)

async def judge(case, output, llm):
    asked = JUDGE.format(q=case.input, e=case.expected, a=output.text)
    reply = await llm.chat(asked, response_format={"type": "json_object"})
    return float(json.loads(reply.text)["score"])

@ev.suite(
    golden="bench",
    backend=f"openai:gpt-4o@{os.environ['OPENAI_BASE_URL']}?temperature=0",
    scorers=[judge] if os.environ["EVAL_SCEN"] == "B" else [],
)
async def bench(case, llm):
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": case.input}]
    return (await llm.chat(messages)).text
"""

CELLS = [(scenario, n, 50.0, c) for scenario in "AB" for n in (200, 1_000) for c in (20, 100)]
CELLS += [("A", 1_000, 0.0, 20)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("--bench", type=Path, required=True)
    parser.add_argument("--cells", action="store_true")
    given, rest = parser.parse_known_args()
    sys.path.insert(0, str(given.bench))
    import run_bench as bench  # noqa: PLC0415 (its folder is only known now)

    bench.PEERS["evalsuite"] = evalsuite
    sys.argv = ["run_bench.py", *rest]
    if not given.cells:
        bench.main()
        return 0
    return cells(bench)


def evalsuite(options: Any, folder: str) -> tuple[list[str], dict[str, str]]:
    """The peer: a project made in `folder`, and the command that evaluates it."""
    root = Path(folder)
    lines = (root / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [
        {
            "id": case["id"],
            "input": case["prompt"],
            "expected": case["expected"],
            # as the other peers: one check, or in scenario B the judge instead
            "checks": [{"contains": case["expected"]}] if options.scenario == "A" else [],
        }
        for case in map(json.loads, lines)
    ]
    golden = root / "golden" / "bench" / "cases.jsonl"
    golden.parent.mkdir(parents=True)
    golden.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    settings = f"[tool.evalsuite]\nconcurrency = {options.concurrency}\n"
    (root / "pyproject.toml").write_text(settings, encoding="utf-8")
    (root / "test_bench.py").write_text(SUITE, encoding="utf-8")
    python = Path(sys.modules["run_bench"].V) / "evalsuite" / "bin" / "python"
    return [str(python), "-m", "pytest", "-q", "--evals", "test_bench.py"], {}


def cells(bench: Any) -> int:
    """Every cell, interleaved; one line of ratios each."""
    options = bench.parser().parse_args()
    Path(bench.TMP).mkdir(exist_ok=True)
    bench.ensure_server(options.port)
    missed = 0
    for scenario, n, latency, concurrency in CELLS:
        options.scenario, options.n = scenario, n
        options.latency_ms, options.concurrency = latency, concurrency
        rows: dict[str, list[dict[str, Any]]] = {"evalsuite": [], "ideal-openai": []}
        for _ in range(options.runs):
            for peer, found in rows.items():
                found.append(bench.run_one(peer, options))
        ratio = {
            name: statistics.median(row[name] for row in rows["evalsuite"])
            / statistics.median(row[name] for row in rows["ideal-openai"])
            for name in ("wall", "span", "cpu")
        }
        limits = {"cpu": 1.5} if not latency else {"wall": 1.12 if n > 200 else 1.3, "span": 1.10}
        bad = [name for name, limit in limits.items() if ratio[name] > limit]
        complete = all(row["ok"] for found in rows.values() for row in found)
        missed += bool(bad) or not complete
        notes = ["" if complete else "INCOMPLETE", f"MISSED {', '.join(bad)}" if bad else ""]
        sys.stdout.write(
            f"{scenario} n={n} latency={latency:g} ms c={concurrency}: "
            f"whole process {ratio['wall']:.2f}x, first to last call {ratio['span']:.2f}x, "
            f"CPU {ratio['cpu']:.2f}x {' '.join(notes).strip()}\n"
        )
        sys.stdout.flush()
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
