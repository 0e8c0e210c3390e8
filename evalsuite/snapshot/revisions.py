"""A folder as git holds it: nothing is checked out, and nothing of the work tree is touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalsuite import git
from evalsuite.errors import SnapshotError


@dataclass(frozen=True, slots=True)
class Revision:
    """A folder as git holds it: `folder` is relative to `root`, with forward slashes.

    `commits` are tried in order for each file; ":1", ":2", ":3" are the stages of a conflict.
    """

    root: Path
    commits: tuple[str, ...]
    folder: str

    def __str__(self) -> str:
        return f"{self.folder} at {self.commits[0]}"


def commit_of(root: Path, revision: str) -> str:
    """The full hash that a revision means; SnapshotError if it means none."""
    spec = f"{revision}^{{commit}}"
    found, reason = None, ""
    if revision.isprintable():
        found, reason = git.run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", spec)
    if found is None:
        cause = reason if reason and "status" not in reason else "git knows no such revision"
        remedy = "name a branch, a tag or a commit; in a shallow clone, fetch it first"
        raise SnapshotError(f"git:{revision}: {cause} ({remedy})")
    return found.decode("ascii", "replace").strip().splitlines()[-1]


def read(source: Revision, name: str) -> bytes | None:
    """One file of the folder; None if it is not there."""
    for commit in source.commits:
        found, _ = git.run(source.root, "cat-file", "blob", f"{commit}:./{source.folder}/{name}")
        if found is not None:
            return found
    return None


def has(root: Path, commit: str, path: str) -> bool:
    """Whether a file is in a commit (or the index: "")."""
    return git.run(root, "cat-file", "-e", f"{commit}:./{path}")[0] is not None
