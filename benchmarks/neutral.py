"""Plays pull requests of the example that change nothing for the worse, and counts what they meet.

    python benchmarks/neutral.py [--requests 100] [--folder DIR] [--seed 1]

Each is a real `pytest --evals examples/askacme/test_askacme.py` in a copy of the project: with
another seed, so that the embedded model's noise falls elsewhere, and with an edit that is no
matter: none, a comment in the code, the prompt's version, another wording that the model does not
heed. What passes is merged: `evalsuite accept` makes its run the snapshot of the next. What was
done is kept in DIR, and the same command goes on from there. Exit status 1 if more than 5 % are
red, or more than 5 % need a person (a status other than 0).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NEEDED = ("pyproject.toml", "examples", "golden", "judges", "snapshots")
CODE, PROMPT = "examples/askacme/pipeline.py", "examples/askacme/prompts/answer.j2"
WORDINGS = ("who work at Acme.", "who are employed at Acme.")
KINDS = ("nothing but the seed", "a comment", "the prompt's version", "a wording")


def edit(folder: Path, number: int) -> str:
    """Makes the edit of this request, and says what it is."""
    kind = KINDS[number % len(KINDS)]
    prompt = (folder / PROMPT).read_text("utf-8")
    if kind == "a comment":
        with (folder / CODE).open("a", encoding="utf-8") as file:
            file.write(f"# Remark {number}.\n")
    elif kind == "the prompt's version":
        rest = prompt.partition("\n")[2]
        (folder / PROMPT).write_text(f"{{# version: {number} #}}\n{rest}", "utf-8")
    elif kind == "a wording":
        now, then = WORDINGS if WORDINGS[0] in prompt else reversed(WORDINGS)
        (folder / PROMPT).write_text(prompt.replace(now, then), "utf-8")
    return kind


def ask(folder: Path, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    return done.returncode


def request(folder: Path, number: int, seed: int) -> dict[str, Any]:
    """Plays one, and merges it if it may be."""
    kind = edit(folder, number)
    suite, report = "examples/askacme/test_askacme.py", folder / "reports/askacme/report.json"
    report.unlink(missing_ok=True)
    status = ask(folder, "pytest", "--evals", suite, "-q", f"--evals-seed={1000 * seed + number}")
    told = json.loads(report.read_text("utf-8"))
    if status == 0:
        reason = f"request {number}: {kind}"
        status = ask(
            folder, "evalsuite", "accept", "askacme", "--from-run=last", "--reason", reason
        )
    return {
        "number": number,
        "kind": kind,
        "status": status,
        "result": told["result"],
        "red": [each["name"] for each in told["findings"] if each["result"] == "regression"],
        "changed": told["counts"]["changed"],
        "naive": told["counts"]["naive_slices"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--folder", type=Path, default=ROOT / ".evalsuite" / "neutral")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    project, out = options.folder / "project", options.folder / "requests.jsonl"
    if not project.exists():
        project.mkdir(parents=True)
        for each in NEEDED:
            source, ignored = ROOT / each, shutil.ignore_patterns("__pycache__", ".*")
            if source.is_dir():
                shutil.copytree(source, project / each, ignore=ignored)
            else:
                shutil.copyfile(source, project / each)
    lines = out.read_text("utf-8").splitlines() if out.exists() else []
    with out.open("a", encoding="utf-8") as file:
        for number in range(len(lines), options.requests):
            lines.append(json.dumps(request(project, number, options.seed)))
            file.write(lines[-1] + "\n")
            file.flush()
    return report([json.loads(line) for line in lines])


def report(played: Sequence[dict[str, Any]]) -> int:
    sys.stdout.write("| requests | red | need a person | inconclusive | a 3-point rule blocks |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    red = sum(each["status"] == 1 for each in played)
    person = sum(each["status"] != 0 for each in played)
    open_ = sum(each["result"] == "inconclusive" for each in played)
    naive = sum(each["naive"] > 0 for each in played)
    changed = sum(each["changed"] for each in played) / max(len(played), 1)
    sys.stdout.write(f"| {len(played)} | {red} | {person} | {open_} | {naive} |\n\n")
    sys.stdout.write(f"{changed:.0f} answers changed in the mean\n")
    for each in played:
        if each["status"]:
            sys.stdout.write(f"request {each['number']}: status {each['status']}, {each['red']}\n")
    return int(max(red, person) > 0.05 * len(played))


if __name__ == "__main__":
    sys.exit(main())
