"""What the harness itself costs: CPU and memory per case, overlap of waits, start-up.

    python benchmarks/overhead.py            all measurements; exit status 1 beyond a limit
    python benchmarks/overhead.py cpu        only those whose names begin with "cpu"

Each measurement makes a project of its own in a temporary folder and runs `pytest --evals` there,
in processes of their own. On a machine that does other things too, the best of several runs counts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from counting import counting

TRIVIAL = """
import evalsuite as ev

@ev.suite(golden="many")
async def many(case):
    return f"word {case.input}" + (MORE if case.id.endswith(ENDINGS) else "")
"""
"""Answers of 5 of 100 cases change with ENDINGS."""

SLEEPING = """
import asyncio, json, time
import evalsuite as ev

@ev.suite(golden="many")
async def many(case):
    began = time.monotonic()
    await asyncio.sleep(0.05)
    with open(LOG, "a") as log:
        log.write(json.dumps([began, time.monotonic()]) + chr(10))
    return "word"
"""

ASKING = """
import evalsuite as ev

@ev.suite(golden="many")
async def many(case, llm):
    answer = await llm.chat(
        "<document id='a'>Parental leave is 16 weeks. The office opens at 8.</document>"
        f"Question: how long is parental leave? {case.input}"
    )
    return ev.Output(text=answer.text)
"""

SCORING = """
import evalsuite as ev

def words(case, output):
    return len(output.text.split()) / 10

def short(case, output):
    return float(len(output.text) < 200)

def digits(case, output):
    return float(any(map(str.isdigit, output.text)))

def polite(case, output):
    return float("please" in output.text)

async def judged(case, output, llm):
    reply = await llm.chat("Say whether this is right: " + output.text)
    return float("answer" in reply.text)

@ev.suite(
    golden="many", backend="SPEC?temperature=0", scorers=[words, short, digits, polite, judged]
)
async def many(case, llm):
    return (await llm.chat("Say the word " + case.input)).text
"""

ENDINGS = ("07", "23", "41", "68", "90")
QUIET = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "evalsuite.plugin"}
XDIST = {**QUIET, "PYTEST_PLUGINS": "evalsuite.plugin,xdist.plugin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one process and its children: seconds of wall and CPU, and its peak of memory in KiB."""

    wall: float
    cpu: float
    peak: int


def project(folder: Path, count: int, suite: str, check: str = "word") -> Path:
    (folder / "golden" / "many").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[tool.evalsuite]\nformats = ["html", "markdown", "json", "csv", "junit"]\n'
    )
    with (folder / "golden" / "many" / "cases.jsonl").open("w") as cases:
        for number in range(count):
            case = {
                "id": f"c{number:05}",
                "input": f"{number}",
                "checks": [{"contains": check}],
                "slices": {"topic": f"t{number % 5}"},
            }
            cases.write(json.dumps(case) + "\n")
    (folder / "test_many.py").write_text(suite)
    return folder


