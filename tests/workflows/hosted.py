"""What GitHub keeps of a repository: commits, caches and artifacts; and what it says of a run."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import commands
from forks import Forks
from github_server import GitHub

REPOSITORY = "acme/askacme"
WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@acme.example")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *WHO, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class Event:
    """What starts a workflow. `reads` are further scopes whose caches its jobs may restore."""

    name: str
    sha: str
    ref: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    reads: Sequence[str] = ("refs/heads/main",)


@dataclass
class Ended:
    """A job. `outcomes` has the steps by name, `said` all that they printed, `summaries` what their
    summaries show: GitHub drops one that is too long, and says so in `lost`."""

    conclusion: str = "success"
    outcomes: dict[str, str] = field(default_factory=dict)
    said: str = ""
    summaries: str = ""
    lost: bool = False
    workspace: Path = Path()


@dataclass
class Run:
    id: int
    event: Event
    jobs: dict[str, Ended] = field(default_factory=dict)

    @property
    def conclusion(self) -> str:
        found = {job.conclusion for job in self.jobs.values()}
        return "failure" if "failure" in found else "success" if "success" in found else "skipped"


class Hosted:
    """One repository. `origin` is where it is kept, `work` a clone in which people work, `token`
    that of its jobs; `environment` is what every step gets beside GitHub's own variables."""

    def __init__(self, place: Path, bin_: Path) -> None:
        self.place, self.bin, self.token = place, bin_, ""
        self.hub: GitHub | None = None
        self.environment = {
            "COLUMNS": "100",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "evalsuite.plugin",
        }
        self.origin = place / "origin.git"
        self.work = place / "work"
        self.caches: list[tuple[str, str, Path]] = []
        self.artifacts: dict[tuple[int, str], Path] = {}
        self.ids = itertools.count(9001)
        self._copies = itertools.count()
        git(place, "init", "-q", "--bare", "-b", "main", str(self.origin))
        git(self.origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        git(place, "init", "-q", "-b", "main", str(self.work))
        git(self.work, "remote", "add", "origin", str(self.origin))
        git(self.work, "commit", "-q", "--allow-empty", "-m", "the beginning")

    def answers(self, hub: GitHub) -> None:
        """That server has this repository's pull requests."""
        self.environment["GITHUB_API_URL"], self.token, self.hub = hub.url, hub.token, hub

    def grants(self, permissions: Mapping[str, str]) -> None:
        """What a job's token may write from now on."""
        if self.hub is not None:
            named = {"pull-requests": "pulls"}
            writes = [each for each, level in permissions.items() if level == "write"]
            self.hub.writable = {named.get(each, each) for each in writes}

    def commit(self, branch: str, base: str = "HEAD") -> str:
        """All that is in `work`, as the head of a branch, pushed over what was there; its hash."""
        git(self.work, "checkout", "-q", "-B", branch, base)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", f"a change on {branch}")
        git(self.work, "push", "-q", "--force", "origin", f"HEAD:refs/heads/{branch}")
        return git(self.work, "rev-parse", "HEAD")

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of a person in `work`."""
        env = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(self.place), **self.environment}
        return subprocess.run(
            words, cwd=self.work, env=env, capture_output=True, text=True, check=False
        )

    def merged(self, head: str, base: str = "main") -> str:
        """The commit that GitHub makes of a pull request's head and its base, to try it."""
        tree = git(self.origin, "merge-tree", "--write-tree", base, head).splitlines()[0]
        return git(self.origin, "commit-tree", tree, "-p", base, "-p", head, "-m", "merge")

    def kept(self, folder: Path) -> Path:
        copy = self.place / "kept" / str(next(self._copies))
        copy.parent.mkdir(exist_ok=True)
        (shutil.copytree if folder.is_dir() else shutil.copyfile)(folder, copy)
        return copy


@contextmanager
def hosting(place: Path, forks: Forks) -> Iterator[Hosted]:
    with commands(place, forks) as folder:
        yield Hosted(place, folder)
