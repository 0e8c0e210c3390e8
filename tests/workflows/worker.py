"""Runs a workflow of this repository, step by step, on this machine.

Scripts are run by bash with the environment that GitHub gives them, and our own composite actions
by their steps. pip's installations are noted and left out: the tests' evalsuite stands there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from actions import ACTIONS
from expressions import FUNCTIONS, filled, hash_of, holds
from hosted import REPOSITORY, Ended, Event, Hosted, Run
from rights import OWN, load

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = 2**20


def run_workflow(
    host: Hosted,
    workflow: str,
    event: Event,
    inputs: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Run:
    """All jobs of a workflow of ours, those that are skipped too."""
    run = Run(next(host.ids), event)
    found = load((ROOT / ".github" / "workflows" / workflow).read_text("utf-8"))
    given = _defaults(found, inputs)
    for name, job in found["jobs"].items():
        worker = _Worker(host, run, name, given, secrets or {})
        run.jobs[name] = worker.work(job)
    return run


def _defaults(workflow: Mapping[str, Any], inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without inputs the repository's own triggers are meant, which have none."""
    if inputs is None:
        return {}
    declared = workflow["on"]["workflow_call"]["inputs"]
    assert set(inputs) <= set(declared)
    return {name: fields["default"] for name, fields in declared.items()} | dict(inputs)


class _Worker:
    """One job on a machine of its own."""

    def __init__(
        self,
        host: Hosted,
        run: Run,
        name: str,
        inputs: Mapping[str, Any],
        secrets: Mapping[str, str],
    ) -> None:
        self.host, self.run, self.name = host, run, name
        self.secrets = secrets
        # The same place in each job, as on GitHub's machines; it is kept under another name.
        self.home = host.place / "runner"
        self.workspace, self.temp = self.home / "workspace", self.home / "temp"
        for folder in (self.workspace, self.temp):
            folder.mkdir(parents=True)
        (self.temp / "event.json").write_text(json.dumps(run.event.payload), "utf-8")
        self.ended = Ended()
        self.outputs: dict[str, str] = {}
        self.contexts: dict[str, Any] = {
            "github": self._github(),
            "inputs": inputs,
            "secrets": secrets,
            "runner": {"temp": str(self.temp), "os": "Linux"},
            "steps": {},
        }

    def _github(self) -> dict[str, Any]:
        event = self.run.event
        return {
            "event_name": event.name,
            "event": event.payload,
            "sha": event.sha,
            "ref": event.ref,
            "ref_name": event.ref.removeprefix("refs/heads/"),
            "repository": REPOSITORY,
            "run_id": self.run.id,
            "run_attempt": 1,
            "job": self.name,
            "workflow": "evals",
            "token": self.host.token,
        }

    def work(self, job: Mapping[str, Any]) -> Ended:
        needs = job.get("needs", [])
        needed = [self.run.jobs[each] for each in ([needs] if isinstance(needs, str) else needs)]
        good = all(each.conclusion == "success" for each in needed)
        self.host.grants(job["permissions"])
        if "environment" not in job:  # keys are kept there
            self.contexts["secrets"] = {}
        if holds(str(job.get("if", "")), self.contexts, self._functions(lambda: good)):
            self._steps(job["steps"], job.get("env") or {}, self.contexts)
        else:
            self.ended.conclusion = "skipped"
        kept = self.home.rename(self.host.place / f"run-{self.run.id}-{self.name}")
        self.ended.workspace = kept / "workspace"
        return self.ended

    def _functions(self, success: Callable[[], bool]) -> dict[str, Callable[..., Any]]:
        return {
            **FUNCTIONS,
            "always": lambda: True,
            "success": success,
            "failure": lambda: not success(),
            "cancelled": lambda: False,
            "hashFiles": lambda pattern: hash_of(
                *(each.read_bytes() for each in sorted(self.workspace.glob(pattern)))
            ),
        }

    def _steps(
        self,
        steps: Sequence[Mapping[str, Any]],
        env: Mapping[str, Any],
        contexts: Mapping[str, Any],
    ) -> None:
        functions = self._functions(lambda: self.ended.conclusion == "success")
        for step in steps:
            name = str(step.get("name", step.get("uses", "")))
            if not holds(str(step.get("if", "")), contexts, functions):
                self.ended.outcomes[name] = "skipped"
                continue
            given = {**env, **(step.get("env") or {})}
            done = self._step(
                step, {k: filled(v, contexts, functions) for k, v in given.items()}, contexts
            )
            self.ended.outcomes[name] = "success" if done else "failure"
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": self.outputs}
            if not done and not step.get("continue-on-error"):
                self.ended.conclusion = "failure"

    def _step(
        self, step: Mapping[str, Any], env: Mapping[str, str], contexts: Mapping[str, Any]
    ) -> bool:
        functions = self._functions(lambda: self.ended.conclusion == "success")
        if "run" in step:
            folder = filled(step.get("working-directory", str(self.workspace)), contexts, functions)
            return self._script(step["run"], env, Path(folder))
        action = step["uses"].partition("@")[0]
        inputs = {k: filled(v, contexts, functions) for k, v in (step.get("with") or {}).items()}
        if action.startswith(OWN):
            return self._own(ROOT / action.removeprefix(OWN), inputs, env)
        return ACTIONS[action](self, inputs)

    def _own(self, folder: Path, inputs: Mapping[str, str], env: Mapping[str, str]) -> bool:
        action = load((folder / "action.yml").read_text("utf-8"))
        assert set(inputs) <= set(action["inputs"])
        given = {name: fields.get("default", "") for name, fields in action["inputs"].items()}
        github = {**self.contexts["github"], "action_path": str(folder)}
        before = self.ended.conclusion
        self.ended.conclusion = "success"
        self._steps(
            action["runs"]["steps"],
            env,
            {"github": github, "inputs": given | dict(inputs), "steps": {}},
        )
        good = self.ended.conclusion == "success"
        self.ended.conclusion = before
        return good

    def _script(self, script: str, env: Mapping[str, str], folder: Path) -> bool:
        file, summary = self.temp / "step.sh", self.temp / "summary.md"
        file.write_text(script, "utf-8")
        summary.write_bytes(b"")
        (self.temp / "output").write_bytes(b"")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=folder,
            env={**self._environment(summary), **env},
            capture_output=True,
            text=True,
            check=False,
        )
        self.ended.said += done.stdout + done.stderr
        lines = (self.temp / "output").read_text("utf-8").splitlines()
        self.outputs = dict(line.split("=", 1) for line in lines)
        written = summary.read_bytes()
        if len(written) > SUMMARY:
            self.ended.lost = True
        else:
            self.ended.summaries += written.decode("utf-8")
        return done.returncode == 0

    def _environment(self, summary: Path) -> dict[str, str]:
        event = self.run.event
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(self.temp / "event.json"),
            "GITHUB_JOB": self.name,
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_REF": event.ref,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": str(self.run.id),
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": event.sha,
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "HOME": str(self.home),
            "PATH": f"{self.host.bin}:/usr/bin:/bin",
            "RUNNER_TEMP": str(self.temp),
            **self.host.environment,
            **event.environment,
        }
