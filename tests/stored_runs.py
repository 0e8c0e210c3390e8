"""Small stored runs for tests of snapshots and of the command line."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalsuite.gate import Gate, policy_json
from evalsuite.records import (
    CHECKS,
    COMPLETION,
    Document,
    Manifest,
    Metric,
    Output,
    Part,
    Row,
    Run,
    Subject,
)
from evalsuite.snapshot import output_key, write

HANDBOOK = Document("leave.md", "Parental leave is 16 weeks, paid.", 1.5)


def answer(text: str) -> Output:
    return Output(text=text, contexts=[HANDBOOK], model="embedded")


def row(name: str, text: str, *, value: float = 1.0, case_key: str = "case") -> Row:
    return Row(
        name,
        case_key,
        {CHECKS: "measure", COMPLETION: "measure"},
        {CHECKS: (value,), COMPLETION: (1.0,)},
        outputs=(output_key(answer(text)),),
        errors=(None,),
        reasons={} if value else {CHECKS: f"no 16 weeks in {text!r}"},
        slices={"topic": "leave"},
        facts={"input_length": 12},
    )


def run_of(
    answers: Mapping[str, str], *, failing: Sequence[str] = (), prompt: str = "v1", **manifest: Any
) -> tuple[Run, list[tuple[str, Output]]]:
    """A run with one case per answer, and its outputs."""
    rows = {
        name: row(name, text, value=0.0 if name in failing else 1.0)
        for name, text in sorted(answers.items())
    }
    head = Manifest(
        suite="askacme",
        run="r1",
        created="2026-01-02T03:04:05+00:00",
        golden={"name": "askacme", "key": "g1", "version": "1.0.0", "cases": len(rows)},
        subject=Subject(inputs={"prompt": Part(prompt, f"answer.j2 {prompt}")}),
        policy=policy_json(Gate()),
        metrics=(Metric(CHECKS), Metric(COMPLETION)),
        expected=len(rows),
        nodeid="tests/test_askacme.py::askacme",
        command="pytest --evals",
    )
    outputs = [answer(text) for text in answers.values()]
    run = Run(replace(head, **manifest), rows)
    return run, [(output_key(each), each) for each in outputs]


def many(count: int, text: str = "16 weeks") -> dict[str, str]:
    return {f"c{number:03}": f"{text} {number}" for number in range(count)}


def store_run(root: Path, answers: Mapping[str, str], **manifest: Any) -> Path:
    """A finished run in the state folder of a project at `root`."""
    run, outputs = run_of(answers, **manifest)
    folder = root / ".evalsuite" / "runs" / run.manifest.run / run.manifest.suite
    write(folder, run, outputs)
    return folder


def store_snapshot(root: Path, answers: Mapping[str, str], **manifest: Any) -> Path:
    run, outputs = run_of(answers, **manifest)
    folder = root / "snapshots" / run.manifest.suite
    write(folder, run, outputs)
    return folder


def reseal(folder: Path) -> None:
    """Make the manifest name the files as they are now: what a foreign writer would do."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    for name, entry in manifest["files"].items():
        data = (folder / name).read_bytes()
        entry.update(
            sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), lines=data.count(b"\n")
        )
    file.write_text(json.dumps(manifest), encoding="utf-8")


def git(root: Path, *arguments: str, fails: bool = False) -> str:
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.invalid"]
    done = subprocess.run(
        ["git", "-C", str(root), *identity, "-c", "commit.gpgsign=false", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) == fails, done.stdout + done.stderr
    return done.stdout.strip()


def commit(root: Path, message: str = "work") -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)


def repository(root: Path) -> Path:
    """A project in a new repository with one commit on main."""
    root.mkdir(exist_ok=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "pyproject.toml").write_text("[tool.evalsuite]\n", encoding="utf-8")
    (root / ".gitignore").write_text(".evalsuite/\n", encoding="utf-8")
    commit(root, "begin")
    return root