def run(
    folder: Path, *options: str, environment: Mapping[str, str] = QUIET, evals: bool = True
) -> Cost:
    command = [sys.executable, "-m", "pytest", *(["--evals"] if evals else []), "-q", *options]
    began = time.perf_counter()
    with (folder.parent / f"{folder.name}.txt").open("wb") as printed:
        process = subprocess.Popen(
            command,
            cwd=folder,
            # compiled modules are kept, as they are where nobody forbids it
            env={**os.environ, **environment, "PYTHONDONTWRITEBYTECODE": ""},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    empty = pytest.ExitCode.NO_TESTS_COLLECTED
    if process.returncode and (evals or process.returncode != empty):
        sys.stderr.write((folder.parent / f"{folder.name}.txt").read_text()[-3000:])
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
    return Cost(wall=wall, cpu=used.ru_utime + used.ru_stime, peak=used.ru_maxrss)


def accept(folder: Path) -> None:
    command = [sys.executable, "-m", "evalsuite", "accept", "many", "--from-run", "last"]
    subprocess.run([*command, "--reason", "x"], cwd=folder, check=True, capture_output=True)


def changed(folder: Path, count: int, *, pairs: int) -> list[Cost]:
    """Runs whose answers differ from the snapshot's in 5 of 100 cases, all of them fresh."""
    project(folder, count, "")
    suite = folder / "test_many.py"
    suite.write_text(f"MORE, ENDINGS = '', {ENDINGS!r}\n{TRIVIAL}")
    found = [run(folder, "--junitxml=junit.xml")]
    accept(folder)
    for number in range(pairs):
        suite.write_text(f"MORE, ENDINGS = ' more {number}', {ENDINGS!r}\n{TRIVIAL}")
        found.append(run(folder, "--junitxml=junit.xml"))
    report = json.loads((folder / "reports" / "many" / "report.json").read_text())
    assert report["counts"]["changed"] == count // 20, report["counts"]
    return found


def cpu_and_memory(folder: Path) -> list[tuple[str, float, float]]:
    small = changed(folder / "small", 1_000, pairs=1)
    large = changed(folder / "large", 10_000, pairs=2)
    growth = (min(c.peak for c in large[1:]) - min(c.peak for c in small[1:])) / 9_000
    return [
        ("CPU per case without a snapshot, ms", large[0].cpu / 10, 1.0),
        ("CPU per case against a snapshot, ms", min(c.cpu for c in large[1:]) / 10, 1.0),
        ("memory per case, KiB", growth, 10.0),
    ]


def overlap(folder: Path) -> list[tuple[str, float, float]]:
    """1,000 cases that wait 50 ms, 20 at once: the ideal is 2.5 s."""
    one: list[float] = []
    two: list[float] = []
    for number in range(5):
        for found, options, environment in ((one, [], QUIET), (two, ["-n2"], XDIST)):
            place = folder / f"{number}-{len(options)}"
            log = folder / f"{place.name}.log"
            project(place, 1_000, f"LOG = {str(log)!r}\n{SLEEPING}")
            run(
                place,
                "--junitxml=junit.xml",
                "-p",
                "no:cacheprovider",
                *options,
                environment=environment,
            )
            times = [json.loads(line) for line in log.read_text().splitlines()]
            assert len(times) == 1_000
            found.append(max(end for _, end in times) - min(begin for begin, _ in times))
    return [
        ("first to last of 1,000 waiting cases, of the ideal", min(one) / 2.5, 1.10),
        ("the same with -n 2, of that without", min(two) / min(one), 1.50),
    ]


def start(folder: Path) -> list[tuple[str, float, float]]:
    project(folder / "forty", 40, ASKING, check="16 weeks")
    walls = []
    for number in range(5):
        (folder / "forty" / "conftest.py").write_text(f"X = {number}\n")
        walls.append(run(folder / "forty", f"--evals-seed={number}").wall)
    return [("40 cases on the embedded backend, s", min(walls), 1.5)]


def unchanged(folder: Path) -> list[tuple[str, float, float]]:
    """Runs that have nothing to ask, beyond what pytest with the same plugins takes to start."""
    place, empty = folder / "asked", folder / "empty"
    empty.mkdir()
    (empty / "test_empty.py").write_text("")
    with counting(0) as server:
        project(place, 1_000, SCORING.replace("SPEC", server.spec))
        run(place)
        accept(place)
        server.asked.clear()
        starts, walls = [], []
        for _ in range(5):
            starts.append(run(empty, "--co", evals=False).wall)
            walls.append(run(place).wall)
        assert not server.asked, f"{server.asked.total()} calls"
    return [("1,000 unchanged cases x 5 scorers beyond the start, s", min(walls) - min(starts), 1)]


MEASUREMENTS: Sequence[Callable[[Path], list[tuple[str, float, float]]]] = (
    start,
    unchanged,
    overlap,
    cpu_and_memory,
)


def main(wanted: Sequence[str]) -> int:
    good = True
    for measure in MEASUREMENTS:
        if wanted and not measure.__name__.startswith(tuple(wanted)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for what, value, limit in measure(Path(folder)):
                good = good and value <= limit
                says = "" if value <= limit else "  BEYOND"
                sys.stdout.write(f"{what}: {value:.3g} (limit {limit:g}){says}\n")
                sys.stdout.flush()
    sys.stdout.write(f"load of the machine: {os.getloadavg()[0]:.1f}\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
