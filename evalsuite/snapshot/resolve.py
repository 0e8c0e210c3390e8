"""Merges two snapshots that two branches accepted: case by case, and without any call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from evalsuite import git
from evalsuite.canonical import key
from evalsuite.config import Config
from evalsuite.errors import SnapshotError
from evalsuite.records import Manifest, Operations, Run, Subject
from evalsuite.snapshot.accept import MAX_OUTPUTS, as_kept, stored_answers
from evalsuite.snapshot.folder import MANIFEST, load
from evalsuite.snapshot.history import snapshot_folder
from evalsuite.snapshot.revisions import Revision
from evalsuite.snapshot.writer import write

Side = Literal["ours", "theirs"]
T = TypeVar("T")

PICKED = ("CHERRY_PICK_HEAD", "REBASE_HEAD")
PRIVACY = ("full", "redacted", "hash")


@dataclass(frozen=True, slots=True)
class Merge:
    """Two snapshots as one. `both` are ids that both sides changed, each in its own way, and whose
    rows are of the `preferred` side; `ours` and `theirs` count the cases that only one changed."""

    run: Run
    both: Sequence[str]
    preferred: Side
    ours: int
    theirs: int


def merge(base: Run | None, ours: Run, theirs: Run, prefer: Side) -> Merge:
    """Three-way, per case: the side that changed a case gives its row.

    Where both changed it differently `prefer` gives the row, and the case is in `both`.
    """
    old = {} if base is None else base.rows
    rows, both = _three_way(old, ours.rows, theirs.rows, prefer)
    alone = [
        sum(
            1
            for name in {*old, *side.rows} - {*both}
            if side.rows.get(name) != old.get(name) == other.rows.get(name)
        )
        for side, other in ((ours, theirs), (theirs, ours))
    ]
    manifest = _manifest(base, ours, theirs, prefer, mixed=not both)
    merged = Run(replace(manifest, expected=len(rows)), {name: rows[name] for name in sorted(rows)})
    return Merge(merged, both, prefer, *alone)


def conflicted(config: Config) -> list[str]:
    """The suites whose snapshots have an unresolved conflict in git's index."""
    found, reason = git.run(
        config.root, "diff", "--name-only", "--diff-filter=U", "-z", "--relative"
    )
    if found is None:
        raise SnapshotError(f"git can't tell what is in conflict: {reason or 'git is missing'}")
    start = f"{config.snapshots}/"
    names = {
        path.removeprefix(start).partition("/")[0]
        for path in found.decode("utf-8", "replace").split("\0")
        if path.startswith(start) and "/" in path.removeprefix(start)
    }
    return sorted(names)


def resolve(config: Config, suite: str, prefer: Side | None) -> Merge:
    """Merge the two sides of a conflict, write the snapshot and add it to git's index.

    `prefer` None is the side that is merged already: "theirs" in `git merge main` on a branch,
    and "ours" in a rebase, where git calls the branch's own commits "theirs".

    Raises:
        SnapshotError: no conflict, one side deleted the snapshot, or a side can't be read.
    """
    base_at, ours_at, theirs_at = _sides(config, suite)
    index = f"{config.snapshots}/{suite}/{MANIFEST}"
    stages = git.line(config.root, "ls-files", "--unmerged", "--", index).splitlines()
    present = {entry.split("\t")[0].split()[2] for entry in stages}
    if not present:
        raise SnapshotError(f"{index} has no conflict that git knows of: nothing to resolve")
    if not {"2", "3"} <= present:
        which = "ours" if "2" not in present else "theirs"
        raise SnapshotError(
            f"{index} was deleted on one side ({which}) and changed on the other: decide with "
            f"git checkout --{'theirs' if which == 'ours' else 'ours'} or git rm"
        )
    base = _base(base_at) if "1" in present else None
    if prefer is None:
        prefer = "ours" if _is_there(config.root, "REBASE_HEAD") else "theirs"
    done = merge(base, load(ours_at), load(theirs_at), prefer)
    sides = [theirs_at, ours_at] if prefer == "theirs" else [ours_at, theirs_at]
    folder = snapshot_folder(config, suite)
    kept = as_kept(done.run)
    write(folder, kept, stored_answers(kept, sides), keep=MAX_OUTPUTS)
    added, reason = git.run(config.root, "add", "--all", "--", f"{config.snapshots}/{suite}")
    if added is None:
        raise SnapshotError(f"the merged snapshot is written, but git add failed: {reason}")
    return done


