"""What is known of the commits, the run and the place that a comment is about."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from evalsuite.records import Source

_URL = re.compile(r"https?://[\w.-]+(:\d+)?(/[\w./%?=&~+-]*)?", re.ASCII)
_RUN = re.compile(r"(https?://[^/]+)/[^/]+/[^/]+/actions/runs/(\d+)(/.*)?", re.ASCII)
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_DOWNLOAD = ("gh", "run", "download")

HERE = ".evalsuite/uploaded"
"""A folder that git ignores."""

_SHA = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """`head` and `base` are commits, `found` says how the baseline was found ("merge base with
    main"), `artifact` is the name of what the run uploaded, of several
    their common start and "*", `repository` is "OWNER/NAME", `pull`
    the pull request's number, `workflow` tells several comments of one pull request apart. All are
    "" where unknown; what has no valid form makes no link. The default of `artifact` is what the
    action of this project calls it.
    """

    head: str = ""
    base: str = ""
    found: str = ""
    run_url: str = ""
    artifact: str = "evalsuite-run"
    artifact_url: str = ""
    repository: str = ""
    pull: str = ""
    workflow: str = ""

    @property
    def run(self) -> str:
        """The run's number, or ""."""
        found = _RUN.fullmatch(self.run_url)
        return found[2] if found else ""

    def download(self) -> str:
        """The command that gets the run's files, into `HERE`; "" where they are not known."""
        by = "-p" if self.artifact.endswith("*") else "-n"
        known = self.run and self.artifact
        return shlex.join([*_DOWNLOAD, self.run, by, self.artifact, "-D", HERE]) if known else ""

    def commit(self, sha: str) -> str:
        """The address of a commit, or ""."""
        known = _SHA.fullmatch(sha) and _REPOSITORY.fullmatch(self.repository)
        return f"{self._host}/{self.repository}/commit/{sha}" if known else ""

    def line(self, source: Source | None) -> str:
        """The address of a golden file's line at `head`, or ""."""
        known = _SHA.fullmatch(self.head) and _REPOSITORY.fullmatch(self.repository)
        if source is None or not known or not inside(source):
            return ""
        path = quote(source.path, errors="replace")
        return f"{self._host}/{self.repository}/blob/{self.head}/{path}#L{source.line}"

    @property
    def _host(self) -> str:
        found = _RUN.fullmatch(self.run_url)
        return found[1] if found else "https://github.com"


def address(url: str) -> str:
    """`url` if it is a plain web address, else ""."""
    return url if _URL.fullmatch(url) else ""


def inside(source: Source) -> bool:
    """Whether the path is one of the repository: relative, and in it."""
    path = PurePosixPath(source.path.replace("\\", "/"))
    return bool(source.path) and not path.is_absolute() and ".." not in path.parts
