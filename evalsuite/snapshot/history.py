"""Whether a suite ever had a snapshot: a deleted one must not look like a first run.

Where git knows the snapshot, git decides: it must be there if the current commit or the commit that
a branch will be merged into has it. Only where git never saw it does a note in the state folder
count, so that a checkout of an older branch is no false alarm.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from evalsuite import git
from evalsuite.config import Config
from evalsuite.errors import OptionError
from evalsuite.snapshot.folder import MANIFEST, shown
from evalsuite.snapshot.revisions import has

MAINLINES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def snapshot_folder(config: Config, suite: str) -> Path:
    """Where a suite's snapshot is; OptionError for a name that is not a folder's name."""
    return config.snapshot_dir / checked_name(suite, "suite")


def checked_name(name: str, what: str) -> str:
    """A name from outside that becomes one folder's name, else OptionError."""
    bad = not name or len(name) > 200 or name.startswith((".", "-")) or not name.isprintable()
    if bad or any(letter in name for letter in '/\\:*?"<>|'):
        raise OptionError(f"{what} {name[:80]!r} can't be the name of a folder")
    return name


def expected_snapshot(config: Config, suite: str) -> str | None:
    """Why this suite must have a snapshot although there is none; None: it never had one.

    The text names the file, the reason and the remedy.
    """
    folder = snapshot_folder(config, suite)
    path = f"{config.snapshots}/{suite}/{MANIFEST}"
    if not _in_repository(config.root):
        found, reason = git.run(config.root, "rev-parse", "--git-dir")
        if found is None and reason and "not a git repository" not in reason:
            return f"{shown(folder)} is missing, and git can't say whether it was deleted: {reason}"
        return _noted(config, suite)
    for commit, what in _commits(config.root):
        if has(config.root, commit, path):
            return _deleted(folder, suite, f"{what} has it", commit)
    base = os.environ.get("GITHUB_BASE_REF", "")
    if base and not git.line(config.root, "rev-parse", "--verify", "--quiet", f"origin/{base}"):
        parents = git.line(config.root, "rev-list", "--parents", "--max-count=1", "HEAD").split()
        if len(parents) < 3:
            return (
                f"{shown(folder)} is missing, and this clone is too shallow to see whether the "
                f"pull request deleted it: fetch {base} too (with actions/checkout: fetch-depth: 2)"
            )
    if git.line(config.root, "log", "--all", "--max-count=1", "--format=%H", "--", path):
        return None
    return _noted(config, suite)


def remember(config: Config, suite: str, key: str) -> None:
    """Note that a snapshot was here; a state folder that can't be written is no error."""
    note = _note(config, suite)
    try:
        if note.is_file() and note.read_text(encoding="utf-8") == key:
            return
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(key, encoding="utf-8")
    except OSError:
        return


def _note(config: Config, suite: str) -> Path:
    return config.state_dir / "snapshots" / checked_name(suite, "suite")


def _noted(config: Config, suite: str) -> str | None:
    note = _note(config, suite)
    if not note.is_file():
        return None
    return (
        f"{shown(snapshot_folder(config, suite))} is missing, but it was here before. Restore it "
        f"from a backup, or, to start anew on purpose, delete the note {shown(note)}"
    )


def _deleted(folder: Path, suite: str, why: str, commit: str) -> str:
    return (
        f"{shown(folder)} is missing, but {why}: a deleted snapshot is an error. "
        f"Restore it: git checkout {commit} -- {shown(folder)}. To start anew on purpose, restore "
        f'it, run the evals, then: evalsuite accept {suite} --from-run last --reason "..."'
    )


def _in_repository(root: Path) -> bool:
    return bool(git.line(root, "rev-parse", "--git-dir"))


def _commits(root: Path) -> Iterator[tuple[str, str]]:
    """The commits whose snapshot must still be there, the nearest first."""
    yield "HEAD", "the current commit"
    base = os.environ.get("GITHUB_BASE_REF", "")
    if base:
        yield f"origin/{base}", f"the pull request's base {base}"
    if git.line(root, "rev-parse", "--verify", "--quiet", "HEAD^2"):
        yield "HEAD^1", "the commit that was merged into"
    for mainline in MAINLINES:
        fork = git.line(root, "merge-base", "HEAD", mainline)
        if fork:
            yield fork[:12], f"{mainline}, where this branch began,"
