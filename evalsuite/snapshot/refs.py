"""What people type for a run - a folder, an id, "last", "snapshot", "git:main" - to where it is."""

from __future__ import annotations

import contextlib
from pathlib import Path

from evalsuite import git
from evalsuite.config import Config
from evalsuite.errors import OptionError, SnapshotError, did_you_mean
from evalsuite.records import Run
from evalsuite.snapshot.folder import MANIFEST, Head, Source, load, read_head, shown
from evalsuite.snapshot.history import checked_name, expected_snapshot, snapshot_folder
from evalsuite.snapshot.revisions import Revision, commit_of

HOW = 'a run\'s id or folder, "last", "snapshot", or "git:REVISION" such as git:main'
_HERE = "snapshots/"
_BEGUN = "invocation"
_LISTED = 3
"""How many ids are named in place of a wrong one."""


def open_ref(ref: str, config: Config, suite: str | None) -> tuple[Run, Source]:
    """The run that `ref` names, and where its outputs are read from.

    Without `suite` the ref must name a run or snapshot of exactly one suite.

    Raises:
        OptionError: nothing is named so, or more than one suite is; the message lists what is.
        SnapshotError: it is there, and is damaged, or of another suite.
    """
    source = find(ref, config, suite)
    run = load(source)
    if suite is not None and run.manifest.suite != suite:
        found = run.manifest.suite
        raise SnapshotError(f"{shown(source)} is of suite {found!r}, not of {suite!r}")
    return run, source


def find(ref: str, config: Config, suite: str | None) -> Source:
    """Where the run is, without reading it."""
    if suite is not None:
        checked_name(suite, "suite")
    if ref == "snapshot":
        if suite is not None and not snapshot_folder(config, suite).exists():
            reason = expected_snapshot(config, suite)
            if reason is not None:
                raise SnapshotError(reason)
        return _one(_snapshots(config), suite, "no snapshot", _HERE)
    if ref == "last":
        return _last(config, suite)
    if ref.startswith("git:"):
        return _revision(ref.removeprefix("git:"), config, suite)
    for folder in (config.state_dir / "runs" / ref, Path(ref)):
        try:
            if folder.is_dir() and ref not in ("", ".", ".."):
                return _in_folder(folder, suite)
        except (OSError, ValueError):
            continue
    raise OptionError(f"no run {ref[:80]!r}: {_meant_run(config, ref)}; name {HOW}")


def _meant_run(config: Config, ref: str) -> str:
    """The nearest id of a run, else the newest ones."""
    ids = list(dict.fromkeys(head.manifest.run for head, _ in stored_runs(config)))
    near = did_you_mean(ref, ids)
    if ids[_LISTED:] and not near.startswith("did"):
        return f"the newest are {', '.join(ids[:_LISTED])} (all: evalsuite runs)"
    return near


def meant_suite(config: Config, suite: str) -> str:
    """Which of the suites that have a run or a snapshot here may be meant by a name that has
    none; "" where there are none, or the suite is one of them."""
    known = {head.manifest.suite for head, _ in stored_runs(config)}
    known |= {folder.name for folder in _snapshots(config)}
    return did_you_mean(suite, known) if known and suite not in known else ""


def suites_of(ref: str, config: Config) -> list[str]:
    """The suites of a stored run, sorted."""
    folder = Path(ref)
    if ref == "last":
        runs = stored_runs(config)
        folder = runs[0][1].parent if runs else folder
    elif (config.state_dir / "runs" / ref).is_dir():
        folder = config.state_dir / "runs" / ref
    inside = sorted({each.name for each in _below(folder)})
    return inside or [open_ref(ref, config, None)[0].manifest.suite]


def stored_runs(
    config: Config, suite: str | None = None, kind: str = "runs"
) -> list[tuple[Head, Path]]:
    """Every finished run (of a suite) in the state folder, the newest first; with the kind "aa"
    those that unchanged code made to be compared with itself.

    One that is damaged is left out here; naming it says what is wrong with it.
    """
    found = []
    for manifest in (config.state_dir / kind).glob(f"*/*/{MANIFEST}"):
        if suite is not None and manifest.parent.name != suite:
            continue
        try:
            found.append((read_head(manifest.parent), manifest.parent))
        except SnapshotError:
            continue
    return sorted(found, key=lambda each: (each[0].manifest.created, each[1]), reverse=True)


