"""What each fault of a provider costs: 1,000 cases through `pytest --evals`, over real HTTP, at the
default settings.

    python benchmarks/faults.py                    every fault; exit status 1 if one is beyond
    python benchmarks/faults.py 200 openai 503     200 cases, one SDK, one fault

A transient fault hits 30 % of the requests: all cases must be scored right, with at most 1.6 times
the calls. What refuses a case (3 %) is an error of that case alone; what refuses every call stops
the run, and the same command goes on once it is over.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FAULTY = Path(__file__).parents[1] / "tests" / "faults" / "faulty.py"
sys.path.insert(0, str(FAULTY.parent))

from faulty import FOR_A_CASE, FOR_ALL, TRANSIENT, right  # type: ignore[import-not-found]  # noqa: E402

SUITE = """
import evalsuite as ev

@ev.suite(golden="many")
async def many(case, llm):
    return (await llm.chat(case.input)).text
"""
SETTINGS = "[tool.evalsuite]\nformats = []\n"
ENVIRONMENT = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "evalsuite.plugin",
    "OPENAI_API_KEY": "none",
    "ANTHROPIC_API_KEY": "none",
}


@contextmanager
def server(fault: str, share: float, port: str = "0") -> Iterator[tuple[str, dict[str, int]]]:
    """The provider's port, and at the end what it counted."""
    command = [sys.executable, str(FAULTY), fault, str(share), port]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        counted: dict[str, int] = {}
        yield process.stdout.readline().strip(), counted
        told, _ = process.communicate()
        counted.update(json.loads(told))


def project(folder: Path, count: int) -> None:
    (folder / "golden" / "many").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(SETTINGS)
    (folder / "test_many.py").write_text(SUITE)
    cases = (
        {"id": f"c{n:04}", "input": f"prompt {n}", "checks": [{"contains": right(f"prompt {n}")}]}
        for n in range(count)
    )
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    (folder / "golden" / "many" / "cases.jsonl").write_text(lines)


def run(folder: Path, provider: str, port: str) -> tuple[int, float, str]:
    """Exit status, seconds, output."""
    url = f"http://127.0.0.1:{port}{'/v1' if provider == 'openai' else ''}"
    command = [sys.executable, "-m", "pytest", "--evals", f"--evals-backend={provider}:m@{url}"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "-q"],
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, time.monotonic() - began, done.stdout + done.stderr


def passed(folder: Path) -> tuple[int, int]:
    """Cases of the newest run whose check held, and cases with an error."""
    runs = sorted((folder / ".evalsuite" / "runs").iterdir())
    file = runs[-1] / "many" / "scores.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    good = sum(row["scores"]["checks"] == [1.0] for row in rows)
    return good, sum(bool(row.get("errors")) for row in rows)


def measure(provider: str, fault: str, count: int) -> bool:
    """One line of the table; whether it is as it must be."""
    share = 0.3 if fault in TRANSIENT else 0.03 if fault in FOR_A_CASE or fault == "quota" else 1.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, count)
        with server(fault, share) as (port, counted):
            status, seconds, text = run(folder, provider, port)
        good, errors = passed(folder)
        asked = counted["asked"]
        line = f"| {provider} | {fault} | {good} | {errors} | {asked / count:.2f} | {seconds:.0f} |"
        if fault in TRANSIENT:
            fine = good == count and asked <= 1.6 * count
        elif fault in FOR_A_CASE:
            fine = good + errors == count and asked <= count and 0 < errors <= counted["injected"]
        else:
            with server("", 0.0, port) as (_, again):
                after, _, _ = run(folder, provider, port)
            fine = status == 10 and after == 0 and again["asked"] <= count
            fine = fine and passed(folder)[0] == count
            line += f" then {again['asked']} calls, {passed(folder)[0]} right |"
        print(line + ("" if fine else f"  BEYOND (exit {status})"), flush=True)
        if not fine:
            print("\n".join(text.splitlines()[-8:]), flush=True)
    return fine


def main(count: int = 1_000, only: str = "", *names: str) -> int:
    print("| SDK | fault | right | errors | calls per case | seconds |")
    fine = [
        measure(provider, fault, count)
        for fault in (*TRANSIENT, *FOR_A_CASE, *FOR_ALL)
        for provider in ("openai", "anthropic")
        if provider.startswith(only) and fault in (names or (fault,))
    ]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    first, *rest = sys.argv[1:] or ["1000"]
    sys.exit(main(int(first), *rest))