def _base(source: Revision) -> Run | None:
    """None where git had to invent it (branches that crossed): then every difference is `both`."""
    try:
        return load(source)
    except SnapshotError:
        return None


def _sides(config: Config, suite: str) -> Iterator[Revision]:
    """Base, ours, theirs. A file that git merged by itself has no stages: then the commits hold."""
    root, folder = config.root, f"{config.snapshots}/{snapshot_folder(config, suite).name}"
    theirs = next((each for each in ("MERGE_HEAD", *PICKED) if _is_there(root, each)), "")
    base = f"{theirs}^" if theirs in PICKED else git.line(root, "merge-base", "HEAD", theirs)
    for stage, commit in ((":1", base), (":2", "HEAD"), (":3", theirs)):
        yield Revision(root, (stage, commit) if commit else (stage,), folder)


def _is_there(root: Path, revision: str) -> bool:
    return bool(git.line(root, "rev-parse", "--verify", "--quiet", revision))


def _three_way(
    base: Mapping[str, T], ours: Mapping[str, T], theirs: Mapping[str, T], prefer: Side
) -> tuple[dict[str, T], list[str]]:
    merged: dict[str, T] = {}
    both = []
    for name in sorted({*base, *ours, *theirs}):
        old, left, right = base.get(name), ours.get(name), theirs.get(name)
        if right in (left, old):
            value = left
        elif left == old:
            value = right
        else:
            value = left if prefer == "ours" else right
            both.append(name)
        if value is not None:
            merged[name] = value
    return merged, both


def _manifest(base: Run | None, ours: Run, theirs: Run, prefer: Side, *, mixed: bool) -> Manifest:
    """The preferred side's; `mixed` takes over what of the subject only the other side changed.

    Where both changed a case, its row is one side's alone: then so is the subject, and the next
    run names what the other side changed.
    """
    left, right = ours.manifest, theirs.manifest
    first = left if prefer == "ours" else right
    old = Subject() if base is None else base.manifest.subject
    parts = {
        name: _three_way(
            getattr(old, name), getattr(left.subject, name), getattr(right.subject, name), prefer
        )[0]
        for name in ("models", "inputs", "code")
    }
    golden = {**first.golden}
    if left.golden != right.golden:
        golden["key"] = key("golden", sorted(str(each.golden.get("key")) for each in (left, right)))
    before = None if base is None else base.manifest.policy
    policy = _three_way(
        {} if before is None else {"policy": before},
        {"policy": left.policy},
        {"policy": right.policy},
        prefer,
    )[0]["policy"]
    metrics = {each.name: each for each in (*left.metrics, *right.metrics, *first.metrics)}
    reasons = [str(each.accepted.get("reason", "")) for each in (left, right)]
    return replace(
        first,
        run=f"{left.run}+{right.run}"[-200:],
        golden=golden,
        subject=Subject(**parts) if mixed else first.subject,
        policy=policy,
        metrics=tuple(metrics[name] for name in sorted(metrics)),
        outputs=max(left.outputs, right.outputs, key=PRIVACY.index),
        notes=(),
        operations=Operations(),
        accepted={
            "run": [left.run, right.run],
            "reason": f"merged: {'; '.join(reasons)}",
            "previous": [each.accepted.get("previous") for each in (left, right)],
        },
    )