def note_begun(config: Config, run: str) -> None:
    """Note that an invocation of pytest has begun; without a state folder there is no run before it
    to be taken for its own, and one that can't be written is no error."""
    with contextlib.suppress(OSError):
        if config.state_dir.is_dir():
            (config.state_dir / _BEGUN).write_text(run, encoding="utf-8")


def newest_invocation(config: Config) -> str:
    """The id of the run that the last invocation of pytest here has finished, "" if it has none: it
    may have left out every suite, or have ended before its time."""
    runs = [head.manifest.run for head, _ in stored_runs(config)]
    try:
        begun = (config.state_dir / _BEGUN).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return runs[0] if runs else ""
    return begun if begun in runs else ""


def _snapshots(config: Config) -> list[Path]:
    return [each.parent for each in sorted(config.snapshot_dir.glob(f"*/{MANIFEST}"))]


def _one(folders: list[Path], suite: str | None, missing: str, where: str) -> Path:
    if suite is not None:
        folders = [each for each in folders if each.name == suite]
    if len(folders) == 1:
        return folders[0]
    if not folders:
        of = "" if suite is None else f" of suite {suite!r}"
        how = f": evalsuite accept {suite or 'SUITE'} --from-run last" if where == _HERE else ""
        raise OptionError(f"{missing}{of} in {where}{how}")
    names = ", ".join(each.name for each in folders)
    if len({each.name for each in folders}) < len(folders):
        ids = ", ".join(shown(each) for each in folders)
        raise OptionError(f"{where} holds several runs of one suite: name one of {ids}")
    raise OptionError(f"{where} holds several suites: choose one with --suite: {names}")


def _last(config: Config, suite: str | None) -> Path:
    runs = stored_runs(config, suite)
    if not runs:
        of = "" if suite is None else f" of suite {suite!r}"
        where = shown(config.state_dir / "runs")
        meant = "" if suite is None else meant_suite(config, suite)
        raise OptionError(f"no finished run{of} in {where}: {meant or 'run pytest --evals first'}")
    newest = runs[0][0].manifest.run
    folders = sorted(folder for head, folder in runs if head.manifest.run == newest)
    return _one(folders, suite, "no finished run", f"the last run, {newest},")


def _in_folder(folder: Path, suite: str | None) -> Path:
    if (folder / MANIFEST).exists():
        return folder
    inside = _below(folder)
    if not inside and any(folder.iterdir()):
        return folder  # reading it says what is missing
    return _one(inside, suite, "no finished run", shown(folder))


def _below(folder: Path) -> list[Path]:
    """The runs in a folder: of a run, of several, or of what a CI job uploaded, which has any
    of these, and snapshots beside them. What a link leads to is elsewhere."""
    if (folder / MANIFEST).exists():
        return []
    for depth in ("*", "*/*", "*/*/*", "*/*/*/*"):
        found = [each.parent for each in sorted(folder.glob(f"{depth}/{MANIFEST}"))]
        runs = [each for each in found if each.parent == folder or each.parent.name != "snapshots"]
        here = folder.resolve()
        if inside := [each for each in runs if each.resolve().is_relative_to(here)]:
            return inside
    return []


def _revision(revision: str, config: Config, suite: str | None) -> Revision:
    commit = commit_of(config.root, revision)
    if suite is None:
        place = f"./{config.snapshots}/"
        listed = git.line(config.root, "ls-tree", "-d", "-z", "--name-only", commit, place)
        names = [each.rpartition("/")[2] for each in listed.split("\0") if each]
        suite = _one([Path(each) for each in names], None, "no snapshot", f"git:{revision}").name
    return Revision(config.root, (commit,), f"{config.snapshots}/{checked_name(suite, 'suite')}")
