"""`askacme` is the working set; `askacme@1.2.0` is exactly what was released under that version;
`evalsuite:safety` is what an installed package holds.

Where the working set has moved on, the released one is read from git's history: commit by commit,
the folder's blobs are unpacked beside the working tree until one has the release's hash.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from evalsuite import git
from evalsuite.errors import GoldenError, Problem, did_you_mean
from evalsuite.golden.case import ValidateChecks
from evalsuite.golden.dataset import Dataset, dataset, folder_problem, load, scan
from evalsuite.golden.packaged import is_packaged, place_of
from evalsuite.golden.release import (
    FOLDER,
    VERSION,
    Release,
    content_key,
    read_release,
    versions,
)
from evalsuite.wording import shown, shown_path


def load_spec(
    spec: str, golden_dir: Path, *, validate_checks: ValidateChecks | None = None
) -> Dataset:
    """The dataset that a suite names: "askacme" or "askacme@1.2.0", below `golden_dir`, or that of
    an installed package, "evalsuite:safety" or "evalsuite:safety@1.0.0".

    A release is checked against its manifest, and restored from git without touching the working
    tree if the working set differs; a package holds its latest alone. Raises GoldenError for an
    unknown name or version, a damaged manifest, or a release that git's history doesn't hold.
    """
    name, at, version = spec.partition("@")
    folder, label = place_of(name, golden_dir)
    if not at:
        return load(folder, name=name, label=label, validate_checks=validate_checks)
    if (wrong := folder_problem(folder)) is not None:
        raise _error(shown_path(folder), *wrong)
    known = versions(folder)
    if not VERSION.fullmatch(version) or version not in known:
        message = f"{shown(version)} is not a released version of {name}"
        remedy = did_you_mean(version, known) if known else f"evalsuite golden release {name}"
        if is_packaged(name) and not known:
            remedy = "the package has released none: leave the version out"
        raise _error(shown(spec)[1:-1], message, remedy)
    release = read_release(folder / FOLDER / f"{version}.json")
    working = scan(folder, label=label, validate_checks=validate_checks)
    if not working.problems and content_key(working.keys) == release.key:
        return dataset(working, folder, release.key, version, name=name)
    if is_packaged(name):
        remedy = f"name {known[-1]}, or install the version of the package that came with it"
        raise _error(shown(spec)[1:-1], "the installed package holds other cases", remedy)
    return _restore(folder, release, validate_checks)


def _error(where: str, message: str, remedy: str) -> GoldenError:
    return GoldenError([Problem(where, 0, "", message, remedy)])


def _restore(folder: Path, release: Release, validate_checks: ValidateChecks | None) -> Dataset:
    label = f"{folder.name}@{release.version}"
    seen = set()
    for commit in _commits(folder, label, f"{FOLDER}/{release.version}.json"):
        blobs = _blobs(folder, label, commit)
        if not blobs or (same := frozenset(blobs.items())) in seen:
            continue
        seen.add(same)
        with tempfile.TemporaryDirectory(prefix="evalsuite-golden-") as temporary:
            copy = Path(temporary, folder.name)
            _unpack(folder, label, blobs, copy)
            found = scan(copy, label=label)
            if found.problems or content_key(found.keys) != release.key:
                continue
            if validate_checks is not None:
                found = scan(copy, label=label, validate_checks=validate_checks)
            if found.problems:
                raise GoldenError(found.problems)
            return dataset(found, folder, release.key, release.version)
    raise _error(
        label,
        "the working set differs, and no commit in git's history holds the released cases",
        "fetch the full history (git fetch --unshallow), or use a later release",
    )


def _git(folder: Path, label: str, *arguments: str, data: bytes = b"") -> bytes:
    """What git prints; GoldenError says what it could not do."""
    found, reason = git.run(folder, *arguments, data=data)
    if found is None:
        remedy = "a release is restored from git's history: check that this is a complete clone"
        said = f"git: {shown(reason, 160)[1:-1]}" if reason else "git is not installed"
        raise _error(label, said, remedy)
    return found


def _commits(folder: Path, label: str, manifest: str) -> Iterator[str]:
    """Commits that may hold the released cases: the one that added the manifest, then all others
    that touched the folder, newest first."""
    log = ("log", "--all", "--full-history", "--format=%H")
    yield from _git(folder, label, *log, "--diff-filter=A", "--", manifest).decode().split()
    yield from _git(folder, label, *log, "--", ".").decode().split()


def _blobs(folder: Path, label: str, commit: str) -> dict[str, str]:
    """Path below the folder -> object id, for its regular files in a commit, without releases."""
    listing = _git(folder, label, "ls-tree", "-r", "-z", commit, "--", ".")
    blobs = {}
    for line in listing.split(b"\0"):
        head, _, path = line.partition(b"\t")
        mode, _, rest = head.decode().partition(" ")
        name = path.decode("utf-8", "surrogateescape")
        parts = PurePosixPath(name).parts
        if mode in ("100644", "100755") and ".." not in parts and parts[0] != FOLDER:
            blobs[name] = rest.rpartition(" ")[2]
    return blobs


def _unpack(folder: Path, label: str, blobs: dict[str, str], target: Path) -> None:
    wanted = "".join(f"{each}\n" for each in blobs.values()).encode()
    stream = _git(folder, label, "cat-file", "--batch", data=wanted)
    target.mkdir()
    start = 0
    for name in blobs:
        end = stream.index(b"\n", start)
        size = int(stream[start:end].rsplit(b" ", 1)[-1])
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(stream[end + 1 : end + 1 + size])
        start = end + 1 + size + 1
