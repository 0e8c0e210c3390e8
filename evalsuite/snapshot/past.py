"""The snapshots that a branch has had: git keeps them, and why they were taken."""

from __future__ import annotations

from dataclasses import dataclass

from evalsuite import git
from evalsuite.config import Config
from evalsuite.errors import OptionError, SnapshotError
from evalsuite.records import Run
from evalsuite.snapshot.folder import SCORES, shown
from evalsuite.snapshot.history import snapshot_folder
from evalsuite.snapshot.refs import meant_suite, open_ref


@dataclass(frozen=True, slots=True)
class Past:
    """A run of the past: `label` is a commit's short hash or a file's name, `about` its subject,
    `when` the commit's day."""

    label: str
    about: str
    run: Run
    when: str = ""


def past_snapshots(
    config: Config, suite: str, last: int | None = None
) -> tuple[list[Past], list[str]]:
    """The (last) snapshots of a suite on this branch, the oldest first, and what of them can't be
    read. OptionError where git has none."""
    folder = snapshot_folder(config, suite)
    place = f"./{config.snapshots}/{suite}/{SCORES}"
    most = [f"--max-count={last}"] if last else []
    form = "--format=%H%x09%cs%x09%s"
    listed = git.line(config.root, "log", "--first-parent", "--reverse", *most, form, "--", place)
    past, lost = [], []
    for line in filter(None, listed.splitlines()):
        commit, when, subject = line.split("\t", 2)
        try:
            run, _ = open_ref(f"git:{commit}", config, suite)
        except SnapshotError as error:
            lost.append(f"{commit[:8]} can't be read: {error}")
            continue
        past.append(Past(commit[:8], subject[:60], run, when))
    if not past:
        first = "commit one first (evalsuite accept); in a shallow clone, fetch the history"
        meant = meant_suite(config, suite) or f"{first} (git fetch --unshallow)"
        raise OptionError(f"git has no snapshot of {suite!r} in {shown(folder)}: {meant}")
    return past, lost
