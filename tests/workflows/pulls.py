"""A pull request on the emulated host: pushed, evaluated by evals.yml, reported by
evals-report.yml."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from github_server import GitHub
from hosted import Ended, Event, Hosted, Run, git
from worker import run_workflow


class Pull:
    """`fork` is OWNER/NAME of another repository that the branch is in. `inputs` go to evals.yml,
    as those of a repository that calls it."""

    def __init__(self, host: Hosted, hub: GitHub, *, fork: str = "", **inputs: Any) -> None:
        self.host, self.hub, self.fork, self.inputs = host, hub, fork, inputs
        self.secrets: Mapping[str, str] = {}
        self.number = 0
        self.runs = 0

    def push(self, files: Mapping[str, str], base: str = "main") -> str:
        """Another head, made of `base` and these files, whatever the head was before."""
        git(self.host.work, "checkout", "-q", "-f", base)
        for name, text in files.items():
            (self.host.work / name).write_text(text, "utf-8")
        head = self.host.commit("topic", base)
        if not self.number:
            self.number = self.hub.pull(head, branch="topic", fork=self.fork)
        self.hub.push(self.number, head)
        changed = git(self.host.origin, "diff", "--name-only", "main", head).splitlines()
        self.hub.files[self.number] = changed
        return head

    def evaluated(self, head: str) -> Run:
        """The run of evals.yml on the pull request's event for a head."""
        pull = self.hub.pulls[self.number]
        there = {**pull, "head": {**pull["head"], "sha": head}}
        event = Event(
            "pull_request",
            self.host.merged(head),
            f"refs/pull/{self.number}/merge",
            {"number": self.number, "pull_request": there},
            {"GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": "topic"},
        )
        return run_workflow(self.host, "evals.yml", event, self.inputs, self.secrets)

    def reported(self, run: Run, head: str, **event: Any) -> Ended:
        """What evals-report.yml does once a run is over; `event` is what else GitHub says of it."""
        self.runs += 1
        payload = self.hub.event(self.number, run=self.runs)
        payload["workflow_run"] |= {
            "id": run.id,
            "event": run.event.name,
            "conclusion": run.conclusion,
            "head_sha": head,
            **event,
        }
        self.hub.runs = [each for each in self.hub.runs if each["id"] != run.id]
        self.hub.runs.append(
            {
                **payload["workflow_run"],
                "jobs": [{"conclusion": each.conclusion} for each in run.jobs.values()],
                "artifacts": [name for id_, name in self.host.artifacts if id_ == run.id],
            }
        )
        main = git(self.host.origin, "rev-parse", "main")
        event = Event("workflow_run", main, "refs/heads/main", payload)
        return run_workflow(self.host, "evals-report.yml", event).jobs["report"]

    def told(self, head: str) -> Run:
        """Evaluated and reported; the evaluation."""
        run = self.evaluated(head)
        report = self.reported(run, head)
        assert report.conclusion == "success", report.said
        return run

    @property
    def comments(self) -> list[str]:
        return [each["body"] for each in self.hub.comments[self.number]]

    @property
    def comment(self) -> str:
        [found] = self.comments
        return found

    @property
    def screen(self) -> list[str]:
        """The comment's first lines that people see."""
        shown = [line for line in self.comment.splitlines() if not line.startswith("<!--")]
        return [line for line in shown if line.strip(" >")]


def accepted(host: Hosted, **inputs: Any) -> None:
    """Evaluate main as a push to it does, and accept what that found."""
    first = host.commit("main")
    run = run_workflow(host, "evals.yml", Event("push", first, "refs/heads/main"), inputs)
    assert run.conclusion == "success", run.jobs["branch"].said
    found = host.artifacts[run.id, "evalsuite-run"] / ".evalsuite"
    shutil.copytree(found, host.work / ".evalsuite", dirs_exist_ok=True)
    done = host.command("evalsuite", "accept", "--from-run", "last", "--reason", "first answers")
    assert done.returncode == 0, done.stderr
    host.commit("main")


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
