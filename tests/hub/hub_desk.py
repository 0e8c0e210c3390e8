"""The job that reports, beside a checkout of the base and what a run uploaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from github_server import GitHub
from stored_runs import many, store_run, store_snapshot

from evalsuite.cli import main
from evalsuite.hub.marks import is_marked

HEAD = "a" * 40
DROPPED = [f"c{number:03}" for number in range(30)]
WORSE = {**many(60), **{name: f"worse {name}" for name in DROPPED}}


class Desk:
    """A checkout of the base, what a run uploaded, and the reporting job between them."""

    def __init__(self, root: Path, hub: GitHub, patch: pytest.MonkeyPatch) -> None:
        self.root, self.hub, self.patch = root, hub, patch
        self.base, self.files = root / "base", root / "files"
        self.base.mkdir()
        self.files.mkdir()
        (self.base / "pyproject.toml").write_text("[tool.evalsuite]\n", encoding="utf-8")
        store_snapshot(self.base, many(60), run="r0")
        patch.chdir(root)
        patch.setenv("GITHUB_API_URL", hub.url)
        patch.setenv("GITHUB_TOKEN", hub.token)
        patch.setenv("GITHUB_REPOSITORY", hub.repository)
        patch.setenv("GITHUB_STEP_SUMMARY", str(root / "summary.md"))
        patch.setattr("evalsuite.hub.api.ATTEMPTS", 1)

    def upload(self, answers: Mapping[str, str], **manifest: Any) -> Path:
        shutil.rmtree(self.files)
        return store_run(self.files, answers, **manifest)

    def told(self, number: int, **changes: Any) -> int:
        happened = self.hub.event(number)
        happened["workflow_run"] |= changes
        file = self.root / "event.json"
        file.write_text(json.dumps(happened), encoding="utf-8")
        self.patch.setenv("GITHUB_EVENT_PATH", str(file))
        return main(["ci", "comment", "--artifact", "files", "--base", "base"])

    def comment(self, number: int) -> str:
        [found] = self.hub.comments[number]
        assert is_marked(found["body"], "evals")
        return str(found["body"])
